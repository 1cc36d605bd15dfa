# C module: overwriting the key a scan is at made the scan return it again, for ever.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for i in range(100):
    db["%03d" % i] = "x"
for args in ((), (None, None, btree.DESC), ("020", "080"), ("080", "020", btree.DESC)):
    n = 0
    for k in db.keys(*args):
        db[k] = "y" * (n % 7 * 20)
        n += 1
        if n > 100:
            break
    for k, v in db.items(*args):
        db[k] = v
        n += 1
        if n > 200:
            break
    print(n)
# By seq().
k = db.seq(3)
n = 0
while k and n < 200:
    db[k[0]] = "z"
    n += 1
    k = db.seq(7)
print(n, len(list(db)), set(db.values()))

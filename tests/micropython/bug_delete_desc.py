# C module: deleting the key a descending scan is at made the scan turn round.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for n in (1, 5, 10, 300):
    for i in range(n):
        db["%03d" % i] = "x" * 20
    seen = []
    for k in db.keys(None, None, btree.DESC):
        seen.append(k)
        if len(seen) % 3 != 0:
            del db[k]
        if len(seen) > 400:
            break
    print(n, len(seen), seen == sorted(seen, reverse=True), len(list(db)))
    for k in db.keys(None, None, btree.DESC):
        del db[k]
    print(list(db))

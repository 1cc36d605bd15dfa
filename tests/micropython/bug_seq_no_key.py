# C module: seq(1) without a key read one that was never set.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for k in "123":
    db[k] = k
db.seq(6)
for i in range(3):
    try:
        print(db.seq(1))
    except OSError as er:
        print(er.args)
print(db.seq(9))

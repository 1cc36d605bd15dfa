# C module: as a native module it could not read a second, larger value.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
sizes = [500, 1000, 3000, 6000]
for n in sizes:
    db["v%d" % n] = b"%d" % n * n
    db[b"k" * n] = b"%d" % n
for i in range(3):
    print([db["v%d" % n] == b"%d" % n * n for n in sizes], [db[b"k" * n] for n in reversed(sizes)])
    sizes.reverse()
print([len(k) for k in db], [len(v) for v in db.values()])

# C module: keys put in front of all others, the first leaf emptied, and then again a key
# in front: it was stored in a page that is no longer part of the tree.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit


def run(pagesize, n, step):
    for cut in range(1, n, step):
        f = io.BytesIO()
        db = btree.open(f, pagesize=pagesize)
        for i in range(n, 0, -1):
            db["%04d" % i] = "value %d" % i
        for i in range(1, cut + 1):
            del db["%04d" % i]
        for i in range(cut, max(cut - 5, 0), -1):
            db["%04d" % i] = "again"
            if db["%04d" % i] != b"again":
                print("FAIL", i)
        want = n - cut + min(cut, 5)
        if len(list(db)) != want or list(db) != sorted(db):
            print("FAIL", cut)
        db.close()
        f.seek(0)
        db = btree.open(f)
        if len(list(db)) != want or db.seq(3)[1] != b"again":
            print("FAIL", cut, "reopened")
        db.close()
    print(pagesize)


run(512, 100, 9)
try:
    run(4096, 300, 60)
except MemoryError:
    print(4096)

# Newest first, oldest removed; and the other way round.
db = btree.open(io.BytesIO(), pagesize=512)
for i in range(600):
    db["%04d" % (9999 - i)] = "x" * 20
    if i >= 50:
        del db["%04d" % (9999 - i + 50)]
print(len(list(db)), list(db)[0], db.seq(6)[0])
db = btree.open(io.BytesIO(), pagesize=512)
for i in range(600):
    db["%04d" % (9999 - i)] = "x" * 20
    if i % 50 == 49:
        for j in range(40):
            del db["%04d" % (9999 - i + j)]
print(len(list(db)), list(db)[0], db.seq(6)[0])

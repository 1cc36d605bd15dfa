# C module: next() after the end of a range that has an end key crashed.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for k in "12345":
    db[k] = k
for args in (("1", "3"), ("1", "3", btree.INCL), ("3", "1", btree.DESC), ("7", "9"), (None, ""), ("3", "1")):
    it = db.keys(*args)
    n = len(list(it))
    for i in range(3):
        try:
            print(next(it))
        except StopIteration:
            n += 10
    print(n)

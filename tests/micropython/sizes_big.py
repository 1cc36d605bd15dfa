# cmdline: -X heapsize=32m
# Keys and values of 64 KiB and 1 MiB, or 128 KiB where memory is short.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

try:
    MOST = len(bytearray(16 << 20)) >> 4
except MemoryError:
    MOST = 1 << 17


def data(n, c):
    d = bytearray(n)
    for i in range(0, n, 199):
        d[i] = (c + i) & 255
    return d


for pagesize in (512, 4096, 65536):
    f = io.BytesIO()
    db = btree.open(f, pagesize=pagesize)
    for n in (65534, 65535, 65536, 65537, MOST):
        print(pagesize, n if n < MOST else "MOST", end=" ")
        db["value"] = data(n, 1)
        db["small"] = "s"
        print(db["value"] == data(n, 1), end=" ")
        db["value"] = data(n, 2)
        db[data(n, 3)] = b"of a big key"
        db[data(n, 4)] = data(n, 5)
        print(db["value"] == data(n, 2), db[data(n, 3)], db[data(n, 4)] == data(n, 5), end=" ")
        db.close()
        f.seek(0)
        db = btree.open(f)
        print([len(k) for k in db] == [n, n, 5, 5], [len(v) for v in db.values()] == [12, n, 1, n], end=" ")
        print(data(n, 3) in db, data(n, 6) in db, end=" ")
        print([k[0] for k in db.keys(data(n, 3), data(n, 4), btree.INCL)], end=" ")
        for i in (3, 4):
            del db[data(n, i)]
        print(list(db))
    # Pages are used again: five times the biggest value, and copies, at the most.
    db["value"] = ""
    db.close()
    print(len(f.getvalue()) < 8 * MOST)

# Keys and values of sizes around those of pages, and of overflow pages.

try:
    import btree, io, gc
except ImportError:
    print("SKIP")
    raise SystemExit


def data(n, c):
    return bytes([c]) * (n - n // 2) + b"-" * (n // 2)


def run(pagesize, sizes):
    f = io.BytesIO()
    db = btree.open(f, pagesize=pagesize)
    ok = 0
    for turn in range(3):
        # Values.
        for i, n in enumerate(sizes):
            db["v%02d" % i] = data(n, 65 + turn)
        for i, n in enumerate(sizes):
            ok += db["v%02d" % i] == data(n, 65 + turn)
        # Keys, distinct because the sizes are.
        for n in sizes:
            db[data(n, 65)] = str(n + turn)
        for n in sizes:
            ok += db[data(n, 65)] == str(n + turn).encode()
        if turn == 1:
            db.close()
            f.seek(0)
            db = btree.open(f)
    # Both.
    for n in sizes:
        db[data(n, 66)] = data(n, 67)
    keys = [data(n, c) for n in sizes for c in (65, 66)] + [b"v%02d" % i for i in range(len(sizes))]
    keys = sorted(set(keys))
    ok += list(db) == keys
    for n in sizes:
        ok += db[data(n, 66)] == data(n, 67)
    for k in keys:
        del db[k]
    ok += list(db) == []
    db.close()
    db = f = keys = None
    gc.collect()
    return ok == 7 * len(sizes) + 2


print(run(512, [0, 1, 2, 223, 224, 225, 231, 232, 233]))
print(run(512, [491, 492, 493, 511]), run(512, [512, 513, 984, 985]))
print(run(1024, [0, 1, 479, 480, 481, 487, 488, 489]))
print(run(1024, [1003, 1004, 1005]), run(1024, [1023, 1024, 1025]))
try:
    print(run(4096, [0, 1, 2015, 2016, 2017, 2023, 2024, 2025, 4095, 4096, 4097]))
except MemoryError:
    print(True)  # pages too big for this heap

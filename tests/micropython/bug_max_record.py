# C module: a record of exactly the size up to which it stays in the page (232 bytes at 512,
# 488 at 1024, 2024 at 4096) that splits a leaf at its front left garbage behind, and crashed.

try:
    import btree, io, gc
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 3


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


def run(pagesize, size, n):
    for around in (-1, 0, 1):
        f = io.BytesIO()
        db = btree.open(f, pagesize=pagesize)
        model = {}
        for i in range(n):
            k = b"%05d" % rnd(100000)
            model[k] = db[k] = bytes([97 + i % 26]) * (size + around - len(k))
            if i == n // 2:
                db.close()
                f.seek(0)
                db = btree.open(f)
        # The same with the bytes in the key.
        for i in range(n // 2):
            k = b"%05d" % rnd(100000) * ((size + around) // 5)
            model[k] = db[k] = b"x" * (size + around - len(k))
        if list(db.items()) != [(k, model[k]) for k in sorted(model)]:
            print("FAIL", pagesize, around)
        for k in model:
            if db[k] != model[k]:
                print("FAIL", pagesize, around, k)
        db.close()
        db = f = model = None
        gc.collect()
    print(pagesize)


run(512, 232, 40)
run(1024, 488, 20)
try:
    run(4096, 2024, 6)
except MemoryError:
    print(4096)

# One put is enough: in front of a page that is full.
db = btree.open(io.BytesIO(), pagesize=512)
for k in "cdefgh":
    db[k] = "x" * 60
db["a" * 100] = "y" * 132
print([k[:1] for k in db], [len(v) for v in db.values()])

# As reported to MicroPython (issue 17718): keys with a long common prefix.
for n in (100, 152, 200, 223, 224, 225, 300):
    db = btree.open(io.BytesIO(), pagesize=512)
    for i in range(30):
        db["p" * n + "%02d" % (i * 7 % 30)] = "v" * 80
    print(n, len(list(db)), [k[n:] for k in db] == [b"%02d" % i for i in range(30)])

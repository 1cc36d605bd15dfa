# cmdline: -X heapsize=64m
# 100,000 random operations for each page size, compared with a dict; fewer where memory is short.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

try:
    OPERATIONS = len(bytearray(16 << 20)) and 100000
except MemoryError:
    OPERATIONS = 10000

seed = 0


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


def check(db, model, n):
    if list(db.items()) != sorted(model.items()):
        print("FAIL", n)


def run(n, pagesize, **kwargs):
    global seed
    seed = pagesize
    f = io.BytesIO()
    db = btree.open(f, pagesize=pagesize, **kwargs)
    model = {}
    oldest = 0
    for i in range(n):
        style = i // 2000 % 5
        r = rnd(100)
        if style == 0:
            k = b"%05d" % rnd(20000)
        elif style == 1:
            k = b"%07d" % (5000000 - i)  # in front of all
        elif style == 2:
            k = b"%07d" % (6000000 + i)  # behind all
        elif style == 3:
            k = b"%04d" % rnd(500) + b"long " * rnd(pagesize // 50)
        else:
            k = b"%05d" % (rnd(200) * 100)
        if r < 45:
            v = b"v" * (rnd(60) if r else rnd(pagesize * 3))
            db[k] = model[k] = v
        elif r < 60:
            if style == 1:
                k = b"%07d" % (5000000 - i + rnd(100))
            elif style == 2:
                k = b"%07d" % (6000000 + i - rnd(100))
            if db.get(k) != model.get(k):
                print("FAIL get", k)
        elif r < 90:
            # Mostly what is there: the item next to a random key.
            item = db.seq(1, k)
            if item:
                k = item[0]
                if model.get(k) != item[1]:
                    print("FAIL seq", k)
            if (k in db) != (k in model):
                print("FAIL in", k)
            if k in model:
                del db[k], model[k]
        elif r < 92:
            db.flush()
        elif r == 92:
            for k in list(db.keys(k))[: rnd(300)]:
                del db[k], model[k]
        elif r < 98:
            for j, (k, v) in enumerate(db.items(k, None, btree.DESC if r & 1 else 0)):
                if model[k] != v:
                    print("FAIL range", k)
                if j > 8:
                    break
        if i % 5000 == 4999:
            db.close()
            f.seek(0)
            db = btree.open(f, **kwargs)
            check(db, model, i)
    db.close()
    print(pagesize, len(model) > 0)


for pagesize in (512, 1024, 4096):
    run(OPERATIONS, pagesize)
    run(OPERATIONS // 5, pagesize, cachesize=1 << 20)

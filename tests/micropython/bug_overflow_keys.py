# C module: keys too long for a page were sorted by the number of the page they are on.

try:
    import btree, io, gc
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 9


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


def shuffled(items):
    items = list(items)
    for i in range(len(items) - 1, 0, -1):
        j = rnd(i + 1)
        items[i], items[j] = items[j], items[i]
    return items


def check(db, model):
    if list(db.items()) != [(k, model[k]) for k in sorted(model)]:
        print("FAIL items")
    for k in model:
        if db[k] != model[k] or k + b"x" in db or k[:-1] in db:
            print("FAIL", k[:5])


def run(pagesize, sizes, n):
    f = io.BytesIO()
    db = btree.open(f, pagesize=pagesize)
    model = {}
    for i in shuffled(range(n)):
        size = sizes[rnd(len(sizes))]
        # They differ in front, or at the very end only.
        k = b"%03d" % i + b"k" * (size - 3) if i & 1 else b"5" + b"k" * (size - 4) + b"%03d" % i
        model[k] = db[k] = b"value of %d " % i * rnd(3)
    check(db, model)
    db.close()
    f.seek(0)
    db = btree.open(f)
    check(db, model)
    for k in shuffled(model)[: n // 2]:
        del db[k], model[k]
    check(db, model)
    for i in shuffled(range(n)):
        k = b"%03d" % i * 90
        model[k] = db[k] = b"x"
    check(db, model)
    gc.collect()
    print(len(model), [db.seq(1, k)[0] == k for k in list(model)[:3]])
    db.close()


run(512, (225, 230, 240, 300, 500), 24)
run(512, (20, 224, 225, 600, 900), 24)
run(1024, (481, 1000), 8)

# Two are enough.
for n in (300, 600, 3000):
    db = btree.open(io.BytesIO(), pagesize=512)
    db[b"a" * n] = b"1"
    db[b"b" * n] = b"2"
    print(n, db[b"a" * n], db[b"b" * n], [k[:1] for k in db])

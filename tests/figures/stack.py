# Calls that go deep on the stack: tools/stackdepth.py looks at each of them. Every method, items
# and keys on overflow pages, splits and merges on several levels, small caches, damage.
import btree, io


def attempt(function, *args):
    try:
        return function(*args)
    except (OSError, KeyError, ValueError, TypeError):
        pass


seed = 185


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


def key(n):
    # One in five has overflow pages of its own, with a long common prefix.
    return b"%03d" % (n % 160) if n % 5 else b"long" * 150 + b"%03d" % (n % 160)


def store(db, k, v):
    db[k] = v


def remove(db, k):
    del db[k]


def use(db):
    for i in range(330):
        what = rnd(10)
        k = key(rnd(160))
        if what < 5:
            store(db, k, b"v" * (rnd(200) if what else rnd(1500)))
        elif what == 5:
            db.put(k, b"short")
        elif what < 8:
            attempt(remove, db, k)
        else:
            k in db
            db.get(k)
        if i % 50 == 20:
            db.flush()
            db.seq(1, k)
            db.seq(9)
            it = db.items(k, None, i & btree.DESC)
            next(it, None)
            next(it, None)
            it = db.keys(None, k)
            next(it, None)
    attempt(lambda: db["none"])


def extras(db):
    for i in range(60):
        db.update({key(i): b"x" * rnd(150)})
        db.setdefault(key(rnd(160)), b"y" * 60)
        db.pop(key(rnd(160)), None)
    len(db)
    db.first()
    db.last()
    db.stat()
    for prefix in b"long", b"0":
        next(db.values(prefix=prefix, flags=btree.DESC), None)
    for i in range(70):
        attempt(db.popitem)


def whole(f, db):
    db.check()
    db.compact(io.BytesIO())
    db.close()
    data = bytearray(f.getvalue())
    for at in range(600, len(data), 1500):
        data[at] ^= 0x55
    f = io.BytesIO(data)
    for item in btree.salvage(f):
        pass
    f.seek(0)
    db = attempt(btree.open, f)
    if db:
        attempt(db.check)
        attempt(list, db)
        attempt(list, db.values(None, None, btree.DESC))


for flags in 0, 1:
    f = io.BytesIO()
    db = btree.open(f, pagesize=512, flags=flags)
    use(db)
    if hasattr(db, "update"):
        extras(db)
    use(db)
    if hasattr(db, "check"):
        whole(f, db)
    if hasattr(db, "clear"):
        attempt(db.clear)
    attempt(db.close)
str(db)

# Bytes on the garbage-collected heap that a database takes, but for its stream.
import btree, io, gc


def collected(*_):
    gc.collect()
    return gc.mem_alloc()


def used(*_):
    # The collector takes anything on the stack for a pointer: overwrite what was there before.
    return collected(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def scan(db):
    for _ in db:
        pass


def fill(f, count, pagesize):
    db = btree.open(f, pagesize=pagesize)
    empty = used(0, 0, 0, 0)
    for i in range(count):
        db["%06d" % (i * 7919 % count)] = "x" * 20
    db.flush()
    scan(db)
    return db, empty


def cached(db, pages):
    if db.stat()["cached"] != pages:
        raise ValueError("not %d pages in memory" % pages)


def one(f, pagesize):
    before = used(0, 0, 0, 0)
    db, empty = fill(f, pagesize // 12, pagesize)
    cached(db, 5)
    five = used(0, 0, 0, 0)
    db.close()
    closed = used(0, 0, 0, 0)
    print("heap, empty, pages of %d:" % pagesize, empty - before)
    print("heap, 5 pages of %d:" % pagesize, five - before)
    print("heap, closed, pages of %d:" % pagesize, closed - before)


def left(f, close):
    before = used(0, 0, 0, 0)
    for i in range(50):
        db = btree.open(f)
        scan(db)
        if close:
            db.close()
        db = None
    return (used(0, 0, 0, 0) - before) // 50


def more(f, pages):
    before = used(0, 0, 0, 0)
    db = btree.open(f, cachesize=pages * 512)
    scan(db)
    cached(db, pages)
    return used(0, 0, 0, 0) - before


def iterators(f):
    db = btree.open(f)
    keep = [None] * 10
    scan(db)
    before = used(0, 0, 0, 0)
    for i in range(10):
        keep[i] = iter(db)
        next(keep[i])
    print("heap, iterator with a key of 6:", (used(0, 0, 0, 0) - before) // 10)


def stream(pagesize):
    return io.BytesIO(100 * pagesize)


# The first time round, MicroPython allocates something for itself.
for pagesize in 512, 4096, 512:
    f = stream(pagesize)
    one(f, pagesize)
    print("heap, left after close, pages of %d:" % pagesize, left(f, True))
    print("heap, left without close, pages of %d:" % pagesize, left(f, False))
f = stream(512)
fill(f, 1000, 512)
print("heap, each further page of 512:", (more(f, 69) - more(f, 5)) // 64)
iterators(f)

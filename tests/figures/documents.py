# Bytes on the garbage-collected heap that the document store takes: imported, and with a database.
import btree, gc, io


def collected(*_):
    gc.collect()
    return gc.mem_alloc()


def used(*_):
    # The collector takes anything on the stack for a pointer: overwrite what was there before.
    return collected(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def load(*_):
    global MicroTetherDB
    from microtetherdb import MicroTetherDB


def fill(db):
    for i in range(100):
        db.put("key%02d" % i, {"n": i, "name": "x" * 20}, tags=["t"])
    db.query({"n": 50, "tags": "t"})
    db.query({"name": {"$contains": "y"}})
    db.flush()


def one(name, f, **kwargs):
    before = used(0, 0, 0, 0)
    db = MicroTetherDB(f, in_memory=f is None, **kwargs)
    empty = used(0, 0, 0, 0)
    fill(db)
    full = used(0, 0, 0, 0)
    db.close()
    if name:
        print("heap, microtetherdb, %s, empty:" % name, empty - before)
        if f is not None:
            print("heap, microtetherdb, %s, 100 documents:" % name, full - before)
    return empty - before


def times(n):
    # Of documents that expire, the first ones are in a heap.
    db = MicroTetherDB(io.BytesIO(100 * 512), in_memory=False)
    for i in range(n):
        db.put("key%03d" % i, i, ttl=1000 + i)
    db.flush()
    full = used(0, 0, 0, 0)
    db._expiry.heap = None
    return full - used(0, 0, 0, 0)


db = btree.open(None)
db["a"] = "b"
db.close()
db = None
before = used(0, 0, 0, 0)
load(0, 0, 0, 0)
# With the modules that only queries need, and what MicroPython allocates once.
one(None, None)
imported = used(0, 0, 0, 0) - before
print("heap, microtetherdb, imported:", imported)
print("heap, microtetherdb, imported and opened:", imported + one("memory", None))
for index in None, ["n"]:
    f = None
    used(0, 0, 0, 0)
    f = io.BytesIO(400 * 512)
    one("file" if index is None else "file with an index", f, index=index)
for n in 30, 300:
    print("heap, microtetherdb, times of %d documents:" % n, times(n))

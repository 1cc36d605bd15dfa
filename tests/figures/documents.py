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


def times(n):
    db = MicroTetherDB()
    before = used(0, 0, 0, 0)
    for i in range(n):
        db.put("key%02d" % i, i, ttl=1000 + i)
    db.flush()
    heap = db._expiry.heap
    return used(0, 0, 0, 0) - before


btree = __import__("btree")
db = btree.open(None)
db["a"] = "b"
db.close()
db = None
before = used(0, 0, 0, 0)
load(0, 0, 0, 0)
print("heap, microtetherdb, imported:", used(0, 0, 0, 0) - before)
# Modules for queries, and what MicroPython allocates once.
one(None, None)
print("heap, microtetherdb, all of it imported:", used(0, 0, 0, 0) - before)
one("memory", None)
for index in None, ["n"]:
    f = io.BytesIO(400 * 512)
    one("file" if index is None else "file with an index", f, index=index)

# When changes are written: counted operations and the adaptive threshold.

try:
    import btree, io
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit


def flushes(n, **kwargs):
    # After which of n operations there was a flush.
    if kwargs.get("in_memory") is False:
        kwargs["filename"] = io.BytesIO()
    with MicroTetherDB(**kwargs) as db:
        at = []
        for i in range(n):
            before = db.stats()["flushes"]
            db.put("k%d" % (i % 7), i)
            if db.stats()["flushes"] != before:
                at.append(i + 1)
        assert db.operations == n == db.stats()["operations"]
        return at


print("memory", flushes(23))
print("memory, fixed", flushes(35, adaptive_threshold=False))
at = flushes(1100, in_memory=False)
print("file", at[:14], [a for a in at if 990 <= a <= 1100])
print("file, fixed", flushes(35, in_memory=False, adaptive_threshold=False))

f = io.BytesIO()
db = MicroTetherDB(f, in_memory=False)
print(db.flush_threshold, db.stats()["pending"])
db.put_batch([{"n": i} for i in range(250)])
print(db.operations, db.flush_threshold, db.stats()["pending"], db.stats()["flushes"])
db.put_batch([1, 2, 3])
print(db.stats()["pending"], db.stats()["flushes"])
db.delete_batch([key for key, _ in db.find({"n": {"$lt": 6}})])
db.delete("none")
print(db.stats()["pending"], db.stats()["flushes"], db.operations)
db.update({"n": {"$gte": 245}}, {"n": -1})
print(db.stats()["pending"], db.stats()["flushes"], db.operations)
# Another reader of the file sees what was flushed.
seen = MicroTetherDB(io.BytesIO(f.getvalue()), in_memory=False)
print(seen.count(), seen.count({"n": -1}))
db.put("last", 1)
db.flush()
print(db.stats()["pending"], "last" in MicroTetherDB(io.BytesIO(f.getvalue()), in_memory=False))
db.put("more", 1)
db.close()
print("more" in MicroTetherDB(io.BytesIO(f.getvalue()), in_memory=False))

# Reading writes nothing, not even to a new file.
f = io.BytesIO()
with MicroTetherDB(f, in_memory=False) as db:
    print(db.get("a"), db.query(), db.cleanup())
print(len(f.getvalue()))

# With a btree module that has only what MicroPython's documentation tells, and the C module's limits:
# one iteration at a time, that must not go on after a change; -1 instead of exceptions; streams only.

try:
    import sys
    import btree as real
    import io
except ImportError:
    print("SKIP")
    raise SystemExit


class Tree:
    def __init__(self, stream, **kwargs):
        if stream is None:
            raise OSError("stream operation not supported")
        self._tree = real.open(stream, **kwargs)
        self._changes = 0
        self._scan = None

    def _changed(self, key):
        if len(key) > 224:
            raise AssertionError("the C module would damage its file")
        self._changes += 1

    def get(self, key, default=None):
        return self._tree.get(key, default)

    def __getitem__(self, key):
        return self._tree[key]

    def __contains__(self, key):
        return key in self._tree

    def __setitem__(self, key, value):
        self._changed(key)
        self._tree[key] = value

    def __delitem__(self, key):
        self._changed(key)
        del self._tree[key]

    def put(self, key, value):
        self._changed(key)
        self._tree[key] = value
        return 0

    def _range(self, what, start=None, end=None, flags=0):
        items = list(self._tree.items())
        if flags & real.DESC:
            at = len(items) - 1
            if start is not None:
                # The first key that is not below start, or none at all.
                at = sum(key < start for key, _ in items)
                if at == len(items):
                    at = -1
            found = items[at::-1] if at >= 0 else []
            if end is not None:
                found = [i for i in found if i[0] > end or flags & real.INCL and i[0] == end]
        else:
            found = [i for i in items if start is None or i[0] >= start]
            if end is not None:
                found = [i for i in found if i[0] < end or flags & real.INCL and i[0] == end]
        self._scan = iter([what(i) for i in found])
        self._at = self._changes
        return self

    def keys(self, *args):
        return self._range(lambda i: i[0], *args)

    def values(self, *args):
        return self._range(lambda i: i[1], *args)

    def items(self, *args):
        return self._range(lambda i: i, *args)

    def __iter__(self):
        return self

    def __next__(self):
        if self._at != self._changes:
            raise AssertionError("changed while iterating")
        return next(self._scan)

    def flush(self):
        if fails and fails.pop():
            return -1
        self._tree.flush()
        return 0

    def close(self):
        self._tree.close()
        return 0


class Module:
    INCL = real.INCL
    DESC = real.DESC

    @staticmethod
    def open(stream, *, flags=0, cachesize=0, pagesize=0, minkeypage=0):
        if flags:
            raise OSError(22)
        return Tree(stream, cachesize=cachesize, pagesize=pagesize, minkeypage=minkeypage)


fails = []
sys.modules["btree"] = Module
try:
    import microtetherdb
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

now = 1800000000
f = io.BytesIO()
for in_memory in (True, False):
    db = MicroTetherDB(
        f, in_memory, index=["n"], clock=lambda: now, ttl_check_interval=1e6, retry_delay=0
    )
    db.put_batch([{"n": i * 7 % 60, "s": "x" * i} for i in range(60)], tags=["t"])
    db.put("one", {"n": 100}, ttl=10)
    db.put("one", {"n": 101}, ttl=20, tags=["u"])
    print(
        len(db),
        db.count({"n": {"$lt": 10}}),
        db.query({"n": 101, "tags": "u"}),
        db.query({"n": 100}),
    )
    print([doc["n"] for doc in db.query({"$sort": "-n", "$limit": 20})])
    print([doc["n"] for doc in db.query({"$sort": "-_id", "$limit": 20})])
    print([doc["n"] for doc in db.query({"n": {"$gte": 50}, "$sort": "n"})])
    print(
        db.update({"n": {"$gt": 50}}, {"$inc": {"n": 1000}}),
        db.count({"n": {"$gt": 1000}}),
        db.count({"n": {"$gt": 50}}),
    )
    now += 15
    print(db.get("one")["n"], db.cleanup())
    now += 15
    print(
        db.get("one"),
        db.cleanup(),
        len(db),
        db.explain({"n": 3})["plan"],
        db.explain({"s": ""})["matcher"],
    )
    if not in_memory:
        db.close()
        db = MicroTetherDB(f, in_memory, index=["n", "s"], clock=lambda: now, retry_delay=0)
        print(len(db), db.explain({"s": "x"})["index"], db.query({"s": "x"})[0]["n"])
        # A flush that fails.
        fails.extend((True, True))
        db.put("late", {"n": 5})
        db.flush()
        print(fails, db.stats()["retries"], db.count({"n": 5}))
    for size in (100, 140, 200, 222, 223, 300):
        try:
            db.put("k" * size, {"n": 1})
            print(size, end=" ")
        except microtetherdb.InvalidKeyError as e:
            print(size, str(e)[-35:], end=" ")
    print(db.delete(purge=True), len(db), db.query({"n": 5}))
    db.close()
db = MicroTetherDB(f, in_memory=False)
print(len(db), db.indexes)

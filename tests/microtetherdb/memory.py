# When memory is short.

try:
    import btree, gc, io
    import microtetherdb
    from microtetherdb import MicroTetherDB, guard
except ImportError:
    print("SKIP")
    raise SystemExit

# ram_percentage bounds a database in memory; what has expired makes room.
now = 1800000000
gc.collect()
percentage = max(0.01, 3000000 / gc.mem_free())  # about 30000 bytes
db = MicroTetherDB(ram_percentage=percentage, clock=lambda: now, ttl_check_interval=1e6)
stored = 0
try:
    while stored < 1000:
        db.put("k%03d" % stored, {"n": stored, "text": "x" * 100}, ttl=100 if stored < 50 else None)
        stored += 1
    print("FAIL")
except microtetherdb.MemoryLimitError as e:
    print(type(e).__name__, "'k%03d'" % stored in str(e))
print(50 < stored < 300, len(db) == stored, "k%03d" % stored in db, db.stats()["bytes"] <= 31000)
now += 200
for i in range(40):
    db.put("new%d" % i, {"n": i, "text": "x" * 100})
print(len(db) == stored - 50 + 40, db.stats()["expired"])
db.delete(purge=True)
db.put("k", "y" * 8000)
print(len(db))
db.close()


# An allocation that fails once: memory is given back, and the operation is done again.
class Failing:
    def __init__(self, tree, n, times=1):
        self._tree = tree
        self.n = n
        self.times = times
        if hasattr(tree, "stat"):
            self.stat = tree.stat

    def _count(self):
        self.n -= 1
        if self.n < 0 and self.times:
            self.times -= 1
            raise MemoryError

    def __setitem__(self, key, value):
        self._count()
        self._tree[key] = value

    def __delitem__(self, key):
        self._count()
        del self._tree[key]

    def get(self, key):
        self._count()
        return self._tree.get(key)

    def items(self, *args):
        self._count()
        return self._tree.items(*args)

    def keys(self, *args):
        return self._tree.keys(*args)

    def flush(self):
        return self._tree.flush()


def script(db):
    db.put("a", {"v": 1}, tags=["t"])
    db.put("b", {"v": 2}, ttl=50)
    db.update("a", {"v": 3})
    db.put("b", {"v": 4}, tags=["t", "u"])
    db.delete("a")
    db.put_batch([{"v": 5}, {"v": 6}], ttls=[10, None], _ids=["c", "d"])
    return [
        sorted(key for key, _ in db.find(query)) for query in ({}, {"v": {"$gt": 3}}, {"tags": "t"})
    ]


def entries(db):
    return sorted(db._store.tree._tree.items(b"$", None))


for in_memory in (True, False):
    for times in (1, 1000):
        good = bad = 0
        for n in range(200):
            f = io.BytesIO()
            db = MicroTetherDB(f, in_memory=in_memory, index=["v"], clock=lambda: now)
            db.put("z", {"v": 0}, tags=["t"])
            db.flush()
            tree = Failing(db._store.tree, n, times)
            db._store.tree = tree
            try:
                print_result = script(db)
                if print_result != [["b", "c", "d", "z"], ["b", "c", "d"], ["b", "z"]]:
                    print("FAIL", n, print_result)
                good += 1
            except microtetherdb.MemoryLimitError as e:
                bad += 1
                # What is there is whole: the old or the new document, found by what it holds.
                tree.times = 0
                for key, doc in list(db.find()):
                    if [k for k, _ in db.find({"v": doc["v"]})] != [key]:
                        print("FAIL", n, key, doc)
            if tree.times == times:
                break
            if times == 1 and good:
                final = entries(db)
        print(in_memory, times, n > 20, good > 0, bad > 0)

# Not enough memory for the cache: a smaller one is used.
try:
    db = MicroTetherDB(btree_cachesize=1 << 30)
    print(db.put("a", 1), db.get("a"))
    MicroTetherDB(io.BytesIO(), in_memory=False, btree_cachesize=1 << 30).close()
except MemoryError:
    print("FAIL")


# Calls that need memory of their own, besides what is stored.
def short(*args):
    raise MemoryError


db = MicroTetherDB(io.BytesIO(), in_memory=False)
db.put("a", {"v": 1})
db._ready = db._results = short
for use in (lambda: db.put_batch([1]), lambda: db.update({}, {"v": 2})):
    try:
        use()
        print("FAIL")
    except microtetherdb.MemoryLimitError as e:
        print(e)
del db._ready, db._results
try:
    guard.imported(short)
    print("FAIL")
except microtetherdb.MemoryLimitError as e:
    print(e)
found = db.find()
found._items = (short() for _ in (1,))
try:
    next(found)
    print("FAIL")
except microtetherdb.MemoryLimitError as e:
    print(e)
close = db._store.close
db._store.close = short
try:
    db.close()
    print("FAIL")
except microtetherdb.MemoryLimitError as e:
    print(e)
close()

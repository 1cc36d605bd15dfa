# A device that fails now and then: operations are tried again, and nothing that was stored is lost.

try:
    import btree, os, vfs
    import microtetherdb
    from microtetherdb import MicroTetherDB

    vfs.VfsLfs2
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class Device:
    def __init__(self, size, count):
        self.size = size
        self.data = bytearray(size * count)
        self.fail_write = 0  # how many of the next writes fail

    def readblocks(self, block, buf, off=0):
        start = block * self.size + off
        buf[:] = memoryview(self.data)[start : start + len(buf)]

    def writeblocks(self, block, buf, off=0):
        if self.fail_write:
            self.fail_write -= 1
            return -5  # EIO; an exception would upset littlefs
        start = block * self.size + off
        self.data[start : start + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: len(self.data) // self.size, 5: self.size}.get(op, 0)


device = Device(512, 1600)
vfs.VfsLfs2.mkfs(device)
vfs.mount(vfs.VfsLfs2(device), "/retry")


def open_db(**kwargs):
    return MicroTetherDB("/retry/a.db", in_memory=False, retry_delay=0, index=["n"], **kwargs)


def sound(db, expected):
    # As stored, and as found by the index.
    if sorted(doc["n"] for doc in db.query()) != expected:
        print("FAIL", sorted(doc["n"] for doc in db.query()))
    for n in expected:
        if len(db.query({"n": n})) != 1 or db.count({"tags": "t%d" % (n % 3)}) != sum(
            m % 3 == n % 3 for m in expected
        ):
            print("FAIL", n)


db = open_db()
expected = []
for n in range(60):
    # Each failure hits another place: the first writes of a flush.
    device.fail_write = n % 4
    db.put({"n": n}, tags=["t%d" % (n % 3)])
    expected.append(n)
    if n % 10 == 9:
        device.fail_write = 0
        sound(db, expected)
print(db.stats()["retries"] > 0, db.operations, len(db))
device.fail_write = 2
db.delete_batch([key for key, _ in db.find({"n": {"$lt": 20}})])
del expected[:20]
db.flush()
sound(db, expected)
device.fail_write = 1
db.put_batch([{"n": 60 + i} for i in range(30)], tags=None)
device.fail_write = 0
print(len(db), db.count({"n": {"$gte": 60}}))
db.delete_batch([key for key, _ in db.find({"n": {"$gte": 60}})])
device.fail_write = 1
db.flush()
device.fail_write = 0
db.close()
db = open_db()
sound(db, expected)

# Too many failures: an error that names the key, and later all is written after all.
db.max_retries = 2
for i in range(20):
    device.fail_write = 1000
    try:
        db.put("new%d" % i, {"n": 100 + i}, tags=["t%d" % ((100 + i) % 3)])
    except microtetherdb.StorageError as e:
        print("StorageError", e.errno, e)
        break
print(db.get("new%d" % i))
try:
    db.flush()
    print("FAIL")
except microtetherdb.StorageError as e:
    print("StorageError", e.errno)
device.fail_write = 0
db.put("after", {"n": 200}, tags=["t2"])
expected += [100 + n for n in range(i + 1)] + [200]
db.flush()
db.close()
db = open_db()
sound(db, expected)

# Queries in the middle of which another thread cannot write.
read = db._read


def between(*args):
    result = read(*args)
    del db._read
    n = 300 + len(db.query({"_id": {"$startswith": "between"}}))
    db.put("between%d" % n, {"n": n}, tags=["t%d" % (n % 3)])
    device.fail_write = 1000
    try:
        db.flush()
        print("FAIL")
    except microtetherdb.StorageError:
        device.fail_write = 0
    print(list(db._kept))
    return result


db._read = between
print(300 in [doc["n"] for doc in db.query()])
db.flush()
db._read = between
print(db.count() - len(expected))
expected += [300, 301]
db.close()
db = open_db()
sound(db, expected)

# Everything removed while the device fails.
device.fail_write = 1
print(db.delete(purge=True), len(db), db.query({"n": 30}), db.query({"tags": "t1"}))
db.put("x", {"n": 1}, tags=["t1"])
db.close()
db = open_db()
sound(db, [1])

# A full disk. littlefs needs room for a copy of what changes, so deleting alone may not help.
with open("/retry/filler", "wb") as f:
    for _ in range(os.statvfs("/retry")[3] - 90):
        f.write(bytes(512))
stored = 0
try:
    while True:
        n = stored + 10
        db.put("fill%d" % stored, {"n": n, "text": "x" * 150}, tags=["t%d" % (n % 3)])
        stored += 1
except microtetherdb.StorageError as e:
    print(e.errno, stored > 5)
print(db.get("fill0")["n"], "fill%d" % stored in db)
# What could not be written is found all the same, in any order; nothing else changes.
expected = [1] + list(range(10, stored + 11))
down = [doc["n"] for doc in db.query({"$sort": "-n", "n": {"$gt": 1}, "$limit": 3})]
print([stored + 10 - n for n in down], len(db) == len(expected), db.explain({"n": 1})["plan"])
for change in (
    lambda: db.put("late", {"n": 5}),
    lambda: db.put("fill0", {"n": 5}),
    lambda: db.delete("fill0"),
    lambda: db.delete_batch(["x", "fill0"]),
    lambda: db.delete(purge=True),
    lambda: db.update({"n": {"$gt": 0}}, {"n": 7}),
    lambda: db.reindex(),
    lambda: db.flush(),
    lambda: db.cleanup(),
):
    try:
        change()
        print("FAIL")
    except microtetherdb.StorageError as e:
        if e.errno != 28:
            print("FAIL", e)
    if sorted(doc["n"] for doc in db.query()) != expected or db.count({"n": stored + 10}) != 1:
        print("FAIL")
os.remove("/retry/filler")
print(db.delete_batch(["fill%d" % i for i in range(1, stored)]) == stored - 1)
db.flush()
db.close()
db = open_db()
print(len(db), db.query({"n": 1}), len(db.query({"n": 10})), "fill%d" % stored in db)
print(db.explain({"n": 1})["plan"])
db.close()

# The file is opened again in the middle of a search.
db = open_db()
db.delete(purge=True)
db.put_batch([{"n": i, "text": "x" * 20} for i in range(60)], _ids=["k%02d" % i for i in range(60)])
db.flush()
for query in ({}, {"n": {"$gte": 0}}, {"$sort": "-_id"}, {"$sort": "n", "$limit": 60}):
    found = db.find(query)
    keys = [next(found)[0]]
    device.fail_write = 1
    db.put("z", {"n": 1000})
    db.flush()
    device.fail_write = 0
    keys += [key for key, _ in found]
    keys.sort()
    print(len(keys) in (60, 61), keys[:60] == ["k%02d" % i for i in range(60)])
    db.delete("z")
db.close()


# Reads that fail.
class Flaky:
    def __init__(self, tree):
        self.tree = tree
        self.fail = 2

    def get(self, key):
        if self.fail:
            self.fail -= 1
            raise OSError(5)
        return self.tree.get(key)


db = open_db(max_retries=2)
tree = db._store.tree
for times in (2, 3):
    db._store.tree = Flaky(tree)
    db._store.tree.fail = times
    try:
        print(db.get("k30")["n"], db._store.tree.fail)
    except microtetherdb.StorageError as e:
        print("StorageError", e.errno, e)
db._store.tree = tree
print(db.stats()["retries"])

# Closing while nothing can be written: an error, and what the last flush wrote is in the file.
db.flush()
before = sorted(db._store.tree.items())
db.put("lost", {"n": 5000})
device.fail_write = 1000
try:
    db.close()
    print("FAIL")
except microtetherdb.StorageError as e:
    print("StorageError", e.errno)
try:
    db.get("lost")
except microtetherdb.ClosedError as e:
    print(e)
device.fail_write = 0
db = open_db()
print("lost" in db, sorted(db._store.tree.items()) == before)
db.close()

# A device that fails while an index is built.
for number in (1000, 1):
    device.fail_write = number
    try:
        db = MicroTetherDB("/retry/a.db", in_memory=False, retry_delay=0, index=["n", "m"])
        print(db.indexes, db.count({"m": None}) == len(db))
        db.close()
    except microtetherdb.StorageError as e:
        print("StorageError", e.errno)
    device.fail_write = 0
vfs.umount("/retry")

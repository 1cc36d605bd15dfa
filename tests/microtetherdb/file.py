# Databases in files: opened again, several at a time, the same twice, and files that are something else.

try:
    import btree, vfs
    import microtetherdb
    from microtetherdb import MicroTetherDB

    vfs.VfsLfs2
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class RAMBlockDev:
    def __init__(self, size, count):
        self.size = size
        self.data = bytearray(size * count)

    def readblocks(self, block, buf, off=0):
        start = block * self.size + off
        buf[:] = memoryview(self.data)[start : start + len(buf)]

    def writeblocks(self, block, buf, off=0):
        start = block * self.size + off
        self.data[start : start + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: len(self.data) // self.size, 5: self.size}.get(op, 0)


dev = RAMBlockDev(512, 400)
vfs.VfsLfs2.mkfs(dev)
vfs.mount(vfs.VfsLfs2(dev), "/mtdb")

db = MicroTetherDB("/mtdb/a.db", in_memory=False)
db.put("user1", {"name": "John", "age": 30}, tags=["user"])
db.put_batch([{"n": i, "text": "x" * i} for i in range(30)], tags=["number"])
db.put("big", "y" * 5000)
made_up = db.put({"first": True})
db.close()

db = MicroTetherDB(filename="/mtdb/a.db", in_memory=False)
print(
    db.get("user1"),
    len(db),
    db.count({"tags": "number"}),
    db.query({"n": {"$gt": 27}, "$sort": "n"})[0]["n"],
)
print(len(db.get("big")), db.get(made_up), db.put({"second": True}) > made_up)
db.close()

# Opened in another way, and with other sizes.
with MicroTetherDB(
    "/mtdb/a.db", False, btree_pagesize=4096, btree_cachesize=20000, ram_percentage=50
) as db:
    print(
        len(db),
        db.delete("big"),
        db._store.tree.stat()["pagesize"] if hasattr(db._store.tree, "stat") else 512,
    )
with MicroTetherDB("/mtdb/a.db", in_memory=False) as a:
    with MicroTetherDB("/mtdb/b.db", in_memory=False) as b:
        b.put("x", len(a))
        print(a.get("x"), b.get("x"))

# Opened twice: the newer one gets the file, with all that was stored.
db = MicroTetherDB("/mtdb/b.db", in_memory=False)
db.put("y", 1)
newer = MicroTetherDB("/mtdb/b.db", in_memory=False)
print(newer.get("y"))
try:
    db.put("z", 1)
except microtetherdb.ClosedError as e:
    print(e)
# The same by other names.
for name in ("/mtdb/./b.db", "/mtdb//b.db"):
    older, newer = newer, MicroTetherDB(name, in_memory=False)
    print(older._store, newer.get("y"))
newer.close()

# Neither harmed nor taken for something else.
with open("/mtdb/c.db", "w+b") as f, btree.open(f, pagesize=512) as tree:
    tree["d1"] = "not ours"
with open("/mtdb/d.db", "w") as f:
    f.write("no btree at all, but long enough for a header")
open("/mtdb/e.db", "w").close()
with open("/mtdb/f.db", "w+b") as f, btree.open(f, pagesize=512) as tree:
    tree["#"] = '{"format": 99}'
with open("/mtdb/g.db", "w+b") as f, btree.open(f, pagesize=512) as tree:
    tree["#"] = '{"format": 1, "time": [1, '
for name in "cdefg":
    try:
        db = MicroTetherDB("/mtdb/%s.db" % name, in_memory=False)
        print(len(db))
        db.close()
    except microtetherdb.StorageError as e:
        print(e.errno, str(e))
try:
    MicroTetherDB("/mtdb/no/such/file.db", in_memory=False)
except microtetherdb.StorageError as e:
    print(e.errno, e)
with open("/mtdb/c.db", "r+b") as f, btree.open(f) as tree:
    print(list(tree.items()))
vfs.umount("/mtdb")

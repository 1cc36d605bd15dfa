# A call from within a call, here from the block device below the file, is refused at once.

try:
    import btree, vfs
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
        self.hook = None

    def readblocks(self, block, buf, off=0):
        start = block * self.size + off
        buf[:] = memoryview(self.data)[start : start + len(buf)]

    def writeblocks(self, block, buf, off=0):
        start = block * self.size + off
        self.data[start : start + len(buf)] = buf
        hook, self.hook = self.hook, None
        if hook:
            hook()

    def ioctl(self, op, arg):
        return {4: len(self.data) // self.size, 5: self.size}.get(op, 0)


def attempt(use, *args):
    try:
        print("FAIL", use(*args))
    except microtetherdb.LockTimeoutError as e:
        print(type(e).__name__, e)


device = Device(512, 50)
vfs.VfsLfs2.mkfs(device)
vfs.mount(vfs.VfsLfs2(device), "/lock")
db = MicroTetherDB("/lock/a.db", in_memory=False)
db.put("a", 1)
device.hook = lambda: attempt(db.get, "a")
db.flush()
print(device.hook, db.get("a"))
db.put("b", 1)
device.hook = lambda: attempt(db.query, {"a": 1})
db.flush()
device.hook = lambda: attempt(db.put, "c", 1)
db.put_batch([1] * 20)
db.put("d", 1)
device.hook = lambda: attempt(db.close)
db.close()
with MicroTetherDB("/lock/a.db", in_memory=False) as db:
    print(len(db), "c" in db, "d" in db)
vfs.umount("/lock")

# A database in a file of VfsLfs2 on a block device in RAM.

try:
    import btree, vfs

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
        if op == 4:
            return len(self.data) // self.size
        if op == 5:
            return self.size
        if op == 6:
            return 0


try:
    dev = RAMBlockDev(512, 80)
except MemoryError:
    print("SKIP")
    raise SystemExit
vfs.VfsLfs2.mkfs(dev)
fs = vfs.VfsLfs2(dev)

f = fs.open("/test.db", "w+b")
db = btree.open(f, pagesize=512)
for i in range(200):
    db["%d" % (i * 11 % 200)] = "value %d" % i
    if i % 50 == 20:
        print(db.flush(), end=" ")
for i in range(0, 200, 2):
    del db["%d" % i]
print(db.close())
f.close()

f = fs.open("/test.db", "r+b")
db = btree.open(f)
print(len(list(db)), db["7"], db.get("8"), list(db.keys("190", "195")))
db["8"] = "is back"
db["big"] = "b" * 2000
db["k" * 1000] = "big key"
print(db["big"] == b"b" * 2000, db["k" * 1000], db.close())
f.close()

# Unmounted and mounted in between.
fs = vfs.VfsLfs2(dev)
f = fs.open("/test.db", "rb")
db = btree.open(f)
print(len(list(db)), db["8"], len(db["big"]), db.close())
f.close()
print(fs.stat("/test.db")[6] % 512)

# No room left: reported, and what was flushed before is still there.
f = fs.open("/test.db", "r+b")
db = btree.open(f, cachesize=8192)
try:
    for i in range(100):
        db["fill%d" % i] = "x" * 800
        db.flush()
    print("no error")
except OSError as er:
    print("OSError", er.args == (28,))
try:
    db.close()
except OSError as er:
    print("OSError", er.args == (28,))
print(db)
f.close()
f = fs.open("/test.db", "rb")
db = btree.open(f)
print(db["8"], len(db["big"]), all(len(db["fill%d" % n]) == 800 for n in range(i)))
f.close()

# The file closed too early.
f = fs.open("/test.db", "r+b")
db = btree.open(f)
db["8"] = "late"
f.close()
for fun in (db.flush, db.close):
    try:
        print(fun())
    except (OSError, ValueError) as er:
        print("closed")

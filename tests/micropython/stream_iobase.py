# A stream written in Python: what is asked of it, and short reads and writes.

try:
    import btree, io, uctypes, struct

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class Stream(io.IOBase):
    def __init__(self, log=False):
        self.data = bytearray()
        self.pos = 0
        self.most = 1 << 20
        self.log = [] if log else None

    def readinto(self, buf):
        n = max(min(len(buf), len(self.data) - self.pos, self.most), 0)
        buf[:n] = self.data[self.pos : self.pos + n]
        if self.log is not None:
            self.log.append("read %d at %d" % (len(buf), self.pos))
        self.pos += n
        return n

    def write(self, buf):
        n = min(len(buf), self.most)
        if self.log is not None:
            self.log.append("write %d at %d" % (len(buf), self.pos))
        if self.pos > len(self.data):
            self.data += bytes(self.pos - len(self.data))
        self.data[self.pos : self.pos + n] = buf[:n]
        self.pos += n
        return n

    def ioctl(self, request, arg):
        if request == 2:
            # mp_off_t is not of the same size everywhere, whence comes behind it.
            size = 8 if SIZE == 8 else 4
            seek = uctypes.bytearray_at(arg, size + 4)
            offset, whence = struct.unpack("<qi" if size == 8 else "<ii", seek)
            if self.log is not None:
                self.log.append("seek %d %d" % (offset, whence))
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.pos)
            return 0
        if self.log is not None:
            self.log.append("ioctl %d" % request)
        return 0 if request == 1 else -22


# long in C, but for 32-bit Unix.
SIZE = struct.calcsize("l")

# What open does: it reads the header from where the stream is, then asks for the size.
s = Stream(True)
db = btree.open(s, pagesize=512)
print(s.log)

# Neighbours are written in one go, in ascending order, without a seek in between.
for i in range(60):
    db["%03d" % i] = "x" * 20
s.log = []
print(db.flush())
writes = [entry for entry in s.log if entry.startswith("write")]
first = s.log.index(writes[0])
print(len(writes) > 4, writes == ["write 512 at %d" % (512 * i) for i in range(len(writes))])
print(s.log[first : first + len(writes)] == writes, s.log[-1], s.log.count("ioctl 1"))
# With nothing to write nothing is done at all, and page 0 stays as it is if it can.
s.log = []
print(db.flush(), s.log)
db["030"] = "y" * 20
db.flush()
db["031"] = "y" * 20
s.log = []
db.flush()
print(len([entry for entry in s.log if entry.startswith("write")]), "write 512 at 0" in s.log, s.log[-1])
s.log = []
print(db.close(), s.log)

# What it takes to find a key: a page for each level, each read once.
s.pos = 0
db = btree.open(s)
s.log = []
print(db["030"], len([entry for entry in s.log if entry.startswith("read")]))
s.log = []
print(db["030"], "030" in db, "0301" in db, s.log)
db.close()

# Short reads and writes go on.
for most in (511, 100, 7):
    s = Stream()
    s.most = most
    db = btree.open(s, pagesize=512)
    for i in range(100):
        db["%d" % (i * 7 % 100)] = "%d" % i
    db["big"] = "b" * 3000
    db.close()
    s.pos = 0
    db = btree.open(s)
    print(most, len(list(db)), all(db["%d" % (i * 7 % 100)] == b"%d" % i for i in range(100)), len(db["big"]), len(s.data) % 512)
    db.close()

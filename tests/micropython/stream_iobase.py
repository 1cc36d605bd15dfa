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
        self.log = log

    def readinto(self, buf):
        n = max(min(len(buf), len(self.data) - self.pos, self.most), 0)
        buf[:n] = self.data[self.pos : self.pos + n]
        if self.log:
            print("read %d at %d" % (len(buf), self.pos))
        self.pos += n
        return n

    def write(self, buf):
        n = min(len(buf), self.most)
        if self.log:
            print("write %d at %d" % (len(buf), self.pos))
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
            if self.log:
                print("seek", offset, whence)
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.pos)
            return 0
        if self.log:
            print("ioctl", request)
        return 0 if request == 1 else -22


# long in C, but for 32-bit Unix.
SIZE = struct.calcsize("l")

# The order of what open does: the header from where the stream is, then the size.
s = Stream(True)
db = btree.open(s, pagesize=512)
print("opened")
s.log = False
for i in range(60):
    db["%03d" % i] = "x" * 20
s.log = True
print("flush", db.flush())
print("flush", db.flush())
s.log = False
for i in range(60):
    db["%03d" % i] = "y" * 20
db.close()
# Neighbours are written in one go, in ascending order.
s.pos = 0
db = btree.open(s)
for i in range(60):
    if db["%03d" % i] != b"y" * 20:
        print("FAIL")
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

# A disk that is full: reported by flush(), put() or close().

try:
    import btree, io, uctypes, struct

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

SIZE = struct.calcsize("l")


class Disk(io.IOBase):
    def __init__(self, room, data=b""):
        self.data = bytearray(data)
        self.room = room
        self.pos = 0

    def readinto(self, buf):
        n = max(min(len(buf), len(self.data) - self.pos), 0)
        buf[:n] = self.data[self.pos : self.pos + n]
        self.pos += n
        return n

    def write(self, buf):
        n = min(len(buf), self.room - self.pos)
        if n <= 0:
            return -28
        # As much as fits, as POSIX does.
        if self.pos > len(self.data):
            self.data += bytes(self.pos - len(self.data))
        self.data[self.pos : self.pos + n] = buf[:n]
        self.pos += n
        return n

    def ioctl(self, request, arg):
        if request == 2:
            seek = uctypes.bytearray_at(arg, SIZE + 4)
            offset, whence = struct.unpack("<qi" if SIZE == 8 else "<ii", seek)
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:SIZE] = struct.pack("<q" if SIZE == 8 else "<i", self.pos)
        return 0


for room in (0, 100, 512, 1024, 1500, 2048, 5000):
    disk = Disk(room)
    db = btree.open(disk, pagesize=512)
    flushed = 0
    try:
        for i in range(1000):
            db["%04d" % i] = "value %d" % i
            if i % 3 == 2:
                db.flush()
                flushed = i + 1
        print("no error")
    except OSError as er:
        print(room, er.args, end=" ")
    # Everything is still there, in memory.
    keys = list(db)
    print(len(keys) >= flushed, all(db[k] == b"value %d" % int(k) for k in keys), end=" ")
    # With more room, it is written after all, or refused for good.
    disk.room += 20000
    try:
        db.flush()
        disk.pos = 0
        print(list(btree.open(disk)) == keys, end=" ")
    except OSError as er:
        print(er.args == (28,), end=" ")
    try:
        db.close()
    except OSError as er:
        pass
    print(db)

# Closing with the disk full.
disk = Disk(600)
db = btree.open(disk, pagesize=512)
for i in range(100):
    db["%04d" % i] = "value"
try:
    print(db.close())
except OSError as er:
    print(er.args)
print(db, db.close())

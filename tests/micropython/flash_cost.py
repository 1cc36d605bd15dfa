# cmdline: -X heapsize=16m
# What changes cost on littlefs with blocks of 4 KiB: bytes programmed and blocks erased; and how many
# pages a stream gets to write. FIGURES=1 in the environment prints the numbers, beside what
# the C module takes and the most that is allowed here.

try:
    import btree, gc, io, os, struct, sys, uctypes, vfs

    vfs.VfsLfs2, io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

gc.collect()
SMALL = gc.mem_free() < 6000000 or sys.platform != "linux"
FIGURES = getattr(os, "getenv", lambda _: None)("FIGURES")
JOURNAL = getattr(btree, "JOURNAL", None)
# A native module does not see that a file is on littlefs, where the journal saves writing by that.
NATIVE = hasattr(btree, "__file__")
SIZE = struct.calcsize("l")


class Flash:
    BLOCK = 4096

    def __init__(self, count):
        self.data = bytearray(self.BLOCK * count)
        self.programmed = self.erased = 0

    def readblocks(self, n, buf, offset=0):
        at = n * self.BLOCK + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        at = n * self.BLOCK + offset
        self.data[at : at + len(buf)] = buf
        self.programmed += len(buf)

    def ioctl(self, request, arg):
        if request == 4:
            return len(self.data) // self.BLOCK
        if request == 5:
            return self.BLOCK
        if request == 6:
            self.erased += 1
        return 0


class Stream(io.IOBase):
    def __init__(self):
        self.data = bytearray()
        self.pos = 0
        self.writes = 0
        self.written = 0

    def readinto(self, buf):
        n = max(min(len(buf), len(self.data) - self.pos), 0)
        buf[:n] = memoryview(self.data)[self.pos : self.pos + n]
        self.pos += n
        return n

    def write(self, buf):
        end = self.pos + len(buf)
        if len(self.data) < end:
            self.data.extend(bytes(end - len(self.data)))
        self.data[self.pos : end] = buf
        self.pos = end
        self.writes += 1
        self.written += len(buf)
        return len(buf)

    def ioctl(self, request, arg):
        if request == 2:
            seek = uctypes.bytearray_at(arg, SIZE + 4)
            offset, whence = struct.unpack("<qi" if SIZE == 8 else "<ii", seek)
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:SIZE] = struct.pack("<q" if SIZE == 8 else "<i", self.pos)
        return 0


def report(what, c, most, got):
    good = all(a <= b for a, b in zip(got, most))
    if FIGURES:
        print("%-60s C %s, at most %s, here %s%s" % (what, c, most, got, "" if good else " TOO MUCH"))
    elif good:
        print(what)
    else:
        print("FAIL", what, got, "at most", most)


def format(blocks):
    flash = Flash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    return flash, vfs.VfsLfs2(flash)


def key(i):
    return b"%05d" % i


# 500 records in pages of 512 bytes: a file of 34 KiB.
def make(flags):
    flash, fs = format(96)
    f = fs.open("/db", "w+b")
    db = btree.open(f, pagesize=512, flags=flags)
    for i in range(500):
        db[key(i)] = b"v" * 40
    db.flush()
    return flash, fs, f, db


# Bytes programmed for each of some updates of one key, with a flush each, and of closing in the end.
def update(flash, f, db, i, count):
    before = flash.programmed
    for n in range(count):
        db[key(i)] = b"%03d" % n + b"w" * 37
        db.flush()
    if count > 1:
        db.close()
        f.close()
    return (flash.programmed - before) // count


KEYS = (0, 250, 499)
flash, fs, f, db = make(0)
if fs.stat("/db")[6] != 34816:
    print("FAIL: another file")
most = (34944, 18560, 2176)
got = tuple(update(flash, f, db, i, 1) for i in KEYS)
report("a key updated, by the handle that made the file", (69824, 53440, 37056), most, got)
db.close()
f.close()
got = []
for i in KEYS:
    with fs.open("/db", "r+b") as f, btree.open(f) as db:
        got.append(update(flash, f, db, i, 1))
report("a key updated, by a new handle", most, most, tuple(got))
flash = fs = f = db = None
gc.collect()

if JOURNAL is not None:
    got = []
    for i in KEYS:
        flash, fs, f, db = make(JOURNAL)
        got.append(update(flash, f, db, i, 300))
        flash = fs = f = db = None
        gc.collect()
    at_most = (36864, 36864, 36864) if NATIVE else (4608, 4608, 4608)
    report("with the journal, checkpoints spread over 300 updates", most, at_most, tuple(got))

    count = 500 if SMALL else 5000
    flash, fs = format(64 if SMALL else 512)
    f = fs.open("/db", "w+b")
    db = btree.open(f, pagesize=512, cachesize=65536, flags=0 if NATIVE else JOURNAL)
    flash.programmed = flash.erased = 0
    x = 185
    for i in range(count):
        x = (x * 1103515245 + 12345) & 0x3FFFFFFF
        db[b"%08d" % (x % 100000000)] = b"v" * 16
        if i % 100 == 99:
            db.flush()
    db.close()
    f.close()
    figures = flash.erased, flash.programmed
    most = (84925, 333000000)
    what = "5000 random inserts in pages of 512, a flush per 100: erases, bytes"
    report(what, most, most if NATIVE else (1700, 7000000), figures)
    flash = fs = f = db = None
    gc.collect()

stream = Stream()
with btree.open(stream, pagesize=4096) as db:
    for i in range(1000):
        db[b"%08d" % i] = b"v" * 16
        db.flush()
figures = stream.writes, stream.written
report("1000 inserts in order, a flush each: writes, bytes", (2018, 8265728), (1020, 1020 * 4096), figures)

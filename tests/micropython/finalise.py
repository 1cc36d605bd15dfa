# A database that is not closed: collected as garbage, its file closed first, as a soft reset does it, or
# the end of the program. The file stays as the last flush left it, and can be used.

try:
    import btree, gc, io, os, sys, vfs

    vfs.VfsLfs2, vfs.VfsFat
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

MODES = [("default", 0)]
if hasattr(btree, "JOURNAL"):
    MODES.append(("journal", btree.JOURNAL))


# Its methods do not allocate, so that they work in a finaliser, as a driver in C does.
class Device:
    def __init__(self, size, count):
        self.size = size
        self.count = count
        self.data = io.BytesIO(size * count)
        self.data.write(bytes(size * count))
        self.writes = 0

    def readblocks(self, n, buf, offset=0):
        self.data.seek(n * self.size + offset)
        self.data.readinto(buf)

    def writeblocks(self, n, buf, offset=0):
        self.data.seek(n * self.size + offset)
        self.data.write(buf)
        self.writes += 1

    def ioctl(self, request, arg):
        if request == 4:
            return self.count
        if request == 5:
            return self.size
        if request == 6:
            return 0


class File:
    """A file of a file system, or with none a file in memory."""

    def __init__(self, make, size):
        self.fs = None
        self.data = b""
        if make is not None:
            self.device = Device(size, 65536 // size)
            make.mkfs(self.device)
            self.make = make

    def open(self, mode):
        if not hasattr(self, "make"):
            self.f = io.BytesIO(self.data)
            return self.f
        # As after a reset.
        self.fs = self.make(self.device)
        return self.fs.open("/db", mode)

    # What is in the file, whatever becomes of the object that was open.
    def keep(self):
        if not hasattr(self, "make"):
            self.data = self.f.getvalue()


def flushed():
    return {b"%03d" % i: b"value %d" % i for i in range(120)}


# Changes that are not flushed; the iterator refers to the database, and is dropped with it.
def change(db):
    it = db.items()
    next(it)
    for i in range(0, 120, 2):
        db["%03d" % i] = b"changed " * 5
    for i in range(1, 120, 4):
        del db["%03d" % i]
    db["big"] = b"b" * 2000
    db.seq(3)


def collect():
    # Nothing on the stack, or in registers, refers to it any more.
    for i in range(3):
        [bytearray(i * 8) for i in range(50)]
        gc.collect()


def dropped(file, flags):
    db = btree.open(file.open("r+b"), flags=flags)
    change(db)


def closed_first(file, flags):
    f = file.open("r+b")
    db = btree.open(f, flags=flags)
    change(db)
    file.keep()
    f.close()


# A new flush, of which the journal may still have a part, and no close.
def dropped_after_flush(file, flags):
    db = btree.open(file.open("r+b"), flags=flags)
    db["after"] = "flush"
    db.flush()
    change(db)


def in_a_cycle(file, flags):
    f = file.open("r+b")
    db = btree.open(f, flags=flags)
    change(db)
    cycle = [db, f]
    cycle.append(cycle)


class Failure(Exception):
    pass


def failed(file, flags):
    with file.open("r+b") as f:
        db = btree.open(f, flags=flags)
        change(db)
        file.keep()
        raise Failure


for name, make, size in (("BytesIO", None, 0), ("VfsLfs2", vfs.VfsLfs2, 512), ("VfsFat", vfs.VfsFat, 512)):
    for mode, flags in MODES:
        for way in (dropped, closed_first, dropped_after_flush, in_a_cycle, failed):
            file = File(make, size)
            f = file.open("w+b")
            want = flushed()
            db = btree.open(f, flags=flags, pagesize=512)
            db.update(want)
            db.close()
            file.keep()
            f.close()
            db = f = file.f = file.fs = None
            if way == dropped_after_flush:
                want[b"after"] = b"flush"
            collect()
            memory = gc.mem_alloc()
            try:
                way(file, flags)
            except Failure:
                pass
            if way not in (closed_first, failed):
                file.keep()
            file.f = file.fs = None
            collect()
            # The pages in memory are 15 KiB and more; the data of a BytesIO may have grown by less.
            if gc.mem_alloc() - memory > 8000:
                print("FAIL: not collected", name, mode, way)
            f = file.open("r+b")
            db = btree.open(f, flags=flags)
            good = dict(db.items()) == want and db.check() == []
            # It goes on working.
            change(db)
            good = good and db.close() == 0
            file.keep()
            f.close()
            f = file.open("r+b")
            db = btree.open(f)
            good = good and db["000"] == b"changed " * 5 and b"001" not in db and db.check() == []
            db.close()
            f.close()
            if not good:
                print("FAIL", name, mode, way)
        print(name, mode)

# A program that ends without closing, one way or another.
CHILD = """
import btree, os, sys
f = open("db", "w+b")
db = btree.open(f, flags=%d, pagesize=512)
for i in range(120):
    db["%%03d" %% i] = "value %%d" %% i
    if i %% 10 == 9:
        db.flush()
for i in range(0, 120, 2):
    db["%%03d" %% i] = "changed"
%s
"""
ENDS = (
    "pass",
    "sys.exit(0)",
    "f.close()",
    "db = f = None; import gc; gc.collect()",
    "os.system('kill -9 $PPID')",
)
for mode, flags in MODES:
    for end in ENDS:
        if not hasattr(os, "system") or not hasattr(sys, "executable"):
            continue  # no programs here
        with open("child.py", "w") as f:
            f.write(CHILD % (flags, end))
        os.system("%s child.py >/dev/null 2>&1" % sys.executable)
        with open("db", "r+b") as f:
            db = btree.open(f, flags=flags)
            if dict(db.items()) != flushed() or db.check() != []:
                print("FAIL", mode, end)
            db.close()
        os.remove("db")
    print("program", mode)

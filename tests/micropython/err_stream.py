# Errors and exceptions from the methods of a stream: they come out as they are, once,
# from the call that needed the stream, and everything works again afterwards.

try:
    import btree, io, uctypes, struct

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

SIZE = struct.calcsize("l")


class Stream(io.IOBase):
    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.pos = 0
        self.fault = {}

    # What to do instead: raise an exception or return a number.
    def inject(self, name):
        fault = self.fault.get(name)
        if isinstance(fault, BaseException):
            raise fault
        if fault is not None and callable(fault):
            return fault()
        return fault

    def readinto(self, buf):
        fault = self.inject("read")
        if fault is not None:
            return None if fault == "None" else fault
        n = max(min(len(buf), len(self.data) - self.pos), 0)
        buf[:n] = self.data[self.pos : self.pos + n]
        self.pos += n
        return n

    def write(self, buf):
        fault = self.inject("write")
        if fault is not None:
            return None if fault == "None" else fault
        if self.pos > len(self.data):
            self.data += bytes(self.pos - len(self.data))
        self.data[self.pos : self.pos + len(buf)] = buf
        self.pos += len(buf)
        return len(buf)

    def ioctl(self, request, arg):
        fault = self.inject("seek" if request == 2 else "flush")
        if fault is not None:
            return fault
        if request == 2:
            seek = uctypes.bytearray_at(arg, SIZE + 4)
            offset, whence = struct.unpack("<qi" if SIZE == 8 else "<ii", seek)
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:SIZE] = struct.pack("<q" if SIZE == 8 else "<i", self.pos)
        return 0


class Mine(Exception):
    pass


def what(name, fun, *args):
    try:
        r = fun(*args)
        print(name, r)
    except BaseException as er:
        print(name, repr(er))
        return er


# A file of some pages.
s = Stream()
db = btree.open(s, pagesize=512)
for i in range(150):
    db["%03d" % i] = "value %d" % i
db["big"] = "b" * 3000
db.close()
data = bytes(s.data)


def delete(db):
    del db["075"]


def store(db):
    db["075"] = "x"


# What reads.
for fault in (-5, -1000, "None", 100000, 0, Mine("from the stream"), KeyboardInterrupt(), SystemExit(3), OSError(5, "two")):
    print("read:", repr(fault))
    s = Stream(data)
    s.fault["read"] = fault
    if fault != 0:
        what("open", btree.open, s)
    s.fault.clear()
    s.pos = 0
    for name, fun in (
        ("get", lambda db: db.get("075")),
        ("load", lambda db: db["075"]),
        ("in", lambda db: "075" in db),
        ("store", store),
        ("put", lambda db: db.put("075", "x")),
        ("delete", delete),
        ("seq", lambda db: db.seq(1, "075")),
        ("seq", lambda db: db.seq(6)),
        ("keys", lambda db: next(db.keys("075"))),
        ("items", lambda db: list(db.items())),
        ("values", lambda db: next(db.values("075", None, btree.DESC))),
    ):
        s = Stream(data)
        db = btree.open(s)
        s.fault["read"] = fault
        er = what(name, fun, db)
        s.fault.clear()
        if er is not None and isinstance(fault, BaseException) and er is not fault:
            print("FAIL: another exception")
        # As if nothing had happened.
        if len(list(db)) != 151 or db["075"] != b"value 75" or db["076"] != b"value 76" or db.seq(3)[0] != b"000":
            print("FAIL")
        db.close()
        if s.data != data:
            print("FAIL: changed")
    # An iterator may go on.
    s = Stream(data)
    db = btree.open(s)
    s.fault["read"] = fault
    it = db.keys("140", "143")
    what("next", next, it)
    s.fault.clear()
    print(list(it))
    it = iter(db)
    got = [next(it)]
    n = 0
    while True:
        # Every other step fails, if it reads at all.
        s.fault["read"] = fault
        try:
            got.append(next(it))
        except StopIteration:
            break
        except BaseException:
            n += 1
            s.fault.clear()
            got.append(next(it))
    if len(got) != 151 or got != sorted(set(got)) or n < 5:
        print("FAIL: scan", len(got), n)
    s.fault.clear()
    db.close()

# The header that cannot be read, and the size.
for name in ("read", "seek"):
    for fault in (-5, -1001, Mine(name)):
        s = Stream(data)
        s.fault[name] = fault
        what(name, btree.open, s)

# What writes. Everything is still there for reading; the next flush either refuses, because
# nobody knows what the stream has kept, or brings all of it there.
for name in ("write", "flush", "seek"):
    for fault in (-28, -1000, "None" if name == "write" else -11, Mine("from the stream"), KeyboardInterrupt()):
        print(name, repr(fault))
        s = Stream(data)
        db = btree.open(s, cachesize=20000)
        want = dict(db.items())
        for i in range(0, 150, 10):
            db["%03d" % i] = want[b"%03d" % i] = b"changed " * 5
        s.fault[name] = fault
        er = what("flush", db.flush)
        if isinstance(fault, BaseException) and er is not fault:
            print("FAIL: another exception")
        s.fault.clear()
        if dict(db.items()) != want:
            print("FAIL: lost")
        try:
            db.flush()
            if dict(btree.open(Stream(s.data)).items()) != want:
                print("FAIL: not written")
        except OSError as er:
            if len(er.args) != 1:
                print("FAIL", er)
        try:
            db.close()
        except OSError as er:
            pass
        # Close reports it, too, but closes.
        s = Stream(data)
        db = btree.open(s)
        db["new"] = "value"
        s.fault[name] = fault
        what("close", db.close)
        what("close", db.close)
        what("get", db.get, "new")

# Writing fewer bytes than asked for, or more.
for fault in (0, 100000):
    s = Stream()
    db = btree.open(s, pagesize=512)
    db["a"] = "b"
    s.fault["write"] = fault
    what("flush", db.flush)
    print(db["a"])

# A stream that did not move to where it was told: FAT does that on a full disk.
s = Stream()
db = btree.open(s, pagesize=512)
for i in range(100):
    db["%d" % i] = "x" * 20
normal = s.ioctl


def stuck(request, arg):
    if request == 2:
        uctypes.bytearray_at(arg, SIZE)[:] = bytes([255] * (SIZE - 1) + [0])
    return 0


s.ioctl = stuck
what("flush", db.flush)

# compact(): a copy that is as small as it can be.

try:
    import btree, io, struct

    btree.open(io.BytesIO()).compact
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
for i in range(1000):
    db["%04d" % (i * 7 % 1000)] = "v" * (i % 50)
for i in range(1000):
    if i % 3:
        del db["%04d" % i]
db["big"] = "b" * 5000
db["k" * 600] = "long"
items = list(db.items())
db.flush()
before = f.getvalue()
# Changes that are not flushed are copied.
db["more"] = "x"
g = io.BytesIO()
print(db.compact(g) == len(items) + 1, f.getvalue() == before, len(g.getvalue()) < len(before) * 2 // 3)
small = btree.open(g)
print(list(small.items()) == list(db.items()), small.check())
small.close()

# Only to an empty stream.
for stream in (g, f):
    try:
        db.compact(stream)
    except OSError as er:
        print(er.errno)
empty = io.BytesIO()
new = btree.open(empty)
try:
    new.compact(empty)
except OSError as er:
    print(er.errno)
h = io.BytesIO()
print(new.compact(h), len(h.getvalue()), list(btree.open(h)), empty.getvalue())
for stream in (None, 1, "x"):
    try:
        db.compact(stream)
    except OSError:
        print("OSError")
try:
    db.compact()
except TypeError:
    print("TypeError")

# Kinds of databases.
dup = btree.open(None, flags=1, pagesize=1024)
for i in range(50):
    dup["a"] = "%d" % i
h = io.BytesIO()
print(dup.compact(h), list(btree.open(h).items()) == list(dup.items()), struct.unpack("<I", h.getvalue()[8:12]))


class Stream(io.IOBase):
    def __init__(self, hook):
        self.inner = io.BytesIO()
        self.hook = hook

    def readinto(self, buf):
        return self.inner.readinto(buf)

    def write(self, buf):
        self.hook()
        return self.inner.write(buf)

    def ioctl(self, request, arg):
        if request == 2:
            import uctypes

            size = struct.calcsize("l")
            seek = uctypes.bytearray_at(arg, size + 4)
            offset, whence = struct.unpack("<qi" if size == 8 else "<ii", seek)
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.inner.seek(offset, whence))
        return 0


# What the other stream raises.
def fail():
    raise ValueError("other stream")


try:
    db.compact(Stream(fail))
except ValueError as er:
    print(er)


# The source is busy meanwhile, the garbage collector may run.
def use():
    import gc

    gc.collect()
    try:
        db["a"] = "b"
    except OSError as er:
        if er.errno != 16:
            print(er)


s = Stream(use)
print(db.compact(s) == len(items) + 1, list(btree.open(s.inner).items()) == list(db.items()), "a" in db)
db.close()
try:
    db.compact(io.BytesIO())
except ValueError as er:
    print(er)

# A damaged source.
bad = btree.open(io.BytesIO(before[:1024] + b"\xff" * (len(before) - 1024)))
try:
    bad.compact(io.BytesIO())
except OSError as er:
    print(er.errno, er.args[1][:5])

# check(): what is wrong with a database.

try:
    import btree, io, struct

    btree.open(io.BytesIO()).check
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
print(db.check())
for i in range(300):
    db["%04d" % (i * 7 % 300)] = "v" * (i % 50)
db["big"] = "b" * 5000
db["k" * 600] = "long"
for i in range(0, 300, 3):
    del db["%04d" % i]
# Unflushed changes count.
print(db.check(), db.flush(), db.check())
db.close()
try:
    db.check()
except ValueError as er:
    print(er)
good = f.getvalue()
pages = len(good) // 512


def check(data, *args):
    return btree.open(io.BytesIO(data)).check(*args)


def put(page, offset, data):
    at = page * 512 + offset
    return good[:at] + data + good[at + len(data) :]


def number(page, offset):
    return struct.unpack("<I", good[page * 512 + offset : page * 512 + offset + 4])[0]


print(check(good))
print(check(good + b"x" * 100) == ["page %d offset 0: part of a page at the end" % pages])
print(check(good + bytes(512)) == ["page %d offset 0: page neither used nor free" % pages])
print(check(put(0, 100, b"\1")), check(put(0, 16, b"\1")))
leaf = [p for p in range(2, pages) if number(p, 12) == 2 and number(p, 4)][0]
print(check(put(leaf, 4, bytes(4))) == ["page %d offset 4: bad sibling link" % leaf])
first = struct.unpack("<H", good[leaf * 512 + 20 : leaf * 512 + 22])[0]
print("page %d offset %d: key outside the bounds of its page" % (leaf, first) in check(put(leaf, first + 9, b"\0")))
print(check(put(leaf, 0, b"\xff" * 512))[0] == "page %d offset 0: wrong page number in page" % leaf)

# Only so many.
bad = good[:1024] + b"\xff" * (len(good) - 1024)
print(len(check(bad)), check(bad)[-1][-5:])
print(len(check(bad, 1000)) > 50, [len(check(bad, n)) for n in (-1, 0, 1, 10)], check(bad, 0)[0][-5:])
print(check(put(0, 100, b"\1"), 0))

# In memory.
db = btree.open(None, pagesize=512)
for i in range(100):
    db[str(i)] = "x" * i
print(db.check())


# An error of the stream is raised.
class Stream(io.IOBase):
    def __init__(self, data):
        self.inner = io.BytesIO(data)
        self.fail = False

    def readinto(self, buf):
        if self.fail:
            raise ValueError("stream")
        return self.inner.readinto(buf)

    def write(self, buf):
        return self.inner.write(buf)

    def ioctl(self, request, arg):
        if request == 2:
            import uctypes

            size = struct.calcsize("l")
            seek = uctypes.bytearray_at(arg, size + 4)
            offset, whence = struct.unpack("<qi" if size == 8 else "<ii", seek)
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.inner.seek(offset, whence))
        return 0


s = Stream(good)
db = btree.open(s)
s.fail = True
try:
    db.check()
except ValueError as er:
    print(er)
s.fail = False
print(db.check())
for args in ((1, 2), ("x",)):
    try:
        db.check(*args)
    except TypeError:
        print("TypeError")

# salvage(): the items of a file that open() refuses, or that is damaged inside.

try:
    import btree, io, struct, sys

    btree.salvage
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
for i in range(500):
    db["%04d" % i] = "value %d " % i * (i % 5)
db["big"] = bytes(range(256)) * 20
db["k" * 600] = "long key"
items = list(db.items())
known = set(items)
db.close()
good = f.getvalue()


def salvage(data, *args):
    return sorted(btree.salvage(io.BytesIO(data), *args))


print(salvage(good) == items, salvage(good, 512) == items)
# No header, no root, neither; cut off behind a page.
for data in (bytes(512) + good[512:], good[:512] + b"\xff" * 512 + good[1024:], b"x" * 1024 + good[1024:], good[:-700] + b"\xff" * 700):
    left = salvage(data)
    print(len(left) > 400, all(item in known for item in left), len(left) == len(items))
print(f.getvalue() == good)
# A page gone, on boards every third: the others are read, and nothing is invented.
least = len(items)
for page in range(0, len(good) // 512, 1 if sys.platform == "linux" else 3):
    left = salvage(good[: page * 512] + b"\0" * 512 + good[page * 512 + 512 :])
    least = min(least, len(left))
    if not all(item in known for item in left):
        print("FAIL", page)
print(least < len(items), least > 400)
# The wrong size, or what is none.
print(salvage(good, 4096), salvage(b""), salvage(b"x" * 100), salvage(bytes(5000)), salvage(b"\xff" * 5000))
for size in (511, 65538, 1, -1, 1 << 29):
    try:
        print(salvage(good, size))
    except OSError as er:
        print(er.errno)
# A page size that is no power of two.
g = io.BytesIO()
db = btree.open(g, pagesize=1000)
for i in range(500):
    db["%04d" % i] = "value %d" % i
items = list(db.items())
db.close()
print(salvage(bytes(1000) + g.getvalue()[1000:]) == items)
print(btree.open(None).items() is not None, len(list(btree.salvage(g))))


# An error of the stream is raised, and the next step goes on.
class Stream(io.IOBase):
    def __init__(self, data):
        self.inner = io.BytesIO(data)
        self.fail = 0

    def readinto(self, buf):
        self.fail -= 1
        if self.fail == 0:
            raise ValueError("stream")
        return self.inner.readinto(buf)

    def ioctl(self, request, arg):
        if request == 2:
            import uctypes

            size = struct.calcsize("l")
            seek = uctypes.bytearray_at(arg, size + 4)
            offset, whence = struct.unpack("<qi" if size == 8 else "<ii", seek)
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.inner.seek(offset, whence))
        return 0


s = Stream(g.getvalue())
it = btree.salvage(s)
n = 0
s.fail = 5
errors = 0
while True:
    try:
        item = next(it)
        n += item in items
    except StopIteration:
        break
    except ValueError as er:
        print(er)
        errors += 1
print(errors, len(items) - 100 < n < len(items), list(it))
for args in ((), (1,), (None,), (s, "x")):
    try:
        btree.salvage(*args)
    except (TypeError, OSError):
        print("refused")

# KeyboardInterrupt out of a read, in the middle of everything.

try:
    import btree, io

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class Stream(io.IOBase):
    def __init__(self, data):
        self.inner = io.BytesIO(data)
        self.countdown = 0

    def call(self):
        self.countdown -= 1
        if self.countdown == 0:
            raise KeyboardInterrupt

    def readinto(self, buf):
        self.call()
        return self.inner.readinto(buf)

    def write(self, buf):
        self.call()
        return self.inner.write(buf)

    def ioctl(self, request, arg):
        self.call()
        if request == 2:
            import uctypes, struct

            size = struct.calcsize("l")
            seek = uctypes.bytearray_at(arg, size + 4)
            offset, whence = struct.unpack("<qi" if size == 8 else "<ii", seek)
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.inner.seek(offset, whence))
        return 0


f = io.BytesIO()
db = btree.open(f, pagesize=512)
model = {}
for i in range(120):
    k = b"%03d" % i
    db[k] = model[k] = b"value %d" % i
db.close()
data = f.getvalue()


def again(fun):
    global interrupted
    try:
        return fun()
    except KeyboardInterrupt:
        interrupted += 1
    return fun()


def delete(k):
    # The interrupted attempt did nothing, or this raises KeyError.
    del db[k]


# Interrupt the n-th call of the stream for every n, and try again what was interrupted.
n = 0
interrupted = 1
while interrupted:
    n += 1
    interrupted = 0
    want = dict(model)
    s = Stream(data)
    db = btree.open(s, cachesize=20000)
    s.countdown = n
    for i in range(0, 120, 15):
        k = b"%03d" % i
        again(lambda: delete(k))
        del want[k]
        k = b"%03d+" % (i + 7)
        again(lambda: db.put(k, b"new" * 30))
        want[k] = b"new" * 30
        k = b"%03d" % (i + 3)
        if again(lambda: db[k]) != model[k]:
            print("FAIL", n, k)
    if again(lambda: dict(db.items())) != want:
        print("FAIL", n)
    s.countdown = 0
    db.close()
    s.inner.seek(0)
    db = btree.open(s.inner)
    if dict(db.items()) != want or list(db) != sorted(want):
        print("FAIL", n, "reopened")
    db.close()
    if interrupted > 1:
        print("FAIL", n, interrupted)
print(n > 10)

# The same in flush(). Nothing is lost for reading.
n = 0
interrupted = 1
while interrupted:
    n += 1
    interrupted = 0
    want = dict(model)
    s = Stream(data)
    db = btree.open(s, cachesize=20000)
    for i in range(0, 120, 25):
        k = b"%03d" % i
        db[k] = want[k] = b"new" * 30
    s.countdown = n
    try:
        db.flush()
    except KeyboardInterrupt:
        interrupted = 1
    s.countdown = 0
    if dict(db.items()) != want:
        print("FAIL", n, "flush")
    try:
        db.close()
        s.inner.seek(0)
        db = btree.open(s.inner)
        if dict(db.items()) != want:
            print("FAIL", n, "close")
    except OSError:
        pass
print(n > 5)

# Bug: a stream that resizes a bytearray while it is the key or value of the running operation
# left the library with a pointer to freed memory. Now: OSError(EBUSY), and nothing changes.
try:
    import btree, io, uctypes, struct

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

EBUSY = 16
victim = None
# long in C, but for 32-bit Unix.
SEEK = "<qi" if struct.calcsize("l") == 8 else "<ii"


class Stream(io.IOBase):
    def __init__(self):
        self.inner = io.BytesIO()

    def readinto(self, buf):
        global victim
        if victim is not None:
            v, victim = victim, None
            v.extend(bytes(5000))
        return self.inner.readinto(buf)

    def write(self, buf):
        return self.inner.write(buf)

    def ioctl(self, request, arg):
        if request == 2:
            seek = uctypes.bytearray_at(arg, struct.calcsize(SEEK))
            size = len(seek) - 4
            seek[:size] = struct.pack(SEEK[:2], self.inner.seek(*struct.unpack(SEEK, seek)))
        return 0


s = Stream()
db = btree.open(s, pagesize=512)
for i in range(300):
    db[b"%04d" % i] = b"v" * 20
db.close()

db = btree.open(s, pagesize=512)
for what in ("get", "put key", "put value", "del", "in", "range end"):
    key = bytearray(b"0150")
    value = bytearray(b"new")
    victim = value if what == "put value" else key
    try:
        if what == "get":
            db[key]
        elif what == "in":
            key in db
        elif what == "del":
            del db[key]
        elif what == "range end":
            list(db.keys(None, key))
        else:
            db[key] = value
        print(what, "done")
    except OSError as e:
        print(what, e.errno == EBUSY)
    victim = None
    # Other pages take the place of those in the cache.
    sum(1 for _ in db.values(b"0200"))
print(len(list(db)), db[b"0150"] == b"v" * 20)
db.close()

# A method of the stream, or a finaliser, that uses the database while it is at work.

try:
    import btree, io, gc

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class Stream(io.IOBase):
    def __init__(self):
        self.inner = io.BytesIO()
        self.hook = None

    def call(self):
        if self.hook:
            hook, self.hook = self.hook, None
            hook()

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


s = Stream()
db = btree.open(s, pagesize=512)
for i in range(200):
    db["%03d" % i] = "x" * 20
db.close()


def delete():
    del db["100"]


def store():
    db["100"] = "y"


uses = [
    ("get", lambda: db.get("000")),
    ("load", lambda: db["000"]),
    ("store", store),
    ("delete", delete),
    ("put", lambda: db.put("a", "b")),
    ("in", lambda: "a" in db),
    ("seq", lambda: db.seq(3)),
    ("flush", lambda: db.flush()),
    ("close", lambda: db.close()),
    ("next", lambda: next(db.keys())),
    ("running", lambda: next(it)),
]
if hasattr(db, "pop"):
    uses += [
        ("len", lambda: len(db)),
        ("pop", lambda: db.pop("100")),
        ("popitem", lambda: db.popitem()),
        ("setdefault", lambda: db.setdefault("a", "b")),
        ("update", lambda: db.update({"a": "b"})),
        ("clear", lambda: db.clear()),
        ("first", lambda: db.first()),
        ("stat", lambda: db.stat()),
        ("exit", lambda: db.__exit__(None, None, None)),
    ]

for name, use in uses:
    s.inner.seek(0)
    db = btree.open(s)
    it = iter(db)

    # It gets OSError(EBUSY); if it does not catch that, the outer call raises it.
    def caught():
        try:
            use()
            print("FAIL", name)
        except OSError as er:
            if er.args != (16,):
                print("FAIL", name, er)

    s.hook = caught
    if db["150"] != b"x" * 20 or s.hook:
        print("FAIL", name)
    s.hook = use
    try:
        print("FAIL", name, db["050"])
    except OSError as er:
        if er.args != (16,):
            print("FAIL", name, er)
    # No harm done.
    if len(list(db)) != 200 or next(it) != b"000" or db["100"] != b"x" * 20:
        print("FAIL")
    db.close()

print("done")

# What needs nothing of the database works.
s.inner.seek(0)
db = btree.open(s)
s.hook = lambda: print(str(db)[:7], bool(db), db == db, len(str(db.items("1", "2"))) > 3)
print(db["150"])

# Another database in a method of the first one's stream.
other = btree.open(io.BytesIO(), pagesize=512)


def use_other():
    other["a"] = "b"
    print(list(other.items()))


db["150"] = "z"
s.hook = use_other
print(db.flush())

# In open() there is no database yet.
s.inner.seek(0)
s.hook = lambda: print("open")
db = btree.open(s)
print(len(list(db)))
db.close()

# Two databases over one stream, by mistake: no crash.
s.inner.seek(0)
db = btree.open(s)
s.inner.seek(0)
db2 = btree.open(s)
for i in range(100):
    db["a%d" % i] = "1"
    db2["b%d" % i] = "2"
print(db.flush(), db2.flush(), len(list(db)), len(list(db2)))

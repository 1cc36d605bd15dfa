# Thousands of damaged files: whatever they hold, calls return or raise OSError, KeyError or
# MemoryError, and scans come to an end.
#
# CORPUS in the environment names directories, with ":" between them, whose files are used, too.

try:
    import btree, io, os, sys

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

COUNT = 12000 if sys.platform == "linux" else 1000
state = 185


def below(n):
    global state
    state = (state * 1103515245 + 12345) & 0x3FFFFFFF
    return (state >> 8) % n


def build(pagesize, flags, count, size, long):
    f = io.BytesIO()
    db = btree.open(f, pagesize=pagesize, flags=flags)
    for i in range(count):
        key = "%sk%03d" % ("x" * long, i * 37 % 100)
        db[key] = bytes([i & 255]) * (size * 5 if i % 7 == 0 else size)
    for i in range(0, count, 3):
        db.pop("%sk%03d" % ("x" * long, i * 37 % 100), None)
    keys = list(db)
    db.close()
    return f.getvalue(), pagesize, keys


files = [
    build(512, 0, 60, 40, 0),
    build(512, 0, 40, 5, 210),
    build(512, 0, 20, 150, 0),
    build(512, 0, 10, 5, 600),
    build(512, 1, 150, 5, 20),
    build(1024, 0, 60, 60, 0),
]
NUMBERS = (0, 1, 2, 3, 4, 5, 8, 20, 0x20, 0x7F, 0xFF, 0x100, 0x1FF, 0x200, 0x7FFF, 0xFFFF)


def number(pages):
    n = below(4)
    if n == 0:
        return below(pages + 1)
    if n == 1:
        return below(0x10000) << 16 | below(0x10000)
    return NUMBERS[below(len(NUMBERS))]


def put(data, at, size, value):
    # Files are of the machine's byte order; here it is little.
    data[at : at + size] = value.to_bytes(4, "little")[:size]


def damage(data, pagesize):
    pages = len(data) // pagesize
    page = below(pages) * pagesize
    kind = below(9)
    if kind == 0:
        data[page + below(pagesize)] ^= 1 << below(8)
    elif kind == 1:
        # Anywhere, or in a header or index.
        put(data, page + below(80 if below(2) else pagesize - 3) // 2 * 2, 2, number(pages))
    elif kind == 2:
        # A link, a type, or a field of page 0.
        put(data, page + (0, 4, 8, 12)[below(4)], 4, number(pages))
    elif kind == 3:
        put(data, page + (16, 18)[below(2)], 2, number(pages))
    elif kind == 4:
        # A child, a size or a reference.
        lower, at = int.from_bytes(data[page + 16 : page + 18], "little"), 0
        if 20 < lower <= pagesize:
            slot = page + 20 + below((lower - 20) // 2) * 2
            at = int.from_bytes(data[slot : slot + 2], "little")
        if at < pagesize - 20:
            put(data, page + at + (0, 4, 8, 9, 13)[below(5)], 4, number(pages))
    elif kind == 5:
        other = below(pages) * pagesize
        copy = data[other : other + pagesize]
        if below(2):
            data[other : other + pagesize] = data[page : page + pagesize]
            put(data, other, 4, other // pagesize)
        data[page : page + pagesize] = copy
        put(data, page, 4, page // pagesize)
    elif kind == 6:
        data[page : page + pagesize] = bytes(pagesize)
    elif kind == 7:
        put(data, 12, 4, number(pages))
    else:
        put(data, page + 16, 2, 20)
        put(data, page + 18, 2, pagesize)


def walk(iterator, most):
    n = 0
    for _ in iterator:
        n += 1
        if n > most:
            raise AssertionError("no end")
    return n


errors = {}


def attempt(function, *args):
    try:
        return function(*args)
    except (OSError, KeyError, MemoryError) as er:
        name = type(er).__name__
        errors[name] = errors.get(name, 0) + 1
        if name == "OSError" and er.errno not in (22, 27):
            raise


def set_item(db, key, value):
    db[key] = value


def use(data, keys):
    """True if the file is opened."""
    f = io.BytesIO(data)
    db = attempt(btree.open, f)
    if db is None:
        return False
    most = len(data) // 8
    attempt(walk, db.items(), most)
    attempt(walk, db.items(None, None, btree.DESC), most)
    attempt(walk, db.keys(keys[below(len(keys))]), most)
    attempt(walk, db.values(prefix="k0"), most)
    for i in range(0, len(keys), 2):
        attempt(db.get, keys[i])
        attempt(lambda: db[keys[i]])
    attempt(len, db)
    attempt(db.stat)
    iterator = db.items()
    for i in range(12):
        key = keys[below(len(keys))] if below(2) else "new%d" % below(9)
        attempt(set_item, db, key, bytes((3, 90, 250, 700)[below(4)]))
        attempt(db.pop, keys[below(len(keys))])
        attempt(next, iterator, None)
    attempt(db.flush)
    attempt(walk, db, most + 100)
    if below(4) == 0:
        attempt(db.clear)
    attempt(db.close)
    db = btree.open(f)
    attempt(walk, db.keys(None, None, btree.DESC), most + 100)
    db.close()
    return True


opened = unharmed = 0
for i in range(COUNT):
    image, pagesize, keys = files[i % len(files)]
    data = bytearray(image)
    for _ in range(1 + below(3)):
        damage(data, pagesize)
    if below(12) == 0:
        data = data[: below(len(data))]
    before = errors.get("OSError", 0)
    try:
        opened += use(bytes(data), keys)
    except Exception as er:
        print("mutant", i, repr(er))
        with open("mutant-%d.db" % i, "wb") as f:
            f.write(data)
    unharmed += before == errors.get("OSError", 0)

getenv = getattr(os, "getenv", lambda _: None)
for directory in (getenv("CORPUS") or "").split(":") if getenv("CORPUS") else ():
    names = sorted(entry[0] for entry in os.ilistdir(directory) if entry[1] == 0x8000)
    if not names:
        print("nothing in", directory)
    for name in names:
        with open(directory + "/" + name, "rb") as f:
            data = f.read()
        try:
            use(data, [b"", b"0", b"key", b"k00028", b"\xff\xff\xff"])
        except Exception as er:
            print(directory, name, repr(er))

# A test of damage has to do some, and not too much.
print("opened:", COUNT // 2 < opened < COUNT, "unharmed:", COUNT // 20 < unharmed < COUNT // 2)

# Streams that are no database, or a damaged one.

try:
    import btree, io, struct
except ImportError:
    print("SKIP")
    raise SystemExit


def what(data, use=list):
    try:
        db = btree.open(io.BytesIO(data))
    except OSError as er:
        print("open", er.errno, len(er.args))
        return
    try:
        print(len(use(db)))
    except OSError as er:
        print("use", er.errno, len(er.args))


f = io.BytesIO()
db = btree.open(f, pagesize=512)
for i in range(100):
    db["%03d" % i] = "value %d" % i
db.close()
good = f.getvalue()
what(good)

# No header.
for n in (1, 10, 20, 23):
    what(b"x" * n)
what(b"x" * 24)
what(b"x" * 5000)
what(bytes(5000))
what(b"SQLite format 3\0" + bytes(2000))
for i in (0, 4, 23):
    what(good[:i] + b"\xff" + good[i + 1 :])


def header(n, value):
    return good[: 4 * n] + struct.pack("<I", value) + good[4 * n + 4 :]


# Version, page size, flags.
for n, value in ((1, 2), (1, 4), (2, 0), (2, 256), (2, 511), (2, 65538), (2, 1 << 31), (5, 0x40), (5, 0x80), (5, 0xFF), (5, 1)):
    what(header(n, value))
# The head of the free list.
what(header(3, 99999))

# Cut off.
for n in (24, 34, 511, 512, 513, 1023):
    what(good[:n])
print("cut")
for n in range(1024, len(good), 512):
    what(good[:n])
# The rest of a page at the end does not count.
what(good + b"x" * 100)


# Pages of zeros and of garbage.
for page in range(1, len(good) // 512):
    for byte in (b"\0", b"\xff", b"\x01"):
        try:
            db = btree.open(io.BytesIO(good[: page * 512] + byte * 512 + good[page * 512 + 512 :]))
            n = 0
            for k in db:
                n += 1
                if n > 1000:
                    break
            print("n", n < 100, end=" ")
        except OSError as er:
            print(er.errno, len(er.args), end=" ")
    print()

# What is told about it.
try:
    list(btree.open(io.BytesIO(good[:512] + bytes(512) + good[1024:])))
except OSError as er:
    print(er.errno, er.args[1][:6], "offset" in er.args[1], str(er)[-len(er.args[1]) :] == er.args[1])

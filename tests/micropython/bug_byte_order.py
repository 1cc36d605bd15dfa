# C module: files of a machine of the other byte order were damaged by writing to them,
# and their big values could not be read.

try:
    import btree, io, struct
except ImportError:
    print("SKIP")
    raise SystemExit


def page(order, no, prev, next, flags, entries):
    data = bytearray(512)
    upper = 512
    index = b""
    for e in entries:
        upper -= (len(e) + 3) & ~3
        data[upper : upper + len(e)] = e
        index += struct.pack(order + "H", upper)
    if flags == 4:
        data[20 : 20 + len(entries[0])] = entries[0]
        index, upper = b"", 0
    lower = 20 + len(index) if flags != 4 else 0
    data[:20] = struct.pack(order + "IIIIHH", no, prev, next, flags, lower, upper)
    if index:
        data[20 : 20 + len(index)] = index
    return data


# A file by hand: the root, two leaves, a big value, a big key, a page on the free list.
def build(order):
    big = b"B" * 492 + b"C" * 108
    key = b"x" * 400

    def leaf(k, v, flags=0):
        return struct.pack(order + "IIB", len(k), len(v), flags) + k + v

    def ref(no, size):
        return struct.pack(order + "II", no, size)

    return (
        bytearray(struct.pack(order + "IIIIII", 0x053162, 3, 512, 7, 0, 0x20) + bytes(488))
        + page(
            order,
            1,
            0,
            0,
            1,
            [struct.pack(order + "IIB", 0, 2, 0), struct.pack(order + "IIB", 4, 3, 0) + b"kiwi"],
        )
        + page(order, 2, 0, 3, 2, [leaf(b"apple", b"1"), leaf(b"banana", ref(4, 600), 1), leaf(b"cherry", b"")])
        + page(order, 3, 2, 0, 2, [leaf(b"kiwi", b"4"), leaf(b"lemon", b"5" * 50), leaf(ref(6, 400), b"6", 2)])
        + page(order, 4, 0, 5, 4, [big[:492]])
        + page(order, 5, 0, 0, 4, [big[492:]])
        + page(order, 6, 0, 0, 4, [key])
        + page(order, 7, 0, 0, 2, [])
    )


for order in "<>":
    f = io.BytesIO(build(order))
    db = btree.open(f)
    want = {
        b"apple": b"1",
        b"banana": b"B" * 492 + b"C" * 108,
        b"cherry": b"",
        b"kiwi": b"4",
        b"lemon": b"5" * 50,
        b"x" * 400: b"6",
    }
    print(order, list(db.items()) == sorted(want.items()), db["x" * 400], db.flush())
    f.seek(0)
    print(f.read() == build(order), end=" ")
    # Writing, and reading with the same handle.
    for i in range(100):
        k = b"new%02d" % (i * 7 % 100)
        db[k] = want[k] = b"n" * i
        if i % 30 == 10:
            print(db.flush(), dict(db.items()) == want, end=" ")
    db["big"] = want[b"big"] = b"b" * 2000
    db["y" * 300] = want[b"y" * 300] = b"y"
    for k in (b"banana", b"kiwi", b"x" * 400):
        del db[k], want[k]
    print(db.flush(), dict(db.items()) == want, db.close())
    # Written in the order of the file.
    data = f.getvalue()
    print(struct.unpack(order + "III", data[:12]) == (0x053162, 3, 512), len(data) % 512)
    f.seek(0)
    db = btree.open(f)
    print(dict(db.items()) == want, list(db) == sorted(want))
    db.close()

# New ones are in the order of the machine.
f = io.BytesIO()
db = btree.open(f, pagesize=512)
db["a"] = "b"
db.close()
print(struct.unpack("@I", f.getvalue()[:4])[0] == 0x053162)

# Scans of all keys that share a prefix, against a list.

try:
    import btree, io

    btree.open(io.BytesIO(), pagesize=512).pop
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


def check(keys, prefixes):
    db = btree.open(io.BytesIO(), pagesize=512)
    keys = sorted(keys)
    for k in keys:
        db[k] = b"v" + k
    n = 0
    for prefix in prefixes:
        up = [k for k in keys if k.startswith(prefix)]
        down = list(reversed(up))
        for flags in (0, btree.DESC, btree.INCL, btree.INCL | btree.DESC):
            want = down if flags & btree.DESC else up
            if (
                list(db.keys(prefix=prefix, flags=flags)) != want
                or list(db.values(prefix=prefix, flags=flags)) != [b"v" + k for k in want]
                or list(db.items(prefix=prefix, flags=flags)) != [(k, b"v" + k) for k in want]
            ):
                print("FAIL", prefix, flags, want, list(db.keys(prefix=prefix, flags=flags)))
            n += 1
    db.close()
    print(len(keys), "keys:", n, "scans")


prefixes = [b"", b"\0", b"a", b"aa", b"ab", b"b", b"c", b"\xfe", b"\xff", b"\xff\xff", b"\xff\xff\xff"]
check([], prefixes)
check([b""], prefixes)
check([b"a"], prefixes)
check([b"", b"\0", b"a", b"a\xff", b"aa", b"aaa", b"ab", b"b", b"\xff", b"\xff\0", b"\xff\xff", b"\xff\xff\xff"], prefixes)
check(
    [b"user:%02d:%s" % (i, what) for i in range(30) for what in (b"name", b"mail", b"x" * 280)] + [b"use", b"user", b"users"],
    [b"u", b"user", b"user:", b"user:0", b"user:07", b"user:07:", b"user:07:x", b"user:07:" + b"x" * 279, b"user:07:" + b"x" * 281, b"users", b"v"],
)

db = btree.open(io.BytesIO(), pagesize=512)
for k in ("a1", "a2", "b1", "b2"):
    db[k] = k
print(list(db.keys(prefix="b")), list(db.values(None, None, btree.DESC, prefix=b"a")))
print(list(db.items(prefix=bytearray(b"a1"))), list(db.keys(prefix=None)))
for args, kwargs in ((("a",), {}), ((None, "b"), {}), ((), {"start": "a"}), ((), {"end": "a"})):
    for fun in (db.keys, db.values, db.items):
        try:
            fun(*args, prefix="a", **kwargs)
        except TypeError as er:
            print(er)
try:
    next(db.keys(prefix=1))
except TypeError as er:
    print(er)

# Changes while scanning.
for k in db.keys(prefix="a"):
    db["a" + chr(k[1] + 1)] = "more"
    if len(k) > 1 and k[1] > 56:
        break
print(list(db.keys(prefix="a")))
for k in db.keys(prefix="a", flags=btree.DESC):
    del db[k]
print(list(db))

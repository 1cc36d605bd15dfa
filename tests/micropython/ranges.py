# keys(), values() and items() of all ranges in both directions, against a list.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit


def model(keys, start, end, flags):
    if flags & btree.DESC:
        return [
            k
            for k in reversed(keys)
            if (start is None or k <= start)
            and (end is None or k > end or (flags & btree.INCL and k == end))
        ]
    return [
        k
        for k in keys
        if (start is None or k >= start)
        and (end is None or k < end or (flags & btree.INCL and k == end))
    ]


def check(keys, bounds):
    db = btree.open(io.BytesIO(), pagesize=512)
    for k in keys:
        db[k] = b"v" + k
    n = 0
    for start in bounds:
        for end in bounds:
            for flags in (0, btree.INCL, btree.DESC, btree.INCL | btree.DESC):
                want = model(keys, start, end, flags)
                if (
                    list(db.keys(start, end, flags)) != want
                    or list(db.values(start, end, flags)) != [b"v" + k for k in want]
                    or list(db.items(start, end, flags)) != [(k, b"v" + k) for k in want]
                ):
                    print("FAIL", start, end, flags, want, list(db.keys(start, end, flags)))
                n += 1
    db.close()
    print(len(keys), "keys:", n, "ranges")


some = [None, b"", b"\0", b"a", b"aa", b"aab", b"ab", b"b", b"ba", b"c", b"\xff", b"\xff\xff"]
check([], some)
check([b""], some)
check([b"ab"], some)
check([b"a", b"aa", b"ab", b"b", b"c"], some)
check([b"", b"\0", b"a\0", b"aa", b"b", b"\xff"], some)

# Over several pages, some keys and bounds longer than a page.
keys = sorted([b"%03d" % i for i in range(0, 80, 2)] + [b"02", b"0", b"05" + b"x" * 600, b"05" + b"x" * 601, b"04" + b"y" * 300])
bounds = [None, b"", b"000", b"001", b"018", b"02", b"0201", b"037", b"05", keys[-3], b"05" + b"x" * 599, b"05" + b"x" * 602, b"078", b"079", b"1"]
check(keys, bounds)

# Arguments by name, and those left out.
db = btree.open(io.BytesIO(), pagesize=512)
for i in "12345":
    db[i] = i
print(list(db.keys("2")), list(db.keys("2", "4")), list(db.keys(None, "2")))
print(list(db.keys(start="4")), list(db.keys(end="2")), list(db.keys(flags=btree.DESC)))
print(list(db.values(end="3", flags=btree.INCL)), list(db.items("2", flags=btree.DESC)))
print(list(db.keys(b"5", b"1", btree.DESC)), list(db.keys(b"1", b"5", btree.DESC)))

# seq(): a cursor of the database's own.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

CURSOR, FIRST, LAST, NEXT, PREV = 1, 3, 6, 7, 9

db = btree.open(io.BytesIO(), pagesize=512)
for flag in (FIRST, LAST, NEXT, PREV):
    print(db.seq(flag), end=" ")
print(db.seq(CURSOR, b""))
for k in "13579":
    db[k] = "v" + k

# Without a place so far, next and previous begin at an end.
print(db.seq(NEXT), db.seq(NEXT), db.seq(PREV), db.seq(PREV))
db2 = btree.open(io.BytesIO(), pagesize=512)
db2["a"] = db2["b"] = ""
print(db2.seq(PREV), db2.seq(PREV), db2.seq(PREV), db2.seq(NEXT))

print(db.seq(FIRST), db.seq(LAST), db.seq(PREV), db.seq(NEXT), db.seq(NEXT))
print(db.seq(CURSOR, b"5"), db.seq(NEXT), db.seq(CURSOR, "4"), db.seq(PREV))
print(db.seq(CURSOR, b""), db.seq(CURSOR, bytearray(b"2"), "ignored"))

# What finds nothing leaves the cursor where it was.
print(db.seq(CURSOR, b"5"), db.seq(CURSOR, b"99"), db.seq(NEXT))
print(db.seq(LAST), db.seq(NEXT), db.seq(NEXT), db.seq(PREV))
db["99"] = "new"
print(db.seq(LAST), db.seq(NEXT), db.seq(FIRST), db.seq(PREV), db.seq(NEXT))
db.seq(LAST)
db["A"] = "added behind"
print(db.seq(NEXT))
del db["A"], db["99"]

# The item it is at may go or change.
print(db.seq(CURSOR, "5"))
del db["5"]
print(db.seq(NEXT), db.seq(PREV))
db["5"] = "v5"
print(db.seq(CURSOR, "5"))
del db["5"]
print(db.seq(PREV))
db["3"] = "other"
print(db.seq(NEXT), db.seq(PREV), db.seq(PREV))

# Iterators do not know of it, nor it of them.
db.seq(FIRST)
it = iter(db)
print(next(it), db.seq(NEXT), next(it), db.seq(NEXT), next(it), db.seq(PREV))

# Bad ones.
for args in ((0,), (2,), (4,), (5,), (8,), (10,), (-1,), (1 << 40,), (b"foo1",), (None,), (1,)):
    try:
        print(db.seq(*args))
    except OSError as er:
        print(er.args, end=" ")
print()
for args in ((), (3, 1, 2, 3), (1, None), (1, 5)):
    try:
        print(db.seq(*args))
    except TypeError as er:
        print("TypeError", end=" ")
print()
print(db.seq(NEXT))

# Against a list, with changes.
seed = 5


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


for k in list(db):
    del db[k]
model = {}
at = None
db = btree.open(io.BytesIO(), pagesize=512)
for i in range(2500):
    k = b"%03d" % rnd(150)
    what = rnd(12)
    if what < 3:
        db[k] = model[k] = b"v" * rnd(60)
    elif what < 5:
        if at is not None and rnd(3) == 0:
            k = at
        if k in model:
            del db[k]
            del model[k]
    else:
        keys = sorted(model)
        want = None
        if what == 5:
            got = db.seq(FIRST)
            want = keys[0] if keys else None
        elif what == 6:
            got = db.seq(LAST)
            want = keys[-1] if keys else None
        elif what == 7:
            got = db.seq(CURSOR, k)
            for want in keys:
                if want >= k:
                    break
            else:
                want = None
        elif what < 10:
            got = db.seq(NEXT)
            for want in keys:
                if at is None or want > at:
                    break
            else:
                want = None
        else:
            got = db.seq(PREV)
            for want in reversed(keys):
                if at is None or want < at:
                    break
            else:
                want = None
        if got != (None if want is None else (want, model[want])):
            print("FAIL", what, at, got, want)
        if want is not None:
            at = want
print(len(model) > 20, list(db) == sorted(model))

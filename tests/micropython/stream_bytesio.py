# A database in a BytesIO: two lives with changes, compared with a dict.

try:
    import btree, io, gc
except ImportError:
    print("SKIP")
    raise SystemExit


def life(f, model, turn, **kwargs):
    db = btree.open(f, **kwargs)
    ok = dict(db.items()) == model
    for i in range(120):
        k = b"key%d" % (i * 13 % 121)
        if i % 5 == turn:
            if k in model:
                del db[k], model[k]
        elif i % 3:
            db[k] = model[k] = b"value %d " % i * (i % 6 + 1)
        if i % 40 == 0:
            db.flush()
    for n in (300, 900):
        db[b"big%d" % n] = model[b"big%d" % n] = b"%d" % turn * n
        db[b"long" + b"k" * n] = model[b"long" + b"k" * n] = b"long key"
    ok = ok and dict(db.items()) == model and list(db) == sorted(model)
    return db.close() == 0 and ok


for kwargs in ({"pagesize": 512}, {"pagesize": 1024}, {"pagesize": 1000}, {"pagesize": 512, "cachesize": 6000}):
    f = io.BytesIO()
    model = {}
    for turn in range(3):
        print(life(f, model, turn, **kwargs), end=" ")
        f.seek(0)
    print()
    # Another stream with the same bytes.
    f = io.BytesIO(f.getvalue())
    print(life(f, model, 3))
    gc.collect()

# The content of the stream after each call: nothing before flush().
f = io.BytesIO()
db = btree.open(f, pagesize=512)
db["a"] = "1"
print(len(f.getvalue()), db.flush(), len(f.getvalue()))
before = f.getvalue()
for i in range(50):
    db[str(i)] = "x"
print(f.getvalue() == before, db.flush(), f.getvalue() == before)
before = f.getvalue()
print(db.flush(), db.close(), f.getvalue() == before)

# Opened and closed, or only read, it stays as it is.
f.seek(0)
db = btree.open(f)
print(len(list(db)), "a" in db, db.flush(), db.close(), f.getvalue() == before)

# The user may move the stream between two calls.
f.seek(0)
db = btree.open(f)
for i in range(100):
    f.seek(i * 5)
    db[str(i)] = "y"
    if i % 10 == 0:
        f.seek(1)
        db.flush()
        f.read(3)
    if db[str(i)] != b"y":
        print("FAIL")
f.seek(3)
db.close()
f.seek(0)
db = btree.open(f)
print(len(list(db)), set(db.values()) == {b"1", b"y"})
db.close()

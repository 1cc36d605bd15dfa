# Every method of the C module: what it returns and what it raises.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)

# Storing and loading, with any object that has a buffer.
print(db.put(b"b", b"1"), db.put(b"b", b"2"), db.put("c", "3", "ignored"))
db[bytearray(b"a")] = memoryview(b"xyz")[1:]
db[memoryview(b"abcd")[3:]] = bytearray(b"4")
print(db[b"a"], db["b"], db[bytearray(b"c")], db[memoryview(b"d")])
try:
    import array

    db[array.array("B", [101])] = array.array("B", [53, 54])
except ImportError:
    db[b"e"] = b"56"
print(db["e"])

# What comes back is bytes, and a copy.
value = bytearray(b"first")
db["v"] = value
value[0] = 0
print(db["v"], type(db["v"]), type(list(db)[0]))
db["v"] = "\u00e9"
print(db["v"])

# get() and in.
print(db.get(b"a"), db.get(b"nix"), db.get(b"nix", 42), db.get(b"a", 42))
print(b"a" in db, "a" in db, b"nix" in db, b"nix" not in db, b"aa" in db)

# Deleting.
del db["v"]
print("v" in db)


def what(fun, *args):
    try:
        print(fun(*args))
    except Exception as er:
        print(repr(er))


def delete(key):
    del db[key]


def store(key, value):
    db[key] = value


what(lambda: db[b"nix"])
what(delete, b"nix")
what(delete, b"v")

# Walking.
print(list(db))
print(list(db.keys()), list(db.values()))
print(list(db.items()))
for key in db:
    print(key, end=" ")
print()
print([k for k, v in db.items(b"b", b"d")], sorted(dict(db.items("d")).items()))

# Not a buffer.
what(lambda: db[1])
what(store, 1, b"")
what(store, b"", 1)
what(store, b"", None)
what(delete, None)
what(lambda: 1 in db)
what(db.get, 1)
what(db.put, b"", 1)
what(db.seq, 1, 1)
what(lambda: next(db.keys(1)))
what(lambda: next(db.keys(None, 1)))

# Arguments.
for fun in (db.get, db.put, db.seq, db.flush, db.close):
    for n in (0, 1, 2, 3, 4, 5):
        args = (b"x",) * n
        try:
            fun(*args)
        except TypeError:
            print(n, end=" ")
        except OSError as er:
            print("OSError", er.args, end=" ")
    print()
db = btree.open(f)
what(db.keys, 1, 2, 3, 4)
what(lambda: db.keys(begin=1))
what(db.keys, None, None, "x")
for flags in (-1, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x40000001):
    for fun in (db.keys, db.values, db.items):
        try:
            fun(None, None, flags)
            print("no error")
        except OSError as er:
            print(er.args, end="")
print()

# The object.
print(str(db)[:7], str(db)[-1], repr(db) == str(db))
print(type(db), bool(db), db == db, db == btree.open(io.BytesIO()), db != 1, {db: 1}[db])
what(type(db))
what(lambda: db + 1)
what(lambda: db + b"1")
what(lambda: 1 + db)
what(lambda: -db)
what(lambda: db < db)
try:
    db.attribute = 1
except AttributeError:
    print("AttributeError")
print(btree.INCL, btree.DESC, btree.__name__)

print(db.flush(), db.flush(), db.close(), db.close())
f.seek(0)
db = btree.open(f)
print(list(db.items()))
print(db.close())
f.close()

# What a dict has and the C module has not.

try:
    import btree, io, gc

    db = btree.open(io.BytesIO(), pagesize=512)
    db.pop
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


def what(fun, *args, **kwargs):
    try:
        print(fun(*args, **kwargs))
    except Exception as er:
        print(type(er), er.args)


# len() counts; a database is true all the same.
print(len(db), bool(db))
for i in range(150):
    db["%03d" % i] = str(i)
print(len(db), bool(db))
db["007"] = "overwritten"
print(len(db))
del db["007"]
print(len(db))

# pop()
print(db.pop("008"), "008" in db, len(db))
what(db.pop, "008")
what(db.pop, "008", None)
what(db.pop, "008", "default")
what(db.pop, b"009", "default")
what(db.pop, 1)
what(db.pop)
what(db.pop, 1, 2, 3)
db["big"] = "b" * 2000
print(len(db.pop("big")))

# popitem(): the last one.
print(db.popitem(), db.popitem(), len(db))

# first(), last()
print(db.first(), db.last(), len(db))

# setdefault()
print(db.setdefault("008", "new"), db["008"], db.setdefault("008", "newer"), db["008"])
print(db.setdefault("none"), db["none"], db.setdefault("none", "x"))
print(db.setdefault("array", bytearray(b"1")))
what(db.setdefault, "x", 1)
what(db.setdefault, 1)
what(db.setdefault)
print("x" in db)

# clear()
it = db.keys("100")
print(next(it))
print(db.clear(), len(db), list(db), bool(db), list(it))
what(db.popitem)
what(db.first)
what(db.last)
what(db.clear, 1)

# update()
print(db.update(), len(db))
db.update({"a": "1", b"b": bytearray(b"2")})
db.update([("c", "3"), ["d", "4"]])
db.update((k, k) for k in ("e", "f"))
db.update(g="5", h=b"6")
db.update({"a": "7"}, i="8")
print(list(db.items()))
other = btree.open(io.BytesIO(), pagesize=512)
other["x"] = "y"
other["z" * 300] = "z" * 1000
db.update(other)
print(len(db), db["x"], len(db["z" * 300]))
db.update(db)
db.update(db.items("a", "c"))
print(len(db))
what(db.update, 1)
what(db.update, {"a": 1})
what(db.update, a=1)
try:
    db.update([1])
except TypeError:
    print("TypeError")
what(db.update, [("j",)])
what(db.update, [("j", "k", "l")])
what(db.update, {}, {})
print(len(db), db["a"])
d = {}
d.update(db.items())
print(len(d), d[b"x"])

# They all agree after more of this.
db.clear()
model = {}
seed = 7


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


for i in range(1000):
    k = b"%03d" % rnd(100)
    r = rnd(7)
    if r == 0:
        ok = db.pop(k, 0) == model.pop(k, 0)
    elif r == 1:
        v = b"v" * rnd(40)
        ok = db.setdefault(k, v) == model.setdefault(k, v)
    elif r == 2 and rnd(4) == 0 and model:
        last = max(model)
        ok = db.popitem() == (last, model.pop(last))
    elif r == 3:
        ok = not model or db.first()[0] == min(model) and db.last()[0] == max(model)
    else:
        v = b"w" * rnd(70)
        db.update({k: v})
        model[k] = v
        ok = True
    if not ok or len(db) != len(model):
        print("FAIL", r)
print(len(db) == len(model), list(db) == sorted(model))

# stat()
db = model = other = d = it = None
gc.collect()
f = io.BytesIO()
db = btree.open(f, pagesize=512)
s = db.stat()
print(sorted(s))
print(s["pagesize"], s["depth"], s["free"])
for i in range(100):
    db["%03d" % i] = "x" * 30
s = db.stat()
print(s["depth"], s["dirty"] > 5, s["cached"] >= s["dirty"])
db.flush()
s = db.stat()
print(s["dirty"], s["pages"] == len(f.getvalue()) // 512)
for i in range(90):
    del db["%03d" % i]
s = db.stat()
print(s["free"] > 5, s["pages"] == len(f.getvalue()) // 512)
what(db.stat, 1)

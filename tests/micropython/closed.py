# A closed database.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
db["1"] = "one"
db["2"] = "two"
running = db.items()
print(next(running))
fresh = db.keys("1")
exhausted = db.values()
print(list(exhausted))
print(db.close(), db.close())
print(db)


def what(name, fun):
    try:
        print(name, fun())
    except Exception as er:
        print(name, repr(er))


def store():
    db["1"] = "one"


def delete():
    del db["1"]


what("get", lambda: db.get("1"))
what("put", lambda: db.put("1", "one"))
what("put", lambda: db.put(1, 1))
what("seq", lambda: db.seq(3))
what("seq", lambda: db.seq(7))
what("seq", lambda: db.seq(0))
what("flush", lambda: db.flush())
what("load", lambda: db["1"])
what("store", store)
what("delete", delete)
what("in", lambda: "1" in db)
try:
    db + 1
except (TypeError, ValueError):
    print("add refused")
what("close", lambda: db.close())
# These return an iterator, which then raises.
for fun in (db.keys, db.values, db.items, lambda: iter(db), lambda: db.keys("1", "2", btree.DESC)):
    it = fun()
    what("next", lambda: next(it))
    what("next", lambda: next(it))
what("running", lambda: next(running))
what("fresh", lambda: next(fresh))
what("exhausted", lambda: list(exhausted))
print(bool(db), db == db, db != 1)
what("close", lambda: db.close())

# The stream is still open.
f.seek(0)
print(len(f.read()) % 512)
f.seek(0)
db = btree.open(f)
print(list(db.items()))
db.close()
f.close()

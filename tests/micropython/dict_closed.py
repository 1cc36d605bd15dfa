# A closed database: what a dict has and the C module has not.

try:
    import btree, io

    db = btree.open(io.BytesIO(), pagesize=512)
    db.pop
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


def what(name, fun):
    try:
        print(name, fun())
    except Exception as er:
        print(name, repr(er))


db["1"] = "one"
db.close()
what("len", lambda: len(db))
what("pop", lambda: db.pop("1"))
what("pop", lambda: db.pop("1", 2))
what("popitem", lambda: db.popitem())
what("setdefault", lambda: db.setdefault("1", "2"))
what("update", lambda: db.update({"1": "2"}))
what("update", lambda: db.update(a="2"))
what("clear", lambda: db.clear())
what("first", lambda: db.first())
what("last", lambda: db.last())
what("stat", lambda: db.stat())
what("prefix", lambda: list(db.keys(prefix="1")))
what("enter", lambda: db.__enter__() is db)
what("exit", lambda: db.__exit__(None, None, None))
print(bool(db), hash(db) == hash(db))

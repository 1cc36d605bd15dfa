# Changing fields of documents, and what indexes and queries make of it.

try:
    import btree
    import microtetherdb
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

db = MicroTetherDB(index=["n", "a.b"])


def text(changes):
    # (The order of a dict is not the same everywhere, nor is a long text of use.)
    return (
        str(sorted(changes.items(), key=lambda item: item[0]))[:60]
        if isinstance(changes, dict)
        else changes
    )


def canonical(value):
    if isinstance(value, dict):
        return [[name, canonical(value[name])] for name in sorted(value)]
    return value


def show(changes, which="k", doc={"n": 1, "a": {"b": 2}, "l": [1, {"x": 2}]}):
    db.put("k", doc, tags=["t"])
    try:
        changed = db.update(which, changes)
        print(text(changes), changed, canonical(db.get("k")))
    except microtetherdb.DatabaseError as e:
        print(text(changes), type(e).__name__, e)
        if db.get("k") != doc:
            print("FAIL changed")
    doc = db.get("k")
    if (
        isinstance(doc, dict)
        and [key for key, _ in db.find({"n": doc.get("n")})] != ["k"]
        or len(db.query({"tags": "t"})) != 1
    ):
        print("FAIL index")


show({"n": 5})
show({"m": [1, 2]})
show({"a.b": "new"})
show({"a.c.d": 7})
show({"l.0": 9})
show({"l.1.x": 9})
show({"$set": {"n": None}})
show({"$unset": ["n"]})
show({"$unset": "a.b"})
show({"$unset": {"a": 1}})
show({"$unset": ["x.y.z", "l.0"]})
show({"$inc": {"n": 2}})
show({"$inc": {"n": -0.5}})
show({"$inc": {"new": 3}})
show({"$inc": {"l.0": 5}})
show({"$push": {"l": 3}})
show({"$push": {"new": 3}})
show({"n": 3}, {"n": 1})
show({"n": 3}, {"n": 2})
show({"n": 3}, "nothing")
# Refused
show({})
show([])
show({"$foo": {"n": 1}})
show({"$set": {"n": 1}, "m": 2})
show({"$inc": {"n": "1"}})
show({"$inc": {"a": 1}})
show({"$inc": {"n": True}})
show({"$push": {"n": 1}})
show({"$set": 5})
show({"n.x": 1})
show({"l.5": 1})
show({"l.x": 1})
show({"": 1})
show({"n": b"x"})
show({"n": "x" * 9000})
show({"n": 1}, "k", 17)

db.delete(purge=True)
db.put_batch([{"n": i, "a": {"b": i % 3}} for i in range(30)])
print(
    db.update({"a.b": 1}, {"$inc": {"n": 100}, "$set": {"a.b": 5}}),
    db.count({"a.b": 5, "n": {"$gte": 100}}),
    db.count({"a.b": 1}),
)
print(
    db.update({}, {"$unset": ["a"]}),
    db.count({"a.b": {"$exists": False}}),
    db.update({"n": {"$gt": 1000}}, {"x": 1}),
)
try:
    db.update(5, {"x": 1})
except microtetherdb.QueryError as e:
    print(e)
try:
    db.update("k", {"x": 1}, ttl=0)
except microtetherdb.InvalidValueError as e:
    print(e)

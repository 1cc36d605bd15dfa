# $sort, $skip and $limit, with and without an index.

try:
    import btree
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

docs = [
    {"n": 5, "s": "b", "t": 1},
    {"n": -5, "s": "a", "t": 2},
    {"n": 5.5, "s": "b", "t": 3},
    {"n": "5", "s": "c", "t": 4},
    {"n": None, "s": "a", "t": 5},
    {"s": "b", "t": 6},
    {"n": [1, 9], "s": "a", "t": 7},
    {"n": True, "s": "c", "t": 8},
    {"n": {"x": 1}, "s": "a", "t": 9},
    {"n": 10**30, "s": "a" * 40, "t": 10},
    {"n": 5, "s": "a" * 41, "t": 11},
    {"n": -0.001, "s": "a" * 40 + "b", "t": 12},
    {"n": 0, "s": "a" * 39, "t": 13},
    {"n": [], "s": "", "t": 14},
    {"n": -(10**30), "s": "a\0", "t": 15},
]
plain = MicroTetherDB()
indexed = MicroTetherDB(index=["n", "s", "t"])
short = MicroTetherDB(index=["s"])
for doc in docs:
    key = "k%02d" % (doc["t"] * 7 % 16)
    for db in (plain, indexed, short):
        db.put(key, doc)


def show(query):
    lists = [[doc["t"] for doc in db.query(query)] for db in (plain, indexed, short)]
    names = sorted(query.items(), key=lambda item: item[0])
    print(names, lists[0], "" if lists[0] == lists[1] == lists[2] else "FAIL %s" % lists)


for sort in (
    "n",
    "-n",
    "s",
    "-s",
    "t",
    {"t": -1},
    "_id",
    "-_id",
    "none",
    ["s", "n"],
    ["-s", "n"],
    [("s", -1), ("t", 1)],
    ["s", "-t"],
    [("s", -1), ("t", -1)],
):
    show({"$sort": sort})
for part in (
    {"$limit": 4},
    {"$limit": 4, "$skip": 3},
    {"$skip": 12},
    {"$skip": 20},
    {"$limit": 0},
    {"$limit": 100},
    {"$limit": None},
):
    for sort in ("s", "-s", "-t", "_id", "-_id", ["s", "-t"]):
        query = {"$sort": sort}
        query.update(part)
        show(query)
show({"$sort": "-t", "t": {"$gt": 4, "$lte": 9}})
show({"$sort": "-t", "t": {"$in": [3, 14, 8]}, "$limit": 2})
show({"$sort": "t", "s": "a"})
show({"$sort": "-s", "s": {"$startswith": "aaa"}})
show({"$sort": "-_id", "_id": {"$gt": "k03"}, "$limit": 5})
show({"$sort": "-_id", "_id": {"$in": ["k03", "k05", "k01"]}})
print(
    [len(plain.query({"$limit": n})) for n in (0, 1, 5, 100)],
    plain.count({"$limit": 3}),
    plain.count({"$skip": 13}),
)
for query in (
    {"$sort": "s", "$limit": 2},
    {"$sort": "-_id", "$limit": 2},
    {"$sort": "n", "$limit": 2},
    {"t": {"$gt": 5}, "$sort": "t"},
):
    how = indexed.explain(query)
    print(query["$sort"], how["plan"], how["index"], how["ordered"], how["returned"])

# A string that goes on with a zero, in a second place; conditions on keys that rule each other out.
db = MicroTetherDB()
for i, text in enumerate(("k", "k\0", "k\0a", "ka")):
    db.put("%d" % i, {"a": 1, "s": text})
    db.put("%d" % (i + 4), {"s": text, "b": 1})
for sort in (["a", "-s"], ["-a", "s"], ["s", "-a"], ["s", "-a", "-b"], ["-s", "-a", "b"]):
    print(sort, [key for key, _ in db.find({"$sort": sort})])
where = {"_id": {"$startswith": "2", "$gt": "3"}}
print(db.query(where), db.count({"$and": [where, {"_id": {"$lt": "5"}}]}))

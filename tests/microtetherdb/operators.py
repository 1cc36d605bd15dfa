# Every operator on every kind of value.

try:
    import btree
    from microtetherdb import MicroTetherDB, QueryError
except ImportError:
    print("SKIP")
    raise SystemExit

db = MicroTetherDB()
docs = {
    "ann": {
        "name": "Ann",
        "age": 30,
        "score": 80.5,
        "admin": True,
        "address": {"city": "Paris", "zip": "75001"},
    },
    "bob": {
        "name": "Bob",
        "age": 25,
        "score": 80,
        "admin": False,
        "address": {"city": "Oslo"},
        "email": None,
    },
    "cid": {
        "name": "Cid",
        "age": "30",
        "tags": ["new", "old"],
        "list": [1, 2, [3, 4], "x"],
        "email": "c@x.org",
    },
    "dan": {
        "name": "Dan \u20ac",
        "age": 35.0,
        "items": [{"id": 1, "n": 5}, {"id": 2, "n": 50}],
        "score": -3,
    },
    "eve": {
        "name": "",
        "age": None,
        "nested": {"a": {"b": {"c": [10, 20]}}},
        "list": [],
        "big": 1 << 70,
    },
    "num": 17,
    "txt": "text",
    "arr": [{"name": "Ann"}, 5],
}
for key, doc in docs.items():
    db.put(key, doc, tags=["old", "human"] if key in ("ann", "bob") else None)


def show(text):
    query = eval(text)
    try:
        found = sorted(key for key, _ in db.find(query))
        if db.count(query) != len(found) or len(db.query(query)) != len(found):
            print("FAIL count")
        print(text, ":", " ".join(found))
    except QueryError as e:
        print(text, ": QueryError", e)


for text in (
    "{}",
    "None",
    '{"name": "Ann"}',
    '{"age": 30}',
    '{"age": 30.0}',
    '{"age": "30"}',
    '{"age": None}',
    '{"age": {"$eq": 35}}',
    '{"age": {"$ne": 30}}',
    '{"age": {"$gt": 25}}',
    '{"age": {"$gte": 25}}',
    '{"age": {"$lt": 30}}',
    '{"age": {"$lte": 30}}',
    '{"age": {"$gt": 25, "$lt": 35}}',
    '{"age": {"$gt": ""}}',
    '{"age": {"$in": [25, "30", None]}}',
    '{"age": {"$nin": [25, "30", None]}}',
    '{"age": {"$in": []}}',
    '{"score": {"$gte": 80}}',
    '{"score": {"$lt": 0}}',
    '{"score": {"$lt": 80.5, "$gt": -10}}',
    '{"admin": True}',
    '{"admin": 1}',
    '{"admin": {"$in": [False, 5]}}',
    '{"admin": {"$ne": True}}',
    '{"email": {"$exists": True}}',
    '{"email": {"$exists": False}}',
    '{"email": None}',
    '{"email": {"$ne": None}}',
    '{"name": {"$contains": "n"}}',
    '{"name": {"$contains": "\\u20ac"}}',
    '{"name": {"$contains": ""}}',
    '{"name": {"$contains": 5}}',
    '{"name": {"$startswith": "A"}}',
    '{"name": {"$startswith": ""}}',
    '{"list": 1}',
    '{"list": "x"}',
    '{"list": [3, 4]}',
    '{"list": []}',
    '{"list": [1, 2, [3, 4], "x"]}',
    '{"list": {"$contains": 2}}',
    '{"list": {"$contains": [3, 4]}}',
    '{"list": {"$contains": "x"}}',
    '{"list": {"$gt": 1}}',
    '{"list": {"$in": [7, 2]}}',
    '{"list.0": 1}',
    '{"list.2.1": 4}',
    '{"list.2.2": {"$exists": True}}',
    '{"list.3": {"$startswith": "x"}}',
    '{"tags": "old"}',
    '{"tags": "human"}',
    '{"tags": {"$in": ["new", "human"]}}',
    '{"tags": {"$contains": "new"}}',
    '{"tags": {"$ne": "human"}}',
    '{"tags": {"$exists": True}}',
    '{"tags": ["new", "old"]}',
    '{"tags": ["old", "human"]}',
    '{"address.city": "Paris"}',
    '{"address.city": {"$in": ["Oslo", "Paris"]}}',
    '{"address.zip": {"$exists": False}}',
    '{"address": {"city": "Oslo"}}',
    '{"address": {"zip": "75001", "city": "Paris"}}',
    '{"address": {"city": "Paris"}}',
    '{"address": {"$exists": True}}',
    '{"address.city.x": {"$exists": True}}',
    '{"nested.a.b.c": 20}',
    '{"nested.a.b.c.1": 20}',
    '{"nested.a.b": {"c": [10, 20]}}',
    '{"items.n": 50}',
    '{"items.n": {"$gt": 4, "$lt": 6}}',
    '{"items.1.n": 50}',
    '{"items.0.n": 50}',
    '{"items": {"id": 1, "n": 5}}',
    '{"items.id": {"$in": [2, 3]}}',
    '{"big": 1 << 70}',
    '{"big": {"$gt": (1 << 70) - 1}}',
    '{"big": {"$lt": 1e30}}',
    '{"_id": "bob"}',
    '{"_id": {"$in": ["eve", "bob", "none"]}}',
    '{"_id": {"$gt": "cid", "$lte": "eve"}}',
    '{"_id": {"$lt": "b"}}',
    '{"_id": {"$startswith": "a"}}',
    '{"_id": {"$contains": "n"}}',
    '{"_id": {"$ne": "bob"}, "age": {"$exists": True}}',
    '{"_id": 5}',
    '{"age": {"$not": {"$gt": 26}}}',
    '{"age": {"$not": {"$gt": 26, "$lt": 31}}}',
    '{"$not": {"age": {"$gt": 26}}}',
    '{"$or": [{"age": 25}, {"score": {"$lt": 0}}]}',
    '{"$and": [{"age": {"$gt": 20}}, {"admin": False}]}',
    '{"$or": [{"$and": [{"age": 30}, {"admin": True}]}, {"_id": "txt"}], "_id": {"$gt": "b"}}',
    '{"$not": {"$or": [{"name": {"$exists": True}}, {"_id": "num"}]}}',
    # Refused
    "[]",
    '{"$foo": 1}',
    '{"age": {"$foo": 1}}',
    '{"age": {"$gt": 5, "x": 1}}',
    '{"age": {"$gt": None}}',
    '{"age": {"$lt": True}}',
    '{"age": {"$gte": [1]}}',
    '{"age": float("nan")}',
    '{"age": {"$in": 5}}',
    '{"age": {"$in": [float("inf")]}}',
    '{"age": {"$exists": 1}}',
    '{"age": {"$startswith": 5}}',
    '{"age": b"bytes"}',
    '{"": 1}',
    '{"a..b": 1}',
    "{5: 1}",
    '{"_id.x": 1}',
    '{"$or": []}',
    '{"$or": {"a": 1}}',
    '{"$and": [5]}',
    '{"$not": 5}',
    '{"$limit": -1}',
    '{"$limit": "5"}',
    '{"$skip": True}',
    '{"$sort": {"a": 1, "b": 1}}',
    '{"$sort": [("a", 2)]}',
    '{"$sort": 5}',
):
    show(text)

# Numbers that MicroPython does not print with all their digits.
for index in ([], ["n", "l"]):
    db = MicroTetherDB(index=index)
    few = 0
    for i in range(1, 40):
        n = (0.1 + 0.2) / i
        db.put("n", {"n": n, "l": [n, {"m": n}]})
        few += db.count({"n": n, "l": {"$contains": {"m": n}}}) != 1
        few += db.count({"n": {"$gte": n, "$lte": n, "$in": (n,)}, "l.1": {"m": n}}) != 1
        few += db.count({"l": [n, {"m": n}]}) != 1
        few += db.count({"$or": [{"n": {"$gt": n}}, {"n": {"$lt": n}}, {"n": {"$ne": n}}]})
    print(few)

# Records that are no documents are reported, and all others are found.

try:
    import btree, io
    import microtetherdb
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

bad = {
    "empty": b"",
    "cut": b'{"n": 5',
    "inner": b'{"a": {"n": 5}',
    "text": b"hello",
    "bytes": b"\xff\xfe\x00\x01",
    "more": b'{"n": 5} x',
    "string": b'{"n": "abc',
    "number": b'{"n": 1.2.3}',
    "list": b"[]",
    "long": b'[{"n": 5},null,[],1]',
    "expires": b'[{"n": 5},"soon"]',
    "expires2": b'[{"n": 5},true]',
    "tags": b'[{"n": 5},null,[5]]',
    "tags2": b'[{"n": 5},null,"abc"]',
}
f = io.BytesIO()
db = MicroTetherDB(f, in_memory=False, index=["n"])
for i in range(10):
    db.put("good%d" % i, {"n": i, "m": i}, tags=["t"] if i % 2 else None)
for key, raw in bad.items():
    db._store.tree[b"d" + key.encode()] = raw
print(
    sorted(doc["m"] for doc in db.query()),
    db.stats()["damaged"] == len(bad),
    sorted(db.damaged) == sorted(bad),
)
print(
    len(db),
    db.count({"m": {"$gt": 3}}),
    len(db.query({"m": {"$gt": 3}, "$sort": "-m"})),
    len(db.query({"_id": {"$lt": "z"}})),
)
print(db.query({"_id": "cut"}), db.count({"$not": {"m": 5}}), len(db.query({"tags": "t"})))
for key in sorted(bad):
    try:
        print("FAIL", key, db.get(key))
    except microtetherdb.DamagedError as e:
        print(e.key == key, e)
try:
    db.update("cut", {"n": 1})
except microtetherdb.DamagedError as e:
    print(e)
# They can be replaced and removed, indexes built, and the file opened.
db.put("cut", {"n": 100, "m": 100})
print(
    db.query({"n": 100})[0]["m"],
    db.delete("empty"),
    db.delete_batch(["text", "bytes"]),
    "cut" in db,
)
db.reindex()
db.close()
db = MicroTetherDB(f, in_memory=False, index=["m"])
print(
    sorted(doc["m"] for doc in db.query({"m": {"$gte": 8}})),
    db.explain({"m": 5})["plan"],
    db.stats()["damaged"],
)
db.cleanup()
print(len(db), db.stats()["damaged"])
db.delete(purge=True)
print(len(db), len(db.damaged))

# Entries that lead to nothing, or to other documents.
db = MicroTetherDB(index=["n"], clock=lambda: 1800000000)
db.put("a", {"n": 1})
entry = [key for key in db._store.tree.keys() if key[:1] == b"i"][0]
db._store.tree[entry[:-1] + b"zzz"] = b""
db._store.tree[entry[:-2] + b"\x08" + b"a"] = b""
db._store.tree[b"t" + (1700000000000).to_bytes(6, "big") + b"a"] = b""
db._store.tree[b"t" + (1700000000000).to_bytes(6, "big") + b"none"] = b""
db._expiry.load()
print(db.query({"n": 1}), db.query({"n": 4}), db.count({"n": {"$gt": 0}}), db.cleanup(), len(db))
db.reindex()
print(len(list(db._store.tree.keys())))

# Keys that are no UTF-8.
db._store.tree[b"dx\xff\xfe"] = b'{"n": 7}'
db._store.tree[b"dy\xff"] = b'{"n": '
for _ in range(2):
    print(
        sorted(doc["n"] for doc in db.query()),
        db.count(),
        [key[0] for key, _ in db.find({"n": {"$gt": 1}, "$sort": "_id"})],
        [key[0] for key in db.damaged],
    )
    db._program = lambda query, now: None
    db.reindex()
print(db.count({"n": 7}), db.explain({"n": 7})["plan"])

# Entries that have no end.
db = MicroTetherDB(index=["n"])
db.put("", {"n": 1})
for end in (b"", b"\x10", b"\x12", b"\x12\x80", b"\x12\x80\x01", b"\x12\x80\x01\x03", b"\x20", b"\x20a"):
    db._store.tree[b"i\x02" + end] = b""
for n in (1, {"$gte": 0}, {"$lt": "b"}, {"$gt": ""}, {"$exists": False}):
    print(db.query({"n": n}), end=" ")
print(db.query({"$sort": "-n", "$limit": 2}))

# Brackets in strings, as Python alone reads them.
from microtetherdb import layout

loads = layout.loads
layout.loads = lambda raw: raw
for raw in (b'{"s":"}{{["}', b'{"a":{"s":"}{{["}', b'[{"s":"]"},5]', b'[{"s":"]"},[5]', b'{"s":"}"'):
    try:
        print(layout.unpack("k", raw)[:2])
    except microtetherdb.DamagedError as e:
        print(e)
layout.loads = loads

# Storing, reading and removing documents, in both forms of put().

try:
    import btree
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

db = MicroTetherDB()
print(db.put("k1", {"n": 1}), db.get("k1"))
print(db.put("k1", {"n": 2}, None, ["x"]), db.get("k1"))
print(
    db.put("k2", {"n": 3}, tags=["y"], ttl=100), db.put(key="k3", data=[1, "two", None, True, 2.5])
)
print(db.get("k2"), db.get("k3"))

a = db.put({"n": 4})
b = db.put({"n": 5}, 100, ["x", "y"])
c = db.put({"n": 6}, 100, ["x"], "own")
d = db.put(data={"n": 7}, _id="own2")
print(a != b, a < b, c, d, [db.get(key) for key in (a, b, c, d)])
print(db.put("a text", _id="text"), db.get("text"))

# Any JSON value, any key.
values = (
    None,
    True,
    False,
    0,
    -5,
    1 << 70,
    1.5,
    "",
    '\u20ac \U0001f600 " \\ \n \0',
    [],
    {},
    [[]],
    {"a": {"b": [{}]}},
)
keys = ("", " ", "\0", "\0\xff", "\u20ac", "#", "d", "x" * 300, "a/b", "a.b", "$x", "0", "00000000")
for key, value in zip(keys, values):
    if db.put(key, value) != key or db.get(key) != value or type(db.get(key)) is not type(value):
        print("FAIL", repr(key), value)
for key in keys:
    if key not in db or not db.delete(key) or db.get(key) is not None or db.delete(key):
        print("FAIL delete", repr(key))
print(db.put("t", (1, 2)), db.get("t"))

# Keys that are made up never hit a document.
db.put("%08x" % (int(b, 16) + 1), "mine")
e = db.put({"n": 8})
print(db.get("%08x" % (int(b, 16) + 1)), int(e, 16) > int(b, 16), len(e))

print(db.get("missing"), db.get("missing", 5), "missing" in db, "k1" in db)
print(db.delete("k1"), db.delete("k1"), db.get("k1"))
print(db.delete_batch(["k2", "nothing", "k3", "k3"]), len(db))
print(sorted(str(doc) for doc in db.query()))
print(db.delete(purge=True), db.delete(purge=True), len(db), db.query({}), bool(db))
f = db.put({"n": 9})
print(int(f, 16) > int(e, 16), len(db))

print(sorted(db.put_batch({"x": {"n": 10}, "y": {"n": 11}})), db.get("y"))

db.close()
db.close()
for use in (
    lambda: db.get("a"),
    lambda: db.put("a", 1),
    lambda: db.query(),
    lambda: len(db),
    db.flush,
    db.cleanup,
    db.stats,
):
    try:
        use()
        print("FAIL")
    except Exception as e:
        print(type(e).__name__, e)

with MicroTetherDB() as db:
    print(db.put({"a": 1}, _id="one"))
try:
    db.get("one")
except Exception as e:
    print(type(e).__name__)

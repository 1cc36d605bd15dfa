# scan() of the btree module, alone and below the document store, which finds the same without it.

try:
    import btree, io, sys
    from microtetherdb import MicroTetherDB

    btree.open(None).scan
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

from microtetherdb.program import compile
from microtetherdb.query import Query

seed = 3


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 8) % n


def program(query, now=0):
    return compile(Query(query).root, now)


def size(record):
    return len(record) if isinstance(record, bytes) else (record["n"], len(record["s"]))


tree = btree.open(None, pagesize=512)
for i in range(100):
    tree["d%03d" % i] = '{"n":%d,"s":"%s"}' % (i, "x" * (i % 10 * 60))
tree["a"] = "before"
tree["e"] = "behind"

# All at once, in steps of about one item, and with other bounds; both ways.
for low, high, flags in (
    (b"d", b"e", 0),
    (b"d", b"e", 2),
    (b"d020", b"d0300", 0),
    (b"d020", b"d0300", 2),
    (b"d5", b"d2", 0),
    (b"z", b"zz", 2),
    (b"", b"", 0),
):
    results = []
    for work in (1, 500, 100000):
        found, steps, looked, a, b = [], 0, 0, low, high
        while True:
            bound, items, examined, counted = tree.scan(
                program({"n": {"$gte": 18, "$ne": 25}}), a, b, work, flags
            )
            found += [(key, size(record), sure) for key, record, sure in items]
            looked += examined
            steps += 1
            if bound is None:
                break
            if flags:
                b = bound
            else:
                a = bound
        results.append(found)
        if work == 1 and steps < looked:
            print("FAIL steps", steps, looked)
    print(
        low,
        high,
        flags,
        len(found),
        looked,
        results[0] == results[1] == results[2],
        [item[0] for item in found[:3]],
    )

# Only counted; what is unsure comes nevertheless.
tree["dx"] = '{"n":50.0}'
tree["dy"] = '{"n":50'
bound, items, examined, counted = tree.scan(program({"n": 50}), "d", "e", 100000, 4)
print(bound, items, examined, counted)

# Documents by themselves, but not where there is more to say.
tree["dz"] = '[{"n":50},null,["t"]]'
for query, flags in (({"n": 50}, 8), ({"n": {"$lt": 2}}, 10)):
    items = tree.scan(program(query), "d", "e", 100000, flags)[1]
    print([sorted(item.items()) if type(item) is dict else item[0] for item in items])

# Changes between steps: goes on behind the last key.
bound, items, _, _ = tree.scan(program({}), "d", "e", 1000)
del tree[items[0][0]]
tree[bound] = '{"new":1}'
print(tree.scan(program({}), bound, "e", 1)[1][0][:2])

for args in (
    (b"", "d", "e"),
    (b"\x01", "d", "e"),
    (program({}) + b"\xff", "d", "e"),
    (program({}), "d", "e", 1, 16),
    (program({}), "d", "e", 1, 1),
):
    try:
        print("FAIL", tree.scan(*args))
    except OSError as e:
        print("OSError", e.errno)
for args in (
    (5, "d", "e"),
    (program({}), None, "e"),
    (program({}), "d", 5),
    (program({}), "d"),
    (program({}), "d", "e", "x"),
):
    try:
        print("FAIL", tree.scan(*args))
    except TypeError as e:
        print("TypeError")
tree.close()
try:
    tree.scan(program({}), "d", "e")
except ValueError as e:
    print(e)
print(
    btree.match(program({"_id": "k", "n": 5}), "k", '{"n":5}'),
    btree.match(program({"n": 5}), b"k", b'{"n":6}'),
    btree.match(program({"n": 5}), "k", "{"),
)
try:
    btree.match(b"\x02", "k", "{}")
except OSError as e:
    print("OSError", e.errno)

# In the store: large documents, long keys, expired, damaged ones.
now = 1800000000
db = MicroTetherDB(io.BytesIO(), in_memory=False, clock=lambda: now, ttl_check_interval=1e6)
for i in range(120):
    key = "k%d" % (i * 7 % 120) + ("y" * 400 if i % 11 == 0 else "")
    doc = {
        "n": rnd(10),
        "f": rnd(100) / 8,
        "s": "x" * rnd(5) + "\u20ac" + "z" * (rnd(3000) if i % 13 == 0 else rnd(60)),
        "l": [rnd(5) for _ in range(rnd(4))],
    }
    db.put(
        key, doc, ttl=rnd(100) + 1 if i % 3 == 0 else None, tags=["t%d" % rnd(3)] if i % 2 else None
    )
db._store.tree[b"dbad"] = b'{"n": 5, "s": "x'
db._store.tree[b"dbad2"] = b"\xff\xfe"
now += 50

with_rust = db._program
used = set()
for i in range(150 if sys.platform == "linux" else 50):
    query = {}
    for _ in range(1 + rnd(2)):
        kind = rnd(9)
        if kind == 0:
            query["n"] = {"$gte": rnd(10)}
        elif kind == 1:
            query["f"] = {"$lt": rnd(100) / 8}
        elif kind == 2:
            query["f"] = rnd(100) / 8
        elif kind == 3:
            query["s"] = {"$contains": ("\u20ac", "xx", "zzz", "xz")[rnd(4)]}
        elif kind == 4:
            query["l"] = rnd(5)
        elif kind == 5:
            query["_id"] = {("$gt", "$lte")[rnd(2)]: "k%d" % rnd(120)}
        elif kind == 6:
            query["$not"] = {"n": rnd(10)}
        elif kind == 7:
            query["tags"] = {"$ne": "t%d" % rnd(3)}
        else:
            query["l"] = [rnd(5)]
    if rnd(3) == 0:
        query["$sort"] = ("_id", "-_id", "-n")[rnd(3)]
    fast = list(db.find(query)), db.count(query), db.explain(query)["matcher"]
    db._program = lambda query, now: None
    slow = list(db.find(query)), db.count(query), db.explain(query)["matcher"]
    db._program = with_rust
    used.add((fast[2], slow[2]))
    if fast[:2] != slow[:2] or len(fast[0]) != fast[1]:
        print("FAIL", query, len(fast[0]), fast[1], len(slow[0]), slow[1])
print(sorted(used), sorted(db.damaged))

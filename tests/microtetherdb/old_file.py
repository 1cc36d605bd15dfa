# A file as docs/microtetherdb-format.md has it, without indexes and with the least that is needed, opens,
# and gets indexes when they are asked for.

try:
    import btree, io
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

NOW = 1800000000


def old_file():
    f = io.BytesIO()
    tree = btree.open(f, pagesize=1024)
    tree["#"] = b'{"format": 1, "time": [%d, %d]}' % (NOW * 1000, NOW * 1000)
    for i in range(40):
        tree["d%02d" % i] = b'{"n": %d, "name": "number %d"}' % (i % 8, i)
    tree["dtagged"] = b'[{"n": 3}, null, ["t"]]'
    tree[b"i\x01 t\x00tagged"] = b""
    tree["dlist"] = b"[[1, 2, 3]]"
    expires = NOW * 1000 + 5000
    tree["dgoes"] = b'[{"n": 3}, %d]' % expires
    tree[b"t" + expires.to_bytes(6, "big") + b"goes"] = b""
    tree.flush()
    tree.close()
    return f


now = NOW
f = old_file()
with MicroTetherDB(f, in_memory=False, clock=lambda: now) as db:
    print(len(db), db.indexes, db.get("05"), db.get("list"), db.get("goes"))
    print(db.count({"n": 3}), db.explain({"n": 3})["plan"], db.query({"tags": "t"}))
    print(db.put({"n": 100}), db.put("05", {"n": 3}), db.count({"n": 3}))
with MicroTetherDB(f, in_memory=False, index="n", clock=lambda: now) as db:
    print(len(db), db.indexes, db.count({"n": 3}), db.explain({"n": 3})["plan"])
    now += 5
    print(db.count({"n": 3}), db.cleanup(), len(db))
# From then on without being told.
with MicroTetherDB(f, in_memory=False, clock=lambda: now) as db:
    print(db.indexes, db.explain({"n": {"$gt": 6}})["plan"], db.count({"n": {"$gt": 6}}))
    print(db.put({"n": 100}))
# And back to a file without.
with MicroTetherDB(f, in_memory=False, index=[], clock=lambda: now) as db:
    print(db.indexes, len(db), sum(key[:2] == b"i\x02" for key in db._store.tree.keys()))

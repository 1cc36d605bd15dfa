# Indexes against scans and against a list of dicts, with random documents, changes and queries.

try:
    import btree, io, json
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 1


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


VALUES = (
    0,
    1,
    -1,
    2,
    255,
    256,
    -256,
    1.5,
    -1.5,
    0.1,
    1e10,
    123456789,
    1 << 33,
    True,
    False,
    None,
    "",
    "a",
    "b",
    "ab",
    "a\0",
    "\u20ac",
    "x" * 31,
    "x" * 32,
    "x" * 33,
    "x" * 32 + "y",
    [],
    {},
)


def value(depth=1):
    if depth and rnd(5) == 0:
        return [value(0) for _ in range(rnd(4))]
    if depth and rnd(12) == 0:
        return {"a": value(0)}
    return VALUES[rnd(len(VALUES))]


def document():
    doc = {}
    if rnd(6):
        doc["v"] = value()
    if rnd(3):
        doc["w"] = {"x": value(), "y": rnd(5)} if rnd(4) else [{"x": value(0)}, {"x": value(0)}]
    if rnd(8) == 0:
        doc["tags"] = ("t1", ["t2", "t3"], 5)[rnd(3)]
    return doc


def same(a, b):
    if isinstance(a, dict) or isinstance(b, dict) or isinstance(a, list) or isinstance(b, list):
        return type(a) is type(b) and json.dumps(a) == json.dumps(b)
    return a == b and (type(a) is bool) == (type(b) is bool)


def reach(doc, path):
    if not path:
        return [doc]
    if isinstance(doc, list):
        return [found for part in doc if isinstance(part, dict) for found in reach(part, path)]
    return reach(doc[path[0]], path[1:]) if isinstance(doc, dict) and path[0] in doc else []


def expected(docs, path, test, missing):
    result = []
    for key, (doc, tags) in docs.items():
        found = reach(doc, path.split("."))
        if path == "tags" and tags:
            found.append(tags)
        hit = missing and not found
        for part in found:
            hit = hit or test(part) or (isinstance(part, list) and any(test(p) for p in part))
        if hit:
            result.append(key)
    return sorted(result)


def comparable(a, b):
    if isinstance(b, str):
        return isinstance(a, str)
    return isinstance(a, (int, float)) and type(a) is not bool


def one_query():
    path = ("v", "w.x", "w.y", "tags")[rnd(4)]
    arg = (
        ("t1", "t2", "t3", "t4", "x")[rnd(5)]
        if path == "tags"
        else rnd(5)
        if path == "w.y"
        else value(0)
    )
    op = ("$eq", "$in", "$gt", "$gte", "$lt", "$lte", "$startswith", "$exists")[rnd(8)]
    if op == "$in":
        arg = [arg, value(0), value(0)]
        return path, {op: arg}, lambda v: any(same(v, a) for a in arg), None in arg
    if op == "$exists":
        arg = rnd(2) == 1
        return path, {op: arg}, lambda v: arg, not arg
    if op == "$startswith" and isinstance(arg, str):
        return path, {op: arg}, lambda v: isinstance(v, str) and v.startswith(arg), False
    if op[1] in "gl" and comparable(arg, "" if isinstance(arg, str) else 0):
        test = {
            "$gt": lambda v: comparable(v, arg) and v > arg,
            "$gte": lambda v: comparable(v, arg) and v >= arg,
            "$lt": lambda v: comparable(v, arg) and v < arg,
            "$lte": lambda v: comparable(v, arg) and v <= arg,
        }[op]
        return path, {op: arg}, test, False
    return path, {"$eq": arg}, lambda v: same(v, arg), arg is None


def check(docs, indexed, plain, n):
    by_index = 0
    for _ in range(n):
        path, ops, test, missing = one_query()
        query = {path: ops}
        a = sorted(key for key, _ in indexed.find(query))
        if a != sorted(key for key, _ in plain.find(query)) or a != expected(
            docs, path, test, missing
        ):
            print("FAIL", query, a, expected(docs, path, test, missing))
        # Two conditions on one field, and one on another.
        other, ops2, test2, missing2 = one_query()
        if other == path and not set(ops) & set(ops2):
            query[path] = dict(ops)
            query[path].update(ops2)
        elif other != path:
            query[other] = ops2
        a = sorted(key for key, _ in indexed.find(query))
        if a != sorted(key for key, _ in plain.find(query)):
            print("FAIL", query, a)
        by_index += indexed.explain(query)["plan"] == "index"
        sort = ("v", "-v", "w.y", "-w.y", ["w.y", "-v"])[rnd(5)]
        query.update({"$sort": sort, "$limit": rnd(9), "$skip": rnd(4)})
        if list(indexed.find(query)) != list(plain.find(query)):
            print("FAIL", query)
    return by_index > n // 4


def entries(db):
    # Keys of the B-tree besides documents, in a comparable form.
    return sorted(key for key in db._store.tree.keys(b"e", None))


for run in range(3):
    docs, f = {}, io.BytesIO()
    indexed = MicroTetherDB(f, in_memory=False, index=["v", "w.x", "w.y"])
    plain = MicroTetherDB()
    for step in range(120):
        what, key = rnd(10), "k%d" % rnd(40)
        if what < 7:
            doc, tags = document(), [["t1"], ["t2", "t1"], None][rnd(3)]
            indexed.put(key, doc, tags=tags)
            plain.put(key, doc, tags=tags)
            docs[key] = (plain.get(key), tags)
        elif what < 9:
            if indexed.delete(key) != (docs.pop(key, None) is not None):
                print("FAIL delete")
            plain.delete(key)
        else:
            changes = {"v": value(), "w": {"y": rnd(5)}}
            indexed.update(key, changes)
            if plain.update(key, changes):
                docs[key] = (plain.get(key), docs[key][1])
        if step % 60 == 59:
            print(run, step, check(docs, indexed, plain, 20))
            indexed.close()
            indexed = MicroTetherDB(f, in_memory=False)
            if indexed.count() != len(docs):
                print("FAIL opened again")
    # No entry is left over or missing: indexes built anew have the same.
    before = entries(indexed)
    indexed.reindex()
    if entries(indexed) != before:
        print("FAIL entries", len(before), len(entries(indexed)))
    indexed.delete_batch(list(docs))
    print(run, len(entries(indexed)), sorted(indexed.indexes))
    indexed.close()

# Two values of one document of which one goes on where an index cuts the other off.
db = MicroTetherDB(index=["f"])
db.put("k", {"f": ["x" * 32, "x" * 33, "x" * 32 + "\0"]}, tags=["y" * 32, "y" * 40])
for f in ("x" * 32, {"$in": ["x" * 32]}, {"$lte": "x" * 32}, {"$gte": "x" * 33}, {"$startswith": "x"}):
    print(db.count({"f": f}), end=" ")
print(db.count({"f": "x" * 32, "$sort": "-f"}), len(db.query({"tags": "y" * 32})))

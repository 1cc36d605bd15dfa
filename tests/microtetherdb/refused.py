# What cannot be stored or makes no sense is refused, with the key in the message, before anything changes.

try:
    import btree
    import microtetherdb
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

db = MicroTetherDB()
db.put("k", {"old": 1}, ttl=50, tags=["t"])
before = sorted(db._store.tree.items())


def check(text, use, *args, **kwargs):
    try:
        print(text, "FAIL", use(*args, **kwargs))
    except Exception as e:
        kind = type(e).__name__
        print(
            text, "|", kind if isinstance(e, microtetherdb.DatabaseError) else "(%s)" % kind, "|", e
        )
    if sorted(db._store.tree.items()) != before:
        print("FAIL changed")


class Thing:
    pass


loop = []
loop.append(loop)
deep = {}
for _ in range(40):
    deep = {"a": deep}
check("object", db.put, "k", {"a": [Thing()]})
check("bytes", db.put, "k", b"123")
check("nan", db.put, "k", {"a": float("nan")})
check("inf", db.put, "k", [float("-inf")])
check("cycle", db.put, "k", loop)
check("deep", db.put, "k", deep)
check("set", db.put, "k", {1, 2})
check("field", db.put, "k", {"a": {1: 2}})
check("large", db.put, "k", "x" * 8191)
check("large", db.put, {"a": "\u20ac" * 2730}, _id="k")
check("int key", db.put, 5, {"a": 1})
check("bytes key", db.put, b"k", {"a": 1})
check("none key", db.put, None, {"a": 1})
check("_id", db.put, {"a": 1}, _id=7)
for ttl in (0, -1, "5", True, float("nan"), float("inf"), [1]):
    check("ttl", db.put, "k", {}, ttl)
for tags in ("tag", [1], [None], {"a": 1}, 5):
    check("tags", db.put, "k", {}, tags=tags)
check("no data", db.put)
check("no data", db.put, "k")
check("too many", db.put, "k", {}, 1, [], 5)
check("twice", db.put, "k", {}, data={})
check("unknown", db.put, "k", {}, tll=5)
check("batch", db.put_batch, [{"a": 1}, {"a": Thing()}])
check("batch", db.put_batch, [{"a": 1}, {"a": 2}], ttls=[5])
check("batch", db.put_batch, [{"a": 1}], ttls=[-5])
check("batch", db.put_batch, [{"a": 1}], tags=["a", 5])
check("batch", db.put_batch, [{"a": 1}], _ids=[5])
check("batch", db.put_batch, [{"a": 1}, {}], _ids=["a"])
check("batch", db.put_batch, {"a": 1, "b": Thing()})
check("batch", db.put_batch, {"a": 1}, _ids=["b"])
check("batch", db.put_batch, {5: 1})
check("get", db.get, 5)
check("in", lambda: b"k" in db)
check("delete", db.delete)
check("delete", db.delete, 5)
check("delete", db.delete_batch, ["k", 5])
check("delete", db.delete_batch, "k")

# The largest that fits.
print(db.put("k", "x" * 8190), len(db.get("k")))
for wrong in (
    {"ram_percentage": 0},
    {"ram_percentage": 101},
    {"ram_percentage": "25"},
    {"max_retries": -1},
    {"retry_delay": -0.1},
    {"lock_timeout": None},
    {"ttl_check_interval": 0},
    {"ttl_check_interval": float("nan")},
    {"cleanup_interval": -1},
    {"ttl_check_interval": float("inf")},
    {"index": ["a..b"]},
    {"index": [5]},
    {"btree_pagesize": 100},
    {"btree_pagesize": 513},
    {"btree_pagesize": 1 << 17},
    {"btree_cachesize": -1},
    {"event_loop": 5},
    {"filename": "", "in_memory": False},
    {"filename": None, "in_memory": False},
    {"filename": 5, "in_memory": False},
):
    try:
        MicroTetherDB(**wrong)
        print("FAIL", wrong)
    except Exception as e:
        print(type(e).__name__, e)

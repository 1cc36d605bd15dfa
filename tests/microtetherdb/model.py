# Random operations, compared with a dict, with documents that expire and a file that is opened again.

try:
    import btree, io
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 0


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


now = 0


def run(n, s, in_memory, **kwargs):
    global seed, now
    seed, now = s, 1800000000
    f = io.BytesIO()
    kwargs["clock"] = lambda: now
    db = MicroTetherDB(f, in_memory, **kwargs)
    model = {}  # key: (document, tags, expires or None)
    for step in range(n):
        for key in [
            key for key, (_, _, expires) in model.items() if expires is not None and expires <= now
        ]:
            del model[key]
        what = rnd(20)
        key = "k%d" % rnd(30)
        doc = {"n": rnd(10), "s": "x" * rnd(40 if rnd(10) else 900), "deep": {"n": rnd(3)}}
        tags = [None, ["a"], ["a", "b"]][rnd(3)]
        ttl = rnd(60) + 1 if rnd(2) else None
        expires = None if ttl is None else now + ttl
        if what < 5:
            if db.put(key, doc, ttl, tags) != key:
                print("FAIL put")
            model[key] = (doc, tags, expires)
        elif what < 7:
            key = db.put(doc, ttl=ttl, tags=tags)
            if key in model:
                print("FAIL key", key)
            model[key] = (doc, tags, expires)
        elif what < 8:
            docs = [{"n": rnd(10), "deep": {"n": 1}} for _ in range(rnd(12))]
            for key, doc in zip(db.put_batch(docs, ttls=ttl, tags=tags), docs):
                model[key] = (doc, tags, expires)
        elif what < 10:
            if db.delete(key) != (model.pop(key, None) is not None):
                print("FAIL delete", key)
        elif what == 10:
            keys = [key for key in model if rnd(4) == 0] + ["none"]
            if db.delete_batch(keys) != len(keys) - 1:
                print("FAIL delete_batch")
            for key in keys:
                model.pop(key, None)
        elif what == 11:
            changed = db.update(key, {"$inc": {"n": 5}, "$set": {"deep.m": 1}})
            if changed != (key in model):
                print("FAIL update", key)
            if changed:
                doc, tags, expires = model[key]
                doc = dict(doc, n=doc["n"] + 5)
                doc["deep"] = dict(doc["deep"], m=1)
                model[key] = (doc, tags, expires)
        elif what < 14:
            document = db.get(key)
            if document != (model[key][0] if key in model else None) or (key in db) != (
                key in model
            ):
                print("FAIL get", key, document)
        elif what < 16:
            now += rnd(20)
            continue
        elif what == 16:
            db.cleanup()
        elif what == 17 and not in_memory:
            db.close()
            db = MicroTetherDB(f, False, **kwargs)
        elif what == 18 and rnd(8) == 0:
            removed = db.delete(purge=True)
            if model and not removed:
                print("FAIL purge")
            model.clear()
        else:
            n = rnd(12)
            for query, test in (
                ({"n": n}, lambda doc, tags: doc["n"] == n),
                (
                    {"n": {"$gte": n}, "deep.n": {"$ne": 1}},
                    lambda doc, tags: doc["n"] >= n and doc["deep"]["n"] != 1,
                ),
                (
                    {"tags": "b", "deep.n": {"$lt": 2}},
                    lambda doc, tags: "b" in (tags or ()) and doc["deep"]["n"] < 2,
                ),
                ({}, lambda doc, tags: True),
            ):
                expected = sorted(key for key in model if test(*model[key][:2]))
                found = list(db.find(query))
                if sorted(key for key, _ in found) != expected or db.count(query) != len(expected):
                    print("FAIL query", query)
                if any(model[key][0] != doc for key, doc in found):
                    print("FAIL document", query)
    now += 100
    db.cleanup()
    left = sum(expires is None for _, _, expires in model.values())
    if len(db) != left:
        print("FAIL left", len(db), left)
    db.delete_batch([key for key, _ in db.find()])
    # Nothing is left over but the record of the database itself.
    rest = [key for key in db._store.tree.keys() if key != b"#"]
    if rest:
        print("FAIL rest", rest)
    db.close()
    return True


for s in range(4):
    print(
        s,
        run(150, s, True),
        run(150, s, True, index=["n"]),
        run(150, s, False),
        run(150, s, False, index=["n", "deep.n"]),
    )

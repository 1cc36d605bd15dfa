# Times to live, with a clock of the test's own.

try:
    import btree, io
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

now = 1800000000  # seconds; a clock that is set


def clock():
    return now


def open_db(**kwargs):
    return MicroTetherDB(clock=clock, **kwargs)


def entries(db):
    return sum(key[:1] != b"#" for key in db._store.tree.keys())


db = open_db(ttl_check_interval=1e6)
db.put("a", {"n": 1}, ttl=10, tags=["t"])
db.put("b", {"n": 2}, ttl=20)
db.put("c", {"n": 3})
db.put({"n": 4}, 30, _id="d")
now += 9
print(db.get("a"), len(db), "a" in db)
now += 1
# Expired, and seen as such before it is removed.
print(db.get("a"), len(db), "a" in db, db.query({"tags": "t"}), db.query({"n": 1}), db.delete("a"))
print(db.cleanup(), db.cleanup(), db.stats()["expired"])
now += 10
print(db.get("b"), db.cleanup(), sorted(key for key, _ in db.find()))
# Storing again replaces the time, too.
db.put("d", {"n": 5})
db.put("c", {"n": 6}, ttl=1)
db.put("c", {"n": 7}, ttl=100)
now += 50
print(db.get("d"), db.get("c"), db.cleanup())
db.put("c", {"n": 8}, ttl=0.25)
print(db.get("c"))
now += 1
print(db.get("c"), db.cleanup(), len(db))
db.delete(purge=True)

# Operations remove what has expired, every ttl_check_interval seconds and a few at a time.
db = open_db(ttl_check_interval=5)
for i in range(20):
    db.put("s%d" % i, i, ttl=2)
db.put("stays", 1)
now += 4
db.get("stays")
print(entries(db), db.stats()["expired"])
now += 1
db.get("stays")
some = db.stats()["expired"]
print(1 <= some <= 8)
for _ in range(20):
    db.get("stays")
print(db.stats()["expired"], entries(db))

# Every cleanup_interval seconds, too, and what is pending is written then.
f = io.BytesIO()
db = MicroTetherDB(f, False, ttl_check_interval=1e6, cleanup_interval=50, clock=clock)
for i in range(9):
    db.put("s%d" % i, i, ttl=2)
now += 49
db.get("s0")
print(db.stats()["expired"], db.stats()["flushes"], db.stats()["pending"])
now += 1
for _ in range(6):
    db.get("s0")
print(db.stats()["expired"], entries(db), db.stats()["flushes"])
db.close()

# Also if nothing is ever to expire.
db = MicroTetherDB(io.BytesIO(), False, cleanup_interval=50, clock=clock)
db.put("s", 1)
now += 49
db.get("s")
print(db.stats()["flushes"], db.stats()["pending"])
now += 1
db.get("s")
print(db.stats()["flushes"], db.stats()["pending"])
db.close()

# The heap holds the next ones only, whatever their number.
db = open_db(ttl_check_interval=1e6)
order = [(i * 37) % 300 for i in range(300)]
for i in order:
    db.put("k%d" % i, i, ttl=1 + i)
most = len(db._expiry.heap)
now += 150
print(most <= 65, db.cleanup(), len(db), sorted(doc for doc in db.query())[0])
for i in range(0, 300, 2):
    db.delete("k%d" % i)
for i in range(100, 350, 50):
    db.put("k%d" % i, i, ttl=5)
now += 60
print(db.cleanup(), len(db), len(db._expiry.heap) <= 65)
now += 1000
print(db.cleanup(), len(db), entries(db), db.cleanup())
same = open_db(ttl_check_interval=1e6)
for i in range(100):
    same.put("k%d" % i, i, ttl=5)
for i in range(0, 100, 3):
    same.put("k%d" % i, i)
now += 5
print(same.cleanup(), len(same), entries(same))

# Changing fields leaves the time alone, unless it is given.
db = open_db(ttl_check_interval=1e6)
db.put("u", {"n": 1}, ttl=10, tags=["t"])
now += 5
db.update("u", {"n": 2})
print(db.get("u"), db.query({"tags": "t"}))
now += 5
print(db.get("u"), db.update("u", {"n": 3}))
db.put("u", {"n": 1}, ttl=10)
db.update("u", {"n": 2}, ttl=50, tags=["new"])
now += 49
print(db.get("u"), db.query({"tags": "new"}))
now += 1
print(db.get("u"))

# Batches.
keys = db.put_batch([1, 2, 3], ttls=[10, None, 20])
keys += db.put_batch([4, 5], ttls=5)
now += 5
print([db.get(key) for key in keys])
now += 5
print([db.get(key) for key in keys])
now += 10
print([db.get(key) for key in keys], db.cleanup())

# The heap is never empty while there is something that expires.
db = open_db(ttl_check_interval=1e6)
for i in range(200):
    db.put("k%d" % i, i, ttl=5 + i // 70)
    if not db._expiry.heap:
        print("FAIL", i)
now += 5
db._sweep(69)
print(len(db), len(db._expiry.heap) > 0)
now += 1
while db._sweep(1):
    if not db._expiry.heap and db.stats()["expired"] < 200:
        print("FAIL", db.stats()["expired"])
print(len(db), db.cleanup(), len(db))
now += 1
print(db.cleanup(), len(db._expiry.heap))

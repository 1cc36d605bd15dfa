# Other threads wait for the lock, for lock_timeout at most.

try:
    import _thread
    import btree, time
    import microtetherdb
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit


def attempt(use, *args):
    try:
        print("FAIL", use(*args))
    except microtetherdb.LockTimeoutError as e:
        print(type(e).__name__, e)


# The first queries, which import modules, at the same time.
go, results = [], []
first = MicroTetherDB()
first.put("k", {"n": 1})


def query():
    while not go:
        pass
    try:
        results.append((first.update({"n": 1}, {"m": 2}), first.count({"m": 2})))
    except Exception as e:
        results.append(repr(e))


for _ in range(4):
    _thread.start_new_thread(query, ())
go.append(True)
while len(results) < 4:
    time.sleep(0.001)
print(results)

db = MicroTetherDB(lock_timeout=0.05)
db.put("n", 0)
# Another thread in the middle of a call.
hold, held = [True], []


def holder():
    db._enter("test", None)
    held.append(1)
    while hold:
        time.sleep(0.001)
    db._leave()
    held.append(2)


_thread.start_new_thread(holder, ())
while not held:
    time.sleep(0.001)
for use, args in (
    (db.get, ("n",)),
    (db.put, ("n", 1)),
    (db.put_batch, ([1],)),
    (db.delete, ("n",)),
    (db.query, ()),
    (db.cleanup, ()),
):
    attempt(use, *args)
hold.clear()
while len(held) < 2:
    time.sleep(0.001)
print(db.get("n"))

# Many threads.
db.lock_timeout = 30
done = []


def worker(number):
    try:
        for i in range(20):
            db.put("%d-%d" % (number, i), {"w": number, "i": i}, tags=["t%d" % number])
            if (
                db.get("%d-%d" % (number, i))["i"] != i
                or db.count({"tags": "t%d" % number}) != i + 1
            ):
                print("FAIL", number, i)
    except Exception as e:
        print("FAIL", repr(e))
    done.append(number)


for number in range(4):
    _thread.start_new_thread(worker, (number,))
while len(done) < 4:
    time.sleep(0.01)
print(len(db), sorted(done))

# An interrupt may hit right after a call took the lock.
db.lock_timeout = 0.05
db._lock.acquire()
print(db.put("n", 2), db.get("n"))

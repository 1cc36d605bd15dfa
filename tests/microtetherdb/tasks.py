# Databases among tasks: the sweeper, several databases on one loop, iterating with async for.

try:
    import asyncio
    import btree, io
    import microtetherdb
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

now = 1800000000


def open_db(**kwargs):
    return MicroTetherDB(clock=lambda: now, **kwargs)


async def settle(db, ms=200):
    # Lets other tasks run until nothing is left to expire, or the time is over.
    for _ in range(ms // 5):
        await asyncio.sleep_ms(5)
        if not db._expiry.heap:
            break


async def sweeping():
    global now
    before = open_db(ttl_check_interval=0.02)  # finds the running loop
    given = open_db(ttl_check_interval=0.02, event_loop=asyncio.get_event_loop())
    for db in (before, given):
        for i in range(50):
            db.put("k%d" % i, i, ttl=5 if i % 2 else 500)
    now += 6
    await settle(before)
    await settle(given)
    for db in (before, given):
        stats = db.stats()
        print(stats["expired"], len(db), stats["operations"], db._task is not None)
        db.close()
    await asyncio.sleep_ms(30)


asyncio.run(sweeping())


# No step of the sweeper is long, and between two steps other tasks may run.
async def turns():
    global now
    db = open_db(ttl_check_interval=0.01)
    for i in range(200):
        db.put("k%d" % i, i, ttl=5)
    now += 6
    steps = []
    step = db._background

    def counted(now):
        before = db._counts["expired"]
        more = step(now)
        steps.append(db._counts["expired"] - before)
        return more

    db._background = counted
    turns = 0
    while db._counts["expired"] < 200 and turns < 5000:
        turns += 1
        await asyncio.sleep_ms(1)
    await asyncio.sleep_ms(20)
    print(sum(steps), max(steps) <= 8, len(steps) >= 25, turns > 5)
    db.close()


asyncio.run(turns())

# Made before a loop runs: its first use in a task starts the sweeper.
db = open_db(ttl_check_interval=0.01)
early = open_db(ttl_check_interval=0.01, event_loop=asyncio.get_event_loop())
print(db._task is None, early._task is not None)


async def later():
    global now
    db.put("a", 1, ttl=1)
    early.put("a", 1, ttl=1)
    now += 2
    await settle(db)
    await settle(early)
    print(db.stats()["expired"], early.stats()["expired"])
    db.close()
    early.close()


asyncio.run(later())


# When the loop has ended, or was made anew, operations do the work, and a new task later.
db = open_db(ttl_check_interval=0.02)


async def use():
    db.put("a", 1, ttl=1)
    db.put("b", 1, ttl=2)
    db.put("c", 1, ttl=3)
    await asyncio.sleep_ms(1)


asyncio.run(use())
first = db._task
now += 1
db.get("x")
print(db.stats()["expired"], db._task is first)
asyncio.new_event_loop()
now += 1
db.get("x")
print(db.stats()["expired"], db._task is first)


async def again():
    global now
    db.get("x")
    now += 1
    await settle(db)
    print(db.stats()["expired"])


asyncio.run(again())
db.close()


# Writers, readers and an iterating task at the same time.
async def crowd():
    db = open_db(index=["w"])

    async def writer(w):
        for i in range(30):
            db.put("%d-%02d" % (w, i), {"w": w, "i": i}, tags=["even"] if i % 2 == 0 else None)
            await asyncio.sleep(0)
            if i % 5 == 4:
                db.delete("%d-%02d" % (w, i - 2))

    async def reader():
        most = 0
        while len(done) < 3:
            found = db.query({"w": 1, "tags": "even"})
            if any(doc["w"] != 1 or doc["i"] % 2 for doc in found):
                print("FAIL")
            most = max(most, len(found))
            await asyncio.sleep(0)
        return most

    async def walker():
        last, n = "", 0
        async for key, doc in db.find({"i": {"$gte": 0}}):
            if key <= last:
                print("FAIL order")
            last = key
            n += 1
            await asyncio.sleep(0)
        return n > 0

    done = []

    async def run(w):
        await writer(w)
        done.append(w)

    results = await asyncio.gather(run(0), run(1), run(2), reader(), walker())
    print(results[3] >= 12, results[4], len(db), db.count({"w": 2}), db.count({"tags": "even"}))
    db.close()


asyncio.run(crowd())


# A long search lets others run.
async def long_search():
    db = open_db()
    db.put_batch([{"n": i} for i in range(200)])
    ticks = 0
    stop = False

    async def ticker():
        nonlocal ticks
        while not stop:
            ticks += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(ticker())
    total = 0
    async for _, doc in db.find({"n": {"$gte": 100}}):
        total += doc["n"]
    stop = True
    await task
    print(total, ticks > 0)
    found = db.find({"n": 7})
    print(next(found)[1], [item for item in found])
    db.close()
    try:
        async for _ in db.find():
            print("FAIL")
    except microtetherdb.ClosedError as e:
        print(e)


asyncio.run(long_search())


# An exception leaves a closed database with all that was stored.
async def failing(f):
    async with MicroTetherDB(f, in_memory=False) as db:
        db.put("kept", 1)
        raise KeyError("x")


f = io.BytesIO()
try:
    asyncio.run(failing(f))
except KeyError:
    print("kept" in MicroTetherDB(f, in_memory=False))


# Intervals of weeks.
async def patient():
    async with MicroTetherDB(ttl_check_interval=1e8, cleanup_interval=1e8) as db:
        db.put("t", 1, ttl=1e8)
        await asyncio.sleep(0.01)
        print(db._task.done())


asyncio.run(patient())

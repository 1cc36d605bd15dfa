# Every kind of use that MicroTetherDB's documents show, with data of our own: see docs/microtetherdb.md.

try:
    import asyncio
    import btree
    from microtetherdb import MicroTetherDB
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit


class RAMBlockDev:
    def __init__(self, size, count):
        self.size = size
        self.data = bytearray(size * count)

    def readblocks(self, block, buf, off=0):
        start = block * self.size + off
        buf[:] = memoryview(self.data)[start : start + len(buf)]

    def writeblocks(self, block, buf, off=0):
        start = block * self.size + off
        self.data[start : start + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: len(self.data) // self.size, 5: self.size}.get(op, 0)


import os

try:
    import vfs

    dev = RAMBlockDev(512, 80)
    vfs.VfsLfs2.mkfs(dev)
    vfs.mount(vfs.VfsLfs2(dev), "/use")
    os.chdir("/use")
except (ImportError, AttributeError):
    pass  # on a PC, where the directory is an empty one

# Constructors
for db in (
    MicroTetherDB(),
    MicroTetherDB("notes.db", in_memory=False),
    MicroTetherDB(ram_percentage=30),
    MicroTetherDB(ram_percentage=20),
    MicroTetherDB(ttl_check_interval=5, cleanup_interval=1800),
    MicroTetherDB(in_memory=True, adaptive_threshold=True),
    MicroTetherDB(adaptive_threshold=False),
    MicroTetherDB(in_memory=False, adaptive_threshold=True),
    MicroTetherDB(
        filename="notes.db",
        in_memory=True,
        ram_percentage=25,
        max_retries=3,
        retry_delay=0.1,
        lock_timeout=5.0,
        cleanup_interval=3600,
        ttl_check_interval=10,
        btree_cachesize=32,
        btree_pagesize=512,
        adaptive_threshold=True,
    ),
    MicroTetherDB("microtether.db", True, 25, 3, 0.1, 5.0, 3600, 10, 32, 512, True, None),
):
    db.put("k", {"v": 1})
    print(db.get("k"), end=" ")
    db.close()
print(sorted(name for name in os.listdir()))

# put() both ways, get(), delete()
db = MicroTetherDB()
made_up = db.put({"room": "kitchen", "temp": 21}, ttl=3600, tags=["reading", "indoor"])
print(
    db.put("latest", {"room": "cellar", "temp": 12}, ttl=3600, tags=["reading", "cold"]),
    type(made_up),
)
print(db.get("latest")["temp"], db.get(made_up)["room"])
db.delete("latest")
print(db.get("latest"))
db.put("login", {"token": "t"}, ttl=300)
db.put("page", {"html": "<p>"}, ttl=60)
db.put("scratch", {"path": "/tmp"}, ttl=10)
print(len(db))
db.delete(purge=True)
print(len(db))

# Queries of each kind
db.put_batch(
    [
        {
            "name": "Joan",
            "age": 41,
            "score": 90,
            "state": "on",
            "phone": 1,
            "home": {"town": "Ghent"},
            "kinds": "tools",
        },
        {
            "name": "Rob",
            "age": 28,
            "score": 70,
            "state": "off",
            "mail": "r@x",
            "home": {"town": "Lyon"},
            "kinds": ["toys"],
        },
        {
            "name": "Jo",
            "age": 26,
            "score": 80,
            "state": "on",
            "mail": "j@x",
            "flags": {"notify": True},
            "kinds": ["toys", "food"],
        },
        {"temperature": 20, "pressure": 1000, "description": "test", "tags": ["lab"]},
    ],
    tags=[["staff"], ["staff", "night"], None, None],
)


def names(query):
    return sorted(doc.get("name", "-") for doc in db.query(query))


print(names({"name": "Rob"}))
print(
    names({"age": {"$gt": 25}, "score": {"$gte": 80}}),
    names({"temperature": {"$lt": 30}, "pressure": {"$lte": 1000}}),
)
print(names({"age": {"$gt": 25}, "state": "on", "score": {"$gte": 80}}))
print(
    names({"tags": "staff"}), names({"tags": "lab"}), names({"kinds": {"$in": ["toys", "tools"]}})
)
print(names({"name": {"$contains": "Jo"}}), names({"description": {"$ne": "test"}}))
print(names({"mail": {"$exists": True}, "phone": {"$exists": False}}))
print(
    names({"home.town": "Lyon"}),
    names({"flags.notify": True}),
    names({"home.town": "Lyon", "flags.notify": True}),
)
print(len(db.query({"state": "on", "$limit": 10})), len(db.query({"state": "on", "$limit": 1})))
print(
    names(
        {
            "age": {"$gt": 25, "$lt": 50},
            "state": {"$in": ["on", "idle"]},
            "score": {"$gte": 80},
            "name": {"$contains": "Jo"},
            "$limit": 5,
        }
    )
)
print(names({"tags": "staff", "age": {"$gt": 30}, "name": {"$contains": "Jo"}}))

# Batches
keys = db.put_batch([{"n": 1}, {"n": 2}], ttls=[3600, 7200])
print(len(keys), db.get(keys[1]), db.delete_batch(keys), db.get(keys[0]))

# Context managers
with MicroTetherDB() as db:
    db.put({"key": "value"})
    print(db.get("key"))
    print(len(db.put_batch([{"key1": "a"}, {"key2": "b"}])), db.query({"key1": {"$exists": True}}))


async def context():
    async with MicroTetherDB() as db:
        db.put({"key": "value"})
        print(db.get("key"), db.query({"key": {"$exists": True}}))


asyncio.run(context())


# The application's loop, and a result that outlives the database
async def application():
    loop = asyncio.get_event_loop()
    db = MicroTetherDB(filename="app.db", in_memory=False, event_loop=loop)
    with db as store:
        print(store is db, db.event_loop is loop)
        store.put({"sensor": "light", "value": 25.5}, ttl=3600)
        print(store.get("sensor_key"))
        found = store.query({"sensor": "light"})
    return found


async def outer():
    found = await application()
    print(found[0]["value"], len(found))


asyncio.run(outer())


async def shared():
    loop = asyncio.get_event_loop()
    clients = MicroTetherDB("client.db", event_loop=loop)
    cache = MicroTetherDB("cache.db", event_loop=loop)
    for interval in (5, 30, 120):
        MicroTetherDB(ttl_check_interval=interval, event_loop=loop).close()
    clients.put("a", 1)
    print(cache.get("a"), clients.get("a"))
    clients.close()
    cache.close()


asyncio.run(shared())

# Clean-up by hand
db = MicroTetherDB(ram_percentage=25, adaptive_threshold=True)
try:
    db.put("u1", {"name": "Zoe", "age": 30}, ttl=86400, tags=["user", "active"])
    print(db.get("u1")["name"], len(db.query({"tags": "active", "age": {"$gt": 25}})))
    print(len(db.put_batch([{"n": 1}, {"n": 2}], ttls=[3600, 7200])), db.cleanup())
finally:
    print(db.cleanup())
db.close()


# A sensor task (time runs faster here)
async def sensor():
    loop = asyncio.get_event_loop()
    async with MicroTetherDB(
        filename="sensors.db", in_memory=False, ttl_check_interval=5, event_loop=loop
    ) as db:
        for i in range(10):
            reading = {
                "temperature": 20 + i,
                "humidity": 50 + i * 2,
                "timestamp": asyncio.get_event_loop().time(),
            }
            key = db.put(reading, ttl=30, tags=["sensor", "environment"])
            recent = db.query({"temperature": {"$gt": 22}, "tags": "environment"})
            print(len(recent), end=" ")
            await asyncio.sleep(0.002)
        print(type(key), db.cleanup())


asyncio.run(sensor())
with MicroTetherDB(filename="sensors.db", in_memory=False) as db:
    print(len(db), db.count({"tags": "sensor"}))
os.chdir("/")

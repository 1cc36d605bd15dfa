# cmdline: -X heapsize=4m
# The power fails at each write of a script: what is there afterwards is what the last flush left,
# or what the one in progress was to leave, and the indexes fit to it.

try:
    import btree, os, sys, vfs
    from microtetherdb import MicroTetherDB

    vfs.VfsLfs2
    image = bytearray(800 * 512)
except (ImportError, AttributeError, MemoryError):
    print("SKIP")
    raise SystemExit


if hasattr(btree, "__file__"):
    # A native module cannot make files of littlefs shorter: 100 times the writes. power_model.py has
    # power cuts there.
    print("SKIP")
    raise SystemExit

# At which writes, to save time.
EACH = int(getattr(os, "getenv", lambda _: None)("EACH") or (5 if sys.platform == "linux" else 101))


class Device:
    SIZE = 512

    def __init__(self, data):
        self.data = data
        self.hook = None

    def readblocks(self, n, buf, offset=0):
        at = n * self.SIZE + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        at = n * self.SIZE + offset
        self.data[at : at + len(buf)] = buf
        if self.hook:
            self.hook()

    def ioctl(self, request, arg):
        return {4: len(self.data) // self.SIZE, 5: self.SIZE}.get(request, 0)


now = 1800000000


def contents(path, **kwargs):
    with MicroTetherDB(
        path, in_memory=False, clock=lambda: now, ttl_check_interval=1e6, **kwargs
    ) as db:
        found = {key: doc["n"] for key, doc in db.find()}
        for n in set(found.values()):
            keys = sorted(key for key, _ in db.find({"n": n}))
            if keys != sorted(key for key in found if found[key] == n):
                print("FAIL index", n, keys)
        for tag in range(3):
            keys = sorted(key for key, _ in db.find({"tags": "t%d" % tag}))
            if keys != sorted(key for key in found if found[key] % 3 == tag):
                print("FAIL tags", tag, keys)
        return found


def run(fs, index):
    global now
    device = Device(bytearray(image))
    fs.mkfs(device)
    vfs.mount(fs(device), "/power")
    cuts = other = 0
    flushed, after = {}, {}

    def check():
        nonlocal cuts, other
        cuts += 1
        if cuts % EACH:
            return
        vfs.mount(fs(Device(bytearray(device.data))), "/cut")
        found = contents("/cut/a.db")
        vfs.umount("/cut")
        if found != flushed:
            other += 1
            if found != after:
                print("FAIL", cuts, found, flushed, after)

    db = MicroTetherDB(
        "/power/a.db", in_memory=False, clock=lambda: now, index=index, ttl_check_interval=1e6
    )
    device.hook = check

    def do(change, expected):
        nonlocal flushed, after
        after = expected
        before = db.stats()["flushes"]
        change()
        if db.stats()["flushes"] != before:
            flushed = expected

    model = {}
    for i in range(36):
        if i % 9 == 8:
            keys = sorted(model)[:3]
            model = {key: n for key, n in model.items() if key not in keys}
            do(lambda: db.delete_batch(keys), model)
        elif i % 9 == 4:
            batch = {"b%d-%d" % (i, j): j for j in range(12)}
            model = dict(model)
            model.update(batch)
            names = sorted(batch)
            do(
                lambda: db.put_batch(
                    [{"n": batch[k]} for k in names],
                    _ids=names,
                    tags=[["t%d" % (batch[k] % 3)] for k in names],
                ),
                model,
            )
        else:
            key, n = "k%d" % (i * 5 % 17), i % 7
            model = dict(model)
            model[key] = n
            do(
                lambda: db.put(
                    key,
                    {"n": n, "text": "x" * (i * 11)},
                    tags=["t%d" % (n % 3)],
                    ttl=10000 if i % 4 == 0 else None,
                ),
                model,
            )
    do(db.flush, model)
    do(lambda: db.delete(purge=True), {})
    do(lambda: db.put("last", {"n": 1}, tags=["t1"]), {"last": 1})
    db.close()
    device.hook = None
    flushed = {"last": 1}
    check()
    vfs.umount("/power")
    print(fs.__name__, index, "cuts:", cuts > 100, "during a flush:", other > 0 or EACH > 5)


systems = [vfs.VfsLfs2]
if hasattr(btree, "JOURNAL"):
    systems.append(vfs.VfsFat)
for fs in systems:
    run(fs, None)
    run(fs, ["n"])


# While an index is built, and dropped.
def build(fs):
    device = Device(bytearray(image))
    fs.mkfs(device)
    vfs.mount(fs(device), "/power")
    path = "/power/a.db"
    model = {"k%02d" % i: i % 7 for i in range(40)}
    with MicroTetherDB(path, in_memory=False, clock=lambda: now) as db:
        names = sorted(model)
        db.put_batch(
            [{"n": model[k], "m": model[k]} for k in names],
            _ids=names,
            tags=[["t%d" % (model[k] % 3)] for k in names],
        )
    cuts = 0

    def check():
        nonlocal cuts
        cuts += 1
        if cuts % EACH:
            return
        vfs.mount(fs(Device(bytearray(device.data))), "/cut")
        for kwargs in ({}, {"index": ["n"]}):
            if contents("/cut/a.db", **kwargs) != model:
                print("FAIL", cuts)
        with MicroTetherDB("/cut/a.db", in_memory=False) as db:
            if db.explain({"n": 3})["plan"] != "index" or db.indexes != ["n"]:
                print("FAIL explain")
        vfs.umount("/cut")

    for index in (["n"], ["m", "n"], []):
        device.hook = check
        db = MicroTetherDB(path, in_memory=False, index=index, clock=lambda: now)
        device.hook = None
        db.close()
    vfs.umount("/power")
    print(fs.__name__, "building", cuts > 20)


for fs in systems:
    build(fs)

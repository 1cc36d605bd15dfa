# cmdline: -X heapsize=4m
# Random operations on a file, compared with a dict. Now and then the power fails in the middle of
# one, at any write, of which a part may have been done; work goes on with what is on the medium.

try:
    import btree, os, sys, vfs
    from microtetherdb import MicroTetherDB

    btree.JOURNAL
    vfs.VfsLfs2
    image = bytearray(600 * 512)
except (ImportError, AttributeError, MemoryError):
    print("SKIP")
    raise SystemExit

RUNS = int(getattr(os, "getenv", lambda _: None)("RUNS") or (20 if sys.platform == "linux" else 3))
seed = 0
now = 0


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


class Device:
    SIZE = 512

    def __init__(self, data):
        self.data = data
        self.left = 0  # writes until the power fails
        self.then = None  # what was on the medium

    def readblocks(self, n, buf, offset=0):
        at = n * self.SIZE + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        at = n * self.SIZE + offset
        if self.left:
            self.left -= 1
            if self.left == 0:
                self.then = bytearray(self.data)
                part = rnd(len(buf)) if rnd(2) else len(buf)
                self.then[at : at + part] = memoryview(buf)[:part]
        self.data[at : at + len(buf)] = buf

    def ioctl(self, request, arg):
        return {4: len(self.data) // self.SIZE, 5: self.SIZE}.get(request, 0)


def alive(model):
    return {key: part[:2] for key, part in model.items() if part[2] is None or part[2] > now}


def contents(db):
    """All documents and their tags, as far as the indexes agree with them."""
    found = {key: [doc, set()] for key, doc in db.find()}
    for tag in ("a", "b"):
        for key, _ in db.find({"tags": tag}):
            found[key][1].add(tag)
    for n in range(6):
        if {key for key, _ in db.find({"n": n})} != {k for k in found if found[k][0]["n"] == n}:
            print("FAIL index", n)
    problems = [line for line in db._store.tree.check() if not line.startswith("warning")]
    if problems:
        print("FAIL check", problems[:3])
    return found


def same(found, model):
    model = alive(model)
    return len(found) == len(model) and all(
        key in model and found[key][0] == model[key][0] and found[key][1] == set(model[key][1])
        for key in found
    )


def run(fs, steps, s):
    global seed, now
    seed, now = s, 1800000000
    device = Device(bytearray(image))
    fs.mkfs(device)
    vfs.mount(fs(device), "/power")
    options = {"in_memory": False, "clock": lambda: now, "ttl_check_interval": 1e6}
    db = MicroTetherDB("/power/a.db", index=["n"], **options)
    db.put("first", {"n": 0})
    db.close()
    db = MicroTetherDB("/power/a.db", **options)
    model = {"first": ({"n": 0}, [], None)}
    flushed = model
    cuts = lost = 0
    for step in range(steps):
        if rnd(3) == 0:
            device.left = 1 + rnd(40)
        after = dict(model)
        key = "k%d" % rnd(25)
        doc = {"n": rnd(6), "s": "x" * (rnd(60) if rnd(12) else rnd(1500))}
        tags = [[], ["a"], ["b", "a"]][rnd(3)]
        ttl = 1 + rnd(50) if rnd(3) == 0 else None
        expires = None if ttl is None else now + ttl
        flushes = db.stats()["flushes"]
        what = rnd(12)
        if what < 5:
            after[key] = (doc, tags, expires)
            db.put(key, doc, ttl, tags)
        elif what < 7:
            keys = ["k%d" % (rnd(25) + i) for i in range(rnd(14))]
            for one in keys:
                after[one] = (doc, tags, expires)
            db.put_batch([doc] * len(keys), ttls=ttl, tags=tags, _ids=keys)
        elif what < 9:
            keys = [one for one in alive(after) if rnd(4) == 0]
            for one in keys:
                del after[one]
            db.delete_batch(keys)
        elif what == 9:
            if key in alive(after):
                after[key] = (dict(after[key][0], n=5, new=step), after[key][1], after[key][2])
            db.update(key, {"n": 5, "new": step})
        elif what == 10:
            now += rnd(20)
            db.cleanup()
        elif rnd(6) == 0:
            after.clear()
            db.delete(purge=True)
        elif rnd(2):
            db.flush()
        else:
            db.close()
            db = MicroTetherDB("/power/a.db", **options)
        if device.then is None:
            if db.stats()["flushes"] != flushes or db.stats()["pending"] == 0:
                flushed = after
            model = after
            if not same(contents(db), model):
                print("FAIL", step, what)
            continue
        # The power failed.
        cuts += 1
        db.close()
        vfs.umount("/power")
        device = Device(device.then)
        vfs.mount(fs(device), "/power")
        db = MicroTetherDB("/power/a.db", **options)
        found = contents(db)
        if same(found, after):
            model = after
        elif same(found, flushed):
            model = flushed
            lost += 1
        else:
            print("FAIL", fs.__name__, s, step, what, sorted(found))
            break
        flushed = model
    db.close()
    vfs.umount("/power")
    return cuts, lost


for fs in (vfs.VfsLfs2, vfs.VfsFat):
    total = [0, 0]
    for s in range(RUNS):
        for i, n in enumerate(run(fs, 80, s)):
            total[i] += n
    print(fs.__name__, total[0] > 4 * RUNS, total[1] > 0)

# cmdline: -X heapsize=32m
# Power cuts under a file system and on a raw block device. Everything that a workload writes to a
# device in RAM is written down; then devices are made that got only a part of it, and
# what is found there is looked at, used and closed.
#
# In the environment, CUTS=<number> cuts each workload in so many places, CUTS=all in every one and in
# every way; FIGURES=1 prints what was found instead of what is promised.

try:
    import btree, gc, io, os, struct, sys, uctypes, vfs

    vfs.VfsLfs2, vfs.VfsFat, io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

gc.collect()
SMALL = gc.mem_free() < 16000000 or sys.platform != "linux"
getenv = getattr(os, "getenv", lambda _: None)
CUTS = getenv("CUTS") or ("2" if SMALL else "25")
FIGURES = getenv("FIGURES")
MODES = [("default", 0)]
if hasattr(btree, "JOURNAL"):
    MODES.append(("journal", btree.JOURNAL))

BEGUN, DONE, SYNC = "begun", "done", "sync"
state = 185


def below(n):
    global state
    state = (state * 1103515245 + 12345) & 0x3FFFFFFF
    return (state >> 8) % n


class Device:
    def __init__(self, data, size):
        self.data = bytearray(data)
        self.size = size
        self.log = None

    def readblocks(self, n, buf, offset=0):
        at = n * self.size + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        self.put(n * self.size + offset, bytes(buf))

    def put(self, at, data):
        self.data[at : at + len(data)] = data
        if self.log is not None:
            self.log.append((at, data))

    def ioctl(self, request, arg):
        if request == 3 and self.log is not None:
            self.log.append(SYNC)
        if request == 4:
            return len(self.data) // self.size
        if request == 5:
            return self.size
        if request == 6:  # erase
            self.put(arg * self.size, b"\xff" * self.size)
        return 0


# A whole device as one file, which ends behind the last block that is not erased.
class Raw(io.IOBase):
    def __init__(self, device):
        self.device = device
        self.pos = 0
        size, data = device.size, device.data
        n = len(data) // size
        erased = b"\xff" * size
        while n and data[n * size - size : n * size] == erased:
            n -= 1
        self.length = n * size

    def readinto(self, buf):
        n = max(min(len(buf), self.length - self.pos), 0)
        buf[:n] = memoryview(self.device.data)[self.pos : self.pos + n]
        self.pos += n
        return n

    def write(self, buf):
        size = self.device.size
        n = min(len(buf), len(self.device.data) - self.pos)
        done = 0
        # Block by block; of the first and the last the rest is read before.
        while done < n:
            at = self.pos + done
            block = at // size * size
            part = min(n - done, block + size - at)
            new = bytearray(self.device.data[block : block + size])
            if block >= self.length:
                new = bytearray(size)
            new[at - block : at - block + part] = buf[done : done + part]
            self.device.put(block, bytes(new))
            done += part
            self.length = max(self.length, block + size)
        self.pos += n
        return n if n > 0 or not buf else -28

    def ioctl(self, request, arg):
        if request == 1:
            return self.device.ioctl(3, 0)
        if request == 2:
            long = struct.calcsize("l")
            seek = uctypes.bytearray_at(arg, long + 4)
            offset, whence = struct.unpack("<qi" if long == 8 else "<ii", seek)
            self.pos = (0, self.pos, self.length)[whence] + offset
            seek[:long] = struct.pack("<q" if long == 8 else "<i", self.pos)
            return 0
        return -22

    def close(self):
        pass


# name, bytes of a block, whether writes that are not synced may get lost one by one,
# what makes a device ready and what opens the file
MEDIA = (
    ("VfsLfs2", 4096, False, vfs.VfsLfs2.mkfs, lambda dev, mode: vfs.VfsLfs2(dev, progsize=256).open("/db", mode)),
    ("VfsFat", 512, True, vfs.VfsFat.mkfs, lambda dev, mode: vfs.VfsFat(dev).open("/db", mode)),
    ("raw", 512, True, lambda dev: None, lambda dev, mode: Raw(dev)),
)


# Lists of (key, value), with None for a deletion, and of FLUSH.
FLUSH = None
BASE = 80 if SMALL else 300


def value():
    return bytes([97 + below(26)]) * (8 + below(40))


def key(n):
    return b"k%05d" % n


def base_items():
    return [(key(i * 10), value()) for i in range(BASE)]


def batch(n):
    steps = [(key(below(BASE * 10)), value()) for _ in range(n)]
    steps += [(key(below(BASE) * 10), value()) for _ in range(n // 4)]
    steps += [(key(i * 7 % BASE * 10), None) for i in range(n // 7)]
    return steps + [FLUSH]


def flushed(steps, every):
    all = []
    for i, step in enumerate(steps):
        all.append(step)
        if i % every == every - 1 or i == len(steps) - 1:
            all.append(FLUSH)
    return all


def mixed(n):
    steps = []
    for i in range(n):
        k = key(below(BASE) * 10)
        if below(3) == 0:
            k = key(below(BASE * 10))
        steps.append((k, None if below(4) == 0 else value()))
    return steps


def workloads():
    n = 4 if SMALL else 1
    yield "batch", batch(200 // n)
    yield "each", flushed([(key(below(BASE * 10)), value()) for _ in range(80 // n)], 1)
    yield "mixed", flushed(mixed(120 // n), 5)
    yield "big", flushed([(key(below(BASE) * 10), value() * (20 + below(60))) for _ in range(40 // n)], 4)
    yield "log", flushed([(b"log%06d" % i, value()) for i in range(120 // n)], 1)


def change(db, model, step):
    k, v = step
    if v is not None:
        if db is not None:
            db[k] = v
        model[k] = v
    elif k in model:
        if db is not None:
            del db[k]
        del model[k]


# The device after the work, and what was done to it meanwhile.
def record(medium, image, flags, pagesize, steps):
    dev = Device(image, medium[1])
    f = medium[4](dev, "r+b")
    db = btree.open(f, flags=flags, pagesize=pagesize)
    model = dict(base)
    dev.log = []
    for step in steps:
        if step is not FLUSH:
            change(db, model, step)
            continue
        dev.log.append(BEGUN)
        db.flush()
        dev.log.append(DONE)
    db.close()
    f.close()
    return dev.log


# Half of a journal's mark on page 0 does no harm.
def sound(db, ended=True):
    found = [text for text in db.check() if not text.startswith("warning: page 0 ")]
    # A flush that was cut off may have begun a page behind the others; the next one overwrites it.
    return [text for text in found if ended or not text.endswith(": part of a page at the end")] == []


# What is found on a device: "last" or "next", if it is as the last or the next flush left it or makes it;
# otherwise how bad it is.
def look(medium, flags, image, last, next):
    dev = Device(image, medium[1])
    try:
        f = medium[4](dev, "r+b")
    except OSError:
        return "no file"
    try:
        try:
            db = btree.open(f, flags=flags)
        except OSError:
            return "refused"
        try:
            got = {}
            before = None
            for k, v in db.items():
                got[k] = v
                if len(got) > 2000:
                    return "endless"
                if before is not None and before >= k:
                    return "disorder"
                before = k
            found = "last" if got == last else "next" if got == next else "mixture"
            if not sound(db, False):
                found = "unsound"
            # It goes on working.
            for i in range(8):
                k = key(below(BASE * 10))
                change(db, got, (k, None if i % 3 == 2 else b"later" * i))
                if i == 4:
                    db.flush()
            db.close()
        except OSError:
            return "unreadable"
        except KeyError:
            return "mixture"
        if found in ("last", "next"):
            # Closed it is a plain file.
            f.close()
            f = medium[4](dev, "r+b")
            try:
                db = btree.open(f)
                if dict(db.items()) != got or not sound(db):
                    found = "lost"
                db.close()
            except OSError:
                found = "lost"
        return found
    finally:
        try:
            f.close()
        except OSError:
            pass


# What the last write before a cut does: nothing, a part of its bytes; or each write since the last
# sync is done or lost.
LOST, TORN, ANY = range(3)


# Where the tables and the root directory of FAT end. Half a sector of these, with half a size of a
# file for instance, is beyond what a file can guard against.
def fat_end(image):
    if image[510:512] != b"\x55\xaa":
        return 0
    reserved, tables, entries, _, _, sectors = struct.unpack("<HBHHBH", image[14:24])
    return (reserved + tables * sectors) * 512 + entries * 32


# A device that got all of `stable`, and of `pending` what a way of failing leaves.
def cut(stable, pending, way):
    image = bytearray(stable)
    if pending[-1][0] < fat_end(image) and way == TORN:
        way = LOST
    for i, (at, data) in enumerate(pending):
        if way == ANY and below(2):
            continue
        if way != ANY and i == len(pending) - 1:
            data = data[: below(len(data)) if way == TORN else 0]
        image[at : at + len(data)] = data
    return image


# Cuts the power all along a log; returns what was found, and how often.
def sweep(medium, image, flags, log, steps):
    found = {}
    stable, pending = bytearray(image), []
    last, next = dict(base), dict(base)
    steps = iter(steps)
    flushing = False
    ways = (LOST, TORN, ANY) if medium[2] else (LOST, TORN)
    total = sum(isinstance(entry, tuple) for entry in log)
    n = 0
    for entry in log:
        if entry == BEGUN:
            flushing = True
            for step in steps:
                if step is FLUSH:
                    break
                change(None, next, step)
        elif entry == DONE:
            flushing = False
            last = dict(next)
        elif entry == SYNC:
            for at, data in pending:
                stable[at : at + len(data)] = data
            pending = []
        else:
            pending.append(entry)
            n += 1
            if CUTS == "all":
                these = ways
            elif n * int(CUTS) // total > (n - 1) * int(CUTS) // total:
                these = (ways[below(len(ways))],)
            else:
                continue
            for way in these:
                what = look(medium, flags if n % 2 else 0, cut(stable, pending, way), last, next if flushing else last)
                found[what] = found.get(what, 0) + 1
    return found


WHOLE = {"last", "next"}
NEVER = {"endless", "lost"}
for medium in MEDIA:
    for mode, flags in MODES:
        figures = {}
        for pagesize in (512, 4096) if SMALL else (512, 1024, 4096):
            state = 185
            base = dict(base_items())
            dev = Device(b"\xff" * (512 if SMALL else 2048) * 1024, medium[1])
            medium[3](dev)
            f = medium[4](dev, "w+b")
            with btree.open(f, pagesize=pagesize) as db:
                db.update(base)
            f.close()
            for name, steps in workloads():
                log = record(medium, dev.data, flags, pagesize, steps)
                found = sweep(medium, dev.data, flags, log, steps)
                if FIGURES:
                    print(medium[0], mode, pagesize, name, sum(found.values()), found)
                for what in found:
                    figures[what] = figures.get(what, 0) + found[what]
                log = None
                gc.collect()
        promised = mode == "journal" or medium[0] == "VfsLfs2"
        if FIGURES:
            print(medium[0], mode, sum(figures.values()), figures)
        elif (promised and not set(figures) <= WHOLE) or set(figures) & NEVER:
            print("FAIL", medium[0], mode, figures)
        else:
            print(medium[0], mode, "whole states" if promised else "no promise")

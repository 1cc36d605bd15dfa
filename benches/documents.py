# The document store in numbers: microseconds for one document, and how many times faster one way is
# than another. Each figure is the best of some runs; what is compared takes turns in the same run.
#
# documents.py: for 100, 1000 and 10000 documents, in memory and in a file, each in a process of its
# own, since the heap of another would count. documents.py NUMBER STORAGE: for one of them.

import btree
import gc
import json
import os
import sys
import time
import vfs

from microtetherdb import MicroTetherDB, layout

# Microseconds, as data sheets of serial flash have them.
PROGRAM = 400  # 256 bytes
ERASE = 45000  # 4096 bytes
CITIES = ("Oslo", "Paris", "Rome", "Lima", "Quito", "Accra", "Hanoi", "Perth", "Turku", "Delhi")
BATCH = 1000


class Device:
    """A block device in a file of the host; it counts what is written and erased."""

    SIZE = 4096

    def __init__(self, count):
        self.count = count
        self.file = open("bench.img", "w+b")
        self.file.seek(self.SIZE * count - 1)
        self.file.write(b"\0")
        self.programmed = self.erased = 0

    def readblocks(self, block, buf, off=0):
        self.file.seek(block * self.SIZE + off)
        self.file.readinto(buf)

    def writeblocks(self, block, buf, off=0):
        self.programmed += len(buf)
        self.file.seek(block * self.SIZE + off)
        self.file.write(buf)

    def ioctl(self, op, arg):
        if op == 6:
            self.erased += 1
        return {4: self.count, 5: self.SIZE}.get(op, 0)


def document(i):
    return {
        "name": "sensor number %d" % i,
        "n": i,
        "temp": 15 + i * 37 % 250 / 10,
        "city": CITIES[i * 7 % 10],
        "state": {"on": i % 3 == 0, "level": i % 101},
        "log": [i % 5, i % 7, i % 11],
    }


def best(times, *ways, calls=1):
    """The shortest time of a call of each function, in microseconds; they take turns, each with a
    number of calls in a row."""
    result = [1 << 60] * len(ways)
    for _ in range(times):
        for i, way in enumerate(ways):
            gc.collect()
            start = time.ticks_us()
            for _ in range(calls):
                way()
            result[i] = min(result[i], time.ticks_diff(time.ticks_us(), start))
    return [max(us, 1) / calls for us in result]


def open_db(**kwargs):
    return MicroTetherDB("/bench/a.db", device is None, ram_percentage=90, **kwargs)


def key(i):
    return "key%05d" % i


def fill(db):
    for at in range(0, n, BATCH):
        numbers = range(at, min(at + BATCH, n))
        db.put_batch([document(i) for i in numbers], _ids=[key(i) for i in numbers])
    db.flush()


def storing():
    # Some hundred documents are added to n, in one of three ways: microseconds, bytes programmed
    # and blocks erased for each document.
    number = min(n, 300)
    docs = [document(n + i) for i in range(number)]
    keys = [key(n + i) for i in range(number)]

    def singly(db):
        for one, doc in zip(keys, docs):
            db.put(one, doc)

    def durably(db):
        for one, doc in zip(keys[: number // 10], docs):
            db.put(one, doc)
            db.flush()

    def together(db):
        db.put_batch(docs, _ids=keys)
        db.flush()

    result = [(1 << 60, None, None)] * 3
    for _ in range(3 if n <= 1000 else 1):
        for i, (way, times) in enumerate(
            ((singly, number), (durably, number // 10), (together, number))
        ):
            with open_db() as db:
                fill(db)
                if device is not None:
                    device.programmed = device.erased = 0
                (us,) = best(1, lambda: way(db))
                cost = [us / times]
                if device is not None:
                    cost += [device.programmed / times, device.erased / times]
                result[i] = min(result[i], tuple(cost))
            if device is not None:
                os.remove("/bench/a.db")
    return result


def without_rust(db, query):
    def run():
        loads = layout.loads
        layout.loads = lambda raw: raw
        db._program = lambda query, now: None
        try:
            db.query(query)
        finally:
            layout.loads = loads
            del db._program

    return run


def bench():
    print("== %d documents, %s" % (n, "memory" if device is None else "file"))
    put, durable, batch = storing()
    print(
        "put: %.0f us a document; flushed each: %.0f us; in a batch: %.0f us"
        % (put[0], durable[0], batch[0])
    )
    print(
        "  batch against put: %.1f x; against put and flush: %.1f x"
        % (put[0] / batch[0], durable[0] / batch[0])
    )
    if device is not None:
        print("  bytes programmed a document: %.0f, %.0f, %.0f" % (put[1], durable[1], batch[1]))
        print(
            "  batch against put: %.1f x; against put and flush: %.1f x"
            % (put[1] / batch[1], durable[1] / batch[1])
        )
        print("  blocks erased a document: %.2f, %.2f, %.2f" % (put[2], durable[2], batch[2]))
        flash = [way[1] / 256 * PROGRAM + way[2] * ERASE for way in (put, durable, batch)]
        print("  serial flash takes: %.1f, %.1f, %.1f ms" % tuple(us / 1000 for us in flash))
        all_of = [us + way[0] for us, way in zip(flash, (put, durable, batch))]
        print(
            "  batch against put: %.1f x; against put and flush: %.1f x"
            % (all_of[0] / all_of[2], all_of[1] / all_of[2])
        )
    runs = max(5, min(30, 5000 // n))
    # (All pages stay in memory, or the device, which is slow here, would be what is measured.)
    db = open_db(index=["n"], btree_cachesize=1 << 24)
    fill(db)

    def gets():
        for i in range(0, n, max(1, n // 100)):
            db.get(key(i))

    (get,) = best(runs, gets)
    record = layout.dumps(document(n)).encode()
    ours, theirs = best(
        runs,
        lambda: [btree.loads(record) for _ in range(100)],
        lambda: [json.loads(record) for _ in range(100)],
    )
    print("loads: %.1f us; json.loads: %.1f us" % (ours / 100, theirs / 100))
    print("get: %.0f us" % (get / len(range(0, n, max(1, n // 100)))))
    queries = (
        (
            "no match",
            {"city": "Oslo", "state.level": 1000},
            lambda d: d["city"] == "Oslo" and d["state"]["level"] == 1000,
        ),
        (
            "few match",
            {"city": "Oslo", "state.level": 50},
            lambda d: d["city"] == "Oslo" and d["state"]["level"] == 50,
        ),
        ("a tenth matches", {"city": "Oslo"}, lambda d: d["city"] == "Oslo"),
        (
            "float, part of a string",
            {"temp": {"$gt": 39.5}, "name": {"$contains": "99"}},
            lambda d: d["temp"] > 39.5 and "99" in d["name"],
        ),
    )
    times = []
    # Collecting garbage leaves the processor's caches empty; a query of few documents would notice.
    calls = max(1, 1000 // n)
    for _, query, test in queries:
        rust, python = best(runs, lambda: db.query(query), without_rust(db, query), calls=calls)
        times.append((rust, python, db.explain(query)["returned"]))

    def by_index():
        for i in range(0, n, n // 10):
            db.query({"n": i})

    (index,) = best(runs, by_index)
    index /= 10
    db.close()
    db = None
    docs = [document(i) for i in range(n)]
    for (name, query, test), (rust, python, found) in zip(queries, times):
        (filtered,) = best(runs, lambda: [d for d in docs if test(d)], calls=calls)
        print("scan, %s (%d): %.2f us a document" % (name, found, rust / n))
        print(
            "  %.1f x Python path; %.2f x list of dicts in memory"
            % (python / rust, filtered / rust)
        )
    rust, python, _ = times[0]
    (filtered,) = best(runs * 3, lambda: [d for d in docs if d["n"] == n // 2], calls=calls)
    print("query by index: %.0f us" % index)
    print(
        "  %.1f x scan; %.1f x scan by Python path; %.2f x list of dicts in memory"
        % (rust / index, python / index, filtered / index)
    )


if len(sys.argv) < 3:
    for n in sys.argv[1:] or ("100", "1000", "10000"):
        for storage in ("memory", "file"):
            if os.system("%s -X heapsize=64m %s %s %s" % (sys.executable, sys.argv[0], n, storage)):
                raise SystemExit(1)
else:
    n = int(sys.argv[1])
    device = None
    if sys.argv[2] == "file":
        device = Device(512 + n // 2)
        vfs.VfsLfs2.mkfs(device)
        vfs.mount(vfs.VfsLfs2(device), "/bench")
    bench()
    if device is not None:
        os.remove("bench.img")

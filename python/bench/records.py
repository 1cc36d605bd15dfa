#!/usr/bin/env python3
"""records.py [ROUNDS]: btrees_json and zodb-json-codec convert the same records, in turns in the same
run. Prints the best time of each in microseconds, the rate in megabytes of record (decoding) or of
text (encoding) per second, and how many times faster btrees_json is. Where objects are made, the last
column is the time in which Python's own marshal.loads makes the same objects, which is about what
making and dropping them takes."""

import json
import marshal
import random
import statistics
import struct
import sys
import time

import btrees_json
import zodb_json_codec as codec
from BTrees import family32  # noqa: F401  (says early that BTrees are missing)
import BTrees.fsBTree
import BTrees.IIBTree
import BTrees.LFBTree
import BTrees.LLBTree
import BTrees.OOBTree
from ZODB.DB import DB
from ZODB.MappingStorage import MappingStorage
import transaction

# Seconds that one row measures one function for, in each round.
SLICE = 0.02


def words(rng, count, least, most):
    letters = "abcdefghijklmnopqrstuvwxyz-_ "
    return ["".join(rng.choice(letters) for _ in range(rng.randint(least, most))) for _ in range(count)]


def records(rng):
    """Names and records, made by ZODB."""
    OO, II, LL, LF, fs = (
        BTrees.OOBTree, BTrees.IIBTree, BTrees.LLBTree, BTrees.LFBTree, BTrees.fsBTree
    )
    keys = sorted("key-%05d" % i for i in rng.sample(range(100000), 1000))
    text = words(rng, 1000, 8, 24)
    objects = {
        "OOBTree of 3, str: int": OO.OOBTree({key: i for i, key in enumerate(keys[:3])}),
        "OOBTree of 30, str: str": OO.OOBTree(dict(zip(keys[:30], text))),
        "OOBucket of 30, str: dict of 5": OO.OOBucket(
            {
                key: {"title": word, "n": i, "tags": ["a", word], "ok": True, "x": i / 7}
                for i, (key, word) in enumerate(zip(keys[:30], text))
            }
        ),
        "OOBucket of 1000, str: str": OO.OOBucket(dict(zip(keys, text))),
        "IIBTree of 60": II.IIBTree({i: i * i for i in range(60)}),
        "IIBucket of 1000": II.IIBucket({i: rng.getrandbits(31) for i in range(1000)}),
        "LFBucket of 1000": LF.LFBucket({i: rng.random() for i in range(1000)}),
        "IITreeSet of 100": II.IITreeSet(range(0, 1000, 10)),
        "OOTreeSet of 30, str": OO.OOTreeSet(keys[:30]),
        "LLSet of 1000": LL.LLSet(rng.getrandbits(62) for _ in range(1000)),
        "fsBucket of 500": fs.fsBucket(
            {struct.pack(">H", i): rng.randbytes(6) for i in range(500)}
        ),
        "OOBTree, not ASCII": OO.OOBTree({"größe-%03d" % i: "ключ " * 3 for i in range(29)}),
    }
    big = OO.OOBTree()
    for i in range(29 * 100):
        big["doc-%05d" % i] = i
    objects["OOBTree of 190 children"] = big
    db = DB(MappingStorage())
    connection = db.open()
    connection.root().update(objects)
    transaction.commit()
    for name, tree in objects.items():
        yield name, db.storage.load(tree._p_oid)[0]
    bucket = big._firstbucket
    yield "OOBucket of 15, with next", db.storage.load(bucket._p_oid)[0]


def best(functions, argument, rounds):
    """The best time of each function for one call, in seconds."""
    times = [float("inf")] * len(functions)
    for _ in range(rounds):
        for place, function in enumerate(functions):
            begin, count = time.perf_counter(), 0
            while time.perf_counter() - begin < SLICE:
                start = time.perf_counter()
                for _ in range(8):
                    function(argument)
                times[place] = min(times[place], (time.perf_counter() - start) / 8)
                count += 1
    return times


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    ways = [
        ("decode to text", codec.decode_zodb_record_for_pg_json, btrees_json.decode_zodb_record_for_pg_json),
        ("decode to dict", codec.decode_zodb_record, btrees_json.decode_zodb_record),
        (
            "encode from text",
            lambda text: codec.encode_zodb_record(json.loads(text)),
            btrees_json.encode,
        ),
        ("encode from dict", codec.encode_zodb_record, btrees_json.encode_zodb_record),
    ]
    rows = list(records(random.Random(65)))
    for title, theirs, ours in ways:
        heads = ("bytes", "codec us", "MB/s", "ours us", "MB/s", "ratio")
        print("%-34s %9s %10s %7s %10s %7s %7s" % (title, *heads), "%10s" % "marshal us" * (title == "decode to dict"))
        ratios = []
        for name, record in rows:
            text = btrees_json.decode(record)
            argument = {"encode from text": text, "encode from dict": json.loads(text)}.get(title, record)
            size = len(text) if title.startswith("encode") else len(record)
            functions = [theirs, ours]
            if title == "decode to dict":
                # (Version 2 has no references; it is the one that is read fastest.)
                marshalled = marshal.dumps(json.loads(text), 2)
                functions.append(lambda _, marshalled=marshalled: marshal.loads(marshalled))
            their, our, *yardstick = best(functions, argument, rounds)
            ratios.append(their / our)
            print(
                "%-34s %9d %10.2f %7.0f %10.2f %7.0f %7.1f"
                % (name, size, their * 1e6, size / their / 1e6, our * 1e6, size / our / 1e6, their / our),
                *("%10.2f" % (seconds * 1e6) for seconds in yardstick),
            )
        for name, ratio in ("least", min(ratios)), ("geometric mean", statistics.geometric_mean(ratios)):
            print("%-34s %62.1f" % (name, ratio))


if __name__ == "__main__":
    main()

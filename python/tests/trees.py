"""Random trees of all classes of BTrees, with random keys and values, as records of ZODB."""

import datetime
import decimal
import importlib
import struct
import uuid

import transaction
from BTrees.Length import Length
from persistent import Persistent
from persistent.mapping import PersistentMapping
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

PREFIXES = "OO IO OI II LO OL LL LF IF QQ UU UO OU IU UI UF QO OQ QL LQ QF fs".split()
KINDS = "BTree Bucket TreeSet Set".split()

TEXTS = ["", "a", "tab\there", 'quote"', "back\\slash", "naïve", "ключ", "日本", "smile😀", "a/b", "\x01\x1f\x7f", "\u2028", "x" * 300]


class Plain(Persistent):
    """An object of another class, to be referred to."""


def tree_class(prefix, kind):
    return getattr(importlib.import_module("BTrees.%sBTree" % prefix), prefix + kind)


def text(rng):
    return rng.choice(TEXTS) + "".join(rng.choice("abcdefgh-_ é") for _ in range(rng.randrange(12)))


def integer(rng, least, most):
    number = rng.choice(
        [rng.randint(least, most), rng.randint(-300, 300), rng.randint(60000, 70000), least, most, 2**31, -(2**31) - 1]
    )
    return number if least <= number <= most else rng.randint(least, most)


def number(rng):
    return rng.choice(
        [
            rng.uniform(-1e6, 1e6),
            rng.uniform(-1, 1) * 10 ** rng.randint(-300, 300),
            0.0,
            -0.0,
            1e15,
            1e16,
            1e22,
            5e-324,
            0.1,
            float(rng.getrandbits(60)),
        ]
    )


def single(rng):
    return struct.unpack(">f", struct.pack(">f", rng.uniform(-1e9, 1e9)))[0]


def column(letter, rng):
    """A key or value of a column other than one of objects."""
    if letter == "I":
        return integer(rng, -(2**31), 2**31 - 1)
    if letter == "U":
        return integer(rng, 0, 2**32 - 1)
    if letter == "L":
        return integer(rng, -(2**63), 2**63 - 1)
    if letter == "Q":
        return integer(rng, 0, 2**64 - 1)
    return single(rng)


def moment(rng):
    zones = [None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(minutes=rng.randint(-1439, 1439)))]
    start = datetime.datetime(rng.randint(1, 9998), rng.randint(1, 12), rng.randint(1, 28))
    moment = start + datetime.timedelta(seconds=rng.randrange(86400), microseconds=rng.choice([0, rng.randrange(10**6)]))
    return moment.replace(tzinfo=rng.choice(zones))


def hashable(rng, depth):
    kind = rng.randrange(12)
    if kind == 0 and depth:
        return tuple(hashable(rng, depth - 1) for _ in range(rng.randrange(5)))
    if kind == 1 and depth:
        return frozenset(hashable(rng, depth - 1) for _ in range(rng.randrange(4)))
    return [
        lambda: None,
        lambda: rng.random() < 0.5,
        lambda: integer(rng, -(2**63), 2**63 - 1),
        lambda: rng.choice([-1, 1]) * rng.getrandbits(rng.randint(64, 900)) + 2**70,
        lambda: number(rng),
        lambda: text(rng),
        lambda: rng.randbytes(rng.choice([0, 1, 5, 300])),
        lambda: moment(rng),
        lambda: rng.choice([moment(rng).date(), moment(rng).timetz()]),
        lambda: datetime.timedelta(rng.randint(-9999, 9999), rng.randrange(86400), rng.randrange(10**6)),
        lambda: decimal.Decimal(rng.choice(["0", "-0", "1.10", "1E+10", "Infinity", "-12.5E-7", str(number(rng))])),
        lambda: uuid.UUID(int=rng.getrandbits(rng.choice([8, 62, 64, 127, 128]))),
    ][rng.randrange(12)]()


def value(rng, depth=3):
    """An object of the types that the format has, without what zodb-json-codec gets wrong."""
    kind = rng.randrange(14)
    if depth and kind < 5:
        items = [value(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 3, 4, 7]))]
        return [
            lambda: items,
            lambda: tuple(items),
            lambda: {text(rng): item for item in items},
            lambda: {hashable(rng, 1): item for item in items},
            lambda: {hashable(rng, 1) for _ in items},
        ][kind]()
    return hashable(rng, depth)


def keys(rng, letter, count):
    """Distinct keys that have an order."""
    if letter == "f":
        return {struct.pack(">H", rng.randrange(65536)) for _ in range(count)}
    if letter != "O":
        return {column(letter, rng) for _ in range(count)}
    kinds = [
        lambda: text(rng) + str(rng.randrange(10**6)),
        lambda: integer(rng, -(2**70), 2**70),
        lambda: rng.randbytes(rng.randrange(9)),
        lambda: (text(rng), integer(rng, -99, 99)),
        lambda: number(rng),
        lambda: moment(rng).replace(tzinfo=None),
        lambda: moment(rng).replace(tzinfo=datetime.timezone.utc),
        lambda: moment(rng).date(),
        lambda: decimal.Decimal(rng.randint(-(10**9), 10**9)) / 1000,
        lambda: uuid.UUID(int=rng.getrandbits(128)),
        lambda: datetime.timedelta(rng.randint(-99, 99), rng.randrange(86400)),
    ]
    make = rng.choice(kinds)
    found = {make() for _ in range(count)}
    return found | {None} if rng.random() < 0.1 else found


def tree(rng, prefix, kind, count, objects=()):
    """A tree or a leaf with about that many keys. Some values are among `objects`."""
    made = tree_class(prefix, kind)()
    column_of_keys, column_of_values = ("f", "s") if prefix == "fs" else prefix
    for key in keys(rng, column_of_keys, count):
        if kind in ("TreeSet", "Set"):
            made.add(key)
        elif prefix == "fs":
            made[key] = rng.randbytes(6)
        elif column_of_values == "O":
            made[key] = rng.choice(objects) if objects and rng.random() < 0.2 else value(rng)
        else:
            made[key] = column(column_of_values, rng)
    return made


def stored(path, named):
    """Stores objects under names and returns the oids."""
    db = DB(FileStorage(path, create=True))
    try:
        with db.transaction() as connection:
            connection.root()["all"] = PersistentMapping(named)
        with db.transaction() as connection:
            return {name: item._p_oid for name, item in connection.root()["all"].items()}
    finally:
        db.close()


def forest(rng, path, sizes=(0, 1, 2, 5, 40, 300)):
    """Stores trees of all classes. Returns the oids of the trees by name."""
    others = [Plain(), PersistentMapping(), tree_class("II", "BTree")()]
    named = {}
    for prefix in PREFIXES:
        for kind in KINDS:
            for size in sizes:
                if kind in ("Bucket", "Set"):
                    size = min(size, 40)
                named["%s%s %d" % (prefix, kind, size)] = tree(rng, prefix, kind, size, others)
    named["Length"] = Length(rng.choice([0, -5, 10**6, 2**80]))
    for place, other in enumerate(others):
        named["other %d" % place] = other
    return stored(path, named)


def records(path):
    """(oid, record) of all objects in a file, as last stored."""
    storage = FileStorage(path, read_only=True)
    try:
        found = {}
        for changes in storage.iterator():
            for record in changes:
                found[record.oid] = record.data
        return list(found.items())
    finally:
        storage.close()


def rewrite(path, to, change):
    """Copies a file with other records."""
    transaction.abort()
    source, target = FileStorage(path, read_only=True), FileStorage(to, create=True)
    try:
        for changes in source.iterator():
            target.tpc_begin(changes, changes.tid, changes.status)
            for record in changes:
                target.restore(record.oid, record.tid, change(record.data), "", None, changes)
            target.tpc_vote(changes)
            target.tpc_finish(changes)
    finally:
        source.close()
        target.close()

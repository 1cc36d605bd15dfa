"""Building and dropping indexes of a database that has documents already."""

from .errors import DamagedError
from .index import Index
from .layout import DOC, key_of, unpack

_STEP = 32  # documents between two flushes


def _clear(db):
    # Removes what is left of dropped indexes.
    indexes = db._indexes
    while indexes.drop:
        prefix = b"i" + bytes((indexes.drop[-1],))
        while True:
            entries = db._store.keys(prefix, prefix + b"\xff", _STEP)
            for entry in entries:
                db._store.delete(entry)
            db._flush()
            if len(entries) < _STEP:
                break
        indexes.drop.pop()
    db._save_meta()


def _fill(db, new):
    start = DOC
    while True:
        found = db._store.range(start, DOC + b"\xff", False, _STEP)
        for key, raw in found:
            try:
                document, _, tags = unpack(key_of(key[1:]), raw)
            except DamagedError:
                continue
            for index in new:
                for entry in index.entries(document, tags, key[1:]):
                    db._store.put(entry, b"")
        if found:
            db._flush()
            start = found[-1][0] + b"\0"
        if len(found) < _STEP:
            return


def change(db, names):
    """Drops and builds indexes until they are those named. A power cut in the middle leaves the
    old ones that stay; what is half built goes when the file is opened the next time."""
    indexes = db._indexes
    keep = [index for index in indexes.all if index is indexes.tags or index.name in names]
    indexes.drop.extend(index.number for index in indexes.all if index not in keep)
    indexes.all = keep
    if indexes.drop:
        db._save_meta()
        db._flush()
        _clear(db)
    new = []
    for name in names:
        if indexes.by_path(Index(name, 0).path) is None and name not in (
            index.name for index in new
        ):
            index = indexes.new(name)
            indexes.drop.append(index.number)
            new.append(index)
    if new:
        db._save_meta()
        db._flush()
        _fill(db, new)
        for index in new:
            indexes.drop.remove(index.number)
        indexes.all.extend(new)
    order = ["tags"]
    order.extend(names)
    indexes.all.sort(key=lambda index: order.index(index.name))
    db._save_meta()
    db._flush()


def rebuild(db):
    """Builds all indexes anew, that of tags included."""
    indexes = db._indexes
    names = indexes.names()
    change(db, [])
    prefix = indexes.tags.prefix
    while True:
        entries = db._store.keys(prefix, prefix + b"\xff", _STEP)
        for entry in entries:
            db._store.delete(entry)
        db._flush()
        if len(entries) < _STEP:
            break
    _fill(db, [indexes.tags])
    change(db, names)

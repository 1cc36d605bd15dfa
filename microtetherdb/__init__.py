"""Documents in a B-tree: see docs/microtetherdb.md."""

import gc

from . import layout
from .base import Base, load_build
from .errors import (  # noqa: F401
    ClosedError,
    DamagedError,
    DatabaseError,
    InvalidKeyError,
    InvalidValueError,
    LockTimeoutError,
    MemoryLimitError,
    QueryError,
    StorageError,
    ValueTooLargeError,
)
from .guard import imported
from .layout import DOC

__version__ = "0.1.0"

_find = _query = _change = None  # what only queries and update() need


def _given(args, kwargs, names):
    # Arguments by name.
    if len(args) > len(names):
        raise TypeError("too many arguments")
    given = dict(zip(names, args))
    for name, value in kwargs.items():
        if name not in names or name in given:
            raise TypeError("unexpected argument: %s" % name)
        given[name] = value
    if "data" not in given:
        raise TypeError("put() needs data")
    return given


def _load():
    global _find, _query
    from . import find, query

    _query = query
    _find = find


def _load_update():
    global _change
    from .update import parse

    _change = parse


class MicroTetherDB(Base):
    """A document store in a file, or in memory."""

    # ---- storing

    def put(self, *args, **kwargs):
        """put(data, ttl=None, tags=None, _id=None) or put(key, data, ttl=None, tags=None).

        Stores a document in place of the one with its key. ttl: seconds to live; tags: list of
        strings. Without _id the key is made up. Returns the key."""
        by_key = "key" in kwargs or args and isinstance(args[0], str) and "_id" not in kwargs
        if not by_key and len(args) > 1 and isinstance(args[1], dict):
            raise InvalidKeyError("key %r is not a string" % (args[0],))
        if by_key:
            given = _given(args, kwargs, ("key", "data", "ttl", "tags"))
        else:
            given = _given(args, kwargs, ("data", "ttl", "tags", "_id"))
        key = given["key"] if by_key else given.get("_id")
        ttl, tags = given.get("ttl"), given.get("tags")
        text = self._ready(key, given["data"], ttl, tags)
        self._enter("put", key)
        try:
            key = self._store_ready(key, text, ttl, tags)
            self._settle(1, key)
        finally:
            self._leave()
        return key

    def put_batch(self, items, ttls=None, tags=None, _ids=None):
        """Stores all documents of a list, or of a dict by key, with one flush at most. Returns the list
        of their keys.

        ttls: seconds for all, or a list with seconds or None for each; tags: a list of strings for
        all, or a list with a list or None for each; _ids: a list with a key or None for each."""
        try:
            return self._put_batch(items, ttls, tags, _ids)
        except MemoryError:
            raise MemoryLimitError("put_batch: no memory for all items")

    def _put_batch(self, items, ttls, tags, _ids):
        if isinstance(items, dict):
            if _ids is not None:
                raise TypeError("put_batch() takes keys in a dict or in _ids")
            _ids, items = items.keys(), items.values()
        items = list(items)
        ttls = self._each("ttls", ttls, len(items), isinstance(ttls, (list, tuple)))
        lists = isinstance(tags, (list, tuple)) and any(not isinstance(tag, str) for tag in tags)
        tags = self._each("tags", tags, len(items), lists)
        keys = self._each("_ids", _ids, len(items), _ids is not None)
        # All are checked before anything changes. Not all texts need to fit in memory at a time.
        texts, size = [], 0
        for i, item in enumerate(items):
            text = self._ready(keys[i], item, ttls[i], tags[i], i)
            size += len(text)
            texts.append(text if size < layout.MAX_VALUE else None)
        self._enter("put_batch", None)
        try:
            for i, item in enumerate(items):
                text = texts[i] or layout.dumps(item)
                keys[i] = self._store_ready(keys[i], text, ttls[i], tags[i])
            self._settle(len(items))
        finally:
            self._leave()
        return keys

    def _each(self, name, value, number, several):
        if not several:
            return [value] * number
        values = list(value)
        if len(values) != number:
            raise InvalidValueError("%d %s for %d items" % (len(values), name, number))
        return values

    def update(self, which, changes, ttl=None, tags=None):
        """Changes fields of the document with a key, or of all that match a query.

        changes: {"field": value}, or {"$set": {..}, "$unset": [..], "$inc": {..}, "$push": {..}}.
        ttl and tags stay as they are unless given. Returns how many documents were changed."""
        try:
            return self._update(which, changes, ttl, tags)
        except MemoryError:
            raise MemoryLimitError("update: no memory for all that match")

    def _update(self, which, changes, ttl, tags):
        if _change is None:
            imported(_load_update)
        change = _change(changes)
        self._ready(which if isinstance(which, str) else "update", None, ttl, tags)
        if not isinstance(which, str):
            which = [item[0] for item in self._results(which) if item is not None]
        else:
            self._checked_key(which)
            which = (which,)
        number = 0
        for key in which:
            self._enter("update", key)
            try:
                raw = self._try(False, key, self._changed, key, change, ttl, tags)
                if raw is not None:
                    self._try(True, key, self._write, key, raw)
                    number += 1
                    self.operations += 1
                    self._pending += 1
                if key is which[-1]:
                    self._settle(0, key)
            finally:
                self._leave()
        return number

    def _changed(self, key, change, ttl, tags):
        # The record of a document after a change, or None.
        parts = self._live(key)
        if parts is None:
            return None
        document, expires, old_tags = parts
        document = change(key, document)
        if ttl is not None:
            expires = self._expires(ttl)
        raw = layout.pack(
            layout.text_of(key, document), expires, old_tags if tags is None else tags
        ).encode()
        if self._limit is not None:
            self._room(key, len(raw))
        return raw

    # ---- removing

    def delete(self, key=None, purge=False):
        """Removes the document with a key; purge=True: all. Returns whether there was one."""
        if purge:
            self._enter("purge", None)
            try:
                some = self._try(True, None, self._store.keys, DOC, DOC + b"\xff", 1)
                self._try(True, None, self._purge)
                return bool(some)
            finally:
                self._leave()
        if key is None:
            raise TypeError("delete() needs a key or purge=True")
        return self.delete_batch((key,)) == 1

    def delete_batch(self, keys):
        """Removes the documents with some keys. Returns how many there were."""
        if isinstance(keys, str):
            raise TypeError("delete_batch() needs a list of keys, not %r" % keys)
        keys = [self._checked_key(key) for key in keys]
        number = 0
        self._enter("delete", keys[0] if len(keys) == 1 else None)
        try:
            for key in keys:
                try:
                    alive = self._try(False, key, self._live, key) is not None
                except DamagedError:
                    alive = True
                if self._try(True, key, self._write, key, None) and alive:
                    number += 1
            self._settle(number)
        finally:
            self._leave()
        return number

    def cleanup(self):
        """Removes all documents that have expired, at once. Returns how many there were."""
        self._enter("cleanup", None)
        try:
            before = self._counts["expired"]
            while self._try(True, None, self._sweep, 32):
                pass
            self._settle(0)
        finally:
            self._leave()
        gc.collect()
        return self._counts["expired"] - before

    # ---- finding

    def get(self, key, default=None):
        """The document with a key, or default."""
        self._checked_key(key)
        self._enter("get", key)
        try:
            parts = self._try(False, key, self._live, key)
        finally:
            self._leave()
        self._counts["gets"] += 1
        return default if parts is None else parts[0]

    def __contains__(self, key):
        self._checked_key(key)
        return self._read(self._live, key) is not None

    def __len__(self):
        return self.count()

    def __bool__(self):
        return True

    def _planned(self, text):
        # A query, parsed, and its plan.
        if _find is None:
            imported(_load)
        self._check_open()
        parsed = _query.Query(text)
        self._counts["queries"] += 1
        if self._kept is not None:
            return parsed, _find.scan()
        return parsed, _find.choose(self._indexes, parsed)

    def _results(self, query):
        parsed, plan = self._planned(query)
        return _find.results(self, parsed, plan)

    def query(self, query=None):
        """A list of all documents that match."""
        try:
            parsed, plan = self._planned(query)
            return _find.documents(self, parsed, plan)
        except MemoryError:
            raise MemoryLimitError("query: too many results for the memory there is")

    def find(self, query=None):
        """An iterator over (key, document) for all that match, in small steps.

        `for` and `async for` take it; the latter lets other tasks run after each step."""
        results = self._results(query)
        return _find.Found(results)

    def count(self, query=None):
        """How many documents match."""
        parsed, plan = self._planned(query)
        return _find.count(self, parsed, plan)

    def explain(self, query=None):
        """Runs a query and tells how, in a dict.

        plan: "key", "keys", "index" or "scan"; index: its field; ordered: whether $sort needed no
        sorting; matcher: "rust" or "python"; examined: documents looked at; returned: results."""
        parsed, plan = self._planned(query)
        returned = sum(item is not None for item in _find.results(self, parsed, plan))
        return {
            "plan": plan.kind,
            "index": plan.index and plan.index.name,
            "ordered": plan.ordered,
            "matcher": "rust" if plan.fast else "python",
            "examined": plan.examined,
            "returned": returned,
        }

    # ---- the whole

    @property
    def indexes(self):
        """Names of the fields that have an index. Tags always have."""
        return self._indexes.names()

    def reindex(self):
        """Builds all indexes anew."""
        rebuild = imported(load_build).rebuild
        self._enter("reindex", None)
        try:
            self._try(True, None, rebuild, self)
        finally:
            self._leave()

    def flush(self):
        """Writes all changes to the file."""
        self._enter("flush", None)
        try:
            self._try(True, None, self._flush)
        finally:
            self._leave()

    def stats(self):
        """Counters since the database was opened, in a dict."""
        self._check_open()
        result = dict(self._counts)
        result["operations"] = self.operations
        result["pending"] = self._pending
        result["flush_threshold"] = self.flush_threshold
        result["bytes"] = self._read(self._store.size)
        return result

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    async def __aenter__(self):
        self._attend()
        return self

    async def __aexit__(self, *args):
        self.close()

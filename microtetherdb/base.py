"""What lies between the calls and the B-tree: opening and closing, records, flushing, expiry."""

import gc
import json

from . import layout, sweep
from .errors import DamagedError, InvalidKeyError, InvalidValueError, MemoryLimitError, StorageError
from .guard import KEEP, Guard, imported
from .index import Indexes, field_names
from .layout import META, doc_key, ttl_key
from .store import Store
from .ttl import Clock, Expiry

_KEYS = 64  # made-up keys for which the record with the next number is written once
_KEEP_TIME = 600000  # ms after which the time is saved with the next flush
_STEP = 32  # expired documents that are removed at a time, to make room

_files = {}  # path: database
_compile = None  # of program.py


def _load_program():
    global _compile
    from .program import compile

    _compile = compile


def load_build():
    from . import build

    return build


class Base(Guard):
    def __init__(
        self,
        filename="microtether.db",
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
        event_loop=None,
        index=None,
        clock=None,
    ):
        """index: names of fields, with dots, to keep an index of; None: those the file has.
        clock: returns the time in seconds, for tests; None: the system's. The others: see
        docs/microtetherdb.md."""
        for name, value in (
            ("ram_percentage", ram_percentage),
            ("max_retries", max_retries),
            ("retry_delay", retry_delay),
            ("lock_timeout", lock_timeout),
            ("cleanup_interval", cleanup_interval),
            ("ttl_check_interval", ttl_check_interval),
            ("btree_cachesize", btree_cachesize),
            ("btree_pagesize", btree_pagesize),
        ):
            if not isinstance(value, (int, float)):
                raise TypeError("%s must be a number, not %r" % (name, value))
            if not value >= 0:
                raise ValueError("%s must not be below 0" % name)
        if not 0 < ram_percentage <= 100:
            raise ValueError("ram_percentage must be above 0, and 100 at most")
        if not (0 < ttl_check_interval < 1e9 and 0 < cleanup_interval < 1e9):
            raise ValueError("intervals must be above 0 and below 1e9")
        if btree_pagesize and (not 512 <= btree_pagesize <= 65536 or btree_pagesize % 2):
            raise ValueError("btree_pagesize must be even, and from 512 to 65536")
        if event_loop is not None and not hasattr(event_loop, "create_task"):
            raise TypeError("event_loop must be a loop of asyncio, not %r" % (event_loop,))
        if not in_memory and (filename is None or filename == ""):
            raise ValueError("filename must not be empty")
        fields = None if index is None else field_names(index)
        self._store = None
        self._file = None
        self.in_memory = in_memory
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self.lock_timeout = lock_timeout
        self.cleanup_interval = cleanup_interval
        self.ttl_check_interval = ttl_check_interval
        self.adaptive_threshold = adaptive_threshold
        self.operations = 0  # documents stored, changed and removed since the database was opened
        self.damaged = []  # keys of documents found damaged, at most 16
        self._counts = {
            "gets": 0,
            "queries": 0,
            "flushes": 0,
            "expired": 0,
            "retries": 0,
            "damaged": 0,
        }
        self._pending = 0  # changes since the last flush
        self._guard()
        self._loop = event_loop
        self._task = self._core = self._queue = None
        if in_memory:
            gc.collect()
            self._limit = gc.mem_free() * ram_percentage // 100 if hasattr(gc, "mem_free") else None
        else:
            self._limit = None
            self._take_over(filename)
        self._used = 0
        store = self._open_store(None if in_memory else filename, btree_pagesize, btree_cachesize)
        try:
            self._load(store, clock)
            self._store = store
            if fields is None:
                fields = self._wanted
            if set(fields) != set(self._indexes.names()) or self._indexes.drop:
                self._try(True, None, imported(load_build).change, self, fields)
        except BaseException:
            self._store = None
            try:
                store.close()
            except OSError:
                pass
            raise
        if self._file is not None:
            _files[self._file] = self
        now = self._now()
        self._next_sweep = now + int(ttl_check_interval * 1000)
        self._next_cleanup = now + int(cleanup_interval * 1000)
        if event_loop is not None:
            sweep.start(self, event_loop)
        else:
            self._attend()

    # ---- opening and closing

    def _take_over(self, filename):
        # Two that write to one file would damage it. The newer one gets it.
        if isinstance(filename, str):
            if filename[0:1] != "/":
                import os

                if hasattr(os, "getcwd"):
                    filename = os.getcwd() + "/" + filename
            parts = []
            for part in filename.split("/"):
                if part == "..":
                    del parts[-1:]
                elif part and part != ".":
                    parts.append(part)
            filename = "/".join(parts)
            other = _files.get(filename)
            if other is not None:
                other.close()
            self._file = filename

    def _open_store(self, filename, pagesize, cachesize):
        try:
            try:
                return Store(filename, pagesize, cachesize)
            except MemoryError:
                gc.collect()
            return Store(filename, pagesize, 0)  # the smallest cache
        except MemoryError:
            raise MemoryLimitError("no memory to open %s" % (filename or "a database"))
        except OSError as e:
            raise StorageError(
                "cannot open %s: %s" % (filename or "a database in memory", e), e.errno
            )

    def _load(self, store, clock):
        raw = store.get(META)
        self._clock = Clock(clock)
        if raw is None:
            if store.keys(None, None, 1):
                raise StorageError("%s: a btree file, but not of microtetherdb" % store.filename)
            meta = {}
        else:
            try:
                meta = json.loads(raw)
                if meta["format"] > layout.VERSION:
                    raise StorageError(
                        "%s: written by a later version of microtetherdb" % store.filename
                    )
                self._clock.resume(meta["time"])
            except (ValueError, TypeError, KeyError):
                raise StorageError("%s: damaged, or no microtetherdb file" % store.filename)
        self._new_file = raw is None
        self._saved_time = meta.get("time") or self._clock.state()
        self._next_key = self._last_key = meta.get("id", 0)
        self._indexes = Indexes(meta)
        self._wanted = self._indexes.names()
        if self._wanted and meta.get("float") != layout.float_mark():
            # Made where floats are other numbers: all entries have to be made again.
            self._indexes.drop.extend(index.number for index in self._indexes.all[1:])
            del self._indexes.all[1:]
        self._several = self._indexes.several()
        self._expiry = Expiry(store)

    def _save_meta(self):
        self._saved_time = self._clock.state()
        self._several = self._indexes.several()
        self._new_file = False
        meta = {"format": layout.VERSION, "id": self._last_key, "time": self._saved_time}
        if self._indexes.names():
            meta["index"] = self._indexes.meta()
            meta["float"] = layout.float_mark()
        if self._indexes.drop:
            meta["drop"] = self._indexes.drop
        self._store.put(META, layout.dumps(meta).encode())

    def _keep_time(self, closing):
        # Where the clock is set and was not moved, time goes on by itself while the file is closed.
        now, last = self._clock.state()
        before, then = self._saved_time
        if self._expiry.heap and now != before:
            if (
                now - last != before - then
                or now - before >= _KEEP_TIME
                or closing
                and self._pending
            ):
                self._save_meta()
                return True
        return False

    def close(self):
        """Writes all changes and closes the file. May be called again."""
        if self._store is None:
            return
        self._enter("close", None)
        try:
            try:
                if not self.in_memory:
                    self._try(True, None, self._finish)
            finally:
                self._let_go()
        finally:
            self._leave()

    def _finish(self):
        self._now()
        if self._keep_time(True) or self._pending:
            self._flush()

    def _let_go(self):
        store, self._store = self._store, None
        if _files.get(self._file) is self:
            del _files[self._file]
        task, self._task = self._task, None
        if task is not None and (self._core is None or self._core._task_queue is self._queue):
            task.cancel()
        try:
            store.close()
        except OSError as e:
            raise StorageError("close: %s" % e, e.errno)
        except MemoryError:
            raise MemoryLimitError("close: no memory; what was flushed is in the file")

    # ---- changes

    def _checked_key(self, key):
        if not isinstance(key, str):
            raise InvalidKeyError("key %r is not a string" % (key,))
        if layout.broken(key):
            raise InvalidKeyError("key %r has no form in UTF-8" % key)
        return key

    def _ready(self, key, data, ttl, tags, number=None):
        # What a document is to be stored with, checked.
        if key is not None:
            self._checked_key(key)
        else:
            key = "new document" if number is None else "item %d" % number
        if ttl is not None and (
            type(ttl) is bool or not isinstance(ttl, (int, float)) or not 0 < ttl < 1e9
        ):
            raise InvalidValueError(
                "%r: ttl must be a number of seconds above 0, not %r" % (key, ttl)
            )
        if tags is not None:
            if not isinstance(tags, (list, tuple)) or any(
                not isinstance(tag, str) or layout.broken(tag) for tag in tags
            ):
                raise InvalidValueError("%r: tags must be a list of strings, not %r" % (key, tags))
        return layout.text_of(key, data)

    def _store_ready(self, key, text, ttl, tags):
        if key is None:
            key = self._try(True, None, self._new_key)
        self._try(True, key, self._put, key, text, ttl, tags)
        return key

    def _put(self, key, text, ttl, tags):
        if ttl is not None or tags or text[0] == "[":
            text = layout.pack(text, None if ttl is None else self._expires(ttl), tags)
        raw = text.encode()
        if self._limit is not None:
            self._room(key, len(raw))
        self._write(key, raw)

    def _expires(self, ttl):
        return self._now() + max(int(ttl * 1000), 1)

    def _new_key(self):
        # Numbers are used once, so after opening they go on behind those that may have been given.
        while True:
            if self._next_key >= self._last_key:
                self._last_key = self._next_key + _KEYS
                self._save_meta()
            key = "%08x" % self._next_key
            self._next_key += 1
            if self._store.get(doc_key(key)) is None:
                return key

    def _room(self, key, size):
        size += len(key) + 32
        if self._used + size > self._limit:
            self._used = self._store.size()
            if self._used + size > self._limit:
                while self._sweep(_STEP):
                    pass
                self._used = self._store.size()
                if self._used + size > self._limit:
                    raise MemoryLimitError("%r: more than %d bytes in memory" % (key, self._limit))
        self._used += size

    def _entries(self, key, raw):
        # All keys of the B-tree that belong to a record, but for its own.
        if raw is None or not self._indexes.needs(raw):
            return ()
        try:
            document, expires, tags = layout.unpack(key, raw)
        except DamagedError:
            return ()
        result = self._indexes.entries(document, tags, key.encode())
        if expires is not None:
            result.add(ttl_key(expires, key))
            self._expiry.add(expires, key)
        return result

    def _write(self, key, raw):
        """Stores a record, or removes it: raw None. Whatever fails, index entries may be left over,
        but none is missing."""
        store = self._store
        own = doc_key(key)
        old = store.get(own)
        if old is None and raw is None:
            return False
        before = self._entries(key, old)
        after = self._entries(key, raw)
        if store.longest is not None:
            store.check_key(own)
            for entry in after:
                store.check_key(entry)
        if not self.in_memory:
            size = 0 if raw is None else len(raw)
            known = size <= self._room_left
            self._dirty[key] = raw if known else True
            if known:
                self._room_left -= size
        if key in self.damaged:
            self.damaged.remove(key)
        if self._new_file or self._several != self._indexes.several():
            self._save_meta()
        for entry in after:
            if entry not in before:
                store.put(entry, b"")
        if raw is None:
            store.delete(own)
        else:
            store.put(own, raw)
        for entry in before:
            if entry not in after:
                store.delete(entry)
        return True

    def _purge(self):
        self._purged = True
        self._dirty = {}
        self._store.clear()
        self._save_meta()
        self._expiry.load()
        self.damaged = []
        self._flush()

    @property
    def flush_threshold(self):
        """After how many operations there is a flush."""
        if not self.adaptive_threshold:
            return 10
        if self.in_memory:
            return 5
        number = self.operations
        return 10 if number < 100 else 15 if number <= 1000 else 20

    def _settle(self, number, key=None):
        # Counts operations; flushes if it is time to.
        self.operations += number
        self._pending += number
        if self._task is None:
            self._attend()
        if self._pending >= self.flush_threshold:
            self._try(True, key, self._flush)

    def _flush(self):
        self._keep_time(False)
        self._store.flush()
        self._pending = 0
        self._dirty = {}
        self._room_left = KEEP
        self._purged = False
        self._counts["flushes"] += 1
        if self._limit is not None:
            self._used = self._store.size()

    # ---- reading

    def _now(self):
        return self._clock.now()

    def _live(self, key):
        # [document, expires, tags] if there is one that has not expired, or None.
        raw = self._counting(key, self._store.get(doc_key(key)))
        if raw is None:
            return None
        try:
            parts = layout.unpack(key, raw)
        except DamagedError as e:
            self._note_damage(e)
            raise
        return None if parts[1] is not None and parts[1] <= self._now() else parts

    def _note_damage(self, error):
        if error.key not in self.damaged:
            self._counts["damaged"] += 1
            if len(self.damaged) < 16:
                self.damaged.append(error.key)

    def _program(self, query, now):
        # For the matcher in Rust, if there is one.
        if not hasattr(self._store.tree, "scan"):
            return None
        if _compile is None:
            imported(_load_program)
        return _compile(query.root, now)

    # ---- expiry

    def _sweep(self, most):
        """Removes up to `most` expired documents; returns how many."""
        number = 0
        now = self._now()
        while number < most:
            entry = self._expiry.next(now)
            if entry is None:
                break
            expires, key = entry
            own = ttl_key(expires, key)
            try:
                if self._store.get(own) is None:
                    continue  # the document was stored again since
                raw = self._store.get(doc_key(key))
                try:
                    current = raw is not None and layout.unpack(key, raw)[1] == expires
                except DamagedError:
                    current = False
                if current:
                    self._write(key, None)
                    self._counts["expired"] += 1
                else:
                    self._store.delete(own)
            except BaseException:
                self._expiry.add(expires, key)
                raise
            number += 1
            self._pending += 1
        return number

    def _attend(self):
        # Called at the start of operations: background work, by a task if a loop is running.
        if not self._expiry.heap and (self.in_memory or not self._pending):
            return
        core = self._core
        if core is not None and core._task_queue is not self._queue:
            self._task = None  # asyncio.new_event_loop() forgets all tasks of MicroPython
        if core is None and self._task is not None and self._task.done():
            self._task = None  # CPython: its loop has come to an end
        if self._task is None:
            loop = self._loop or sweep.running_loop()
            if loop is not None:
                sweep.start(self, loop)
        if self._task is not None and sweep.running_loop() is not None:
            return
        now = self._now()
        if now >= min(self._next_sweep, self._next_cleanup):
            self._background(now)

    def _background(self, now):
        return sweep.background(self, now)

    @property
    def event_loop(self):
        """The loop that runs the background task, or would run it."""
        if self._loop is None:
            import asyncio

            return sweep.running_loop() or asyncio.get_event_loop()
        return self._loop

"""One call at a time, attempts after errors of the device, and what waits to be written again."""

import gc
import time

from .errors import ClosedError, DatabaseError, LockTimeoutError, MemoryLimitError, StorageError
from .layout import doc_key
from .ttl import passed, ticks

try:
    from _thread import allocate_lock, get_ident
except ImportError:
    allocate_lock = None

_importing = allocate_lock() if allocate_lock else None
_FINAL = (2, 13, 22, 27, 29, 30)  # errors that trying again does not cure
_FULL = 28  # opening the file again may help: what was removed since takes no pages then
_STEP = 8  # expired documents that are removed to have memory
KEEP = 4096  # bytes of records that are kept until they are flushed, should that fail


def imported(fn):
    """What fn returns, which imports modules of this package. MicroPython would give another thread
    that imports them in the same moment the half that is there already."""
    began = ticks()
    while _importing and not _importing.acquire(0):
        if passed(began) >= 5000:
            raise LockTimeoutError("called while this thread imports modules of the database")
        time.sleep(0.001)
    try:
        return fn()
    except MemoryError:
        raise MemoryLimitError("no memory to import modules of the database")
    finally:
        if _importing:
            _importing.release()


class Guard:
    def _guard(self):
        self._lock = allocate_lock() if allocate_lock else None
        self._owner = None
        self._dirty = {}  # records by key since the last flush, as far as there is room; else True
        self._room_left = KEEP
        self._purged = False  # and whether all was removed before
        self._broken = False  # a write failed: the B-tree writes no more until it is opened again
        self._kept = None  # then, records by key that are to be written again

    def _check_open(self):
        if self._store is None:
            raise ClosedError("database closed")

    # ---- one call at a time

    def _enter(self, what, key, wait=True):
        self._check_open()
        lock = self._lock
        me = get_ident() if lock else 1
        if self._owner == me or lock and not lock.acquire(0):
            self._wait(what if key is None else "%s %r" % (what, key), me, wait)
        self._owner = me
        try:
            if wait:
                self._attend()
            self._check_open()
        except BaseException:
            self._leave()
            raise

    def _wait(self, what, me, wait):
        if self._owner == me:
            raise LockTimeoutError(
                "%s: called while this thread is in a call of the database" % what
            )
        began = ticks()
        orphan = 0
        while not self._lock.acquire(0):
            orphan = orphan + 1 if self._owner is None else 0
            if not wait or passed(began) >= self.lock_timeout * 1000:
                if orphan >= 10:
                    return  # a KeyboardInterrupt hit between taking the lock and telling who has it
                raise LockTimeoutError("%s: locked for more than %s s" % (what, self.lock_timeout))
            time.sleep(0.001)

    def _leave(self):
        self._owner = None
        if self._lock:
            self._lock.release()

    def _try(self, write, key, fn, *args):
        """Calls fn under the lock; again if that may help."""
        try:
            if self._broken and (write or self._store.tree is None):
                self._recover()
            return fn(*args)
        except (MemoryError, OSError) as e:
            return self._retry(e, write, key, fn, args)

    def _retry(self, error, write, key, fn, args):
        tries = 0
        relieved = False
        what = "database" if key is None else repr(key)
        while True:
            if isinstance(error, MemoryError):
                if relieved:
                    raise MemoryLimitError("%s: no memory" % what)
                relieved = True
                self._relieve()
            else:
                if write:
                    self._broken = not self.in_memory
                number = error.errno
                if tries >= self.max_retries or number in _FINAL or number == _FULL and tries:
                    if self._broken:
                        self._recover_if_possible()
                    raise StorageError("%s: %s after %d retries" % (what, error, tries), number)
                tries += 1
                self._counts["retries"] += 1
                if number != _FULL:
                    time.sleep(self.retry_delay)
            try:
                if self._broken and not write and self._store.tree is not None:
                    self._recover_if_possible()
                elif self._broken:
                    self._recover()
                return fn(*args)
            except (MemoryError, OSError) as e:
                error = e

    def _read(self, fn, *args):
        # A call of its own, of one of those that only read.
        self._enter("query", None)
        try:
            if self._store.tree is None:
                self._try(True, None, len, ())  # opens it again first
            return fn(*args)
        except (MemoryError, OSError) as e:
            return self._retry(e, False, None, fn, args)
        finally:
            self._leave()

    def _relieve(self):
        # What may give memory back.
        try:
            if self.in_memory:
                self._sweep(_STEP)
            elif not self._broken:
                self._flush()
        except (MemoryError, OSError, DatabaseError):
            pass
        gc.collect()

    def _recover(self):
        # What the last flush has written is in the file, all else is in this B-tree only.
        if self._kept is None:
            # (A file of littlefs that could not be written cannot be read, either.)
            kept = self._dirty
            for key in kept:
                if kept[key] is True:
                    kept[key] = self._store.get(doc_key(key))
            self._kept = kept
        kept = self._kept
        self._store.reopen()
        try:
            if self._purged:
                self._store.clear()
            self._save_meta()
            self._dirty = {}
            self._room_left = KEEP
            for key in kept:
                self._write(key, kept[key])
        except (OSError, MemoryError):
            self._store.reopen()  # it was to be good for reading, at least
            raise
        self._kept = None
        self._broken = False

    def _recover_if_possible(self):
        # For reading, and for the next attempt.
        try:
            self._recover()
        except (OSError, MemoryError, DatabaseError):
            pass

    def _counting(self, key, raw):
        # The record that counts, where `raw` is the one in the B-tree: changes may wait to be
        # written again.
        kept = self._kept
        return raw if kept is None else kept.get(key, None if self._purged else raw)

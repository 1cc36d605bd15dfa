"""Background work: expired documents are removed, by a task of asyncio or by the operations."""

import sys
import time

from .errors import DatabaseError, LockTimeoutError
from .ttl import passed, ticks

_STEP = 8  # expired documents, and
_STEP_MS = 2  # milliseconds, that a step takes at the most


def running_loop():
    core = sys.modules.get("asyncio.core")
    if core is not None:
        return core.get_event_loop() if core.cur_task is not None else None
    if "asyncio" in sys.modules:  # CPython
        try:
            return sys.modules["asyncio"].get_running_loop()
        except RuntimeError:
            pass
    return None


def start(db, loop):
    """Starts the background task of a database."""
    core = sys.modules.get("asyncio.core")
    if core is not None:
        db._core, db._queue = core, core._task_queue
        if not hasattr(loop, "time"):  # as in CPython
            loop.time = lambda: time.ticks_ms() / 1000
    db._task = loop.create_task(_task(db))


async def _task(db):
    import asyncio

    while True:
        # (MicroPython's loop cannot count more than six days.)
        await asyncio.sleep(min(db.ttl_check_interval, db.cleanup_interval, 86400))
        more = True
        while more:
            if db._store is None:
                return
            try:
                db._enter("sweep", None, False)
            except LockTimeoutError:
                break  # later
            try:
                more = db._background(db._now())
            finally:
                db._leave()
            await asyncio.sleep(0.001)  # others first


def background(db, now):
    """One step: a flush, or a few documents. Returns whether there is more to do."""
    more = False
    try:
        if db._broken:
            pass  # the next operation tries again, and reports it
        elif now >= db._next_cleanup:
            db._next_cleanup = now + int(db.cleanup_interval * 1000)
            db._next_sweep = now
            db._expiry.load()
            if db._keep_time(False) or db._pending:
                db._flush()
            more = True
        elif db._pending >= db.flush_threshold:
            db._flush()
            more = True
        else:
            began = ticks()
            for _ in range(_STEP):
                more = db._sweep(1) == 1
                if not more or passed(began) >= _STEP_MS:
                    break
            more = more or db._pending >= db.flush_threshold
    except OSError:
        db._broken = not db.in_memory
        more = False
    except (MemoryError, DatabaseError):
        more = False
    if not more:
        db._next_sweep = now + int(db.ttl_check_interval * 1000)
    return more

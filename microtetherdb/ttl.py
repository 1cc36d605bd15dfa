"""When documents expire: the time that counts, and what expires next."""

import time

from .layout import TTL, key_of

try:
    import heapq
except ImportError:
    heapq = None

_MOST = 32  # entries of the heap that are read at a time
# A clock before 2024 was never set. (Boards without a calendar count from 2000 on, or not at all.)
_SET = time.mktime((2024, 1, 1, 0, 0, 0, 0, 1, -1)) if hasattr(time, "mktime") else 757382400


def clock_ms():
    """Milliseconds of the system's clock."""
    if hasattr(time, "time_ns"):
        return time.time_ns() // 1000000
    return int(time.time() * 1000)


def ticks():
    """Milliseconds, for passed()."""
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(time.monotonic() * 1000)


def passed(since):
    """Milliseconds since ticks() returned `since`."""
    return time.ticks_diff(ticks(), since) if hasattr(time, "ticks_ms") else ticks() - since


class Clock:
    """A time in milliseconds that only goes forward.

    It takes the steps of a clock, but for those backward and the one that sets it."""

    def __init__(self, source):
        """source: returns seconds; None: the system's clock."""
        self._source = source
        self._last = self._read()
        self._now = max(self._last, 0)

    def _read(self):
        return clock_ms() if self._source is None else int(self._source() * 1000)

    def now(self):
        last, read = self._last, self._read()
        if read != last:
            self._last = read
            if read > last and not (last < _SET * 1000 <= read):
                self._now += read - last
        return self._now

    def state(self):
        """What resume() needs to go on at a later time, with another Clock."""
        return [self._now, self._last]

    def resume(self, state):
        self._now, self._last = state
        self.now()


class Expiry:
    """The (expires, key) that come first of those in the B-tree, in a min-heap.

    All entries below `_bound` are in the heap, which thus stays small. It is empty only if there
    are none in the B-tree."""

    def __init__(self, store):
        self._store = store
        self.load()

    def load(self):
        found = self._store.keys(TTL, b"u", _MOST + 1)
        self._bound = None
        if len(found) > _MOST:
            self._bound = int.from_bytes(found.pop()[1:7], "big")
        # In order, so it is a heap.
        self.heap = [(int.from_bytes(entry[1:7], "big"), key_of(entry[7:])) for entry in found]

    def add(self, ms, key):
        if self._bound is not None and ms >= self._bound:
            return
        heap = self.heap
        if heapq is None:
            i = len(heap)
            while i and heap[i - 1] > (ms, key):
                i -= 1
            heap.insert(i, (ms, key))
        else:
            heapq.heappush(heap, (ms, key))
        if len(heap) > 2 * _MOST:
            heap.sort()
            self._bound = heap[_MOST][0]
            del heap[_MOST:]

    def next(self, now):
        """Takes and returns the first (expires, key) of those that have expired, or None."""
        if not self.heap or self.heap[0][0] > now:
            return None
        if len(self.heap) == 1 and self._bound is not None:
            self.load()
        return self.heap.pop(0) if heapq is None else heapq.heappop(self.heap)

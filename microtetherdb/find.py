"""Finding documents: which way a query takes, and going it in small steps."""

from .errors import DamagedError, MemoryLimitError
from .layout import ALL, CHARS, DOC, ID, MISSING, NUMBERS, STRINGS
from .layout import codes, encode, key_of, split, string_code, unpack, values
from .query import AND, EQ, EXISTS, GT, GTE, IN, LT, LTE, NOT, STARTSWITH, matches

_END = b"\xfe"  # above all UTF-8, and not above what goes on behind a string and its zero
_WORK = 8192  # bytes of documents that a step of a scan looks at, about
_ALL_WORK = 32768  # where nobody waits for the next step
_BATCH = 16  # entries or documents that a step reads, if it reads them in Python
_DESC = 2  # flags of scan(): downward,
_COUNT = 4  # only count the documents that match,
_PLAIN = 8  # give out documents by themselves if that is all there is to say of them


class Plan:
    """kind: "key", "keys", "index" or "scan"; ranges: of B-tree keys, from and below; for "key":
    keys."""

    def __init__(self, kind, ranges, index=None, equal=False):
        self.kind = kind
        self.ranges = ranges
        self.index = index
        self.equal = equal  # each range is one value
        self.ordered = False  # as $sort asks for
        self.down = False
        self.fast = False  # documents were looked at in Rust
        self.examined = 0


def _conditions(node, found):
    # Those that all have to hold.
    kind = node[0]
    if kind == AND:
        for part in node[1]:
            _conditions(part, found)
    elif kind < AND:
        found.append(node)
    elif kind == NOT and node[1][0] == EXISTS:
        found.append((NOT, node[1][1], None))
    return found


def _code_ranges(kind, arg, complete):
    # Ranges of encoded values that hold all with a property, or None: no idea.
    if kind == EQ and isinstance(arg, (int, str)):
        code = encode(arg)
        return [(code, code + _END)]
    if kind == EQ or kind == IN:
        ranges = {}
        for value in (arg,) if kind == EQ else arg:
            if isinstance(value, (list, dict)) or (value is None and not complete):
                return None
            code = encode(value)
            ranges[code] = code + _END
            if value is None:
                ranges[MISSING] = MISSING + _END
        return sorted(ranges.items())
    if kind == NOT:  # does not exist
        return [(MISSING, MISSING + _END)] if complete else None
    if kind == STARTSWITH:
        code, _ = string_code(arg, CHARS)
        return [(code, code + _END)]
    if kind not in (GT, GTE, LT, LTE):
        return None
    low, high = STRINGS if isinstance(arg, str) else NUMBERS
    if kind == GT or kind == GTE:
        low = encode(arg)
        if low[-2:] == b"\0\xfe" and isinstance(arg, str):
            low = low[:-1]  # others that are cut off at the same place
    else:
        high = encode(arg) + _END
    return [(low, high)]


def _key_ranges(kind, arg):
    # As above, for keys of documents.
    if kind == EQ or kind == IN:
        return [part.encode() for part in ((arg,) if kind == EQ else arg) if isinstance(part, str)]
    if not isinstance(arg, str):
        return None
    code = arg.encode()
    if kind == STARTSWITH:
        return [(code, code + _END)]
    if kind == GT or kind == GTE:
        return [(code, _END)]
    return [(b"", code + b"\0")] if kind == LT or kind == LTE else None


def _both(a, b):
    # What two single ranges share, of which one may be empty already.
    if not (a and b):
        return []
    low, high = max(a[0][0], b[0][0]), min(a[0][1], b[0][1])
    return [(low, high)] if low < high else []


def _rank(kind):
    # How many documents a condition leaves, as far as can be told: the fewer the lower.
    return (
        kind if kind == EQ else 2 if kind == IN else 3 if kind == NOT or kind == STARTSWITH else 4
    )


def scan():
    """The plan that looks at all documents."""
    return Plan("scan", [(DOC, DOC + _END)])


def choose(indexes, query):
    """The plan for a query."""
    kind, path, arg = query.root if query.root[0] < AND else (AND, None, None)
    if kind == EQ and isinstance(arg, (int, str)) and not query.sort and path != ID:
        # The most frequent query, without detours.
        index = indexes.by_path(path)
        if index is not None:
            code = index.prefix + encode(arg)
            return Plan("index", [(code, code + _END)], index, True)
    ways = {}  # path: (rank, ranges, index)
    for kind, path, arg in _conditions(query.root, []):
        index = None if path == ID else indexes.by_path(path)
        if index is not None:
            ranges = _code_ranges(kind, arg, index is not indexes.tags)
        else:
            ranges = _key_ranges(kind, arg) if path == ID else None
        if ranges is None:
            continue
        rank = _rank(kind)
        way = ways.get(path)
        if way is not None and rank > 2 and way[0] > 2 and not (index and index.several):
            # (With several values in a document each condition may hold for another one.)
            ways[path] = (3, _both(ranges, way[1]), index)
        elif way is None or rank < way[0]:
            ways[path] = (rank, ranges, index)
    by = query.sort[0][0] if len(query.sort) == 1 else None
    best, least = None, 99
    for path, way in ways.items():
        rank = 2 * way[0] - (path == ID) - (path == by)
        if rank < least:
            best, least = way, rank
    if best is not None:
        rank, ranges, index = best
        if index is not None:
            head = index.prefix
            plan = Plan("index", [(head + a, head + b) for a, b in ranges], index, rank <= 2)
        elif rank <= 2:
            plan = Plan("key", sorted({DOC + key for key in ranges}))
        else:
            plan = Plan("keys", [(DOC + a, DOC + b) for a, b in ranges])
    else:
        index = indexes.by_path(by) if by and query.limit is not None else None
        if index is not None and not index.several:
            plan = Plan("index", [(index.prefix, index.prefix + _END)], index)
        else:
            plan = scan()
    index = plan.index
    if by and by == (index.path if index else ID) and not (index and index.several):
        plan.ordered = True
        plan.down = query.sort[0][1]
        if plan.down:
            plan.ranges.reverse()
    return plan


def _step(store, plan, start, end):
    # The next entries of a range with their keys and records, and where to go on, or None.
    found = store.range(start, end, plan.down, _BATCH)
    step = []
    for key, raw in found:
        if plan.index is None:
            step.append((None, key_of(key[1:]), raw))
        else:
            tail = key[split(key, 2)[0] :]
            step.append((key, key_of(tail), store.get(DOC + tail)))
    if len(found) < _BATCH:
        return step, None
    return step, found[-1][0] if plan.down else found[-1][0] + b"\0"


def _candidates(db, plan):
    # Lists of (entry or None, key, record), one for each step.
    store = db._store
    for part in plan.ranges:
        if plan.kind == "key":
            yield [(None, part[1:].decode(), db._read(store.get, part))]
            continue
        start, end = part
        while start is not None and end is not None:
            step, bound = db._read(_step, store, plan, start, end)
            yield step
            if plan.down:
                end = bound
            else:
                start = bound


def _leads(plan, entry, document, tags):
    # Whether an entry is one of its document, and no earlier one of the ranges is. It may have been
    # left over when something failed.
    head = entry[: split(entry, 2)[0]]
    own = plan.index.entries(document, tags, b"")
    if head not in own:
        return False
    for other in own:
        if other < head and any(low <= other < high for low, high in plan.ranges):
            return False
    return True


def _opened(db, query, now, key, raw, sure):
    # (key, document, tags) if a record matches; `sure`: it does.
    if db._kept is not None:
        raw, sure = db._counting(key, raw), False
        if raw is None:
            return None
    try:
        document, expires, tags = unpack(key, raw)
    except DamagedError as e:
        db._note_damage(e)
        return None
    if not sure and (
        expires is not None and expires <= now or not matches(query.root, key, document, tags)
    ):
        return None
    return key, document, tags


def _slow(db, query, plan, now):
    # A document has one entry at the most for one value.
    check = plan.kind == "index" and (len(plan.ranges) > 1 or not plan.equal)
    for step in _candidates(db, plan):
        for entry, key, raw in step:
            if raw is None:
                continue
            plan.examined += 1
            item = _opened(db, query, now, key, raw, False)
            if item is not None and not (check and not _leads(plan, entry, item[1], item[2])):
                yield key, item[1], entry
        yield None


def _scanned(db, plan, program, work, flags):
    # What the matcher leaves, in lists of (key, record or what is in it, sure), one for each step.
    scan = db._store.scan
    if plan.down:
        flags |= _DESC
    for low, high in plan.ranges:
        while low is not None and high is not None:
            bound, step, examined, _ = db._read(scan, program, low, high, work, flags)
            if plan.down:
                high = bound
            else:
                low = bound
            plan.examined += examined
            yield step


def _fast(db, query, plan, now, program):
    for step in _scanned(db, plan, program, _WORK, 0):
        for key, record, sure in step:
            key = key_of(key[1:])
            if sure and type(record) is dict and db._kept is None:
                yield key, record, None
                continue
            item = _opened(db, query, now, key, record, sure)
            if item is not None:
                yield item[0], item[1], None
        yield None


def _with_kept(db, query, plan, now):
    # Changes that could not be written are not in the B-tree.
    kept = list(db._kept)
    for item in _slow(db, query, plan, now):
        if item is None or item[0] not in kept:
            yield item
    for key in kept:
        raw = db._counting(key, db._read(db._store.get, DOC + key.encode()))
        if raw is not None:
            plan.examined += 1
            item = _opened(db, query, now, key, raw, False)
            if item is not None:
                yield key, item[1], None


def _program(db, query, plan, now):
    program = db._program(query, now) if plan.kind in ("scan", "keys") else None
    plan.fast = program is not None
    return program


def _found(db, query, plan, now):
    # Yields (key, document, entry), and None after each step.
    if db._kept is not None:
        return _with_kept(db, query, plan, now)
    program = _program(db, query, plan, now)
    return _slow(db, query, plan, now) if program is None else _fast(db, query, plan, now, program)


def _code(query, key, document):
    # What to sort a document by.
    code = b""
    for path, down in query.sort:
        if path == ID:
            part = encode(key, ALL, ALL)
        else:
            parts = codes(values(document, path), ALL, ALL)
            part = (max if down else min)(parts) if parts else MISSING
        part += b"\1"  # so that a string is not the beginning of one that goes on with a zero
        if down != query.sort[0][1]:
            part = bytes(255 - byte for byte in part)
        code += part
    return code


def _in_order(found, query):
    # Where the values of an index are cut off, its order is not theirs.
    run, last = [], None
    for item in found:
        entry = item and item[2]
        if entry:
            after, cut = split(entry, 2)
            if entry[:after] != last:
                yield from _sorted(run, query)
                run, last = [], entry[:after]
            if cut:
                run.append((_code(query, item[0], item[1]), item[0], item[1]))
                continue
        yield item
    yield from _sorted(run, query)


def _sorted(items, query):
    # Equal documents are in the order of their keys.
    items.sort(reverse=query.sort[0][1])
    for _, key, document in items:
        yield key, document, None


def _all_sorted(found, query):
    most = None if query.limit is None else query.skip + query.limit
    items = []
    for item in found:
        if item is None:
            yield None
            continue
        items.append((_code(query, item[0], item[1]), item[0], item[1]))
        if most is not None and len(items) > 2 * most + _BATCH:
            items.sort(reverse=query.sort[0][1])
            del items[most:]
    yield from _sorted(items, query)


def results(db, query, plan):
    """An iterator over (key, document, _) for all that match, sorted, skipped and limited; it
    yields None after each step."""
    found = _found(db, query, plan, db._now() if db._expiry.heap else 0)
    if query.sort:
        found = (_in_order if plan.ordered else _all_sorted)(found, query)
    if query.skip or query.limit is not None:
        found = _some(found, query.skip, query.limit)
    return found


def documents(db, query, plan):
    """A list of all documents that match, as of results()."""
    now = db._now() if db._expiry.heap else 0
    program = None
    if not (query.sort or query.skip or query.limit is not None or db._kept is not None):
        program = _program(db, query, plan, now)
    if program is None:
        return [item[1] for item in results(db, query, plan) if item is not None]
    found = []
    add = found.append
    for step in _scanned(db, plan, program, _ALL_WORK, _PLAIN):
        if db._kept is not None:  # since a moment ago: that asks for another way
            return documents(db, query, plan)
        for item in step:
            if type(item) is tuple:
                item = _opened(db, query, now, key_of(item[0][1:]), item[1], item[2])
                if item is None:
                    continue
                item = item[1]
            add(item)
    return found


def _some(found, skip, left):
    if left == 0:
        return
    for item in found:
        if item is None:
            yield None
        elif skip:
            skip -= 1
        else:
            yield item
            if left is not None:
                left -= 1
                if left == 0:
                    return


def count(db, query, plan):
    """How many documents match; skip and limit are taken into account."""
    now = db._now() if db._expiry.heap else 0
    program = None
    if db._kept is None:
        program = _program(db, query, plan, now)
    number = 0
    if program is None:
        for item in _found(db, query, plan, now):
            number += item is not None
    else:
        for low, high in plan.ranges:
            while low is not None:
                low, step, _, sure = db._read(db._store.scan, program, low, high, _WORK, _COUNT)
                if db._kept is not None:  # since a moment ago: that asks for another way
                    return count(db, query, plan)
                number += sure
                for key, raw, _ in step:
                    number += _opened(db, query, now, key_of(key[1:]), raw, False) is not None
    number = max(0, number - query.skip)
    return number if query.limit is None else min(number, query.limit)


class Found:
    """What find() returns: an iterator over (key, document), for `for` and `async for`."""

    def __init__(self, items):
        self._items = items

    def __iter__(self):
        return self

    def _next(self):
        try:
            return next(self._items)
        except MemoryError:
            raise MemoryLimitError("find: no memory for the results")

    def __next__(self):
        while True:
            item = self._next()
            if item is not None:
                return item[0], item[1]

    def __aiter__(self):
        return self

    async def __anext__(self):
        import asyncio

        while True:
            try:
                item = self._next()
            except StopIteration:
                raise StopAsyncIteration
            if item is not None:
                return item[0], item[1]
            await asyncio.sleep(0)

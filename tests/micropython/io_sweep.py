# The n-th read, write, seek or flush of a stream fails, for every n of a script, on boards for every
# fifth: by an exception or by an error number, which come out of the call as they are. A call that
# fails has changed nothing. After a failed write there are no more changes, but everything can be
# read.

try:
    import btree, gc, io, struct, sys, uctypes

    io.IOBase
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

MODES = [("default", 0)]
if hasattr(btree, "JOURNAL"):
    MODES.append(("journal", btree.JOURNAL))
SIZE = struct.calcsize("l")
STEP = 1 if sys.platform == "linux" else 5
KINDS = ("read", "write", "seek", "flush")


class Mine(Exception):
    pass


class Stream(io.IOBase):
    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.pos = 0
        self.kind = None  # what is to fail, after so many that do not
        self.left = 0
        self.fault = None

    # Whether a call is to fail; raises or returns the error number.
    def fails(self, kind):
        if kind != self.kind:
            return 0
        self.left -= 1
        if self.left >= 0:
            return 0
        self.kind = None
        if isinstance(self.fault, int):
            return self.fault
        raise self.fault

    def readinto(self, buf):
        fault = self.fails("read")
        if fault:
            return fault
        n = max(min(len(buf), len(self.data) - self.pos), 0)
        buf[:n] = memoryview(self.data)[self.pos : self.pos + n]
        self.pos += n
        return n

    def write(self, buf):
        if self.kind == "write" and self.left == 0:
            # Half of it gets there.
            self.put(memoryview(buf)[: len(buf) // 2])
        fault = self.fails("write")
        if fault:
            return fault
        return self.put(buf)

    def put(self, buf):
        end = self.pos + len(buf)
        if len(self.data) < end:
            self.data.extend(bytes(end - len(self.data)))
        self.data[self.pos : end] = buf
        self.pos = end
        return len(buf)

    def ioctl(self, request, arg):
        fault = self.fails("seek" if request == 2 else "flush")
        if fault:
            return fault
        if request == 2:
            seek = uctypes.bytearray_at(arg, SIZE + 4)
            offset, whence = struct.unpack("<qi" if SIZE == 8 else "<ii", seek)
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:SIZE] = struct.pack("<q" if SIZE == 8 else "<i", self.pos)
        return 0


def key(i):
    return b"%03d" % i


before = {key(i * 3): b"value %d" % i for i in range(60)}
before[b"big"] = b"b" * 1500
before[b"K" * 300] = b"long key"
start = Stream()
with btree.open(start, pagesize=512) as db:
    db.update(before)
start = bytes(start.data)


# Pairs of a call and of what it makes of a dict: its result is the same.
def script():
    def put(k, v):
        def do(d):
            d[k] = v

        return do

    def delete(k):
        def do(d):
            del d[k]

        return do

    def last(d):
        return d.popitem() if not isinstance(d, dict) else (max(d), d.pop(max(d)))

    for i in range(6):
        yield put(key(i * 25 + 1), b"x" * (70 + i))
    yield lambda d: d[b"big"]
    yield lambda d: key(33) in d
    yield len
    yield "flush"
    for i in range(4, 40):
        yield delete(key(i * 3))
    yield lambda d: d.pop(b"big")
    yield lambda d: d.get(b"none")
    yield lambda d: d.setdefault(b"new", b"default")
    yield "check"
    yield "flush"
    yield put(b"J" * 400, b"j" * 900)
    yield put(b"K" * 300, b"k" * 100)
    yield last
    yield lambda d: sorted(d.items())
    yield "checkpoint"
    yield lambda d: d.clear()
    yield put(b"last", b"1" * 900)


def same(error, fault):
    return error is fault or (isinstance(fault, int) and isinstance(error, OSError) and error.args == (-fault,))


def fail(*why):
    print("FAIL:", *why)
    raise SystemExit


def call(db, what):
    if what == "flush":
        return db.flush()
    if what == "checkpoint":
        # The default mode has none.
        return getattr(db, "checkpoint", db.flush)()
    if what == "check":
        return db.check()
    return what(db)


# Plays the script while call number n of a kind fails; returns whether there are so many.
def play(kind, fault, n, mode, flags):
    what = (kind, fault, n, mode)
    f = Stream(start)
    f.kind, f.left, f.fault = kind, n, fault
    try:
        db = btree.open(f, flags=flags)
    except (OSError, Mine) as er:
        if not same(er, fault) or f.data != start:
            fail(what, "open", repr(er))
        f.pos = 0
        db = btree.open(f, flags=flags)
    model, flushed = dict(before), before
    for i, step in enumerate(script()):
        writes = step in ("flush", "checkpoint")
        after = dict(model)
        want = [] if step == "check" else 0 if writes else step(after)
        try:
            result = call(db, step)
        except (OSError, Mine) as er:
            if not same(er, fault):
                fail(what, i, repr(er))
            if dict(db.items()) != model:
                fail(what, i, "has changed something")
            if writes and kind != "read" and latched(db, model, what):
                if mode == "journal":
                    found(f, what, flags, (flushed, model))
                return True
            if db.check() != []:
                fail(what, i, db.check())
            result = call(db, step)
        if result != want and result is not None:
            fail(what, i, result, want)
        model = after
        if writes:
            flushed = model
    states = (model,)
    try:
        db.close()
    except (OSError, Mine) as er:
        if not same(er, fault):
            fail(what, "close", repr(er))
        states = (flushed, model)
    more = f.kind is None
    if len(states) == 1 or mode == "journal":
        found(f, what, flags, states)
    return more


# Whether the database remembers a failed write: then it can be read and not changed, and says so.
def latched(db, model, what):
    number = -what[1] if isinstance(what[1], int) else 5
    raised = 0
    calls = (db.flush, lambda: db.put(b"late", b""), lambda: db.pop(max(model)), db.clear, db.flush, db.close)
    for i, call in enumerate(calls):
        if dict(db.items()) != model:
            fail(what, "later, lost", i)
        try:
            call()
            if i == 0:
                return False
        except OSError as er:
            raised += er.args == (number,)
    if raised != len(calls):
        fail(what, "later, allowed", raised)
    return True


def found(f, what, flags, states):
    db = btree.open(Stream(f.data), flags=flags)
    got = dict(db.items())
    if got not in states or db.check() != []:
        fail(what, "has damaged the file", db.check())
    db.close()


for mode, flags in MODES:
    for kind in KINDS:
        for fault in (-28, Mine(kind)):
            n = 0
            while play(kind, fault, n, mode, flags):
                n += STEP
            gc.collect()
            print(mode, kind, fault, n > 2)

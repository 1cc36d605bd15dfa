# cmdline: -X heapsize=4m
# The n-th allocation fails, for every n of a script, once or from then on: the call raises
# MemoryError and has changed nothing, and the same call works afterwards.

try:
    import _faults, btree, gc, io, struct, uctypes
except ImportError:
    print("SKIP")
    raise SystemExit

MODES = [("default", 0)]
if hasattr(btree, "JOURNAL"):
    MODES.append(("journal", btree.JOURNAL))
SIZE = struct.calcsize("l")


# A stream whose methods allocate, too.
class Stream(io.IOBase):
    def __init__(self, data):
        self.data = bytearray(data)
        self.pos = 0

    def readinto(self, buf):
        n = max(min(len(buf), len(self.data) - self.pos), 0)
        buf[:n] = self.data[self.pos : self.pos + n]
        self.pos += n
        return n

    def write(self, buf):
        end = self.pos + len(buf)
        if len(self.data) < end:
            self.data.extend(bytes(end - len(self.data)))
        self.data[self.pos : end] = buf
        self.pos = end
        return len(buf)

    def ioctl(self, request, arg):
        if request == 2:
            seek = uctypes.bytearray_at(arg, SIZE + 4)
            offset, whence = struct.unpack("<qi" if SIZE == 8 else "<ii", seek)
            self.pos = (0, self.pos, len(self.data))[whence] + offset
            seek[:SIZE] = struct.pack("<q" if SIZE == 8 else "<i", self.pos)
        return 0

    def getvalue(self):
        return self.data


# One that does not: it has room for everything.
def room(data):
    f = io.BytesIO(60000)
    f.write(data)
    f.seek(0)
    return f


def key(i):
    return b"%03d" % i


start = room(b"")
with btree.open(start, pagesize=512) as db:
    before = {key(i * 3): b"value %d" % i for i in range(40)}
    before[b"big"] = b"b" * 1200
    before[b"K" * 300] = b"long key"
    db.update(before)
start = start.getvalue()

# What is done with the database, and with a dict.
FAILED = object()
COMPARED = ("get", "in", "pop", "setdefault", "len", "popitem", "next", "first", "seq")


def script():
    for i in range(8):
        yield "put", key(i * 11 + 1), b"x" * (60 + i)
    yield "get", b"big", None
    yield "next", None, None
    yield "put", b"big2", b"B" * 1500
    yield "in", key(3), None
    yield "len", None, None
    yield "next", None, None
    yield "flush", None, None
    for i in range(0, 40, 2):
        yield "del", key(i * 3), None
    yield "pop", key(3), None
    yield "pop", b"big", None
    yield "next", None, None
    yield "check", None, None
    yield "setdefault", b"new", b"default"
    yield "update", b"a", b"b"
    yield "flush", None, None
    yield "put", b"K" * 300, b"new"
    yield "put", b"J" * 300, b"j" * 700
    yield "popitem", None, None
    yield "first", None, None
    yield "seq", key(9), None
    yield "compact", None, None
    yield "salvage", None, None
    yield "checkpoint", None, None
    yield "clear", None, None
    yield "put", b"last", b"1" * 900
    yield "put", b"last2", b"2"


def do(db, op, key, value, it):
    if op == "put":
        db[key] = value
    elif op == "del":
        del db[key]
    elif op == "get":
        return db[key]
    elif op == "in":
        return key in db
    elif op == "len":
        return len(db)
    elif op == "next":
        return next(it)
    elif op == "pop":
        return db.pop(key)
    elif op == "popitem":
        return db.popitem()
    elif op == "setdefault":
        return db.setdefault(key, value)
    elif op == "update":
        db.update({key: value})
    elif op == "clear":
        db.clear()
    elif op == "first":
        return db.first()
    elif op == "seq":
        return db.seq(1, key)
    elif op == "check":
        return db.check()
    elif op == "compact":
        copy = room(b"")
        db.compact(copy)
        if dict(btree.open(copy).items()) != dict(db.items()):
            print("FAIL: copy")
    elif op == "salvage":
        list(btree.salvage(room(start)))
    elif op == "checkpoint":
        # The default mode has none.
        getattr(db, "checkpoint", db.flush)()
    elif op == "flush":
        db.flush()


# The same with a dict; returns what the call should, if it is one of those compared.
def model_do(model, op, key, value, step):
    if op in ("put", "update"):
        model[key] = value
    elif op == "del":
        del model[key]
    elif op == "clear":
        model.clear()
    elif op == "popitem":
        k = max(model)
        return k, model.pop(k)
    elif op == "first":
        k = min(model)
        return k, model[k]
    elif op == "seq":
        k = min(k for k in model if k >= key)
        return k, model[k]
    elif op == "next":
        # The cursor has returned `step` items and goes on behind the last one.
        k = sorted(k for k in model if step is None or k > step)[0]
        return k, model[k]
    elif op == "get":
        return model[key]
    elif op == "in":
        return key in model
    elif op == "len":
        return len(model)
    elif op == "pop":
        return model.pop(key)
    elif op == "setdefault":
        return model.setdefault(key, value)


left = 0
for_good = False


# A call during which allocations may fail.
def attempt(fun, *args):
    global left
    _faults.alloc(left, for_good)
    try:
        result = fun(*args)
    except MemoryError:
        result = FAILED
    now = _faults.alloc(-1)
    left = -1 if result is FAILED else now
    return result


def fail(n, what, *why):
    print("FAIL: allocation", n, what, *why)
    raise SystemExit


# Plays the script while allocation n fails. Returns whether there are so many, and whether it could
# be played to the end.
def play(make, mode, flags, n):
    global left
    left = n
    f = make(start)
    model = dict(before)
    flushed = dict(before)
    open_it = lambda: btree.open(f, pagesize=512, flags=flags)
    db = attempt(open_it)
    if db is FAILED:
        f = make(start)
        db = open_it()
    it = db.items()
    last = None
    for op, key, value in script():
        result = attempt(do, db, op, key, value, it)
        after = dict(model)
        want = model_do(after, op, key, value, last)
        if result is FAILED:
            got = dict(db.items())
            if got != model or list(db.keys()) != sorted(model):
                fail(n, op, key, "has changed something")
            # What a failed write leaves behind in the stream is another matter.
            if (make is room or op not in ("flush", "checkpoint")) and db.check() != []:
                fail(n, op, key, db.check())
            # Once more, with memory.
            try:
                result = do(db, op, key, value, it)
            except OSError as er:
                # A method of the stream wanted memory for a write. There can be no more changes.
                if make is room:
                    fail(n, op, key, repr(er))
                flushing = op in ("flush", "checkpoint")
                if mode == "journal" or not flushing:
                    # What was written when memory was short lies behind the end of the file.
                    check_file(f, flags, n, op, (flushed, model) if flushing else (flushed,), flushing)
                return True, False
        if op in COMPARED and result != want:
            fail(n, op, key, result, want)
        model = after
        if op == "next":
            last = want[0]
        if op in ("flush", "checkpoint"):
            flushed = dict(model)
    result = attempt(db.close)
    more = left <= 0
    if result is not FAILED:
        check_file(f, flags, n, "close", (model,), True)
    elif mode == "journal" or make is room:
        check_file(f, flags, n, "close", (flushed, model), True)
    return more, True


# What is in the stream now.
def check_file(f, flags, n, op, states, sound):
    data = f.getvalue()
    db = btree.open(room(data), flags=flags)
    got = dict(db.items())
    if got not in states or (sound and db.check() != []):
        fail(n, op, "has damaged the file", db.check())
    db.close()


for make in (room, Stream):
    for mode, flags in MODES:
        for for_good in (False, True):
            n = 0
            more = True
            broken = 0
            while more:
                more, whole = play(make, mode, flags, n)
                broken += not whole
                n += 1
            # With room nothing that fails has to do with the file.
            print("stream" if make is Stream else "room", mode, for_good, n > 200, broken == 0 or make is Stream)

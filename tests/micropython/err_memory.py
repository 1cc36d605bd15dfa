# Not enough memory: MemoryError, and the database is as it was before the call.

try:
    import btree, io, gc, micropython, sys

    micropython.heap_lock
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.BytesIO(32000)  # room that it does not have to ask for later
db = btree.open(f, pagesize=512)
model = {}
for i in range(100):
    k = b"%03d" % i
    db[k] = model[k] = b"value %d" % i
db.flush()

# With the heap locked nothing at all can be allocated.
results = []
key = b"055"
new = b"new"
value = b"v" * 100
it = iter(db)
next(it)


def load():
    return db[key]


def store_big():
    # Splits sooner or later.
    for k in model:
        db.put(k, value)


for fun in (load, lambda: db.get(key), lambda: next(it), lambda: db.seq(3), lambda: db.seq(6), db.keys, db.items, store_big):
    raised = False
    micropython.heap_lock()
    try:
        fun()
    except MemoryError:
        raised = True
    micropython.heap_unlock()
    results.append(raised)
print(results)
for k in model:
    if db[k] not in (model[k], value):
        print("FAIL", k)
    model[k] = db[k]
print(list(db) == sorted(model), len(list(it)) in (98, 99))

# Not found needs no memory.
a = b = c = None
micropython.heap_lock()
try:
    a = b"nix" in db
    b = key in db
    c = db.get(b"nix")
finally:
    micropython.heap_unlock()
print(a, b, c)

# A heap with less and less room.
hog = []


def fill(left):
    size = 1 << 16
    while size >= 16:
        try:
            while True:
                hog.append(bytearray(size))
        except MemoryError:
            size //= 2
    for i in range(left):
        if hog:
            hog.pop()


def same():
    # Without a second dict: memory is in small pieces by now.
    n = 0
    for k, v in db.items(b"000", b"999"):
        if model.get(k) != v:
            return False
        n += 1
    return n == len(model)


keys = list(model)
values = [b"w" * n for n in (3, 150, 60, 1, 90, 30)]
done = failed = 0
gc.collect()
for left in range(0, 140, 7 if sys.platform == "linux" else 56):
    value = values[left % len(values)]
    n = 0
    try:
        fill(left)
        for k in keys:
            db[k] = value
            n += 1
    except MemoryError:
        failed += 1
    del hog[:]
    gc.collect()
    # The one that failed was not stored, the others were.
    for i in range(n):
        model[keys[i]] = value
    if not same():
        print("FAIL", left, n)
    done += n
print(done + failed > 0)
db.close()
f.seek(0)
db = btree.open(f)
print(same())
db.close()

# A value that does not fit, or a copy of it.
f.seek(0)
db = btree.open(f)
try:
    big = bytes(gc.mem_free() // 3)
except MemoryError:
    big = b""
try:
    db["big"] = big
    big = None
    len(db["big"])
except MemoryError:
    pass
big = None
gc.collect()
print(same())

# Not enough memory: MemoryError, and the database is as it was before the call.

try:
    import btree, io, gc, micropython

    micropython.heap_lock
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
model = {}
for i in range(150):
    k = b"%03d" % i
    db[k] = model[k] = b"value %d" % i
db.flush()

# With the heap locked nothing at all can be allocated.
results = []
key = b"075"
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
print(list(db) == sorted(model), len(list(it)) in (148, 149))

# Not found needs no memory.
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
    size = 4096
    while size >= 16:
        try:
            while True:
                hog.append(bytearray(size))
        except MemoryError:
            size //= 2
    for i in range(left):
        if hog:
            hog.pop()


done = failed = 0
gc.collect()
for left in range(0, 300, 7):
    del hog[:]
    fill(left)
    try:
        for i in range(30):
            k = b"%03d%02d" % (i * 5, left % 60)
            try:
                db[k] = value
                ok = True
            except MemoryError:
                ok = False
            if ok:
                model[k] = value
                done += 1
            else:
                failed += 1
                break
    except MemoryError:
        pass
    del hog[:]
    gc.collect()
    # The key of a failed put is there with its value or not at all.
    if dict(db.items()) != model:
        here = dict(db.items())
        print("FAIL", left, len(here), len(model), [k for k in here if k not in model], [k for k in model if k not in here])
        model = here
print(done > 0, failed > 0)
db.close()
f.seek(0)
db = btree.open(f)
print(dict(db.items()) == model)
db.close()

# A value that does not fit.
f.seek(0)
db = btree.open(f)
try:
    big = b"b" * (gc.mem_free() // 3)
    try:
        db["big"] = big
        ok = True
    except MemoryError:
        ok = False
    del big
    gc.collect()
    if ok:
        try:
            print(db["big"][:1], end="")
        except MemoryError:
            pass
    print(dict(db.items(b"000", b"999")) == model)
except MemoryError:
    print(True)

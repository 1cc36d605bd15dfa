# The garbage collector: the database keeps alive what it needs, and nothing else does.

try:
    import btree, io, gc
except ImportError:
    print("SKIP")
    raise SystemExit


def churn():
    # Overwrite what was freed by mistake.
    gc.collect()
    x = [bytearray(n) for n in range(0, 600, 7)]
    for b in x:
        for i in range(len(b)):
            b[i] = 0xA5
    x = None


db = btree.open(io.BytesIO(), pagesize=512)
model = {}
it = iter(db)
seq = None
for i in range(120):
    k = b"%03d" % (i * 7 % 120)
    db[k] = model[k] = b"value %d" % i * (i % 4 + 1)
    if i % 10 == 0:
        churn()
        if db[k] != model[k]:
            print("FAIL", i)
    if i == 60:
        it = db.items(bytes(bytearray(b"050")), bytes(bytearray(b"09") + b"0"))
        first = next(it)
        db.seq(1, "030")
churn()
print(first[0] >= b"050", list(it)[-1][0], db.seq(7)[0], list(db.items()) == sorted(model.items()))

# Iterators keep their database, with and without a name for it.
it = db.keys("010", "013")
it2 = db.values(None, None, btree.DESC)
db = None
churn()
print(list(it), len(list(it2)))
it = it2 = None

# What is not closed is collected, and so is what is.
def used():
    gc.collect()
    return gc.mem_alloc()


def many(close):
    for i in range(20):
        db = btree.open(io.BytesIO(), pagesize=512)
        for j in range(60):
            db["%03d" % j] = "x" * 20
        it = iter(db)
        next(it)
        if close:
            db.close()
    db = it = None


many(True)
before = used()
many(True)
many(False)
many(False)
[None] * 50
churn()
print(used() - before < 8000)

# Closing gives the memory back at once.
db = btree.open(io.BytesIO(), pagesize=512, cachesize=8192)
for j in range(200):
    db["%03d" % j] = "x" * 20
db.flush()
db["big"] = "b" * 1000
len(db["big"])
db.flush()
gc.collect()
before = gc.mem_alloc()
db.close()
print(before - gc.mem_alloc() > 5000)

# Several iterators at a time: each has a place of its own.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for i in range(6):
    db["%03d" % i] = str(i)

a = db.keys()
b = db.values()
print(list(a), list(b), list(a), list(b))
print(list(zip(db.keys(), db.values())))
print(list(zip(db, db, db.keys(None, None, btree.DESC)))[1])
print(sum(1 for x in db for y in db), sum(1 for x in db for y in db for z in db.items("003")))
for x in db.keys("001", "003"):
    print(x, [y for y in db.values(x, None, btree.DESC)])

# Interleaved.
its = [db.keys(), db.items("002"), db.values(None, None, btree.DESC), iter(db)]
out = [[] for it in its]
for i in range(20):
    n = i * 7 % len(its)
    try:
        out[n].append(next(its[n]))
    except StopIteration:
        out[n].append(None)
for o in out:
    print(o)

# An iterator is its own iterator; a database is none.
it = db.keys("002")
print(iter(it) is it, next(it), [k for k in it], list(it))
it = iter(db)
print(it is db, it is iter(db))
try:
    next(db)
except TypeError:
    print("TypeError")
print(str(db.keys())[:9])

# At the end they stay at the end, whatever is added.
up, down, upto, prefix = db.keys(), db.keys(None, None, btree.DESC), db.keys("001", "003"), None
for it in (up, down, upto):
    print(len(list(it)), end=" ")
db["999"] = db[""] = db["0021"] = ""
for it in (up, down, upto):
    for i in range(3):
        try:
            print(next(it))
        except StopIteration:
            print("StopIteration", end=" ")
print()
print(list(db))

# seq(), loading and storing elsewhere do not disturb.
n = 0
for k in db:
    db.seq(3)
    db.seq(9)
    db.get("005")
    "nix" in db
    db["005"] = "5"
    n += 1
print(n)

# Dropped half way: nothing to do, not even with the database gone.
it = iter(db)
next(it)
del it
it = db.items()
next(it)
del db
import gc

gc.collect()
print(next(it), len(list(it)))

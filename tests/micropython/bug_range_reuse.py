# C module: a range was that of the database object, used up by whoever iterated first,
# and a second loop over it gave all keys.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for k in "12345":
    db[k] = k
x = db.keys("1", "3")
print(list(db), list(x), list(x), list(x))
x = db.keys("2", "4")
y = db.values("4", "1", btree.DESC)
print(list(db.items()), list(y), list(x))
x = db.keys("2")
for k in db:
    pass
print(list(x))

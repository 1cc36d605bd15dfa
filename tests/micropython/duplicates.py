# flags=1, undocumented in the C module: keys may occur more than once.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, flags=1, pagesize=512)
for i in range(100):
    db["%02d" % (i % 20)] = "%03d" % i
print(len(list(db)), list(db) == sorted(list(db)), sorted(db.values("07", "08")))
print(db["07"] in list(db.values("07", "08")), "07" in db, "7" in db)
print(db.close())
# It is kept in the file.
f.seek(0)
db = btree.open(f)
db["07"] = "100"
print(len(list(db.keys("07", "08"))), list(db.keys("07", "08", btree.INCL))[-1])
print(len(list(db.keys("07", "05", btree.DESC))), [k for k, v in db.items("01", None, btree.DESC)])
# Deleting removes all of a key.
del db["07"]
print("07" in db, list(db.keys("07", "08")), len(list(db)))
n = 0
for k in db.keys("10"):
    n += 1
    if k in db:
        del db[k]
print(n, len(list(db)))
print(db.seq(1, "03")[0], [db.seq(7)[0] for i in range(5)])
db.close()

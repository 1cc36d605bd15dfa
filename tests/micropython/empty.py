# Empty keys, empty values, empty databases.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
print(list(db), list(db.values()), list(db.items(None, None, btree.DESC)), list(db.keys("a", "b")))
print(db.get("a"), "a" in db, "" in db, db.seq(3), db.seq(6), db.seq(7), db.seq(9))
print(db.close(), len(f.getvalue()))

# Nothing was written; the empty stream is still a new database.
db = btree.open(f, pagesize=512)
db["key"] = ""
db[""] = "value"
print(db["key"], db[""], db[b""], db.get(bytearray()), "" in db)
print(list(db.items()), list(db.items("")), list(db.items(None, "")), list(db.items("", "", btree.INCL)))
print(list(db.keys("", None, btree.DESC)), list(db.keys(None, "", btree.DESC)), list(db.keys(None, "", btree.DESC | btree.INCL)))
print(db.seq(1, ""), db.seq(1, bytearray()), db.seq(7))
db[""] = b""
print(list(db.items()))
db.close()
f.seek(0)
db = btree.open(f)
print(list(db.items()))
del db[""]
print("" in db, list(db))
try:
    del db[""]
except KeyError as er:
    print("KeyError", er.args)
db.close()
f.seek(0)
db = btree.open(f)
del db["key"]
db.close()
f.seek(0)
db = btree.open(f)
print(list(db), db.seq(3), len(f.getvalue()) % 512)

# Many of them.
for i in range(400):
    db["%03d" % i] = ""
db[""] = ""
print(sum(len(v) for v in db.values()), sum(1 for k in db), list(db)[0])

# C module: items(b"") raised OSError(EINVAL), and so did seq(1, b"").

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for k in "abc":
    db[k] = k
print(list(db.items(b"")), list(db.keys("", "b")), list(db.values(bytearray(), None, btree.DESC)))
print(db.seq(1, b""))
db[""] = "empty"
print(list(db.items(b"")), list(db.items(None, "")), list(db.keys("", None, btree.DESC)), db.seq(1, ""))

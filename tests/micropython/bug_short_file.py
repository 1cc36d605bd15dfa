# C module: a file cut off behind its header opened as an empty database and was overwritten.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
for i in range(50):
    db["%03d" % i] = "x" * 20
db.close()
data = f.getvalue()

for n in (24, 34, 100, 511, 512, 600, 1023):
    f = io.BytesIO(data[:n])
    try:
        db = btree.open(f)
        print(n, list(db))
        db["a"] = "b"
        db.close()
    except OSError as er:
        print(n, er.errno, end=" ")
    print(f.getvalue() == data[:n])

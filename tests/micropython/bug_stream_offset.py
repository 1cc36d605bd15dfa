# C module: the header was read from where the stream was: at the end of a database it was
# taken for an empty one, and the next flush overwrote the free list, or the tree.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
db = btree.open(f, pagesize=512)
for i in range(100):
    db["%03d" % i] = "x" * 20
for i in range(50):
    del db["%03d" % i]
db.close()
size = len(f.getvalue())

for pos in (0, 1, 5, 24, 512, 1024, size - 10, size - 1, size, size + 100):
    f.seek(pos)
    try:
        db = btree.open(f)
        n = len(list(db))
        db["099"] = "y" * (pos % 20)
        db.close()
        f.seek(0)
        db = btree.open(f)
        print(pos > size, n == 50, len(list(db)) == 50, db["099"] == b"y" * (pos % 20), len(f.getvalue()) == size)
        db.close()
    except OSError as er:
        print(pos, er.args)

# A new one at the end of something else is at its beginning all the same.
f = io.BytesIO()
f.write(b"")
db = btree.open(f, pagesize=512)
db["a"] = "b"
db.close()
print(len(f.getvalue()))

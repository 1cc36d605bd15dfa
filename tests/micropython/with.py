# `with` closes the database, not the stream.

try:
    import btree, io

    btree.open(io.BytesIO()).__enter__
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.BytesIO()
with btree.open(f, pagesize=512) as db:
    db["a"] = "1"
    print(db["a"])
print(db)
f.seek(0)
with btree.open(f) as db:
    print(list(db.items()))
    db.close()
print(db)

# With an exception in the block: what was stored is stored.
f.seek(0)
try:
    with btree.open(f) as db:
        db["b"] = "2"
        raise ValueError("mine")
except ValueError as er:
    print(er)
print(db)
f.seek(0)
db = btree.open(f)
with db as same:
    print(same is db, list(db.items()))
    with btree.open(None) as inner:
        inner["c"] = "3"
        print(list(inner))
try:
    with db:
        db["c"]
except ValueError as er:
    print(er)
for n in (0, 2, 4):
    try:
        db.__exit__(*(None,) * n)
    except TypeError:
        print(n)

# What closing raises comes out of it.
try:

    class Full(io.IOBase):
        def readinto(self, buf):
            return 0

        def write(self, buf):
            return -28

        def ioctl(self, request, arg):
            return 0

    try:
        with btree.open(Full(), pagesize=512) as db:
            db["a"] = "b"
        print("no error")
    except OSError as er:
        print(er.args, db)
except AttributeError:
    print((28,), "<btree 0>")

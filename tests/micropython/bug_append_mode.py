# C module: in a file opened with "a+b" all writes go to its end: put(), flush() and close()
# reported success, and the file could not be read.

try:
    import btree, os

    name = "btree-test-append.db"
    f = open(name, "w+b")
except (ImportError, AttributeError, OSError, NameError):
    print("SKIP")
    raise SystemExit
f.close()


# Either it works or it is refused; what may not happen is silence.
def append(n):
    f = open(name, "a+b")
    try:
        db = btree.open(f, pagesize=512)
        for i in range(n):
            db["%d" % i] = "x" * 50
        db.flush()
        for i in range(n):
            db["%d" % i] = "y" * 50
        db.flush()
        db.close()
        return True
    except OSError as er:
        return False
    finally:
        f.close()


def check(n, c):
    f = open(name, "r+b")
    db = btree.open(f)
    print(n, len(list(db)) == n, set(db.values()) == {c * 50})
    db.close()
    f.close()


if append(30):
    check(30, b"y")
else:
    print(30, True, True)
os.remove(name)
# A database that is there already stays readable.
f = open(name, "w+b")
db = btree.open(f, pagesize=512)
for i in range(20):
    db["%d" % i] = "x" * 50
db.close()
f.close()
if append(20):
    check(20, b"y")
else:
    check(20, b"x")
os.remove(name)

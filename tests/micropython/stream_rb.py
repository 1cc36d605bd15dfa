# A file that was not opened for writing.

try:
    import btree, os

    name = "btree-test-rb.db"
    f = open(name, "w+b")
except (ImportError, AttributeError, OSError, NameError):
    print("SKIP")
    raise SystemExit

db = btree.open(f)
db["a"] = "b"
db.close()
f.close()

f = open(name, "rb")
try:
    f.write(b"b")
    writes = True
except OSError:
    writes = False
f.close()
if writes:
    # littlefs in MicroPython, without its assertions, writes to any file.
    os.remove(name)
    print("SKIP")
    raise SystemExit

f = open(name, "rb")
db = btree.open(f)
db["a"] = "c"  # only in memory so far
print(db["a"])
for fun in (db.flush, db.flush, db.close):
    try:
        print(fun())
    except OSError as er:
        print("OSError", er.errno > 0, len(er.args))
print(db)
f.close()
f = open(name, "rb")
db = btree.open(f)
print(db["a"])
f.close()
os.remove(name)

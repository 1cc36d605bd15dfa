# A database in a file of the port's own file system.

try:
    import btree, os

    name = "btree-test-stream.db"
    f = open(name, "w+b")
except (ImportError, AttributeError, OSError, NameError):
    print("SKIP")
    raise SystemExit

db = btree.open(f, pagesize=512)
for i in range(500):
    db["%d" % i] = "value %d" % i
print(db.flush())
for i in range(0, 500, 2):
    del db["%d" % i]
print(db.close())
f.close()

for mode in ("r+b", "rb"):
    f = open(name, mode)
    db = btree.open(f)
    print(len(list(db)), db["7"], db.get("8"), list(db.keys("48", "50")))
    if mode == "r+b":
        db["8"] = "is back"
        db["big"] = "b" * 5000
    print(db.close())
    f.close()

print(os.stat(name)[6] % 512)

# The idiom of the documentation, with a file and without.
for i in range(2):
    try:
        f = open(name, "r+b")
        print("r+b")
    except OSError:
        f = open(name, "w+b")
        print("w+b")
    db = btree.open(f)
    print(len(list(db)))
    db.close()
    f.close()
    os.remove(name)

f = open(name, "w+b")
db = btree.open(f)
db["a"] = "b"
db.close()
f.close()

# The file closed too early.
f = open(name, "r+b")
db = btree.open(f, pagesize=512)
for i in range(500):
    db["%03d" % i] = "new"
f.close()
for fun in (db.flush, db.close):
    try:
        print(fun())
    except (OSError, ValueError) as er:
        print("closed")
print(db, db.close())
f = open(name, "rb")
db = btree.open(f)
print(list(db.items()))
f.close()
try:
    db = btree.open(f)
except (OSError, ValueError) as er:
    print("closed")

os.remove(name)

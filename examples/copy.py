# A file never shrinks: what is deleted leaves free pages for later. Copying all items into a
# new file, in order, gives the space back and makes the pages full.
import btree, os


def copy(name, pagesize=0):
    new = name + ".new"
    with open(name, "rb") as f, open(new, "w+b") as g:
        with btree.open(f) as source, btree.open(g, pagesize=pagesize) as target:
            n = 0
            for key, value in source.items():
                target[key] = value
                n += 1
                # Changed pages stay in memory until then.
                if n % 500 == 0:
                    target.flush()
    # The old file is there until the new one is complete. (On FAT it has to be removed first.)
    os.rename(new, name)


def size(name):
    return os.stat(name)[6]


with open("db", "w+b") as f, btree.open(f, pagesize=512) as db:
    for i in range(3000):
        db["%08d" % (i * 7919 % 3000)] = "value %d" % i
    db.flush()
    for i in range(2900):
        del db["%08d" % i]
    db.flush()
    print(db.stat()["free"] > 100, size("db") > 100000)

copy("db", pagesize=512)

with open("db", "r+b") as f, btree.open(f) as db:
    print(len(db), db.first(), db.stat()["free"], size("db") < 10000)

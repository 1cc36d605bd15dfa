# modbtree.mpy, where the firmware has a btree of its own, which takes precedence over any file.

import btree
import modbtree

print(modbtree.__name__, btree is modbtree, btree.open is modbtree.open)
db = modbtree.open(None)
db[b"a"] = b"1"
print(type(db) is type(btree.open(None)), list(db.items()))
db.close()

import modbtree as btree  # what a program says that is to use it

with btree.open(None) as db:
    db[b"b"] = b"2"
    print(list(db.items(b"a", b"b", btree.INCL)), str(db)[:6])
print(modbtree.__file__.rsplit("/", 1)[-1])

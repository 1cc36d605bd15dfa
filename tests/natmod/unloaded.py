# A native module that nothing refers to any more, but for one of its functions.

import btree, gc, io, sys

create = btree.open
del sys.modules["btree"], btree
gc.collect()
rubbish = [b"%032d" % n for n in range(4000)]  # takes the memory that was given back

with create(io.BytesIO(), pagesize=512, cachesize=0) as db:
    db.update({"a": "b"}, c="d")
    print(list(db.items()), db.stat()["pagesize"])
    try:
        db[b"b"]
    except KeyError:
        print("KeyError")
try:
    create(io.BytesIO(), pagesise=512)
except TypeError:
    print("TypeError")

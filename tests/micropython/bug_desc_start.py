# C module: a descending scan from a key that is not there began at the next greater key,
# and one from behind the last key found nothing.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
for k in "135":
    db[k] = k
for start, end, flags in (
    ("2", None, 0),
    ("0", None, 0),
    ("", None, 0),
    ("9", None, 0),
    ("9", "2", 0),
    ("4", "2", 0),
    ("4", "3", 0),
    ("4", "3", btree.INCL),
    ("5", "1", 0),
    ("5", "1", btree.INCL),
    (None, "3", 0),
    (None, "3", btree.INCL),
    (None, "2", 0),
):
    print(start, end, flags, list(db.keys(start, end, flags | btree.DESC)))

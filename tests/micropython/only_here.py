# What other Pythons do not have: text streams that take bytes, and no special methods as attributes.

try:
    import btree, io

    io.StringIO
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

f = io.StringIO()
db = btree.open(f, pagesize=512)
db["a"] = "b"
print(db["a"])
print(hasattr(db, "__delitem__"), hasattr(db, "__setitem__"))

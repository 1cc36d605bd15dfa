# setdefault() stored the value before it found that there was no memory to return it.

try:
    import btree, micropython

    micropython.heap_lock
    db = btree.open(None, pagesize=512)
except (ImportError, AttributeError, OSError):
    print("SKIP")
    raise SystemExit

db["old"] = "value"
for key in ("old", "new"):
    micropython.heap_lock()
    try:
        db.setdefault(key, "default")
    except MemoryError:
        micropython.heap_unlock()
        print("MemoryError", list(db.items()))
    print(db.setdefault(key, "default"), list(db.items()))

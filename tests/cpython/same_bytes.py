# The same operations make the same bytes under MicroPython and CPython: test_same_bytes.py compares
# what this prints.
import btree, io


def checksum(data):
    a, b = 1, 0
    for byte in data:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    return b << 16 | a


def work(db):
    state = 7
    for i in range(400):
        state = (state * 1103515245 + 12345) & 0x3FFFFFFF
        key = b"key%03d" % ((state >> 8) % 150)
        if state % 5 == 0:
            db.pop(key, None)
        else:
            db[key] = b"%d " % i * ((state >> 4) % 40)
        if i % 100 == 99:
            yield db.flush()
    db["big"] = b"b" * 3000
    db["k" * 300] = b"long"
    yield db.flush()


for name, flags in (("default", 0), ("journal", btree.JOURNAL), ("duplicates", 1)):
    f = io.BytesIO()
    db = btree.open(f, pagesize=512, flags=flags)
    for _ in work(db):
        print(name, len(f.getvalue()), checksum(f.getvalue()))
    db.close()
    print(name, len(f.getvalue()), checksum(f.getvalue()))

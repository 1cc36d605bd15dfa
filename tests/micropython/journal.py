# flags=btree.JOURNAL: what a flush leaves without close(), checkpoint(), a journal read and thrown
# away, and errors.
import btree
import io


def items(data, flags=0):
    db = btree.open(io.BytesIO(data), flags=flags)
    return dict(db.items())


print(btree.JOURNAL, btree.DISCARD)

f = io.BytesIO()
db = btree.open(f, flags=btree.JOURNAL, pagesize=512)
db["a"] = "1"
print(db.flush(), db.checkpoint())
db["b"] = "2"
print(db.flush())
db["c"] = "not flushed"
data = f.getvalue()
print(sorted(items(data)), sorted(items(data, btree.JOURNAL)), sorted(items(data, btree.DISCARD)))
print(db.check(), db.close())
plain = f.getvalue()
print(sorted(items(plain)), sorted(items(plain, btree.DISCARD)), any(plain[24:512]))

# Without the flag a journal is read, and brought home by the first change.
f = io.BytesIO(data)
db = btree.open(f)
print(db["b"], db.close(), f.getvalue() == data)
db = btree.open(f)
db["d"] = "4"
print(db.checkpoint(), db.check(), db.close())
print(sorted(items(f.getvalue())), any(f.getvalue()[24:512]))

# Both kinds of keys, and values on pages of their own.
f = io.BytesIO()
db = btree.open(f, flags=btree.JOURNAL | 1, pagesize=512)
for i in range(3):
    db["k"] = "v" * 1000
    db.flush()
copy = btree.open(io.BytesIO(f.getvalue()))
print(len(list(copy.items("k"))), copy.check())
db.clear()
db.flush()
copy = btree.open(io.BytesIO(f.getvalue()))
print(list(copy), copy.check())
db.close()

# Something else has changed the file.
f = io.BytesIO(data)
f.seek(512 + 500)
f.write(b"x")
for flags in (0, btree.JOURNAL):
    try:
        btree.open(f, flags=flags)
    except OSError as er:
        print(er)
# Without its marks a journal is not found.
f = io.BytesIO(data)
f.seek(24)
f.write(bytes(56))
print(sorted(items(f.getvalue())))

# In memory there is nothing to be cut.
db = btree.open(None, flags=btree.JOURNAL)
db["a"] = "1"
print(db.flush(), db.checkpoint(), list(db), db.close())

try:
    btree.open(io.BytesIO(), flags=btree.JOURNAL | btree.DISCARD)
except OSError as er:
    print(er)

# The statements of the example in MicroPython's documentation of btree, with a database in the
# file "mydb" of the current directory.
import btree

# Take the file if it is there, otherwise make one. ("a+b" would only ever append.)
try:
    f = open("mydb", "r+b")
except OSError:
    f = open("mydb", "w+b")

db = btree.open(f)

# Any order will do: the database keeps its keys sorted.
db[b"3"] = b"three"
db[b"1"] = b"one"
db[b"2"] = b"two"

# Until here everything is in memory only.
db.flush()

print(db[b"2"])

# The values of all keys from b"2" on.
for word in db.values(b"2"):
    print(word)

del db[b"2"]
print(b"2" in db)

for key in db:
    print(key)

# Two things to close: the database leaves its stream open.
db.close()
f.close()


import btree, os, sys
f = open("db", "w+b")
db = btree.open(f, flags=16, pagesize=512)
for i in range(120):
    db["%03d" % i] = "value %d" % i
    if i % 10 == 9:
        db.flush()
for i in range(0, 120, 2):
    db["%03d" % i] = "changed"
os.system('kill -9 $PPID')

# Iterators go on from the last key they returned and see what lies ahead of it now:
# random changes during scans of all kinds, against a sorted list.

try:
    import btree, io, gc
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 1


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


def key():
    k = b"%03d" % rnd(100)
    return k if rnd(20) else k + b"k" * 225


def value():
    return b"v" * (rnd(40) if rnd(40) else 500)


class Scan:
    def __init__(self, db, model):
        self.start = None if rnd(3) else key()
        self.end = None if rnd(3) else key()
        self.flags = rnd(4)
        self.last = None
        self.done = False
        self.kind = rnd(3)
        self.it = (db.keys, db.values, db.items)[self.kind](self.start, self.end, self.flags)
        self.n = 0

    def want(self, model):
        desc = self.flags & btree.DESC
        keys = sorted(model)
        if desc:
            keys.reverse()
        for k in keys:
            if desc:
                if self.last is not None:
                    if k >= self.last:
                        continue
                elif self.start is not None and k > self.start:
                    continue
                if self.end is not None and (k < self.end or (k == self.end and not self.flags & btree.INCL)):
                    return None
            else:
                if self.last is not None:
                    if k <= self.last:
                        continue
                elif self.start is not None and k < self.start:
                    continue
                if self.end is not None and (k > self.end or (k == self.end and not self.flags & btree.INCL)):
                    return None
            return k
        return None

    def step(self, model):
        want = None if self.done else self.want(model)
        try:
            got = next(self.it)
        except StopIteration:
            if want is not None:
                print("FAIL", self.start, self.end, self.flags, "ended, not", want)
            self.done = True
            return
        self.n += 1
        if want is None or got != (want, model[want], (want, model[want]))[self.kind]:
            print("FAIL", self.start, self.end, self.flags, self.last, got, "not", want)
        self.last = want


def change(db, model, scans):
    k = key()
    what = rnd(8)
    if what >= 5 and scans:
        # The item a scan is at, and its neighbourhood.
        at = scans[rnd(len(scans))].last
        if at is not None:
            k = at + b"+" * rnd(2)
    if what in (0, 5):
        if k in model:
            del db[k]
            del model[k]
    else:
        model[k] = db[k] = value()


def run(steps, rate, pagesize):
    total = 0
    db = btree.open(io.BytesIO(), pagesize=pagesize)
    model = {}
    scans = []
    for i in range(40):
        change(db, model, scans)
    for i in range(steps):
        if len(scans) < 4:
            scans.append(Scan(db, model))
        while rnd(10) < rate:
            change(db, model, scans)
        scan = scans[rnd(len(scans))]
        scan.step(model)
        if scan.done:
            scan.step(model)  # still at the end
            total += scan.n
            scans.remove(scan)
    if sorted(model) != list(db):
        print("FAIL contents")
    db = scans = None
    gc.collect()
    return total > 0


print(run(600, 3, 512))
print(run(600, 6, 512))
print(run(400, 8, 512))
print(run(400, 5, 1024))

# Some that the C module got wrong.
db = btree.open(io.BytesIO(), pagesize=512)
for i in range(150):
    db["%03d" % i] = "x"
n = 0
for k in db:
    db[k] = "overwritten " + "x" * (n % 50)
    n += 1
print(n, len(list(db)))
n = 0
for k in db.keys(None, None, btree.DESC):
    db[k] = "again"
    n += 1
print(n)
n = 0
for k in db:
    db[k[:-1] + b"!"] = "in front"  # '!' < '0'
    n += 1
print(n, len(list(db)))
n = 0
for k in db.keys(None, None, btree.DESC):
    del db[k]
    n += 1
print(n, list(db))
for i in range(150):
    db["%03d" % i] = "x"
n = 0
for k in db:
    del db[k]
    n += 1
print(n, list(db))
for i in range(150):
    db["%03d" % i] = "x"
n = 0
for k in db:
    # All that lies ahead goes away.
    for j in list(db.keys(k + b"!")):
        del db[j]
    n += 1
print(n, list(db))

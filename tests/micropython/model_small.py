# Random operations, flushes and re-openings, compared with a dict; small enough for a small heap.
#
# CORPUS in the environment names directories, with ":" between them, whose files are used for
# random numbers, too.

try:
    import btree, io, gc, os
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 0
source = None


def rnd(n):
    global seed
    if source:
        return (source.pop() << 8 | source.pop()) % n if len(source) > 1 else 0
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 12) % n


def key(style, i):
    if style == 0:
        return b"%04d" % rnd(200)
    if style == 1:
        return b"%06d" % (999999 - i)  # always in front
    if style == 2:
        return b"%06d" % i  # always behind
    if style == 3:
        return bytes([rnd(4) + 97 for n in range(rnd(12))])
    return b"%03d" % rnd(40) + b"k" * (rnd(12) * 25)


def run(n, pagesize, style, s, **kwargs):
    global seed
    seed = s
    f = io.BytesIO()
    db = btree.open(f, pagesize=pagesize, **kwargs)
    model = {}
    last = []
    for i in range(n):
        what = rnd(20)
        if what < 9 or not model:
            k = key(style, i)
            v = b"v" * (rnd(30) if rnd(25) else rnd(600))
            if db.put(k, v) != 0:
                print("FAIL put")
            model[k] = v
            last.append(k)
        elif what < 13:
            # An old one, a new one, or any.
            k = last.pop(0) if what == 9 and last else last.pop() if what == 10 and last else key(style, i - rnd(50))
            try:
                del db[k]
                there = True
            except KeyError:
                there = False
            if there != (k in model):
                print("FAIL delete", k)
            model.pop(k, None)
        elif what < 17:
            k = key(style, i - rnd(50))
            if db.get(k) != model.get(k) or (k in db) != (k in model):
                print("FAIL get", k)
        elif what == 17:
            db.flush()
        elif what == 18 and rnd(8) == 0:
            db.close()
            f.seek(0)
            db = btree.open(f, **kwargs)
        elif rnd(25) == 0:
            # A hole.
            a = key(style, i - rnd(50))
            for k in [k for k in sorted(model) if k >= a][:40]:
                del db[k], model[k]
        if i % 100 == 99:
            keys = sorted(model)
            if list(db) != keys:
                print("FAIL keys", i)
            keys.reverse()
            if list(db.items(None, None, btree.DESC)) != [(k, model[k]) for k in keys]:
                print("FAIL items", i)
    db.close()
    f.seek(0)
    db = btree.open(f)
    if dict(db.items()) != model:
        print("FAIL reopened")
    for k in list(db):
        del db[k]
    if list(db) or db.seq(3):
        print("FAIL emptied")
    db.close()
    gc.collect()
    return len(model) > 0 or n < 100


for style in range(5):
    print(style, [run(250, 512, style, s) for s in range(3)], run(250, 1024, style, 3), run(250, 512, style, 4, cachesize=8000, minkeypage=3 + style))

getenv = getattr(os, "getenv", lambda _: None)
for directory in getenv("CORPUS").split(":") if getenv("CORPUS") else ():
    for entry in os.ilistdir(directory):
        if entry[1] != 0x8000:
            continue
        with open(directory + "/" + entry[0], "rb") as f:
            source = list(f.read())
        n = len(source) // 8
        run(n, 512 << source[-1] % 3, source[-2] % 5, n)

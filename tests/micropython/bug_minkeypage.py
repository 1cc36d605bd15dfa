# C module: with minkeypage above 35 at 512 bytes, 71 at 1024, 291 at 4096 a limit wrapped
# around, and records were written over the end of the page.

try:
    import btree, io
except ImportError:
    print("SKIP")
    raise SystemExit

for pagesize in (512, 1024, 4096):
    for minkeypage in (2, 3, 8, 35, 36, 40, 71, 72, 291, 292, 5000, 65535, 65536, 1 << 24):
        try:
            f = io.BytesIO()
            db = btree.open(f, pagesize=pagesize, minkeypage=minkeypage)
            model = {}
            for i in range(12):
                k = b"%02d" % (i * 5 % 12) * (i * i // 8 + 1)
                model[k] = db[k] = b"v" * (i * i * i // 10)
            if list(db.items()) != [(k, model[k]) for k in sorted(model)]:
                print("FAIL", pagesize, minkeypage)
            db.close()
            f.seek(0)
            db = btree.open(f)
            if list(db.items()) != [(k, model[k]) for k in sorted(model)]:
                print("FAIL", pagesize, minkeypage, "reopened")
            db.close()
        except MemoryError:
            pass
    print(pagesize)

# One database used by several threads: each call works, or raises OSError(EBUSY).

try:
    import btree, io, _thread, time

    _thread.start_new_thread
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

db = btree.open(io.BytesIO(), pagesize=512)
running = [0]
lock = _thread.allocate_lock()
bad = []
done = [0, 0]


def work(me):
    n = busy = 0
    it = iter(db)
    for i in range(400):
        k = b"%d-%03d" % (me, i % 100)
        try:
            what = i % 4
            if what < 2:
                db[k] = k
            elif what == 2:
                v = db.get(k, k)
                if v != k:
                    bad.append((k, v))
            else:
                v = next(it, None)
                if v is not None and len(v) != 5:
                    bad.append(v)
            n += 1
        except OSError as er:
            if er.errno != 16:
                bad.append(er)
            busy += 1
        except Exception as er:
            bad.append(er)
    with lock:
        done[0] += n
        done[1] += busy
        running[0] -= 1


with lock:
    for i in range(4):
        _thread.start_new_thread(work, (i,))
        running[0] += 1
for i in range(2000):
    with lock:
        if running[0] == 0:
            break
    time.sleep_ms(10)
print(running[0], bad, done[0] + done[1], done[0] > 0)
keys = list(db)
print(keys == sorted(set(keys)), all(db[k] == k for k in keys))

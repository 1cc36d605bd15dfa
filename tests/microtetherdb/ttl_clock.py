# Times to live while the clock is not set, is set, or moved; over re-openings of a file.

try:
    import btree, io
    from microtetherdb import MicroTetherDB
except ImportError:
    print("SKIP")
    raise SystemExit

SET = 1800000000  # any clock that is set shows more than the year 2024
now = 0


def open_db(f):
    return MicroTetherDB(f, in_memory=False, clock=lambda: now, ttl_check_interval=1e6)


def alive(db):
    return "".join(sorted(key for key, _ in db.find()))


# Set all the time: what passes while the file is closed counts.
f, now = io.BytesIO(), SET
with open_db(f) as db:
    db.put("a", 1, ttl=100)
    db.put("b", 1, ttl=1000)
now += 500
with open_db(f) as db:
    print("set", alive(db), db.cleanup(), alive(db))

# Never set, starting at 0 each time: the time that the database is open counts.
f, now = io.BytesIO(), 0
with open_db(f) as db:
    now = 10
    db.put("a", 1, ttl=100)
    db.put("b", 1, ttl=1000)
    now = 60
now = 0
with open_db(f) as db:
    print("unset", alive(db))
    now = 49
    print("unset", alive(db))
    now = 51
    print("unset", alive(db), db.cleanup())
now = 0
with open_db(f) as db:
    now = 900
    print("unset", alive(db), db.cleanup())

# Set while open: nothing expires early, and time goes on from there.
f, now = io.BytesIO(), 5
with open_db(f) as db:
    db.put("a", 1, ttl=100)
    now = SET
    print("becomes set", alive(db))
    now += 99
    print("becomes set", alive(db))
    db.put("b", 1, ttl=100)
    now += 2
    print("becomes set", alive(db))
now += 90
with open_db(f) as db:
    print("becomes set", alive(db))
    now += 10
    print("becomes set", alive(db), db.cleanup())

# Set between two openings.
f, now = io.BytesIO(), 5
with open_db(f) as db:
    db.put("a", 1, ttl=100)
    now = 50
now = SET
with open_db(f) as db:
    print("set between", alive(db))
    now += 54
    print("set between", alive(db))
    now += 2
    print("set between", alive(db))

# Was set, starts unset, is set again.
f, now = io.BytesIO(), SET
with open_db(f) as db:
    db.put("a", 1, ttl=100)
    now += 50
    db.put("b", 1, ttl=100)
now = 3
with open_db(f) as db:
    print("lost", alive(db))
    now = 43
    print("lost", alive(db))
    now = SET + 1000
    print("lost", alive(db))
    now += 20
    print("lost", alive(db))
    now += 50
    print("lost", alive(db))

# Moved back and forth.
f, now = io.BytesIO(), SET
with open_db(f) as db:
    db.put("a", 1, ttl=100)
    now -= 5000
    print("back", alive(db))
    now += 99
    print("back", alive(db))
now += 2
with open_db(f) as db:
    print("back", alive(db))
    db.put("b", 1, ttl=100)
    now += 3600
    print("forth", alive(db))
print(all(type(part) is int for part in (db._clock.state())))

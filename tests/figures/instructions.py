# Instructions of the processor for an operation, where QEMU counts them as time (-icount shift=0,
# one nanosecond each). 1000 items of 6 and 20 bytes in random order, pages of 512 bytes, all of
# them in memory. What the loop around an operation takes is left out, what the interpreter needs
# for the operation is not.
import btree, io, machine, sys

if "Cortex" in sys.implementation._machine:
    # SysTick counts down, at 25 MHz.
    machine.mem32[0xE000E014] = 0xFFFFFF
    machine.mem32[0xE000E010] = 5

    def now():
        return -40 * machine.mem32[0xE000E018]

else:
    # The timer of the processor, at 10 MHz.
    def now():
        return 100 * machine.mem32[0x0200BFF8]


def nothing(keys, db):
    for key in keys:
        pass


def put(keys, db):
    for key in keys:
        db[key] = b"01234567890123456789"


def get(keys, db):
    for key in keys:
        db[key]


def walk(keys, db):
    for item in db.items():
        pass


def count(function, keys, db):
    start = now()
    function(keys, db)
    return now() - start


keys = [b"%06d" % (i * 7919 % 1000) for i in range(1000)]
db = btree.open(io.BytesIO(200 * 512), pagesize=512, cachesize=100000)
loop = count(nothing, keys, db)
for name, function in (
    ("put, new", put),
    ("put, again", put),
    ("get", get),
    ("next", walk),
):
    print("instructions, %s:" % name, (count(function, keys, db) - (0 if function is walk else loop)) // 1000)
dirty = db.stat()["dirty"]
start = now()
db.flush()
print("instructions, flush, for each changed page:", (now() - start) // dirty)

# The order of encoded values is that of the values; each can be told from what follows it.

try:
    import btree
    from microtetherdb.layout import ALL, encode, split
except ImportError:
    print("SKIP")
    raise SystemExit

seed = 5


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 8) % n


numbers = [
    0,
    1,
    -1,
    2,
    127,
    128,
    129,
    255,
    256,
    16383,
    16384,
    1 << 30,
    (1 << 30) + 1,
    1 << 62,
    (1 << 64) - 1,
    10**20,
    10**20 + 1,
    10**40,
    -(10**40),
]
numbers += [0.5, -0.5, 1.5, 0.1, 1e-5, 1e5, 3.0, 0.75, 1e-30, -1e30, 12345.678]
for _ in range(60):
    n = rnd(1 << 20) << rnd(40)
    numbers += [n, -n, n + 1, n / 8, -n / 1024]
# (On boards, large integers and floats are compared as floats of 32 bits.)
numbers = [n for n in numbers if type(n) is float or -(1 << 24) < n < 1 << 24] + [
    n for n in numbers if type(n) is int and abs(n) >= 1 << 24
]


def pairs(values, same_kind):
    bad = 0
    coded = [(value, encode(value, ALL, ALL), encode(value)) for value in values]
    for a, x, short_x in coded:
        for b, y, short_y in coded:
            if same_kind(a, b):
                if (a < b) != (x < y) or (a == b) != (x == y):
                    bad += 1
                    print("FAIL", a, b, x, y)
                if a < b and short_x > short_y:
                    print("FAIL order", a, b)
    return bad


small = 1 << 24
print(pairs(numbers, lambda a, b: type(a) is type(b) or (abs(a) < small and abs(b) < small)))
strings = [
    "",
    "a",
    "b",
    "ab",
    "a\0",
    "a\0b",
    "a\0\0",
    "\0",
    "\0\0",
    "\x01",
    "\u20ac",
    "\U0001f600",
    "\x7f",
    "\u0080",
]
strings += (
    ["x" * n for n in (31, 32, 33, 34, 100)]
    + ["x" * 32 + c for c in "\0ab"]
    + ["x" * 31 + "\u20ac"]
)
strings += ["".join(chr(rnd(3) and 97 + rnd(3)) for _ in range(rnd(5))) for _ in range(30)]
print(pairs(strings, lambda a, b: True))

everything = (
    [None, False, True]
    + sorted(set(numbers), key=lambda n: encode(n, ALL))
    + sorted(set(strings))
    + [{}, []]
)
codes = [encode(value, ALL, ALL) for value in everything]
print(codes == sorted(codes))
for value in everything:
    code = encode(value)
    for tail in (b"", b"\0", b"key", "\u20ac".encode(), b"\x01\x01", "\U0010ffff".encode()):
        end, cut = split(b"i\x05" + code + tail, 2)
        if end != 2 + len(code) or cut != (code != encode(value, ALL, ALL)):
            print("FAIL split", value, tail, end, cut)
# No code begins with another, unless FE or FF follows, for strings that go on.
codes = sorted(set(encode(value) for value in everything))
print(
    any(b.startswith(a) and b[len(a)] < 0xFE for a, b in zip(codes, codes[1:])),
    max(len(code) for code in codes) <= 67,
)

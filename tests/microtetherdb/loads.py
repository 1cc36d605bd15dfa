# loads() of the btree module, which makes objects of JSON text.

try:
    import btree, gc, json, sys

    btree.loads
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

for text in (
    "null",
    " [true, false] ",
    "{}",
    "[]",
    "-0",
    "[999999999,-999999999,1000000000,-1000000000,1073741824,-1073741824,-1073741825]",
    "[4611686018427387904,9223372036854775808,-123456789012345678901234567890]",
    "[0.5,-2.5e3,1E2,-0.0,1e400,0.1]",
    '"plain \u20ac"',
    r'["\"\\\/\b\f\n\r\t","\u0041\u00e9\u20ac\u0000x",""]',
    '{"a":{"b":[{},[[]],{"c":[1,{"d":null}]}]},"":"x","a b":[]}',
    r'{"a\u0062":1,"ab":2}',
    '{"a":1,"a":2}',
    "[" * 20 + "1" + "]" * 20,
    "{" + ",".join('"f%d":%d' % (i, i) for i in range(40)) + "}",
):
    raw = text.encode()
    value, expected = btree.loads(raw), json.loads(text)
    same = value == expected and repr(value) == repr(expected) and type(value) is type(expected)
    print(text[:30], same and type(btree.loads(text)) is type(expected))

# What is left to json.loads(): no strict JSON, or nested deeper (in CPython, than 60).
for raw in (
    b"",
    b"{",
    b"[1",
    b"[1 2]",
    b'{"a"}',
    b'{"a":1,}',
    b"{1:2}",
    b"nul",
    b"NaN",
    b"01",
    b"1 2",
    b'"\\ud800"',
    b'"\\x"',
    b'"\xff"',
    b"[" * 70 + b"]" * 70,
):
    if btree.loads(raw) is not raw:
        print("FAIL", raw)
# So many digits are a number for MicroPython, and too many for CPython.
digits = b"1" * 5000
print(btree.loads(digits) is digits or btree.loads(digits) % 10 == 1)
try:
    btree.loads(5)
except TypeError:
    print("TypeError")

# Documents of one scan share the names of their fields, but only where they are equal.
from microtetherdb.program import compile
from microtetherdb.query import Query

tree = btree.open(None)
documents = []
for i in range(40):
    names = ["alpha", "beta", "gamma", "delta\n"][i % 3 :] + ["n%d" % (i % 4)] + ["x%d" % n for n in range(i)]
    documents.append({name: [i, name] for name in names})
    tree["d%02d" % i] = json.dumps(documents[i])
_, items, _, _ = tree.scan(compile(Query({}).root, 0), b"d", b"e", 1 << 20)
print(len(items), [item[1] for item in items] == documents)

# Where memory ends it is a MemoryError, and nothing is damaged.
if sys.implementation.name == "micropython":
    big = b"[" + b",".join(b'{"field":"value %d"}' % i for i in range(60)) + b"]"
    expected = json.loads(big)
    gc.collect()
    kept = [None] * (gc.mem_free() // 64)
    # Later there is no room for a tuple, nor for another name.
    full = (MemoryError, IndexError)
    value = None
    i = failed = 0
    for size in (2000, 200, 30):
        try:
            while True:
                kept[i] = bytearray(size)
                i += 1
        except full:
            pass
    while True:
        try:
            value = btree.loads(big)
            break
        except MemoryError:
            failed += 1
            for i in range(i - 1, i - 20, -1):
                kept[i] = None
            gc.collect()
    kept = None
    print(failed > 0, value == expected)
else:
    print(True, True)

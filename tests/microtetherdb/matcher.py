# cmdline: -X heapsize=4m
# The matcher in Rust against the one in Python, and loads() against json.loads(): random documents as
# JSON in all its spellings, random queries, and damaged records. 10,000 of each on a PC.

try:
    import btree, gc, json, sys

    btree.match
    from microtetherdb import layout
    from microtetherdb.errors import DamagedError
    from microtetherdb.program import compile
    from microtetherdb.query import Query, matches
except (ImportError, AttributeError):
    print("SKIP")
    raise SystemExit

gc.collect()
N = 10000 if sys.platform == "linux" else 2000 if gc.mem_free() > 1000000 else 300
NOW = 1800000000000
seed = 7
layout.loads = lambda raw: raw  # Python alone


def rnd(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 8) % n


def pick(choices):
    return choices[rnd(len(choices))]


NAMES = ("a", "b", "c", "tags", "0", "1", "\u20ac", 'q"')
STRINGS = (
    "",
    "a",
    "b",
    "ab",
    "abc",
    "b\n",
    "\u20ac",
    "\u20acx",
    'q"\\',
    "\0",
    "/",
    "x" * 20,
    "tags",
)
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "10",
    "1.0",
    "1.5",
    "-1.5",
    "15e-1",
    "1E1",
    "0.0",
    "-0",
    "-0.0",
    "0.1",
    "1e20",
    "100000000000000000000",
)
NUMBERS += (
    "1e400",
    "1e-400",
    "123456789012345678901234567890",
    "1.0000001",
    "2.5e+3",
    "16777217",
    "16777217.0",
    "0.333333333333",
)
ESCAPES = {"\n": "\\n", "\\": "\\\\", '"': '\\"', "\0": "\\u0000"}


def name():
    return NAMES[rnd(3)] if rnd(3) else pick(NAMES)


def space():
    return ("", "", "", " ", "\n\t")[rnd(5)]


def string(s):
    out = '"'
    for c in s:
        if rnd(6) == 0:
            out += "\\u%04x" % ord(c)
        elif c == "/" and rnd(2):
            out += "\\/"
        else:
            out += ESCAPES.get(c, c)
    return out + '"'


def value(depth):
    kind = rnd(12)
    if kind < 3:
        return pick(NUMBERS)
    if kind < 6:
        return string(pick(STRINGS))
    if kind < 8 or depth == 0:
        return pick(("true", "false", "null"))
    if kind < 10:
        return "[" + ",".join(space() + value(depth - 1) + space() for _ in range(rnd(4))) + "]"
    return dictionary(depth - 1)


def dictionary(depth):
    names = []
    for _ in range(rnd(5)):
        one = name()
        # Rarely, a name twice.
        if one not in names or rnd(20) == 0:
            names.append(one)
    return (
        "{"
        + ",".join(space() + string(one) + space() + ":" + space() + value(depth) for one in names)
        + "}"
    )


def record():
    text = dictionary(2) if rnd(15) else value(2)
    if text[0] == "[" or rnd(3) == 0:
        text = "[" + text
        if rnd(3):
            text += "," + pick(("null", "1", "1799999999999", "1800000000000", "1800000000001"))
            if rnd(2):
                text += ",[" + ",".join(string(pick(STRINGS)) for _ in range(rnd(3))) + "]"
        text += "]"
    return space() + text + space()


def literal(scalar=False):
    kind = rnd(10)
    if kind < 4:
        return pick(
            (
                0,
                1,
                -1,
                2,
                10,
                1.0,
                1.5,
                -1.5,
                0.1,
                1e20,
                10**20,
                123456789012345678901234567890,
                16777217,
                2500,
                0.33333333,
            )
        )
    if kind < 8 or scalar:
        return pick(STRINGS)
    return pick((None, True, False, [], ["a"], {"a": 1}))


def condition():
    op = pick(
        (
            "$eq",
            "$ne",
            "$gt",
            "$gte",
            "$lt",
            "$lte",
            "$in",
            "$nin",
            "$exists",
            "$contains",
            "$startswith",
            "",
        )
    )
    if op == "":
        return literal()
    if op == "$exists":
        return {op: rnd(2) == 0}
    if op in ("$in", "$nin"):
        return {op: [literal() for _ in range(rnd(4))]}
    if op == "$startswith":
        return {op: pick(STRINGS)}
    return {op: literal(op[1] in "gl")}


def query(depth=2):
    result = {}
    for _ in range(1 + rnd(2)):
        kind = rnd(8)
        if depth and kind == 0:
            result[pick(("$or", "$and"))] = [query(depth - 1) for _ in range(1 + rnd(3))]
        elif depth and kind == 1:
            result["$not"] = query(depth - 1)
        else:
            path = (
                "_id"
                if rnd(12) == 0
                else ".".join(name() for _ in range(1 + rnd(2) + rnd(2) * rnd(2)))
            )
            result[path] = {"$not": condition()} if kind == 2 and depth else condition()
    return result


def in_python(root, key, raw):
    try:
        document, expires, tags = layout.unpack(key, raw)
    except DamagedError:
        return "damaged"
    return not (expires is not None and expires <= NOW) and matches(root, key, document, tags)


def run(n, damage):
    queries = []
    unsure = yes = built = differ = 0
    for i in range(n):
        if i % 50 == 0:
            queries = []
            while len(queries) < 50:
                root = Query(query()).root
                program = compile(root, NOW)
                if program is not None:
                    queries.append((root, program))
        root, program = queries[i % 50]
        key = pick(STRINGS)
        raw = bytearray(record().encode())
        if damage:
            for _ in range(1 + rnd(2)):
                what = rnd(4)
                at = rnd(len(raw)) if raw else 0
                if what == 0 and raw:
                    raw[at] = rnd(256)
                elif what == 1 and raw:
                    raw[at] = ord(pick('{}[],:"\\0-.enu '))
                elif what == 2:
                    raw = raw[:at]
                else:
                    raw = raw[:at] + raw[at + 1 :]
        raw = bytes(raw)
        fast = btree.match(program, key, raw)
        slow = in_python(root, key, raw)
        if fast is None:
            unsure += 1
        elif fast is not slow:
            differ += 1
            print("FAIL", root, key, raw, fast, slow)
        yes += slow is True
        value = btree.loads(raw)
        if value is not raw:
            built += 1
            if repr(value) != repr(json.loads(raw)):
                differ += 1
                print("FAIL", raw, value)
    return differ, unsure < n // (1 if damage else 3), yes > n // 100, built > n // (20 if damage else 2)


print(run(N, False))
print(run(N, True))

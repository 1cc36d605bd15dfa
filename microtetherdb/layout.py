"""Keys and values in the B-tree: see docs/microtetherdb-format.md."""

import json
import math

import btree

from .errors import DamagedError, InvalidValueError, QueryError, ValueTooLargeError

VERSION = 1
META = b"#"
DOC = b"d"
INDEX = b"i"
TTL = b"t"

ID = ("_id",)  # the path of the key of a document
TAGS = ("tags",)  # that of what put() was given, and of the document's own field of this name

MAX_VALUE = 8192  # bytes of the JSON text of a document
MAX_DEPTH = 32  # of lists and dicts in each other

# Kinds of values in index entries and sort keys, in this order.
MISSING = b"\x00"
_NULL = b"\x01"
_FALSE = b"\x02"
_TRUE = b"\x03"
_NEGATIVE = 0x10
_ZERO = b"\x11"
_POSITIVE = 0x12
NUMBERS = (b"\x10", b"\x13")  # from, and below
STRINGS = (b"\x20", b"\x21")
_DICT = b"\x30"
_LIST = b"\x31"

# What an index entry keeps of a value: groups of 7 bits of a number, bytes of a string.
DIGITS = 12
CHARS = 32
ALL = 1 << 20


def doc_key(key):
    return DOC + key.encode()


def key_of(code):
    """The key of a document, of its bytes. Where these are no UTF-8, they were damaged."""
    try:
        return code.decode()
    except UnicodeError:
        return "".join(chr(byte) if byte < 128 else "\ufffd" for byte in code)


def ttl_key(ms, key):
    return TTL + ms.to_bytes(6, "big") + key.encode()


_PLAIN = (str, int, bool, type(None))


def _check(value, depth):
    # Whether a value has a JSON form that leads back to it.
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise InvalidValueError("field name %r is not a string" % (name,))
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        raise InvalidValueError("%s has no JSON form" % type(value).__name__)
    if depth == 0:
        raise InvalidValueError("nested deeper than %d" % MAX_DEPTH)
    for part in value:
        kind = type(part)
        if kind in _PLAIN:
            continue
        if kind is not float:
            _check(part, depth - 1)
        elif part - part != 0:
            raise InvalidValueError("%r has no JSON form" % part)


for _OPTIONS in ({"separators": (",", ":"), "ensure_ascii": False}, {"separators": (",", ":")}, {}):
    try:
        json.dumps(0, **_OPTIONS)
        break
    except TypeError:  # CPython has both options, MicroPython one or none
        pass


# Objects made of JSON by the B-tree, or the bytes themselves where it does not do that.
loads = getattr(btree, "loads", lambda raw: raw)


def dumps(value):
    return json.dumps(value, **_OPTIONS)


def broken(text):
    """Whether a str has no form in UTF-8: CPython's may hold halves of surrogate pairs."""
    if "ensure_ascii" in _OPTIONS:
        try:
            text.encode()
        except UnicodeError:
            return True
    return False


def text_of(key, value):
    """The JSON text of a document, or an exception that names its key."""
    try:
        _check((value,), MAX_DEPTH + 1)
    except InvalidValueError as e:
        raise InvalidValueError("%r: %s" % (key, e))
    text = dumps(value)
    if broken(text):
        raise InvalidValueError("%r: half of a surrogate pair has no form in UTF-8" % key)
    # (A character has up to four bytes.)
    if len(text) > MAX_VALUE // 4 and len(text.encode()) > MAX_VALUE:
        raise ValueTooLargeError(
            "%r: %d bytes of JSON, more than %d" % (key, len(text.encode()), MAX_VALUE)
        )
    return text


def pack(text, expires, tags):
    """The record of a document: its JSON text, or [document, expires, tags]."""
    if tags:
        return "[%s,%s,%s]" % (text, "null" if expires is None else expires, dumps(tags))
    if expires is not None:
        return "[%s,%d]" % (text, expires)
    return "[%s]" % text if text[0] == "[" else text


_CLOSING = {list: 0x5D, dict: 0x7D}


def unpack(key, raw):
    """(document, expires, tags) of a record, or of what the B-tree made of it; the key is for the
    message of DamagedError."""
    try:
        value = loads(raw) if isinstance(raw, bytes) else raw
        if isinstance(value, bytes):
            value = json.loads(raw)
            # MicroPython's parser takes the end of the text for the end of all lists and dicts.
            last = raw.rstrip()[-1]
            if last != _CLOSING.get(type(value), last):
                raise ValueError
            if raw.count(b"{") != raw.count(b"}") or raw.count(b"[") != raw.count(b"]"):
                # Unless these are in strings, what is behind the record is not found in its place.
                value, _ = json.loads(b"".join((b"[", raw, b",1]")))
        if type(value) is not list:
            return value, None, ()
        value.extend((None, ())[len(value) - 1 :])
        document, expires, tags = value
        known = expires is None or type(expires) is int
        if known and isinstance(tags, (list, tuple)) and all(type(tag) is str for tag in tags):
            return value
    except (ValueError, TypeError, OverflowError):  # (the latter without long integers)
        pass
    raise DamagedError("%r: what is stored is no document" % key, key)


def path_of(name):
    """The parts of a field name with dots."""
    if not isinstance(name, str):
        raise QueryError("field name %r is not a string" % (name,))
    path = tuple(name.split("."))
    if "" in path or name[0] == "$" or broken(name):
        raise QueryError("no field or operator: %r" % name)
    return path


def position(name):
    """The number of a list element that a part of a path names, or -1."""
    if name.isdigit() and (name[0] != "0" or len(name) == 1) and len(name) < 5:
        return int(name)
    return -1


def values(document, path):
    """All values that a path leads to: through dicts, and by number or field name through lists."""
    found = [document]
    for name in path:
        parts = []
        for value in found:
            if isinstance(value, dict):
                if name in value:
                    parts.append(value[name])
            elif isinstance(value, list):
                i = position(name)
                if 0 <= i < len(value):
                    parts.append(value[i])
                for part in value:
                    if isinstance(part, dict) and name in part:
                        parts.append(part[name])
        found = parts
    return found


def _bits(x):
    text = "%x" % x
    top = int(text[0], 16)
    return 4 * len(text) - (0 if top > 7 else 1 if top > 3 else 2 if top > 1 else 3)


def _number(x, most):
    # Sign, exponent, and groups of 7 bits of the mantissa; all but the last have the lowest bit set.
    if x == 0:
        return _ZERO
    negative = x < 0
    if negative:
        x = -x
    if type(x) is int:
        mantissa, bits = x, _bits(x)
        exponent = bits
    elif x - x != 0:  # infinite: a number too large for a float here
        mantissa, bits, exponent = 1, 1, 0x7FFF
    else:
        fraction, exponent = math.frexp(x)
        mantissa, bits = int(fraction * (1 << 53)), 53
    exponent += 0x8000
    code = bytearray((_POSITIVE, exponent >> 8, exponent & 255))
    while mantissa and most:
        bits -= 7
        if bits > 0:
            group = mantissa >> bits
            mantissa -= group << bits
        else:
            group, mantissa = mantissa << -bits, 0
        code.append(group << 1 | (mantissa != 0))
        most -= 1
    if negative:
        for i in range(len(code)):
            code[i] = 255 - code[i]
        code[0] = _NEGATIVE
    return bytes(code)


def string_code(text, most):
    """The bytes of a string as far as an index keeps them, without an end; whether that is all."""
    code = text.encode()
    whole = len(code) <= most
    if not whole:
        code = code[:most]
    return STRINGS[0] + code.replace(b"\0", b"\0\xff"), whole


def encode(value, digits=DIGITS, chars=CHARS):
    """Bytes in the order of values. None of them begins with the bytes of another value, unless FE
    or FF follows, which are not in UTF-8."""
    kind = type(value)
    if kind is str:
        code, whole = string_code(value, chars)
        return code + (b"\0" if whole else b"\0\xfe")
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is int or kind is float:
        return _number(value, digits)
    if value is None:
        return _NULL
    return _DICT if isinstance(value, dict) else _LIST


def split(entry, start):
    """Where the encoded value that begins at `start` of an index entry ends; whether it was cut. Of
    an entry that another program made, anywhere."""
    kind = entry[start] if start < len(entry) else 0
    if kind == STRINGS[0][0]:
        i = start
        while True:
            i = entry.find(b"\0", i + 1)
            after = entry[i + 1] if i + 1 < len(entry) else 0
            if after == 0xFE:
                return i + 2, True
            if after != 0xFF:
                return i + 1, False
            i += 1
    if kind != _NEGATIVE and kind != _POSITIVE:
        return start + 1, False
    more = kind == _POSITIVE
    last = min(start + 3 + DIGITS, len(entry))
    for i in range(start + 3, last):
        if bool(entry[i] & 1) != more:
            return i + 1, False
    return last, True


def codes(found, digits=DIGITS, chars=CHARS):
    """The encoded values of a field: those of a list count one by one."""
    result = set()
    for value in found:
        if isinstance(value, list) and value:
            for part in value:
                result.add(encode(part, digits, chars))
        else:
            result.add(encode(value, digits, chars))
    return result


def float_mark():
    """A number that differs where floats are parsed differently: with it index entries differ."""
    mark = 0
    for text in ("0.1", "4.35", "1.1e-7", "123456.789e3", "9007199254740993.0", "1e23", "3e-38"):
        for byte in _number(float(text), DIGITS):
            mark = (mark * 31 + byte) & 0xFFFF
    return mark

"""Queries as byte code for the matcher in Rust: see docs/microtetherdb-format.md."""

import struct

from .layout import ID, TAGS, position
from .query import AND, CONTAINS, EXISTS, IN, NOT, OR

VERSION = 1
_MOST_LEAVES = 16
_MOST_STATES = 32  # parts of all paths, and one for each leaf
_MOST_VALUES = 64
_MOST_DEPTH = 16  # operands that wait for an operator
_LONGEST_PART = 64  # bytes that $contains looks for


class _TooMuch(Exception):
    pass


def _text(code, most=4000):
    length = len(code)
    if length > most:
        raise _TooMuch
    return struct.pack("<H", length) + code


def _value(value, most):
    kind = type(value)
    if kind is str:
        return b"s" + _text(value.encode(), most)
    if kind is int:
        return b"i" + _text(str(value).encode())
    if value is None:
        return b"n"
    if kind is bool:
        return b"t" if value else b"f"
    if kind is float:
        return b"r" + _text(("%.9e" % value).encode())
    return b"?"


class _Compiler:
    def __init__(self):
        self.leaves = []  # to be joined
        self.count = 0
        self.states = 0
        self.code = bytearray()

    def leaf(self, kind, path, arg):
        parts = () if path == ID else path
        count = self.count
        self.states += len(parts) + 1
        if count == _MOST_LEAVES or self.states > _MOST_STATES:
            raise _TooMuch
        add = self.leaves.append
        add(bytes((kind, 1 if path == ID else 2 if path == TAGS else 0, len(parts))))
        for name in parts:
            code = name.encode()
            if len(code) > 4000:
                raise _TooMuch
            add(struct.pack("<HH", position(name) & 0xFFFF, len(code)))
            add(code)
        if kind == EXISTS:
            add(b"\0")
        elif kind == IN:
            if len(arg) > _MOST_VALUES:
                raise _TooMuch
            add(bytes((len(arg),)))
            for value in arg:
                add(_value(value, 4000))
        else:
            add(b"\1")
            add(_value(arg, _LONGEST_PART if kind == CONTAINS else 4000))
        self.code.append(count)
        self.count = count + 1

    def node(self, node, depth):
        kind = node[0]
        if depth == _MOST_DEPTH:
            raise _TooMuch
        if kind == NOT:
            self.node(node[1], depth)
            self.code.append(NOT)
        elif kind == AND or kind == OR:
            if not node[1]:
                self.code.append(19)  # true
            for i, part in enumerate(node[1]):
                self.node(part, depth + (i > 0))
                if i:
                    self.code.append(kind)
        else:
            self.leaf(*node)


def compile(root, now):
    """The program for a tree of conditions at a time in milliseconds; None if that is too much."""
    compiler = _Compiler()
    try:
        compiler.node(root, 0)
    except _TooMuch:
        return None
    leaves = b"".join(compiler.leaves)
    if len(leaves) > 0xFFFF or len(compiler.code) > 255:
        return None
    head = struct.pack("<BBQH", VERSION, compiler.count, now, len(leaves))
    return b"".join((head, leaves, compiler.code))

"""Queries as byte code for the matcher in Rust: see docs/microtetherdb-format.md."""

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


def _text(text, most=4000):
    code = text.encode()
    if len(code) > most:
        raise _TooMuch
    return bytes((len(code) & 255, len(code) >> 8)) + code


def _value(value, most):
    kind = type(value)
    if value is None:
        return b"n"
    if kind is bool:
        return b"t" if value else b"f"
    if kind is int:
        return b"i" + _text(str(value))
    if kind is float:
        return b"r" + _text("%.9e" % value)
    if kind is str:
        return b"s" + _text(value, most)
    return b"?"


class _Compiler:
    def __init__(self):
        self.leaves = bytearray()
        self.count = 0
        self.states = 0
        self.code = bytearray()

    def leaf(self, node):
        kind, path, arg = node
        where = 1 if path == ID else 2 if path == TAGS else 0
        parts = () if path == ID else path
        self.states += len(parts) + 1
        if self.count == _MOST_LEAVES or self.states > _MOST_STATES:
            raise _TooMuch
        leaf = self.leaves
        leaf.extend(bytes((kind, where, len(parts))))
        for name in parts:
            number = position(name) & 0xFFFF
            leaf.extend(bytes((number & 255, number >> 8)))
            leaf.extend(_text(name))
        arguments = () if kind == EXISTS else arg if kind == IN else (arg,)
        if len(arguments) > _MOST_VALUES:
            raise _TooMuch
        leaf.append(len(arguments))
        for value in arguments:
            leaf.extend(_value(value, _LONGEST_PART if kind == CONTAINS else 4000))
        self.code.append(self.count)
        self.count += 1

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
            self.leaf(node)


def compile(root, now):
    """The program for a tree of conditions at a time in milliseconds; None if that is too much."""
    compiler = _Compiler()
    try:
        compiler.node(root, 0)
    except _TooMuch:
        return None
    if len(compiler.leaves) > 0xFFFF or len(compiler.code) > 255:
        return None
    head = bytes((VERSION, compiler.count)) + now.to_bytes(8, "little")
    length = len(compiler.leaves)
    return b"".join((head, bytes((length & 255, length >> 8)), compiler.leaves, compiler.code))

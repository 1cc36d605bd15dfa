"""Queries: from dicts to trees, and whether a document matches. See docs/microtetherdb.md."""

from .errors import QueryError
from .layout import ID, TAGS, broken, dumps, path_of, values

# Kinds of nodes. A leaf is (kind, path, argument); the path is a tuple of names.
EQ = 1
GT = 2
GTE = 3
LT = 4
LTE = 5
IN = 6
EXISTS = 7
CONTAINS = 8
STARTSWITH = 9
AND = 16  # (AND, nodes)
OR = 17
NOT = 18  # (NOT, node)

_OPERATORS = {
    "$eq": EQ,
    "$gt": GT,
    "$gte": GTE,
    "$lt": LT,
    "$lte": LTE,
    "$in": IN,
    "$exists": EXISTS,
    "$contains": CONTAINS,
    "$startswith": STARTSWITH,
}
_NEGATED = {"$ne": EQ, "$nin": IN}
_LONGEST = 1000  # values of $in


class Query:
    """A parsed query: the root of its tree, and the options."""

    def __init__(self, query):
        if query is None:
            query = {}
        if not isinstance(query, dict):
            raise QueryError("a query is a dict, not %s" % type(query).__name__)
        self.sort = ()  # of (path, descending)
        self.skip = 0
        self.limit = None
        rest = {}
        for name, value in query.items():
            if name == "$limit":
                if value is not None:
                    self.limit = _count(name, value)
            elif name == "$skip":
                self.skip = _count(name, value)
            elif name == "$sort":
                self.sort = _sort(value)
            else:
                rest[name] = value
        self.root = _parse(rest)


def _count(name, value):
    if type(value) is not int or value < 0:
        raise QueryError("%s needs a number from 0, not %r" % (name, value))
    return value


def _sort(spec):
    # "age", "-age", ["-age", "name"], [("age", -1)], {"age": -1}
    if isinstance(spec, dict):
        if len(spec) > 1:
            raise QueryError("$sort by several fields needs a list: a dict has no order")
        spec = list(spec.items())
    if not isinstance(spec, (list, tuple)):
        spec = [spec]
    order = []
    for field in spec:
        down = False
        if isinstance(field, (list, tuple)):
            if len(field) != 2 or field[1] not in (1, -1):
                raise QueryError("$sort needs (field, 1) or (field, -1), not %r" % (field,))
            field, down = field[0], field[1] == -1
        elif isinstance(field, str) and field[:1] == "-":
            field, down = field[1:], True
        order.append((path_of(field), down))
    return order


def _join(kind, nodes):
    return nodes[0] if len(nodes) == 1 else (kind, nodes)


def _parse(query):
    nodes = []
    for name, value in query.items():
        if name == "$and" or name == "$or":
            if not isinstance(value, (list, tuple)) or not value:
                raise QueryError("%s needs a list of queries" % name)
            nodes.append(_join(AND if name == "$and" else OR, [_sub(part) for part in value]))
        elif name == "$not":
            nodes.append((NOT, _sub(value)))
        else:
            path = path_of(name)
            if path[0] == "_id" and len(path) > 1:
                raise QueryError("_id has no fields: %r" % name)
            nodes.append(_condition(path, value))
    return _join(AND, nodes)


def _sub(query):
    if not isinstance(query, dict):
        raise QueryError("%r is no query" % (query,))
    return _parse(query)


def _condition(path, value):
    if not isinstance(value, dict) or not any(str(name)[:1] == "$" for name in value):
        return (EQ, path, _literal("$eq", value))
    nodes = []
    for name, arg in value.items():
        if name == "$not":
            nodes.append((NOT, _condition(path, arg)))
            continue
        kind = _OPERATORS.get(name) or _NEGATED.get(name)
        if kind is None:
            raise QueryError("no operator: %r" % (name,))
        if kind == IN:
            if not isinstance(arg, (list, tuple)) or len(arg) > _LONGEST:
                raise QueryError("%s needs a list of at most %d values" % (name, _LONGEST))
            arg = [_literal(name, part) for part in arg]
        elif kind == EXISTS:
            if type(arg) is not bool:
                raise QueryError("$exists needs True or False")
        elif kind == STARTSWITH:
            if not isinstance(arg, str):
                raise QueryError("$startswith needs a string")
            arg = _literal(name, arg)
        elif kind in (GT, GTE, LT, LTE):
            if type(arg) is bool or not isinstance(arg, (int, float, str)):
                raise QueryError("%s needs a number or a string, not %r" % (name, arg))
            arg = _literal(name, arg)
        else:
            arg = _literal(name, arg)
        if kind == EXISTS and not arg:
            node = (NOT, (EXISTS, path, True))
        else:
            node = (kind, path, arg)
        nodes.append((NOT, node) if name in _NEGATED else node)
    return _join(AND, nodes)


def _literal(name, value):
    kind = type(value)
    if kind is float:
        if value - value != 0:
            raise QueryError("%s: %r is no number to compare with" % (name, value))
        return float(dumps(value))  # as in a document: MicroPython does not print all digits
    if isinstance(value, (list, tuple)):
        return [_literal(name, part) for part in value]
    if isinstance(value, dict):
        return {field: _literal(name, part) for field, part in value.items()}
    if not (value is None or isinstance(value, (bool, int, str))):
        raise QueryError("%s: %s has no JSON form" % (name, kind.__name__))
    if kind is str and broken(value):
        raise QueryError("%s: %r has no form in UTF-8" % (name, value))
    return value


def same(a, b):
    """Whether two JSON values are equal; True is not 1 here."""
    if a is b:
        return True
    if isinstance(a, dict):
        if not isinstance(b, dict) or len(a) != len(b):
            return False
        for name in a:
            if name not in b or not same(a[name], b[name]):
                return False
        return True
    if isinstance(a, (list, tuple)):
        if not isinstance(b, (list, tuple)) or len(a) != len(b):
            return False
        for i in range(len(a)):
            if not same(a[i], b[i]):
                return False
        return True
    if type(a) is bool or type(b) is bool:
        return False
    return a == b


def _compares(kind, value, arg):
    if isinstance(arg, str):
        if not isinstance(value, str):
            return False
    elif type(value) is bool or not isinstance(value, (int, float)):
        return False
    if kind == GT:
        return value > arg
    if kind == GTE:
        return value >= arg
    if kind == LT:
        return value < arg
    return value <= arg


def _is(kind, value, arg):
    if kind == EQ:
        return same(value, arg)
    if kind == IN:
        return any(same(value, part) for part in arg)
    if kind == STARTSWITH:
        return isinstance(value, str) and value.startswith(arg)
    return _compares(kind, value, arg)


def _holds(kind, value, arg):
    # The elements of a list count, too.
    if kind == CONTAINS:
        if isinstance(value, str):
            return isinstance(arg, str) and arg in value
        return isinstance(value, list) and any(same(part, arg) for part in value)
    return _is(kind, value, arg) or (
        isinstance(value, list) and any(_is(kind, part, arg) for part in value)
    )


def matches(node, key, document, tags):
    """Whether a document with a key and tags has what a tree of conditions asks for."""
    kind = node[0]
    if kind == AND:
        for part in node[1]:
            if not matches(part, key, document, tags):
                return False
        return True
    if kind == OR:
        for part in node[1]:
            if matches(part, key, document, tags):
                return True
        return False
    if kind == NOT:
        return not matches(node[1], key, document, tags)
    _, path, arg = node
    if path == ID:
        found = (key,)
    else:
        found = values(document, path)
        if tags and path == TAGS:
            found = list(found)
            found.append(list(tags))
    if kind == EXISTS:
        return bool(found)
    for value in found:
        if _holds(kind, value, arg):
            return True
    # As in MongoDB, a field that is missing equals None.
    return not found and (kind == EQ and arg is None or kind == IN and None in arg)

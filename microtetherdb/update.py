"""What update() does to a document."""

from .errors import InvalidValueError, QueryError
from .layout import path_of

_MISSING = object()


def parse(changes):
    """A function (key, document) -> changed document, for a dict of fields or operators."""
    if not isinstance(changes, dict) or not changes:
        raise QueryError("update needs a dict of fields or operators, not %r" % (changes,))
    if not any(str(name)[:1] == "$" for name in changes):
        changes = {"$set": changes}
    steps = []
    for name, fields in changes.items():
        step = {"$set": _set, "$unset": _unset, "$inc": _inc, "$push": _push}.get(name)
        if step is None:
            raise QueryError("no operator of update: %r" % (name,))
        if name == "$unset":
            if isinstance(fields, str):
                fields = (fields,)
            fields = {field: None for field in fields}
        if not isinstance(fields, dict):
            raise QueryError("%s needs a dict of fields" % name)
        for field, value in fields.items():
            if name == "$inc" and (type(value) is bool or not isinstance(value, (int, float))):
                raise QueryError("$inc needs numbers, not %r" % (value,))
            steps.append((step, path_of(field), value))

    def change(key, document):
        for step, path, value in steps:
            parent = _parent(key, document, path, step is not _unset)
            if parent is not None:
                step(key, parent, path[-1], value)
        return document

    return change


def _parent(key, document, path, make):
    for name in path[:-1]:
        name = _name(key, document, name)
        part = document.get(name, _MISSING) if isinstance(document, dict) else document[name]
        if part is _MISSING:
            if not make:
                return None
            part = document[name] = {}
        document = part
    _name(key, document, path[-1])
    return document


def _name(key, parent, name):
    # What `parent` is indexed with.
    if isinstance(parent, dict):
        return name
    if isinstance(parent, list) and name.isdigit() and int(name) < len(parent):
        return int(name)
    raise InvalidValueError("%r: no field %r to change" % (key, name))


def _set(key, parent, name, value):
    parent[_name(key, parent, name)] = value


def _unset(key, parent, name, value):
    if isinstance(parent, dict):
        parent.pop(name, None)
    else:
        parent[int(name)] = None


def _old(parent, name, default):
    return parent.get(name, default) if isinstance(parent, dict) else parent[int(name)]


def _inc(key, parent, name, value):
    old = _old(parent, name, 0)
    if type(old) is bool or not isinstance(old, (int, float)):
        raise InvalidValueError("%r: field %r is no number" % (key, name))
    parent[_name(key, parent, name)] = old + value


def _push(key, parent, name, value):
    old = _old(parent, name, _MISSING)
    if old is _MISSING:
        old = []
    if not isinstance(old, list):
        raise InvalidValueError("%r: field %r is no list" % (key, name))
    old.append(value)
    parent[_name(key, parent, name)] = old

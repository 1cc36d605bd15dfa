"""Databases of btree as trees in ZODB, and back: python -m modbtree.zodb --help.

A tree is an OOBTree of BTrees in the root of a FileStorage. What is written are the records of
btrees_json, a node at a time, so that memory does not limit the size. When a FileStorage is read,
nothing in it is called or imported.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import btree
import btrees_json

MODULE = "BTrees.OOBTree"
# Two thirds of what BTrees splits at, so that there is room for more.
LEAF = 20
INNER = 160
# Longer leaves than that become records which are slow to change.
LEAF_BYTES = 64 * 1024
# Names of values that are not JSON's own, in objects with this one key.
MARKERS = {"@b", "@bi", "@cls", "@d", "@date", "@dec", "@dt", "@f", "@fset", "@ns", "@ref", "@set", "@t", "@td",
           "@time", "@uuid"}  # fmt: skip


class Error(Exception):
    """What cannot be converted, with the place."""


def show(key: bytes) -> str:
    """A key for a message."""
    return repr(key if len(key) <= 40 else key[:40] + b"...")


# Values


def escape(value: Any) -> Any:
    """JSON of any kind as JSON of BTrees, where keys with an @ may mean something else."""
    if isinstance(value, list):
        return [escape(item) for item in value]
    if not isinstance(value, dict):
        return value
    if any(key.startswith("@") for key in value):
        return {"@d": [[key, escape(item)] for key, item in value.items()]}
    return {key: escape(item) for key, item in value.items()}


def unescape(value: Any) -> Any:
    """The other way round. Raises ValueError for what JSON has not."""
    if isinstance(value, list):
        return [unescape(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (marker := next(iter(value))) in MARKERS:
        payload = value[marker]
        if marker == "@bi":
            return int(payload)
        if marker == "@d" and all(isinstance(key, str) for key, _ in payload):
            return {key: unescape(item) for key, item in payload}
        raise ValueError("JSON has nothing for " + marker)
    return {key: unescape(item) for key, item in value.items()}


def _constant(name: str) -> NoReturn:
    raise ValueError(name + " is no JSON")


def to_tree(data: bytes, form: str) -> Any:
    """A key or value of a database as JSON of BTrees. form: bytes, text or json."""
    if form == "bytes":
        return {"@b": b64encode(data).decode()}
    text = data.decode()
    return escape(json.loads(text, parse_constant=_constant)) if form == "json" else text


def from_tree(value: Any, form: str) -> bytes:
    """The other way round; form: json, or anything else for bytes and str as they are."""
    if form == "json":
        return json.dumps(unescape(value), separators=(",", ":"), ensure_ascii=False).encode()
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and list(value) == ["@b"]:
        return b64decode(value["@b"])
    raise ValueError("neither bytes nor str")


def keys_and_values(db: btree.Database, form: str) -> Iterator[tuple[Any, Any, int]]:
    """The items as JSON of BTrees, and their sizes in bytes. form: see to_tree()."""
    last = None
    for key, value in db.items():
        if last is not None and key <= last:
            what = "more than once" if key == last else "out of order"
            raise Error("key %s is there %s" % (show(key), what))
        last = key
        try:
            yield (
                to_tree(key, "bytes" if form == "bytes" else "text"),
                to_tree(value, form),
                len(key) + len(value),
            )
        except (ValueError, RecursionError) as e:
            raise Error("key %s: %s" % (show(key), e)) from None


# Building a tree


def reference(oid: bytes, name: str) -> dict[str, Any]:
    return {"@ref": [oid.hex(), MODULE + "." + name]}


class Builder:
    """Stores the nodes of one tree, from left to right and from the leaves up."""

    def __init__(
        self, root: bytes, new_oid: Callable[[], bytes], store: Callable[[bytes, bytes], None]
    ) -> None:
        """root: the oid of the tree. store() gets the oid and the record of each node."""
        self.root, self.new_oid, self._store = root, new_oid, store
        # For each level the children of the node that is being filled, and its first leaf.
        self.levels: list[tuple[list[Any], bytes]] = []

    def store(self, oid: bytes, name: str, state: Any) -> None:
        try:
            text = json.dumps(state, ensure_ascii=False)
            record = btrees_json.encode_state(MODULE, name, text, style="zodb")
        except (btrees_json.Error, UnicodeError, RecursionError) as e:
            raise Error("%s %s" % (name, e)) from None
        self._store(oid, record)

    def add(self, level: int, child: dict[str, Any], key: Any, first: bytes) -> None:
        """Adds a child; key: its least one; first: its first leaf."""
        if level == len(self.levels):
            self.levels.append(([], first))
        children, own_first = self.levels[level]
        if len(children) // 2 + 1 >= INNER:
            self.close(level)
            children, own_first = [], first
            self.levels[level] = (children, own_first)
        children += [key, child]

    def inner(self, level: int, oid: bytes) -> None:
        children, first = self.levels[level]
        # The least key of the first child is of no use.
        state = {"@children": children[1:], "@first": reference(first, "OOBucket")}
        self.store(oid, "OOBTree", state)

    def close(self, level: int) -> None:
        """Stores the node of a level, as a child of the next."""
        children, first = self.levels[level]
        oid = self.new_oid()
        self.inner(level, oid)
        self.add(level + 1, reference(oid, "OOBTree"), children[0], first)

    def build(self, items: Iterator[tuple[Any, Any, int]]) -> int:
        """Returns the number of items."""
        count, oid, leaves = 0, self.new_oid(), leaves_of(items)
        leaf = next(leaves, [])
        for after in leaves:
            count += len(leaf)
            following = self.new_oid()
            self.leaf(oid, leaf, following)
            oid, leaf = following, after
        count += len(leaf)
        if not self.levels:
            self.store(self.root, "OOBTree", {"@kv": leaf} if leaf else None)
            return count
        self.leaf(oid, leaf, None)
        level = 0
        while level + 1 < len(self.levels):
            self.close(level)
            level += 1
        self.inner(level, self.root)
        return count

    def leaf(self, oid: bytes, items: list[Any], following: bytes | None) -> None:
        state: dict[str, Any] = {"@kv": items}
        if following is not None:
            state["@next"] = reference(following, "OOBucket")
        self.store(oid, "OOBucket", state)
        self.add(0, reference(oid, "OOBucket"), items[0][0], oid)


def leaves_of(items: Iterator[tuple[Any, Any, int]]) -> Iterator[list[Any]]:
    leaf: list[Any] = []
    size = 0
    for key, value, more in items:
        if len(leaf) == LEAF or (leaf and size + more > LEAF_BYTES):
            yield leaf
            leaf, size = [], 0
        leaf.append([key, value])
        size += more
    if leaf:
        yield leaf


# FileStorage


@contextlib.contextmanager
def file_storage(path: str, write: bool) -> Iterator[Any]:
    """A storage; what was made is removed again if an exception is raised."""
    try:
        from ZODB.FileStorage import FileStorage  # type: ignore[import-untyped]
    except ImportError:
        raise Error("this needs ZODB and BTrees: pip install ZODB BTrees") from None
    new = not os.path.exists(path)
    if new and not write:
        raise Error("%s: there is no such file" % path)
    storage = None
    try:
        storage = FileStorage(path, read_only=not write)
        yield storage
    except BaseException as e:
        if storage is not None:
            storage.close()
        if new:
            for end in ("", ".index", ".lock", ".tmp"):
                with contextlib.suppress(OSError):
                    os.remove(path + end)
        if storage is None and isinstance(e, Exception):
            raise Error("%s: cannot be opened: %s" % (path, str(e) or type(e).__name__)) from None
        raise
    storage.close()


class _Unknown:
    """Stands for all objects in the root that are none of ours."""

    def __new__(cls, *_args: Any) -> "_Unknown":
        return object.__new__(cls)

    def ignore(self, *_args: Any) -> None:
        pass

    __setstate__ = __setitem__ = append = extend = ignore


def find_tree(storage: Any, name: str) -> bytes:
    """The oid of the tree with that name in the root. Nothing is imported for what is there."""
    from ZODB.POSException import POSError  # type: ignore[import-untyped]
    from zodbpickle.pickle import Unpickler  # type: ignore[import-untyped]

    methods = {
        "find_class": lambda _self, _module, _name: _Unknown,
        "persistent_load": lambda _self, ref: ref[0] if isinstance(ref, tuple) else ref,
    }
    reader = type("Reader", (Unpickler,), methods)
    try:
        unpickler = reader(io.BytesIO(storage.load(bytes(8))[0]))
        unpickler.load()  # the class; the state may refer to what was read here
        state = unpickler.load()
        found = state["data"].get(name)
        names = sorted(str(key) for key in state["data"])
    except POSError:
        raise Error("there is no root") from None
    except Exception as e:  # whatever damaged pickles cause
        raise Error("the root cannot be read: %r" % e) from None
    if not isinstance(found, bytes) or len(found) != 8:
        raise Error(
            "there is no tree %r, but %s" % (name, ", ".join(map(repr, names)) or "nothing")
        )
    return found


def load(storage: Any, oid: bytes) -> Any:
    from ZODB.POSException import POSError

    try:
        return storage.load(oid)[0]
    except POSError as e:
        raise Error("oid %s: cannot be read: %s" % (oid.hex(), e)) from None


def node(storage: Any, oid: bytes, names: tuple[str, ...]) -> Any:
    """The state of a node, which has to be of one of these classes."""
    try:
        record = btrees_json.decode_zodb_record(load(storage, oid), strict=True)
    except btrees_json.Error as e:
        raise Error("oid %s: %s" % (oid.hex(), e)) from None
    module, name = record["@cls"]
    if module != MODULE or name not in names:
        raise Error("oid %s: %s.%s in place of %s" % (oid.hex(), module, name, " or ".join(names)))
    return record["@s"]


def oid_of(ref: Any) -> bytes:
    value = ref["@ref"]
    return bytes.fromhex(value if isinstance(value, str) else value[0])


def items_of(storage: Any, oid: bytes, form: str) -> Iterator[tuple[bytes, bytes]]:
    """The items of a tree, leaf by leaf."""
    state = node(storage, oid, ("OOBTree", "OOBucket"))
    if state is not None and "@children" in state:
        oid = oid_of(state["@first"])
        state = node(storage, oid, ("OOBucket",))
    last = None
    while state is not None:
        for key, value in state["@kv"]:
            try:
                pair = from_tree(key, "bytes"), from_tree(value, form)
            except (ValueError, RecursionError) as e:
                raise Error("oid %s: key %s: %s" % (oid.hex(), json.dumps(key)[:60], e)) from None
            # This ends a circle of leaves, too.
            if last is not None and pair[0] <= last:
                raise Error("oid %s: key %s is out of order" % (oid.hex(), show(pair[0])))
            last = pair[0]
            yield pair
        if "@next" not in state:
            break
        oid = oid_of(state["@next"])
        state = node(storage, oid, ("OOBucket",))


def put_in_root(db: Any, name: str, oid: bytes, replace: bool) -> None:
    with db.transaction() as connection:
        root = connection.root()
        if name in root and not replace:
            raise Error("there is %r in the root already" % name)
        root[name] = connection.get(oid)


@contextlib.contextmanager
def stored(storage: Any) -> Iterator[Callable[[bytes, bytes], None]]:
    """One transaction; what it yields stores a record."""
    from ZODB.Connection import TransactionMetaData  # type: ignore[import-untyped]

    change = TransactionMetaData(description="modbtree.zodb")
    storage.tpc_begin(change)
    try:
        yield lambda oid, record: storage.store(oid, bytes(8), record, "", change)
        storage.tpc_vote(change)
        storage.tpc_finish(change)
    except BaseException:
        storage.tpc_abort(change)
        raise


# Commands


def export_file(device: str, path: str, name: str, form: str, replace: bool = False) -> int:
    """Stores the items of a database as root[name] of a FileStorage; returns their number."""
    with open(device, "rb") as f, file_storage(path, True) as storage:
        from ZODB.DB import DB  # type: ignore[import-untyped]

        with contextlib.closing(DB(storage)) as zodb:
            with zodb.transaction() as connection:
                if name in connection.root() and not replace:
                    raise Error("there is %r in the root already" % name)
            oid = storage.new_oid()
            with stored(storage) as store:
                builder = Builder(oid, storage.new_oid, store)
                count = builder.build(keys_and_values(btree.open(f), form))
            put_in_root(zodb, name, oid, replace)
    return count


def import_file(
    path: str, device: str, name: str, form: str, replace: bool = False, **options: int
) -> int:
    """Makes a database of root[name] of a FileStorage; returns the number of items."""
    if os.path.exists(device) and not replace:
        raise Error("%s: there is such a file already" % device)
    count = 0
    with file_storage(path, False) as storage:
        items = items_of(storage, find_tree(storage, name), form)
        directory, base = os.path.split(device)
        handle, part = tempfile.mkstemp(prefix=base + ".", dir=directory or ".")
        try:
            with open(handle, "w+b") as f:
                with btree.open(f, **options) as db:
                    for count, (key, value) in enumerate(items, 1):
                        db[key] = value
                        if count % 1000 == 0:
                            db.flush()
                    db.flush()
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(part, 0o666 & ~umask)
            os.replace(part, device)
        except BaseException:
            os.remove(part)
            raise
    return count


def rows(storage: Any, name: str) -> Iterator[str]:
    """The nodes of a tree as lines of JSON, the tree first, then children behind their parents."""
    waiting = [find_tree(storage, name)]
    seen = set()
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            raise Error("oid %s: referred to twice" % oid.hex())
        seen.add(oid)
        try:
            module, class_name, state, refs = btrees_json.decode_zodb_record_for_pg_json(
                load(storage, oid)
            )
        except btrees_json.Error as e:
            raise Error("oid %s: %s" % (oid.hex(), e)) from None
        head = json.dumps(
            {"zoid": int.from_bytes(oid), "class_mod": module, "class_name": class_name}
        )
        yield '%s,"state":%s,"refs":%s}' % (head[:-1], state, json.dumps(refs))
        if "@children" in state:
            children = json.loads(state).get("@children", [])
            waiting += [oid_of(ref) for ref in reversed(children[::2])]


def load_rows(lines: Iterator[str], path: str, name: str, replace: bool = False) -> int:
    """Stores such lines with their oids; the first is root[name]. Returns the number of nodes."""
    count = 0
    with file_storage(path, True) as storage:
        from ZODB.DB import DB

        with contextlib.closing(DB(storage)) as zodb:
            tree = None
            with stored(storage) as store:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    try:
                        row = json.loads(line)
                        oid = (row["zoid"] & (1 << 64) - 1).to_bytes(8)
                        text = json.dumps(row["state"], ensure_ascii=False)
                        record = btrees_json.encode_state(
                            row["class_mod"], row["class_name"], text, style="zodb"
                        )
                    except btrees_json.Error as e:
                        raise Error("line %d: %s" % (number, e)) from None
                    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
                        raise Error("line %d: no record: %r" % (number, e)) from None
                    if taken(storage, oid):
                        raise Error(
                            "line %d: oid %s is in use: load into a new file" % (number, oid.hex())
                        )
                    store(oid, record)
                    tree = tree or oid
                    count += 1
                if tree is None:
                    raise Error("there are no lines")
            put_in_root(zodb, name, tree, replace)
    return count


def taken(storage: Any, oid: bytes) -> bool:
    try:
        storage.load(oid)
    except KeyError:  # POSKeyError
        return False
    return True


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modbtree.zodb", description="Databases of btree as trees in ZODB, and back."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    name = argparse.ArgumentParser(add_help=False)
    name.add_argument("--name", default="btree", help="the tree's name in the root; default: btree")
    replace = argparse.ArgumentParser(add_help=False)
    replace.add_argument("--replace", action="store_true", help="replace what is there")

    command = commands.add_parser(
        "export", parents=[name, replace], help="from a database to a FileStorage"
    )
    command.add_argument("database", help="the file of a device")
    command.add_argument("storage", help="a FileStorage, like Data.fs; made if it is not there")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="keys and values as str, from UTF-8")
    form.add_argument(
        "--json-values",
        action="store_true",
        help="keys as str, values as the objects of their JSON",
    )

    command = commands.add_parser(
        "import", parents=[name, replace], help="from a FileStorage to a database"
    )
    command.add_argument("storage")
    command.add_argument("database", help="a new file")
    command.add_argument("--json-values", action="store_true", help="values as JSON text")
    command.add_argument("--pagesize", type=int, default=0, help="bytes per page; default: 4096")

    command = commands.add_parser(
        "dump", parents=[name], help="the nodes of a tree as lines of JSON"
    )
    command.add_argument("storage")

    command = commands.add_parser(
        "load", parents=[name, replace], help="such lines to a FileStorage"
    )
    command.add_argument("lines", help="a file, or - for standard input")
    command.add_argument("storage")
    return parser


def run(args: argparse.Namespace) -> str:
    """Returns what to report."""
    if args.command == "export":
        form = "text" if args.text else "json" if args.json_values else "bytes"
        count = export_file(args.database, args.storage, args.name, form, args.replace)
        return "%d items" % count
    if args.command == "import":
        form = "json" if args.json_values else "bytes"
        count = import_file(
            args.storage, args.database, args.name, form, args.replace, pagesize=args.pagesize
        )
        return "%d items" % count
    if args.command == "dump":
        out = open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)
        with file_storage(args.storage, False) as storage, out:
            for line in rows(storage, args.name):
                print(line, file=out)
        return ""
    lines = sys.stdin.fileno() if args.lines == "-" else args.lines
    with open(lines, encoding="utf-8") as f:
        return "%d nodes" % load_rows(iter(f), args.storage, args.name, args.replace)


def main() -> int:
    args = arguments().parse_args()
    try:
        report = run(args)
    except (Error, OSError, UnicodeError) as e:
        print("modbtree.zodb: %s" % e, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if report:
        print(report, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

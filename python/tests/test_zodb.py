"""modbtree.zodb: databases as trees that BTrees opens and checks, and back."""

import contextlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

import btree
import BTrees.check
import trees
from BTrees.IIBTree import IIBTree
from BTrees.OOBTree import OOBTree, OOSet
from modbtree import zodb
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

SEED = int(os.environ.get("SEED", "65"))


class Directory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="modbtree-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def database(self, items, name="device.db", **options):
        with open(self.path(name), "w+b") as f, btree.open(f, pagesize=512, **options) as db:
            for key, value in items:
                db[key] = value
        return self.path(name)

    @contextlib.contextmanager
    def root(self, path):
        zodb = DB(FileStorage(path))
        try:
            with zodb.transaction() as connection:
                yield connection.root()
        finally:
            zodb.close()

    def store(self, path, **objects):
        with self.root(path) as root:
            root.update(objects)

    def run_tool(self, *args, text=None):
        return subprocess.run(
            [sys.executable, "-m", "modbtree.zodb", *args],
            input=text,
            capture_output=True,
            text=True,
        )


class Trees(Directory):
    def check(self, tree, items):
        tree._check()
        BTrees.check.check(tree)
        self.assertEqual(len(tree), len(items))
        self.assertEqual(list(tree.items()), items)
        self.assertEqual(list(tree.items(excludemin=True))[:3], items[1:4])
        for key, value in items[:: len(items) // 50 + 1]:
            self.assertEqual(tree[key], value)

    def test_sizes(self):
        rng = random.Random(SEED)
        for count in (0, 1, 2, zodb.LEAF, zodb.LEAF + 1, 2 * zodb.LEAF, 500,
                      zodb.LEAF * zodb.INNER, zodb.LEAF * zodb.INNER + 1, 30000):  # fmt: skip
            with self.subTest(count=count):
                items = {}
                while len(items) < count:
                    items[rng.randbytes(rng.randrange(12))] = rng.randbytes(rng.choice((0, 3, 30)))
                items = sorted(items.items())
                device, data = self.database(items), self.path("Data.fs")
                self.assertEqual(
                    zodb.export_file(device, data, "things", "bytes", replace=True), count
                )
                with self.root(data) as root:
                    self.check(root["things"], items)
                back = self.path("back.db")
                self.assertEqual(
                    zodb.import_file(data, back, "things", "bytes", replace=True), count
                )
                with open(back, "rb") as f, btree.open(f) as db:
                    self.assertEqual((list(db.items()), db.check()), (items, []))
                # It is a tree to work with.
                with self.root(data) as root:
                    for key, _ in items[::3]:
                        del root["things"][key]
                    for number in range(200):
                        root["things"][b"new %03d" % number] = b"x"
                with self.root(data) as root:
                    root["things"]._check()
                    BTrees.check.check(root["things"])
                # And what BTrees has made of it comes back, too.
                with self.root(data) as root:
                    want = list(root["things"].items())
                zodb.import_file(data, back, "things", "bytes", replace=True)
                with open(back, "rb") as f, btree.open(f) as db:
                    self.assertEqual(list(db.items()), want)

    def test_trees_of_btrees(self):
        """Trees that ZODB has made, with nodes of all kinds."""
        rng = random.Random(SEED)
        data, back = self.path("Data.fs"), self.path("back.db")
        for count in (0, 5, 31, 3000, 20000):
            tree = OOBTree()
            for number in rng.sample(range(100000), count):
                tree["key-%05d" % number] = (
                    {"n": number, "é": [None, True, 1.5]} if number % 2 else "text"
                )
            for key in list(tree)[::4]:
                del tree[key]
            want = {key.encode(): value for key, value in tree.items()}
            self.store(data, tree=tree)
            zodb.import_file(data, back, "tree", "json", replace=True)
            with open(back, "rb") as f, btree.open(f) as db:
                self.assertEqual({key: json.loads(value) for key, value in db.items()}, want)
                self.assertEqual(db.check(), [])

    def test_forms(self):
        items = [("a", "plain"), ("größe", "ключ"), ("\0", "\0\n")]
        device, data = self.database(items), self.path("Data.fs")
        zodb.export_file(device, data, "text", "text")
        with self.root(data) as root:
            self.check(root["text"], sorted(items))
        values = [
            1, -(2**70), 1.5, "text", "", None, True, [], {}, [[1], {"a": {"b": []}}], {"@b": "YWJj"}, {"@": 1},
            {"@d": [["a", 1]]}, {"@cls": ["os", "system"], "@s": 1}, {"a": {"@ref": "0000000000000000"}}, 1e16, -0.0,
        ]  # fmt: skip
        items = [("%02d" % number, json.dumps(value)) for number, value in enumerate(values)]
        zodb.export_file(self.database(items, "json.db"), data, "json", "json")
        with self.root(data) as root:
            self.assertEqual(
                [repr(value) for value in root["json"].values()], [repr(value) for value in values]
            )
        zodb.import_file(data, self.path("back.db"), "json", "json")
        with open(self.path("back.db"), "rb") as f, btree.open(f) as db:
            self.assertEqual(
                [repr(json.loads(value)) for value in db.values()],
                [repr(value) for value in values],
            )

    def test_large_values(self):
        items = [(b"%03d" % number, bytes([number]) * 30000) for number in range(100)]
        data = self.path("Data.fs")
        zodb.export_file(self.database(items), data, "btree", "bytes")
        with self.root(data) as root:
            self.check(root["btree"], items)

    def test_journal(self):
        """What is only in the journal counts."""
        path = self.path("device.db")
        with open(path, "w+b") as f:
            db = btree.open(f, pagesize=512, flags=btree.JOURNAL)
            db["a"] = "1"
            db.checkpoint()
            db["b"] = "2"
            db.flush()
            del db
        before = self.read(path)
        zodb.export_file(path, self.path("Data.fs"), "btree", "bytes")
        with self.root(self.path("Data.fs")) as root:
            self.assertEqual(dict(root["btree"]), {b"a": b"1", b"b": b"2"})
        self.assertEqual(self.read(path), before)

    def test_lines(self):
        items = [(b"%05d" % number, b"value") for number in range(8000)]
        data, copy = self.path("Data.fs"), self.path("copy.fs")
        zodb.export_file(self.database(items), data, "btree", "bytes")
        dumped = self.run_tool("dump", data)
        self.assertEqual((dumped.returncode, dumped.stderr), (0, ""))
        rows = [json.loads(line) for line in dumped.stdout.splitlines()]
        self.assertEqual(rows[0]["class_name"], "OOBTree")
        self.assertEqual(len({row["zoid"] for row in rows}), len(rows))
        referred = {oid for row in rows for oid in row["refs"]} | {rows[0]["zoid"]}
        self.assertEqual(referred, {row["zoid"] for row in rows})
        loaded = self.run_tool("load", "-", copy, "--name", "again", text=dumped.stdout)
        self.assertEqual((loaded.returncode, loaded.stderr), (0, "%d nodes\n" % len(rows)))
        with self.root(copy) as root:
            self.check(root["again"], items)
            root["another"] = OOSet(["x"])  # with an oid of its own
        again = self.run_tool("load", "-", copy, "--name", "third", text=dumped.stdout)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is in use", again.stderr)
        self.assertEqual(self.run_tool("dump", copy, "--name", "again").stdout, dumped.stdout)


class Refused(Directory):
    def test_databases(self):
        data = self.path("Data.fs")
        cases = (
            (
                self.database([("a", "1"), ("a", "2")], "dup.db", flags=1),
                "bytes",
                "key b'a' is there more than once",
            ),
            (self.database([(b"\xff", "1")], "key.db"), "text", "key b'\\\\xff': 'utf-8' codec"),
            (self.database([("a", b"\xff")], "value.db"), "text", "key b'a': 'utf-8' codec"),
            (self.database([("a", "{")], "json.db"), "json", "key b'a': Expecting property name"),
            (self.database([("a", "NaN")], "nan.db"), "json", "key b'a': NaN is no JSON"),
            (self.database([("a", '"\\ud800"')], "half.db"), "json", "surrogate"),
            (
                self.database([("a", "[" * 100000)], "deep.db"),
                "json",
                "key b'a': maximum recursion",
            ),
            (self.database([("a", "[" * 990 + "]" * 990)], "deep2.db"), "json", "deep|recursion"),
        )
        for path, form, why in cases:
            with self.assertRaisesRegex(zodb.Error, why, msg=why):
                zodb.export_file(path, data, "btree", form)
            # Nothing is left of what was made.
            self.assertEqual(
                [name for name in os.listdir(self.directory) if name.startswith("Data")], []
            )
        with open(self.path("damaged.db"), "wb") as f:
            f.write(
                self.read(self.database([(b"%04d" % n, b"x" * 50) for n in range(500)]))[:20000]
            )
        with self.assertRaisesRegex(OSError, "page"):
            zodb.export_file(self.path("damaged.db"), data, "btree", "bytes")
        self.assertFalse(os.path.exists(data))

    def test_what_is_there_stays(self):
        data, device = self.path("Data.fs"), self.database([("a", "1")])
        self.store(data, btree=OOBTree({"old": "tree"}), other=5)
        with self.assertRaisesRegex(zodb.Error, "there is 'btree' in the root already"):
            zodb.export_file(device, data, "btree", "bytes")
        size = os.path.getsize(data)
        with self.assertRaises(zodb.Error):
            zodb.export_file(self.database([("a", "{")], "bad.db"), data, "new", "json")
        self.assertEqual(os.path.getsize(data), size)
        with self.root(data) as root:
            self.assertEqual((dict(root["btree"]), root["other"]), ({"old": "tree"}, 5))
        with self.assertRaisesRegex(zodb.Error, "such a file already"):
            zodb.import_file(data, device, "btree", "bytes")
        before = self.read(device)
        with self.assertRaisesRegex(zodb.Error, "no tree 'other'"):
            zodb.import_file(data, device, "other", "bytes", replace=True)
        self.store(
            data, numbers=IIBTree({1: 2}), objects=OOBTree({"a": 1}), tuples=OOBTree({("a",): "x"})
        )
        for name, why in (
            ("numbers", "IIBTree in place of OOBTree"),
            ("objects", 'key "a": neither bytes nor str'),
            ("tuples", "neither bytes nor str"),
            ("missing", "no tree 'missing', but 'btree', 'numbers', 'objects', 'other', 'tuples'"),
        ):
            with self.assertRaisesRegex(zodb.Error, why):
                zodb.import_file(data, device, name, "bytes", replace=True)
        self.assertEqual(self.read(device), before)
        self.assertEqual(
            [name for name in os.listdir(self.directory) if name.startswith("device.db.")], []
        )

    def test_nothing_is_imported_or_called(self):
        data, mark, bad = self.path("Data.fs"), self.path("mark"), self.path("bad.fs")
        self.store(data, tree=OOBTree({"a": "b"}), other=1)
        command = ("touch " + mark).encode()
        call = b"cposix\nsystem\nX" + struct.pack("<I", len(command)) + command + b"\x85R"

        def change(record):
            name = record.find(b"X\x04\x00\x00\x00tree")
            return (
                record
                if name < 0
                else record[:name] + b"X\x04\x00\x00\x00evil" + call + record[name:]
            )

        trees.rewrite(data, bad, change)
        self.assertEqual(zodb.import_file(bad, self.path("new.db"), "tree", "bytes"), 1)
        self.assertEqual(
            zodb.import_file(bad, self.path("new.db"), "tree", "bytes", replace=True), 1
        )
        with self.assertRaisesRegex(zodb.Error, "no tree 'evil'"):
            zodb.import_file(bad, self.path("other.db"), "evil", "bytes")
        self.assertFalse(os.path.exists(mark))
        # Whereas ZODB itself calls it.
        with self.root(bad) as root:
            root["tree"]
        self.assertTrue(os.path.exists(mark))

    def test_rows(self):
        good = {
            "zoid": 1,
            "class_mod": "BTrees.OOBTree",
            "class_name": "OOBTree",
            "state": {"@kv": [["a", 1]]},
        }
        for change, why in (
            ({"class_name": "OOX"}, "not a class of BTrees"),
            ({"zoid": "1"}, "no record"),
            ({"state": {"@kv": [["b", 1], ["a", 1]]}}, "line 1:"),
            ({"zoid": 0}, "is in use"),
        ):
            with self.assertRaisesRegex(zodb.Error, why):
                zodb.load_rows(iter([json.dumps({**good, **change})]), self.path("Data.fs"), "x")
            self.assertFalse(os.path.exists(self.path("Data.fs")))
        for lines in (["{"], ["5"], ["[]"], [""], [], ["{}"]):
            with self.assertRaises(zodb.Error):
                zodb.load_rows(iter(lines), self.path("Data.fs"), "x")
        self.assertEqual(zodb.load_rows(iter([json.dumps(good)]), self.path("Data.fs"), "x"), 1)

    def test_commands(self):
        device, data = self.database([("a", "1")]), self.path("Data.fs")
        for args, code, why in (
            (("export", device, data), 0, "1 items"),
            (("export", device, data), 1, "already"),
            (("export", device, data, "--replace", "--text"), 0, "1 items"),
            (("export", self.path("no.db"), data), 1, "No such file"),
            (("export", device, data, "--text", "--json-values"), 2, "not allowed"),
            (("import", self.path("no.fs"), self.path("new.db")), 1, "no such file"),
            (("import", device, self.path("new.db")), 1, "cannot be opened"),
            (("import", data, self.path("new.db"), "--pagesize", "511"), 1, "Invalid argument"),
            (("import", data, self.path("new.db"), "--pagesize", "512"), 0, "1 items"),
            (("dump", data, "--name", "x"), 1, "no tree 'x', but 'btree'"),
            (("load", self.path("no"), data), 1, "No such file"),
            ((), 2, "COMMAND"),
        ):
            result = self.run_tool(*args)
            self.assertEqual(
                (result.returncode, why in result.stderr), (code, True), (args, result.stderr)
            )
            self.assertNotIn("Traceback", result.stderr)


if __name__ == "__main__":
    unittest.main()

"""btrees_json, zodb-json-codec, BTrees and ZODB on the same random trees, of all classes."""

import json
import os
import random
import struct
import tempfile
import unittest

import btrees_json
import trees
import zodb_json_codec as codec
from BTrees.check import check
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

SEED = int(os.environ.get("SEED", "65"))


def is_tree(record):
    return codec.decode_zodb_record(record)["@cls"][0].startswith("BTrees.")


def names(tree):
    """All that a tree holds, for comparison."""
    return list(tree.items()) if hasattr(tree, "items") else list(tree)


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="modbtree-")
        cls.path = os.path.join(cls.directory.name, "forest.fs")
        print("random trees with SEED=%d" % SEED)
        cls.oids = trees.forest(random.Random(SEED), cls.path)
        cls.records = [record for _, record in trees.records(cls.path) if is_tree(record)]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_text_and_bytes_are_those_of_the_codec(self):
        inner = 0
        for record in self.records:
            module, name, text, refs = codec.decode_zodb_record_for_pg_json(record)
            ours = btrees_json.decode_zodb_record_for_pg_json(record, jsonb=False)
            self.assertEqual(ours, (module, name, text, refs))
            whole = btrees_json.decode(record)
            self.assertEqual(whole, '{"@cls":["%s","%s"],"@s":%s}' % (module, name, text))
            self.assertEqual(btrees_json.decode(record, strict=True), whole)
            objects = codec.decode_zodb_record(record)
            self.assertEqual(btrees_json.decode_zodb_record(record), objects)
            encoded = codec.encode_zodb_record(objects)
            self.assertEqual(btrees_json.encode(whole), encoded)
            self.assertEqual(btrees_json.encode(whole, strict=False), encoded)
            self.assertEqual(btrees_json.encode_state(module, name, text), encoded)
            self.assertEqual(btrees_json.encode_zodb_record(objects), encoded)
            self.assertEqual(btrees_json.decode(encoded), whole)
            # What survives PostgreSQL is another text at times, but stands for the same.
            jsonb = btrees_json.decode(record, jsonb=True)
            self.assertEqual(btrees_json.encode(jsonb), encoded)
            inner += "@children" in text
        self.assertGreater(len(self.records), 500)
        self.assertGreater(inner, 22)

    def test_zodb_loads_what_we_write(self):
        for style in ("codec", "zodb"):
            copy = os.path.join(self.directory.name, style + ".fs")

            def change(record, style=style):
                if not is_tree(record):
                    return record
                return btrees_json.encode(btrees_json.decode(record), style=style)

            trees.rewrite(self.path, copy, change)
            with self.subTest(style=style):
                self.compare(copy)

    def compare(self, copy):
        before, after = DB(FileStorage(self.path)), DB(FileStorage(copy))
        try:
            old, new = before.open().root()["all"], after.open().root()["all"]
            self.assertEqual(set(old), set(self.oids))
            for name, tree in old.items():
                same = new[name]
                self.assertIs(type(tree), type(same))
                if name == "Length":
                    self.assertEqual(tree(), same())
                elif not name.startswith("other"):
                    # Persistent objects are equal if they are the same.
                    self.assertEqual(repr(names(tree)).count("Plain"), repr(names(same)).count("Plain"))
                    self.assertEqual([str(item) for item in names(tree) if "0x" not in str(item)],
                                     [str(item) for item in names(same) if "0x" not in str(item)])
                    self.assertEqual(len(tree), len(same))
                    if hasattr(same, "_check"):
                        same._check()
                        check(same)
            # The trees can be worked with: all keys go, from the front.
            with after.transaction() as connection:
                for name, tree in connection.root()["all"].items():
                    if "BTree" in name and "other" not in name:
                        for key in list(tree.keys()):
                            del tree[key]
                        self.assertEqual(len(tree), 0)
                        tree._check()
        finally:
            before.close()
            after.close()

    def test_floats(self):
        rng = random.Random(SEED)
        count = 0
        while count < 20000:
            value = struct.unpack(">d", rng.randbytes(8))[0]
            if value - value != 0:
                continue
            if count % 2:
                value = float("%.*g" % (rng.randint(1, 17), rng.uniform(-1, 1) * 10 ** rng.randint(-20, 20)))
            text = '{"@cls":["BTrees.OOBTree","OOSet"],"@s":{"@ks":[%r]}}' % value
            record = btrees_json.encode(text)
            self.assertEqual(record, codec.encode_zodb_record(json.loads(text)))
            self.assertEqual(
                btrees_json.decode_zodb_record_for_pg_json(record, jsonb=False),
                codec.decode_zodb_record_for_pg_json(record),
            )
            count += 1

    def test_unsound_trees_that_zodb_would_load(self):
        """What strict import refuses is stored by ZODB without complaint, and found by its check."""
        wrong = '{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{"@kv":[["b",1],["a",2]]}}'
        with self.assertRaises(btrees_json.EncodeError):
            btrees_json.encode(wrong)
        record = btrees_json.encode(wrong, strict=False)
        path = os.path.join(self.directory.name, "wrong.fs")
        oids = trees.stored(path, {"tree": trees.tree_class("OO", "BTree")({"a": 1})})
        copy = path + ".copy"
        tree = [data for oid, data in trees.records(path) if oid == oids["tree"]][0]
        trees.rewrite(path, copy, lambda data: record if data == tree else data)
        db = DB(FileStorage(copy))
        try:
            with self.assertRaises(AssertionError):
                check(db.open().root()["all"]["tree"])
        finally:
            db.close()


if __name__ == "__main__":
    unittest.main()

"""Trees in a real PostgreSQL: the statements of docs/btrees-json.md give the right rows."""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

import btree
import btrees_json
import trees
from BTrees.OOBTree import OOBTree
from modbtree import zodb
from server import Server

SEED = int(os.environ.get("SEED", "65"))
DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "btrees-json.md")


def statements():
    """The blocks of SQL of the document."""
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read()
    blocks = re.findall(r"^```sql\n(.*?)^```$", text, re.M | re.S)
    return dict(zip(("load", "lookup", "range", "walk", "parents"), blocks, strict=True))


class PostgreSQL(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sql = statements()
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.directory = tempfile.TemporaryDirectory(prefix="modbtree-")
        cls.addClassCleanup(cls.directory.cleanup)
        rng = random.Random(SEED)
        letters = "abcdefgh'\"\\ _-%éжя日😀"
        cls.items = {}
        while len(cls.items) < 5000:
            key = "".join(rng.choice(letters) for _ in range(rng.randint(1, 9)))
            cls.items[key] = {"n": len(cls.items), "title": key[::-1], "list": [None, 1.5, key]}

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def load(self, data):
        """Prints the nodes of a tree, and loads them as the document says."""
        lines = subprocess.run(
            [sys.executable, "-m", "modbtree.zodb", "dump", data], check=True, capture_output=True
        ).stdout
        return self.load_lines(lines)

    def load_lines(self, lines):
        with open(os.path.join(self.server.directory, "nodes.jsonl"), "wb") as f:
            f.write(lines)
        os.chmod(f.name, 0o644)
        self.server.sql(
            "drop table if exists node; drop function if exists oid_of;" + self.sql["load"]
        )
        return [json.loads(line) for line in lines.splitlines()]

    def queries(self, rows, items):
        server, keys = self.server, sorted(items)
        self.assertEqual(server.sql("select count(*) from node"), [[str(len(rows))]])
        rng = random.Random(SEED)
        for key in rng.sample(keys, 30):
            found = server.sql(self.sql["lookup"], key=key)
            self.assertEqual([json.loads(value) for (value,) in found], [items[key]], key)
        self.assertEqual(server.sql(self.sql["lookup"], key="no such key"), [])
        ends = [sorted(rng.sample(keys, 2)) for _ in range(15)] + [
            ["", "\U0010ffff"],
            ["zzz", "zzz"],
            ["b", "a"],
        ]
        for low, high in ends:
            found = server.sql(self.sql["range"], low=low, high=high)
            want = [key for key in keys if low <= key < high]
            self.assertEqual([row[0] for row in found], want, (low, high))
            self.assertEqual([json.loads(row[1]) for row in found], [items[key] for key in want])
        found = server.sql(self.sql["walk"], tree=rows[0]["zoid"])
        self.assertEqual(
            [(row[0], json.loads(row[1])) for row in found], [(key, items[key]) for key in keys]
        )
        for row in rng.sample(rows, 20):
            parents = server.sql(self.sql["parents"], oid=row["zoid"])
            want = sorted(other["zoid"] for other in rows if row["zoid"] in other["refs"])
            self.assertEqual([int(oid) for (oid,) in parents], want)
        # The indices serve.
        for name, index in (
            ("lookup", "node_state"),
            ("range", "node_first"),
            ("parents", "node_refs"),
        ):
            plan = server.sql(
                "set enable_seqscan = off; explain " + self.sql[name],
                key="a",
                low="a",
                high="b",
                oid="1",
            )
            self.assertIn(index, str(plan))

    def test_a_database_of_a_device(self):
        with open(self.path("device.db"), "w+b") as f, btree.open(f) as db:
            for key, value in self.items.items():
                db[key] = json.dumps(value)
        data = self.path("device.fs")
        zodb.export_file(self.path("device.db"), data, "btree", "json")
        self.queries(self.load(data), self.items)

    def test_a_tree_of_zodb(self):
        tree = OOBTree()
        tree.update(self.items)
        data = self.path("zodb.fs")
        trees.stored(data, {})
        db = trees.DB(trees.FileStorage(data))
        try:
            with db.transaction() as connection:
                connection.root()["btree"] = tree
        finally:
            db.close()
        self.queries(self.load(data), self.items)

    def test_all_kinds_of_values_survive(self):
        """What jsonb makes of a state stands for the same record."""
        data = self.path("forest.fs")
        trees.forest(random.Random(SEED), data, sizes=(0, 3, 40))
        before = []
        for _, record in trees.records(data):
            try:
                before.append(btrees_json.decode_zodb_record_for_pg_json(record))
            except btrees_json.DecodeError as e:
                self.assertTrue(e.unsupported)
        self.assertGreater(len(before), 250)
        with open(os.path.join(self.server.directory, "states.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(state + "\n" for _, _, state, _ in before)
        os.chmod(f.name, 0o644)
        after = self.server.sql(
            "create temporary table state (n serial, state jsonb);"
            r"\copy state (state) from 'states.jsonl' (format csv, quote e'\x01', delimiter e'\x02')"
            "\nselect state from state order by n"
        )
        self.assertEqual(len(after), len(before))
        for (module, name, state, _), (text,) in zip(before, after):
            record = btrees_json.encode_state(module, name, text)
            again = btrees_json.decode_zodb_record_for_pg_json(record)[2]
            # The order of the keys of dicts is another.
            self.assertEqual(json.loads(again), json.loads(state))
            self.assertEqual(
                repr(json.loads(again, object_pairs_hook=sorted)),
                repr(json.loads(state, object_pairs_hook=sorted)),
            )


if __name__ == "__main__":
    unittest.main()

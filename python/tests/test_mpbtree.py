"""What mpbtree exports goes into ZODB and PostgreSQL, and what modbtree.zodb prints into mpbtree."""

import json
import os
import random
import subprocess
import unittest

import btree
import BTrees.check
import test_postgresql
import test_zodb
from modbtree import zodb

SEED = int(os.environ.get("SEED", "65"))
MPBTREE = os.environ.get("MPBTREE", "mpbtree")


def mpbtree(*args):
    return subprocess.run([MPBTREE, *args], check=True, capture_output=True).stdout


def values(rng):
    return [
        None, True, 5, -(2**80), 1.5, "", "é\"\\", [], {}, [[{"a": []}]], {"@b": "YWJj"}, {"@t": [1]},
        {"@d": [["a", 1]]}, {"n": rng.random(), "list": [1, "x"]},
    ]  # fmt: skip


class ZODB(test_zodb.Directory):
    def test_pages_as_nodes(self):
        rng = random.Random(SEED)
        for count in (0, 1, 10, 100, 3000):
            for form in ("bytes", "text", "json-values"):
                with self.subTest(count=count, form=form):
                    items = {}
                    while len(items) < count:
                        key = "".join(rng.choice("aé日😀-") for _ in range(rng.randint(1, 9)))
                        value = (
                            json.dumps(rng.choice(values(rng)))
                            if form == "json-values"
                            else key * 3
                        )
                        items[key.encode()] = value.encode()
                    device, data = (
                        self.database(items.items()),
                        self.path("%s-%d.fs" % (form, count)),
                    )
                    lines = mpbtree(
                        "export",
                        device,
                        "--structural",
                        *(["--" + form] if form != "bytes" else []),
                    )
                    zodb.load_rows(iter(lines.decode().splitlines()), data, "pages")
                    convert = {
                        "bytes": lambda pair: pair,
                        "text": lambda pair: (pair[0].decode(), pair[1].decode()),
                        "json-values": lambda pair: (pair[0].decode(), json.loads(pair[1])),
                    }[form]
                    with self.root(data) as root:
                        tree = root["pages"]
                        tree._check()
                        BTrees.check.check(tree)
                        self.assertEqual(
                            list(tree.items()), [convert(pair) for pair in sorted(items.items())]
                        )
                        for key in list(tree)[::3]:
                            del tree[key]
                    with self.root(data) as root:
                        root["pages"]._check()
                        left = list(root["pages"].items())
                    # And back, in two ways.
                    more = ["--json-values"] if form == "json-values" else []
                    for way in ("dump", "import"):
                        new = self.path(way + ".db")
                        if way == "dump":
                            with zodb.file_storage(data, False) as storage:
                                text = "".join(line + "\n" for line in zodb.rows(storage, "pages"))
                            with open(self.path("lines"), "w", encoding="utf-8") as f:
                                f.write(text)
                            mpbtree("import", new, self.path("lines"), *more)
                        else:
                            zodb.import_file(data, new, "pages", "json" if more else "bytes")
                        with open(new, "rb") as f, btree.open(f) as db:
                            self.assertEqual([convert(pair) for pair in db.items()], left)
                        os.remove(new)
                    os.remove(data)


class PostgreSQL(test_postgresql.PostgreSQL):
    def load(self, data):
        """The pages of the database instead of the nodes of a tree in ZODB."""
        device = self.path("again.db")
        zodb.import_file(data, device, "btree", "json", replace=True)
        return self.load_lines(mpbtree("export", device, "--structural", "--json-values"))

    test_all_kinds_of_values_survive = None


del test_zodb, test_postgresql

if __name__ == "__main__":
    unittest.main()

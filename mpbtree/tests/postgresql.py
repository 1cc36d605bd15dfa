#!/usr/bin/env python3
"""postgresql.py MPBTREE: `mpbtree export --structural` in a real PostgreSQL, loaded and queried with the
statements of docs/btrees-json.md, and `export --lines` with those of docs/mpbtree.md."""

import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "python", "tests"))

from server import Server  # noqa: E402


def statements(document, names):
    with open(os.path.join(ROOT, "docs", document), encoding="utf-8") as f:
        blocks = re.findall(r"^```sql\n(.*?)^```$", f.read(), re.M | re.S)
    return dict(zip(names, blocks, strict=True))


def expect(found, expected):
    if found != expected:
        sys.exit("%r\nexpected: %r" % (found, expected))


def queries(server, tool, directory):
    items = {"key %04d %s" % (i, "äé日😀"[i % 4]): {"n": i, "list": [None, 1.5, str(i)]} for i in range(3000)}
    items["zero\0"] = {"zero": "\0"}
    db, keys = os.path.join(directory, "data.db"), sorted(items)
    text = "".join('{"key":%s,"value":%s}\n' % (json.dumps(key), json.dumps(items[key])) for key in keys)
    subprocess.run([tool, "import", "--json-values", "--pagesize", "1024", db], input=text, text=True, check=True)

    def export(option, name):
        lines = subprocess.run([tool, "export", option, "--json-values", db], stdout=subprocess.PIPE, check=True)
        path = os.path.join(server.directory, name)
        with open(path, "wb") as f:
            f.write(lines.stdout)
        os.chmod(path, 0o644)
        return len(lines.stdout.splitlines())

    sql = statements("btrees-json.md", ("load", "lookup", "range", "walk", "parents"))
    pages = export("--structural", "nodes.jsonl")
    server.sql(sql["load"])
    expect(server.sql("select count(*) from node"), [[str(pages)]])
    # Strings with U+0000 are marked in jsonb.
    keys.remove("zero\0")
    for key in keys[::300]:
        found = server.sql(sql["lookup"], key=key)
        expect([json.loads(value) for (value,) in found], [items[key]])
    expect(server.sql(sql["lookup"], key="key"), [])
    low, high = keys[100], keys[700]
    found = server.sql(sql["range"], low=low, high=high)
    expect([(row[0], json.loads(row[1])) for row in found], [(key, items[key]) for key in keys[100:700]])
    found = server.sql(sql["walk"], tree="1")
    expect([row[0] for row in found][:-1], keys)
    expect(json.loads(found[-1][0]), {"@ns": "emVybwA="})

    sql = statements("mpbtree.md", ("lines", "item"))
    count = export("--lines", "items.jsonl")
    server.sql(sql["lines"])
    expect(server.sql("select count(*) from item"), [[str(count)]])
    found = server.sql(sql["item"], key=keys[7])
    expect([json.loads(value) for (value,) in found], [items[keys[7]]])
    print("%d pages and %d items in PostgreSQL" % (pages, count))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    server = Server()
    try:
        with tempfile.TemporaryDirectory(prefix="mpbtree-") as directory:
            queries(server, sys.argv[1], directory)
    finally:
        server.stop()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""zodb.py MPBTREE FILE...: puts the records of `mpbtree export --structural` into a ZODB storage, where
BTrees opens and checks them, and compares the items; and the one record of `mpbtree export`. The records
are made by zodb-json-codec. Then the same with `--zodb`, in both directions."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import BTrees.check
import transaction
import zodb_json_codec
import ZODB
from BTrees.OOBTree import OOBTree
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.utils import p64


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def database(records):
    """A ZODB database with these records, from oid to class and state."""
    storage = MappingStorage()
    t = transaction.TransactionManager().begin()
    storage.tpc_begin(t)
    for oid, (module, name, state) in records.items():
        data = zodb_json_codec.encode_zodb_record({"@cls": [module, name], "@s": state})
        storage.store(p64(oid), b"\0" * 8, data, "", t)
    storage.tpc_vote(t)
    storage.tpc_finish(t)
    return ZODB.DB(storage)


def checked(records, items, what):
    # Beyond the oid that is the database's own root: 0 is none of ours.
    records = dict(records)
    records[0] = ("persistent.mapping", "PersistentMapping", {"data": {}})
    db = database(records)
    tree = db.open().get(p64(1))
    assert type(tree) is OOBTree, what
    tree._check()
    BTrees.check.check(tree)
    assert list(tree.items()) == items, what
    for key, value in items[:: max(1, len(items) // 50)]:
        assert tree[key] == value, what
    # The tree can be changed, too.
    tree[items[0][0] if items else b"x"] = b"new"
    tree._check()
    transaction.abort()
    db.close()


def stored(path, name):
    """The items of a tree in a FileStorage, which is checked."""
    db = ZODB.DB(FileStorage(path, read_only=True))
    with db.transaction() as connection:
        tree = connection.root()[name]
        assert type(tree) is OOBTree, path
        tree._check()
        BTrees.check.check(tree)
        items = list(tree.items())
    db.close()
    return items


def refused(what, *command, codes=(3, 4)):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode in codes and what in result.stderr, (command, result)


def storages(tool, path, items, directory):
    data, back = os.path.join(directory, "Data.fs"), os.path.join(directory, "back.db")
    run(tool, "-q", "export", path, "--zodb", data, "--name", "one")
    assert stored(data, "one") == items, path
    refused("'one' in the root already", tool, "export", path, "--zodb", data, "--name", "one")
    run(tool, "-q", "export", path, "--zodb", data, "--name", "one", "--replace")
    run(tool, "-q", "import", back, "--zodb", data, "--name", "one", "--replace")
    run(tool, "diff", path, back)
    os.remove(back)
    refused("two", tool, "import", back, "--zodb", data, "--name", "two")
    assert not os.path.exists(back)
    os.remove(data)
    run(tool, "-q", "export", path, "--zodb", data, "--structural")
    assert stored(data, "btree") == items, path
    run(tool, "-q", "import", back, "--zodb", data, "--replace")
    run(tool, "diff", path, back)
    refused("No module named", tool, "import", back, "--zodb", data, "--python", "python3 -S -E -I")
    refused("cannot run", tool, "import", back, "--zodb", data, "--python", "/nowhere/python")
    # Damage is told with its place, whoever finds it first.
    with open(path, "rb") as f:
        damaged = bytearray(f.read())
    pagesize = int.from_bytes(damaged[8:12], sys.byteorder)
    if damaged[:4] == (0x53162).to_bytes(4, sys.byteorder) and len(damaged) >= 2 * pagesize:
        damaged[pagesize + 16 : pagesize + 18] = b"\xff\xff"
        with open(back, "wb") as f:
            f.write(damaged)
        os.remove(data)
        refused("page 1 offset 16", tool, "export", back, "--zodb", data, codes=(3,))
        assert not os.path.exists(data)


def interrupted(tool, directory):
    """A program that is ended while ZODB is at work leaves no storage, and nobody who makes one."""
    path, data = os.path.join(directory, "large.db"), os.path.join(directory, "Large.fs")
    text = "".join("key%06d\n%s\n" % (number, "v" * 100) for number in range(300_000))
    subprocess.run([tool, "load", "-T", path], input=text.encode(), check=True)
    for option, number in (([], signal.SIGINT), (["--structural"], signal.SIGTERM)):
        program = subprocess.Popen([tool, "export", path, "--zodb", data, *option])
        while not os.path.exists(data):
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(number)
        assert program.wait() == 128 + number
        left = [name for name in os.listdir(directory) if name.startswith("Large.fs")]
        assert not left, left


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tool, files = os.path.abspath(sys.argv[1]), sys.argv[2:]
    os.environ["MPBTREE_PYTHON"] = sys.executable
    count = 0
    for path in files:
        lines = run(tool, "dump", path).split(b"HEADER=END\n")[1].splitlines()[:-1]
        strings = [bytes.fromhex(line.decode()) for line in lines]
        items = list(zip(strings[::2], strings[1::2]))
        pages = [json.loads(line) for line in run(tool, "export", "--structural", path).splitlines()]
        records = {page["zoid"]: (page["class_mod"], page["class_name"], page["state"]) for page in pages}
        assert len(records) == len(pages), path
        checked(records, items, path)
        one = json.loads(run(tool, "export", path))
        checked({1: (*one["@cls"], one["@s"])}, items, path)
        # Each takes a second.
        if count % 9 == 0:
            with tempfile.TemporaryDirectory(prefix="mpbtree-") as directory:
                storages(tool, path, items, directory)
        count += 1
    with tempfile.TemporaryDirectory(prefix="mpbtree-") as directory:
        interrupted(tool, directory)
    print("%d files as trees in ZODB" % count)


if __name__ == "__main__":
    main()

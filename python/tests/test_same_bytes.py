"""MicroPython and CPython make the same files, byte for byte, and read those of each other."""

import os
import subprocess
import sys
import tempfile
import unittest

import btree

MICROPYTHON = os.environ.get("MICROPYTHON", "micropython")
SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "cpython", "same_bytes.py")

WRITE = """
import btree
with open("db", "w+b") as f:
    db = btree.open(f, pagesize=512, flags=%d)
    for i in range(500):
        db["%%03d" %% (i * 7 %% 500)] = "value %%d" %% i
    db["big"] = "b" * 5000
    db.flush()
    # With a journal, not all is in its place.
"""

READ = """
import btree
with open("db", "r+b") as f:
    db = btree.open(f, flags=%d)
    print(db.check(), len(db), db["big"] == b"b" * 5000, db["007"])
    db["more"] = "x"
    db.close()
"""


def run(interpreter, *args, cwd=None):
    return subprocess.run([interpreter, *args], check=True, capture_output=True, cwd=cwd).stdout


class SameBytes(unittest.TestCase):
    def test_files_are_the_same(self):
        printed = run(MICROPYTHON, SCRIPT)
        self.assertEqual(printed.count(b"journal"), 6)
        self.assertEqual(run(sys.executable, SCRIPT), printed)

    def test_from_one_to_the_other(self):
        for flags in (0, btree.JOURNAL):
            for writer, reader in ((MICROPYTHON, sys.executable), (sys.executable, MICROPYTHON)):
                with tempfile.TemporaryDirectory(prefix="modbtree-") as directory:
                    run(writer, "-c", WRITE % flags, cwd=directory)
                    printed = run(reader, "-c", READ % flags, cwd=directory)
                    self.assertEqual(printed.strip(), b"[] 501 True b'value 1'")
                    with open(os.path.join(directory, "db"), "rb") as f, btree.open(f) as db:
                        self.assertEqual((len(db), db["more"], db.check()), (502, b"x", []))


if __name__ == "__main__":
    unittest.main()

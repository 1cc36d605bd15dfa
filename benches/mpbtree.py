#!/usr/bin/env python3
"""mpbtree.py MPBTREE: the command-line tool against db_dump185 of BerkeleyDB 1.85, in turns on the same
file, and how fast it checks files. SIZE=<MiB> makes other files (100)."""

import os
import subprocess
import sys
import tempfile
import time

ROUNDS = 5


def seconds(command):
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def write_text(path, size):
    """Items with values of 20 to 150 bytes, in the order of keys, about `size` bytes in all."""
    written = i = 0
    with open(path, "w") as f:
        f.write("VERSION=3\nformat=print\ntype=btree\nHEADER=END\n")
        while written < size:
            # Spread without a random generator, so that every run has the same file.
            value = "v" * (20 + i * 7919 % 131)
            f.write(" key%010d\n %s\n" % (i, value))
            written += 13 + len(value)
            i += 1
        f.write("DATA=END\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tool = sys.argv[1]
    size = int(os.environ.get("SIZE", "100")) << 20
    with tempfile.TemporaryDirectory() as directory:
        text = os.path.join(directory, "text")
        write_text(text, size)
        print("%-10s %8s %12s %12s %7s %12s" % ("", "MiB", "dump", "db_dump185", "ratio", "check"))
        for pagesize in (512, 4096, 65536):
            db = os.path.join(directory, "%d.db" % pagesize)
            subprocess.run([tool, "-q", "load", "--pagesize", str(pagesize), db, text], check=True)
            mib = os.path.getsize(db) / (1 << 20)
            ours, theirs, check = [], [], []
            for _ in range(ROUNDS):
                ours.append(seconds([tool, "-q", "dump", db]))
                theirs.append(seconds(["db_dump185", db]))
                check.append(seconds([tool, "-q", "check", db]))
            print(
                "%-10s %8.0f %7.0f MB/s %7.0f MB/s %7.1f %7.0f MB/s"
                % (
                    "pages %d" % pagesize,
                    mib,
                    os.path.getsize(db) / 1e6 / min(ours),
                    os.path.getsize(db) / 1e6 / min(theirs),
                    min(theirs) / min(ours),
                    os.path.getsize(db) / 1e6 / min(check),
                )
            )


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""fuzz-seeds.py DIRECTORY: writes what fuzzing starts from. For the target `image` the small files
of tests/data; for `ops` random bytes, which it takes for operations."""

import os
import random
import sys

# Large files are slow and say nothing new.
MOST = 24 * 1024


def main():
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "data")
    images, ops = (os.path.join(sys.argv[1], name) for name in ("image", "ops"))
    for directory in (images, ops):
        os.makedirs(directory, exist_ok=True)
    count = 0
    for folder in ("golden", "golden_be", "golden_bad"):
        for name in sorted(os.listdir(os.path.join(data, folder))):
            path = os.path.join(data, folder, name)
            if name.endswith(".db") and os.path.getsize(path) <= MOST:
                with open(path, "rb") as f, open(os.path.join(images, name), "wb") as to:
                    to.write(f.read())
                count += 1
    rng = random.Random(185)
    for i in range(40):
        with open(os.path.join(ops, "random%02d" % i), "wb") as to:
            to.write(rng.randbytes(200 + 40 * i))
    print("%d images and 40 scripts in %s" % (count, sys.argv[1]))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""fuzz-seeds.py DIRECTORY: writes what fuzzing starts from. For the target `image` the small files
of tests/data; for `ops` random bytes, which it takes for operations; for `pickle` and `json` the
vectors of btrees-json/tests/data."""

import base64
import json
import os
import random
import sys

# Large files are slow and say nothing new.
MOST = 24 * 1024


def seed(directory, name, data):
    if data and len(data) <= MOST:
        with open(os.path.join(directory, name.replace("/", "-")), "wb") as to:
            to.write(data)


def records(root, pickles, texts):
    """Writes records and texts; behind these are the bytes from which the targets take options."""
    for folder in (pickles, texts):
        os.makedirs(folder, exist_ok=True)
    with open(os.path.join(root, "vectors.jsonl")) as f:
        for line in f:
            vector = json.loads(line)
            seed(pickles, vector["name"], base64.b64decode(vector["raw"]) + b"\0")
            if vector["reenc"]:
                seed(pickles, "encoded-" + vector["name"], base64.b64decode(vector["reenc"]) + b"\1")
            if vector["json"] and vector["cls"]:
                names = json.dumps(vector["cls"].rsplit(".", 1))
                text = '{"@cls":%s,"@s":%s}' % (names, vector["json"])
                seed(texts, vector["name"], text.encode() + b"\0\0")
                seed(texts, "state-" + vector["name"], vector["json"].encode() + b"\0\x10")
    with open(os.path.join(root, "encode.jsonl")) as f:
        for line in f:
            vector = json.loads(line)
            seed(texts, vector["name"], vector["json"].encode() + b"\0\1")


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
    vectors = os.path.join(data, "..", "..", "btrees-json", "tests", "data")
    pickles, texts = (os.path.join(sys.argv[1], name) for name in ("pickle", "json"))
    records(vectors, pickles, texts)
    print(
        "%d images, 40 scripts, %d records and %d texts in %s"
        % (count, len(os.listdir(pickles)), len(os.listdir(texts)), sys.argv[1])
    )


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""fuzz-seeds.py DIRECTORY: writes what fuzzing starts from. For the target `image` the small files
of tests/data; for `ops` random bytes, which it takes for operations; for `pickle` and `json` the
vectors of btrees-json/tests/data; for `dump` texts as the programs of Berkeley DB write them, and such
with mistakes."""

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


def printed(data):
    return "".join(
        "\\\\" if byte == 92 else chr(byte) if 32 <= byte < 127 else "\\%02x" % byte for byte in data
    )


def dumps(directory, rng):
    """Writes texts of db_dump; the last byte tells whether a text is plain lines."""
    os.makedirs(directory, exist_ok=True)
    items = [b"", b"key", b"a\\b", bytes(range(256)), b"\xff" * 40, b"v" * 3000]
    items += [rng.randbytes(rng.randrange(20)) for _ in range(30)]
    headers = {
        "185": "format=%s\ntype=btree\ndb_lorder=1234\ndb_pagesize=4096\n",
        "53": "VERSION=3\nformat=%s\ntype=btree\nduplicates=1\ndb_pagesize=512\nkeys=1\n",
        "mp": "VERSION=3\nformat=%s\ntype=btree\ndb_lorder=4321\ndb_pagesize=1024\nbt_minkey=4\n",
        "hash": "VERSION=3\nformat=%s\ntype=hash\nh_ffactor=9\ndatabase=sub\n",
    }
    for name, header in headers.items():
        mark, end = ("", "") if name == "185" else (" ", "DATA=END\n")
        for form, encode in (("print", printed), ("bytevalue", bytes.hex)):
            lines = [mark + encode(item) + "\n" for item in items]
            text = header % form + "HEADER=END\n" + "".join(lines) + end
            seed(directory, "%s-%s" % (name, form), text.encode() + b"\0")
            seed(directory, "%s-%s-cut" % (name, form), text.encode()[: rng.randrange(len(text))] + b"\0")
    header = headers["53"] % "print" + "HEADER=END\n"
    for name, text in {
        "plain": "key\nvalue\n\\ff\\00\n\n",
        "odd": header + " key\nDATA=END\n",
        "unmarked": header + "key\n value\nDATA=END\n",
        "escape": header + " \\x\n \\\nDATA=END\n",
        "behind": header + " a\n b\nDATA=END\nVERSION=3\n",
        "hex": header.replace("print", "bytevalue") + " 0\n 0g\nDATA=END\n",
        "recno": header.replace("btree", "recno"),
        "unknown": header.replace("keys", "k\x1b[31m"),
        "numbers": header.replace("512", "99999999999"),
        "long": header.replace("keys", "database=" + "x" * 9000 + "\nkeys"),
    }.items():
        seed(directory, name, text.encode() + (b"\1" if name == "plain" else b"\0"))


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
    dumps(os.path.join(sys.argv[1], "dump"), rng)
    print(
        "%d images, 40 scripts, %d records, %d texts and %d dumps in %s"
        % (count, *(len(os.listdir(os.path.join(sys.argv[1], name))) for name in ("pickle", "json", "dump")), sys.argv[1])
    )


if __name__ == "__main__":
    main()

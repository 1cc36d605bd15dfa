"""Uses of btree that mypy has to find right, or wrong where a comment says so."""

import io
from collections.abc import Iterator

import btree


class Chip(io.IOBase):
    """A stream of MicroPython's kind."""

    def readinto(self, buf: bytearray) -> int:
        return 0

    def write(self, data: bytes) -> int:
        return len(data)

    def ioctl(self, request: int, arg: int) -> int:
        return 0


def use(db: btree.Database, path: str) -> None:
    value: bytes = db["key"]
    db[value] = "text"
    del db[bytearray(b"key")]
    perhaps: bytes | None = db.get("key")
    number: bytes | int = db.get("key", 0)
    keys: Iterator[bytes] = db.keys("a", "b", btree.INCL | btree.DESC)
    for key, value in db.items(prefix=b"a"):
        db.put(key, value)
    pair: tuple[bytes, bytes] | None = db.seq(1, "key")
    db.update({"a": b"b"}, c="d")
    db.update([("a", "b")])
    db.update(btree.open(None))
    print(perhaps, number, list(keys), pair, db.stat()["pages"], db.check(5), len(db), "key" in db)
    with open(path, "r+b") as f, btree.open(f, flags=btree.JOURNAL, pagesize=512) as other:
        db.compact(io.BytesIO())
        other.checkpoint()
        print(list(btree.salvage(f)))
    btree.open(io.BytesIO())
    btree.open(Chip())
    db[5] = "x"  # type: ignore[index]
    btree.open(path)  # type: ignore[arg-type]
    btree.open(io.StringIO())  # type: ignore[arg-type]
    btree.Database(5)  # type: ignore[call-arg]

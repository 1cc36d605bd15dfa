from typing import Any, Literal

from typing_extensions import Buffer

__all__ = [
    "DecodeError",
    "EncodeError",
    "Error",
    "__version__",
    "decode",
    "decode_zodb_record",
    "decode_zodb_record_for_pg",
    "decode_zodb_record_for_pg_json",
    "encode",
    "encode_state",
    "encode_zodb_record",
]

__version__: str

class Error(ValueError):
    """What cannot be converted."""

class DecodeError(Error):
    """A record that cannot become JSON."""

    offset: int
    """Where, in bytes from the start of the record."""
    opcode: str | None
    """The opcode there, as pickletools names it."""
    reason: str
    """What is wrong."""
    unsupported: bool
    """Whether the record may well be sound, but has what the format has not."""

class EncodeError(Error):
    """JSON that cannot become a record."""

    offset: int
    """Where, in bytes from the start of the text as UTF-8."""
    path: str
    """The way to that place, like $["@s"]["@kv"][3][0]."""
    reason: str
    """What is wrong."""

def decode(record: Buffer, /, *, jsonb: bool = False, strict: bool = False) -> str: ...
def encode(text: str | Buffer, /, *, strict: bool = True, style: Literal["codec", "zodb"] = "codec") -> bytes: ...
def encode_state(
    module: str,
    name: str,
    text: str | Buffer,
    /,
    *,
    strict: bool = True,
    style: Literal["codec", "zodb"] = "codec",
) -> bytes: ...
def decode_zodb_record(record: Buffer, /, *, jsonb: bool = False, strict: bool = False) -> dict[str, Any]: ...
def decode_zodb_record_for_pg(
    record: Buffer, /, *, jsonb: bool = True, strict: bool = False
) -> tuple[str, str, Any, list[int]]: ...
def decode_zodb_record_for_pg_json(
    record: Buffer, /, *, jsonb: bool = True, strict: bool = False
) -> tuple[str, str, str, list[int]]: ...
def encode_zodb_record(
    record: dict[str, Any], /, *, strict: bool = True, style: Literal["codec", "zodb"] = "codec"
) -> bytes: ...

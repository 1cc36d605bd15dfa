"""Records of BTrees in ZODB as JSON text, and back.

A record is the bytes that ZODB stores for one object: two pickles, for class and state. The classes
are those of BTrees 6.5 and BTrees.Length. Nothing in a record is called or imported. The format is
described in docs/btrees-json.md.
"""

from modbtree._native import (
    DecodeError,
    EncodeError,
    Error,
    __version__,
    decode,
    decode_zodb_record,
    decode_zodb_record_for_pg,
    decode_zodb_record_for_pg_json,
    encode,
    encode_state,
    encode_zodb_record,
)

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

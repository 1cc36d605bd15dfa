"""MicroPython's btree for CPython: an ordered map of byte strings in one file.

The files are those of BerkeleyDB 1.85, as on a device. Described in docs/cpython.md.
"""

from modbtree._native import (
    DESC,
    DISCARD,
    INCL,
    JOURNAL,
    Database,
    __version__,
    loads,
    match,
    open,
    salvage,
)

__all__ = [
    "DESC",
    "DISCARD",
    "Database",
    "INCL",
    "JOURNAL",
    "__version__",
    "loads",
    "match",
    "open",
    "salvage",
]

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, final, overload

from typing_extensions import Buffer, Self

__all__ = [
    "DESC",
    "DISCARD",
    "Database",
    "DecodeError",
    "EncodeError",
    "Error",
    "INCL",
    "JOURNAL",
    "__version__",
    "decode",
    "decode_zodb_record",
    "decode_zodb_record_for_pg",
    "decode_zodb_record_for_pg_json",
    "encode",
    "encode_state",
    "encode_zodb_record",
    "loads",
    "match",
    "open",
    "salvage",
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

# btree

_Bytes: TypeAlias = str | Buffer
_T = TypeVar("_T")

INCL: Final = 1
DESC: Final = 2
JOURNAL: Final = 16
DISCARD: Final = 32

class _Readable(Protocol):
    def readinto(self, buffer: Any, /) -> int | None: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...

class _Stream(_Readable, Protocol):
    def write(self, data: Any, /) -> int | None: ...
    def flush(self) -> object: ...

class _DeviceReadable(Protocol):
    """A stream of MicroPython's kind."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def ioctl(self, request: int, arg: int, /) -> int: ...

class _Device(_DeviceReadable, Protocol):
    def write(self, data: Any, /) -> int | None: ...

class _Items(Protocol):
    def items(self) -> Iterable[tuple[_Bytes, _Bytes] | list[_Bytes]]: ...

@final
class Database:
    """A database, opened with open(): an ordered map of bytes to bytes."""

    def __bool__(self) -> bool: ...
    def __len__(self) -> int: ...
    def __contains__(self, key: _Bytes, /) -> bool: ...
    def __getitem__(self, key: _Bytes, /) -> bytes: ...
    def __setitem__(self, key: _Bytes, value: _Bytes, /) -> None: ...
    def __delitem__(self, key: _Bytes, /) -> None: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> int: ...
    @overload
    def get(self, key: _Bytes, default: None = None, /) -> bytes | None: ...
    @overload
    def get(self, key: _Bytes, default: _T, /) -> bytes | _T: ...
    def put(self, key: _Bytes, value: _Bytes, unused: object = None, /) -> int: ...
    def seq(
        self, flag: int, key: _Bytes = ..., unused: object = None, /
    ) -> tuple[bytes, bytes] | None: ...
    def keys(
        self,
        start: _Bytes | None = None,
        end: _Bytes | None = None,
        flags: int = 0,
        *,
        prefix: _Bytes | None = None,
    ) -> Iterator[bytes]: ...
    def values(
        self,
        start: _Bytes | None = None,
        end: _Bytes | None = None,
        flags: int = 0,
        *,
        prefix: _Bytes | None = None,
    ) -> Iterator[bytes]: ...
    def items(
        self,
        start: _Bytes | None = None,
        end: _Bytes | None = None,
        flags: int = 0,
        *,
        prefix: _Bytes | None = None,
    ) -> Iterator[tuple[bytes, bytes]]: ...
    def first(self) -> tuple[bytes, bytes]: ...
    def last(self) -> tuple[bytes, bytes]: ...
    def popitem(self) -> tuple[bytes, bytes]: ...
    @overload
    def pop(self, key: _Bytes, /) -> bytes: ...
    @overload
    def pop(self, key: _Bytes, default: _T, /) -> bytes | _T: ...
    def setdefault(self, key: _Bytes, value: _Bytes | None = None, /) -> bytes: ...
    def update(
        self,
        other: _Items | Iterable[tuple[_Bytes, _Bytes] | list[_Bytes]] | None = None,
        /,
        **items: _Bytes,
    ) -> None: ...
    def clear(self) -> None: ...
    def stat(self) -> dict[str, int]: ...
    def flush(self) -> int: ...
    def checkpoint(self) -> int: ...
    def close(self) -> int: ...
    def check(self, most: int = 50, /) -> list[str]: ...
    def compact(self, stream: _Stream | _Device, /) -> int: ...
    def scan(
        self, program: _Bytes, low: _Bytes, high: _Bytes, work: int = 8192, flags: int = 0, /
    ) -> tuple[bytes | None, list[tuple[bytes, Any, bool] | dict[str, Any]], int, int]: ...

def open(
    stream: _Stream | _Device | None,
    /,
    *,
    flags: int = 0,
    pagesize: int = 0,
    cachesize: int = 0,
    minkeypage: int = 0,
) -> Database: ...
def salvage(
    stream: _Readable | _DeviceReadable, pagesize: int = 0, /
) -> Iterator[tuple[bytes, bytes]]: ...
def loads(record: _Bytes, /) -> Any: ...
def match(program: _Bytes, key: _Bytes, record: _Bytes, /) -> bool | None: ...

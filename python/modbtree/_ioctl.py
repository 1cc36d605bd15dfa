"""Streams as one writes them for MicroPython: classes with readinto(), write() and ioctl()."""

import ctypes
import operator
from typing import Any


class _Seek(ctypes.Structure):
    """What a seek passes by its address: mp_stream_seek_t of the unix port."""

    offset: int
    whence: int
    _fields_ = [("offset", ctypes.c_long), ("whence", ctypes.c_int)]


class Device:
    """Such a stream with seek() and flush() in place of ioctl(). Results below 0 are error numbers."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._place = _Seek()

    def readinto(self, buf: Any) -> Any:
        return self.stream.readinto(buf)

    def write(self, data: Any) -> Any:
        return self.stream.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        place = self._place
        place.offset = offset
        place.whence = whence
        result = operator.index(self.stream.ioctl(2, ctypes.addressof(place)))
        return result if result < 0 else place.offset

    def flush(self) -> int:
        return operator.index(self.stream.ioctl(1, 0))

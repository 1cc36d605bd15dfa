#!/usr/bin/env python3
"""device.py SCRIPT: runs a script written for MicroPython under CPython, with what is missing there
and is small: uctypes, time.ticks_ms() and its like, one event loop. Exceptions are shown as MicroPython
shows them."""

import asyncio
import builtins
import ctypes
import errno
import gc
import io
import os
import runpy
import struct
import sys
import time
import types

_print, _repr = builtins.print, builtins.repr


class Uctypes(types.ModuleType):
    """Structures of longs and ints at an address."""

    LONG = 1 << 27
    INT = 2 << 27
    _FORMATS = {1: "l", 2: "i"}

    class struct:
        def __init__(self, address, layout):
            object.__setattr__(self, "_at", (address, layout))

        def _place(self, name):
            address, layout = self._at
            code = Uctypes._FORMATS[layout[name] >> 27]
            start = address + (layout[name] & (1 << 27) - 1)
            return code, Uctypes.bytearray_at(start, struct.calcsize(code))

        def __getattr__(self, name):
            code, place = self._place(name)
            return struct.unpack(code, place)[0]

        def __setattr__(self, name, value):
            code, place = self._place(name)
            place[:] = struct.pack(code, value)

    @staticmethod
    def bytearray_at(address, size):
        return memoryview((ctypes.c_ubyte * size).from_address(address)).cast("B")

    @staticmethod
    def sizeof(layout):
        mask = (1 << 27) - 1
        return max(
            (at & mask) + struct.calcsize(Uctypes._FORMATS[at >> 27]) for at in layout.values()
        )


def show(value):
    """repr() as in MicroPython, as far as exceptions are concerned."""
    if not isinstance(value, BaseException):
        return _repr(value)
    args = () if type(value) is KeyError else value.args
    name = (
        "OSError"
        if type(value).__module__ == "builtins" and isinstance(value, OSError)
        else type(value).__name__
    )
    return "%s(%s%s)" % (name, ", ".join(map(show, args)), "," if len(args) == 1 else "")


def text(value):
    """str() in the same way."""
    if type(value) is type and value.__module__ == "btree":
        return "<class 'btree'>"
    if isinstance(value, OSError) and value.args and value.args[0] in errno.errorcode:
        more = [": " + str(arg) for arg in value.args[1:]]
        return "[Errno %d] %s%s" % (value.args[0], errno.errorcode[value.args[0]], "".join(more))
    if isinstance(value, BaseException) and not isinstance(value, OSError):
        args = () if type(value) is KeyError else value.args
        return "" if not args else str(args[0] if len(args) == 1 else args)
    return str(value)


def say(*values, **options):
    _print(*map(text, values), **options)


def main():
    sys.modules["uctypes"] = Uctypes("uctypes")
    start = time.monotonic()
    time.ticks_ms = lambda: int((time.monotonic() - start) * 1e3)
    time.ticks_us = lambda: int((time.monotonic() - start) * 1e6)
    time.ticks_add = lambda ticks, more: ticks + more
    time.ticks_diff = lambda later, earlier: later - earlier
    time.sleep_ms = lambda ms: time.sleep(ms / 1e3)
    gc.mem_free = lambda: 1 << 24
    loop = asyncio.new_event_loop()
    asyncio.get_event_loop = lambda: loop
    asyncio.run = loop.run_until_complete
    asyncio.sleep_ms = lambda ms: asyncio.sleep(ms / 1e3)
    os.strerror = lambda number: errno.errorcode.get(number, str(number))
    builtins.print, builtins.repr = say, show
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()

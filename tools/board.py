"""Runs MicroPython scripts on emulated boards, through the raw REPL."""

import glob
import os
import select
import subprocess
import time

# The emulated machines that MicroPython's qemu port knows, by the names of their processors.
MACHINES = {
    "arm": ["qemu-system-arm", "-machine", "mps2-an385"],
    "riscv": ["qemu-system-riscv32", "-machine", "virt", "-bios", "none"],
}
OPTIONS = ["-nographic", "-monitor", "null", "-serial", "stdio", "-semihosting"]


# Memory that no firmware of ours uses, for what a script is to find there.
SPARE_MEMORY = {"arm": 0x00200000, "riscv": 0x83000000}

# Makes modules in that memory importable, beside whatever file systems scripts mount.
MOUNT = """
import io, sys, uctypes, vfs

class ModuleFile(io.IOBase):
    def __init__(self, data):
        self.data = data
    def readinto(self, buf):
        n = min(len(buf), len(self.data))
        buf[:n] = self.data[:n]
        self.data = self.data[n:]
        return n
    def ioctl(self, request, arg):
        return 0

class Modules:
    file = ModuleFile
    def __init__(self, files):
        self.files = files
    def mount(self, readonly, mkfs):
        pass
    def stat(self, path):
        if path[1:] not in self.files:
            raise OSError(2)
        return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    def open(self, path, mode):
        return self.file(self.files[path[1:]])

vfs.mount(Modules({name: memoryview(uctypes.bytearray_at(at, size)) for name, at, size in %r}), "/modules")
sys.path.append("/modules")
del io, sys, uctypes, vfs, ModuleFile, Modules
"""


def with_terminal(machine, firmware):
    """The command for a board whose terminal is a pty, for other programs. It prints the pty's name."""
    options = ["-nographic", "-monitor", "null", "-semihosting", "-serial", "pty"]
    return [*MACHINES[machine], *options, "-kernel", firmware]


class BoardError(Exception):
    """The board does not answer as it should. `output` has what it printed until then."""

    def __init__(self, why, output=b""):
        super().__init__(why)
        self.output = output


class Board:
    """An emulated board with a firmware, booted anew; a context manager."""

    def __init__(self, machine, firmware, options=()):
        self.process = subprocess.Popen(
            [*MACHINES[machine], *OPTIONS, *options, "-kernel", firmware],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def send(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said before it ended is more interesting

    def read_until(self, end, deadline):
        """What the board prints until `end`, without that."""
        while end not in self.pending:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            if not ready:
                raise BoardError("time-out", self.pending)
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise BoardError("the emulator ended", self.pending)
            self.pending += data
        found, _, self.pending = self.pending.partition(end)
        return found

    def boot(self, timeout):
        deadline = time.monotonic() + timeout
        self.send(b"\r\x01")  # Ctrl-A
        self.read_until(b"raw REPL; CTRL-B to exit\r\n>", deadline)

    def run(self, script, timeout):
        """Runs a script (bytes). Returns what it printed, and the traceback if it raised."""
        deadline = time.monotonic() + timeout
        self.send(script + b"\x04")
        self.read_until(b"OK", deadline)
        output = self.read_until(b"\x04", deadline)
        try:
            error = self.read_until(b"\x04", deadline)
        except BoardError as e:
            raise BoardError(str(e), output + e.output) from None
        return output.replace(b"\r\n", b"\n"), error.replace(b"\r\n", b"\n")


def modules(machine, directory):
    """What makes the .mpy files of a directory importable: options for a Board, and a script."""
    address = SPARE_MEMORY[machine]
    options, files = [], []
    for path in sorted(glob.glob(os.path.join(directory, "*.mpy"))):
        options += ["-device", "loader,file=%s,addr=%#x,force-raw=on" % (path, address)]
        files.append((os.path.basename(path), address, os.path.getsize(path)))
        address += os.path.getsize(path) + 15 & ~15
    return options, (MOUNT % files).encode()


def run_scripts(machine, firmware, scripts, timeout, options=()):
    """Boots a board and runs scripts (bytes), one after the other. Returns what they printed,
    and why not all went well: an empty string, or a time-out and the like."""
    output = b""
    with Board(machine, firmware, options) as board:
        deadline = time.monotonic() + timeout
        try:
            board.boot(timeout)
            for script in scripts:
                printed, error = board.run(script, deadline - time.monotonic())
                output += printed + error
                if error:
                    return output, "exception"
        except BoardError as e:
            return output + e.output.replace(b"\r\n", b"\n"), "%s (within %d s)" % (e, timeout)
    return output, ""

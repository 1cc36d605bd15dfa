"""Runs MicroPython scripts on emulated boards, through the raw REPL."""

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

"""How deep the calls of a module go on the stack of an emulated board.

A breakpoint of QEMU's debugger stub stands on every function of the module's C files. Where
MicroPython enters one of them, the free part of the stack is filled with a pattern; when the call
has returned, or raised, the lowest word that changed tells how deep it went. The firmware is
the one that runs everywhere else, and what MicroPython itself has on the stack does not count."""

import os
import re
import select
import socket
import subprocess
import tempfile
import threading
import time

from board import Board, BoardError

# Registers by their number in the protocol.
REGISTERS = {"arm": {"sp": 13, "link": 14, "pc": 15}, "riscv": {"sp": 2, "link": 1, "pc": 32}}
PATTERN = b"\xc5"
# Bytes below the stack pointer that are watched.
WATCHED = 4096
# Bytes of memory in one packet.
PACKET = 1024


class Debugger:
    """A client of QEMU's debugger stub; addresses and registers are 32 bits, little-endian."""

    def __init__(self, path, timeout):
        deadline = time.monotonic() + timeout
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise BoardError("no debugger stub") from None
                time.sleep(0.02)
        self.pending = b""
        self.stops = set()

    def send(self, command):
        data = command.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))

    def receive(self, timeout):
        """The next packet, None if there is none in time."""
        deadline = time.monotonic() + timeout
        while True:
            packet = re.match(rb"[+]*\$([^#]*)#..", self.pending, re.S)
            if packet:
                self.pending = self.pending[packet.end() :]
                self.socket.sendall(b"+")
                # Besides answers there comes one that tells of the stop at the connection.
                if packet[1].startswith(b"T02"):
                    continue
                return packet[1].decode()
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(1 << 16)
            if not data:
                raise BoardError("the emulator ended")
            self.pending += data

    def ask(self, command):
        self.send(command)
        answer = self.receive(20)
        if answer is None or re.fullmatch("E..", answer):
            raise BoardError("debugger stub: %s: %s" % (command[:20], answer))
        return answer

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask("p%x" % number)), "little")

    def read(self, address, size):
        parts = ((address + at, min(PACKET, size - at)) for at in range(0, size, PACKET))
        return b"".join(bytes.fromhex(self.ask("m%x,%x" % part)) for part in parts)

    def write(self, address, data):
        for at in range(0, len(data), PACKET):
            part = data[at : at + PACKET]
            self.ask("M%x,%x:%s" % (address + at, len(part), part.hex()))

    def stop_at(self, address, on=True):
        if on != (address in self.stops):
            self.ask("%s0,%x,2" % ("Z" if on else "z", address))
            (self.stops.add if on else self.stops.discard)(address)


def lines_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def functions(firmware):
    """The functions of an ELF file: {name: address}."""
    fields = (line.split() for line in lines_of("readelf", "-sW", firmware))
    return {f[7]: int(f[1], 16) & ~1 for f in fields if len(f) == 8 and f[3] == "FUNC"}


def entry_points(objects, addresses):
    """The functions that tables in object files point to: {address: name}."""
    found, in_table = {}, False
    for line in lines_of("readelf", "-rW", *objects):
        if line.startswith("Relocation section"):
            in_table = bool(re.search(r"'\.rela?\.s?(rodata|data)", line))
        match = re.search(r" (mp_btree_\w+)( \+ \d+)?$", line)
        if in_table and match and match[1] in addresses:
            found[addresses[match[1]]] = match[1]
    return found


class Tracer:
    """Follows the calls of a module on a stopped board until its script has ended."""

    def __init__(self, machine, debugger, addresses, entries):
        self.debugger = debugger
        self.registers = REGISTERS[machine]
        self.entries = entries
        self.jump = addresses["nlr_jump"]
        self.call = None  # address, stack pointer and return address of the call at work
        self.depths = {}
        self.calls = 0
        for address in entries:
            debugger.stop_at(address)

    def begin(self, entry):
        top = self.debugger.register(self.registers["sp"])
        back = self.debugger.register(self.registers["link"]) & ~1
        self.debugger.write(top - WATCHED, PATTERN * WATCHED)
        self.debugger.stop_at(entry, False)  # or it would stop there again
        for address in back, self.jump:
            self.debugger.stop_at(address)
        self.call = entry, top, back

    def end(self):
        entry, top, back = self.call
        free = self.debugger.read(top - WATCHED, WATCHED)
        depth, name = len(free.lstrip(PATTERN)), self.entries[entry]
        self.depths[name] = max(self.depths.get(name, 0), depth)
        for address in back, self.jump:
            self.debugger.stop_at(address, False)
        self.debugger.stop_at(entry)
        self.call = None
        self.calls += 1

    def stopped(self):
        """Looks where the board has stopped, and lets it go on."""
        pc = self.debugger.register(self.registers["pc"])
        if self.call is None:
            self.begin(pc)
        elif pc == self.jump or (pc == self.call[2] and self.debugger.register(self.registers["sp"]) == self.call[1]):
            self.end()
        else:
            # A call inside a call, by a method of a stream.
            self.debugger.stop_at(pc, False)
            self.debugger.ask("s")
            self.debugger.stop_at(pc)
        self.debugger.send("c")


def measure(machine, firmware, objects, scripts, timeout):
    """Runs scripts (bytes) and returns, for each function through which MicroPython called the
    module, the greatest depth in bytes of all these calls; and how many there were."""
    addresses = functions(firmware)
    failures = []

    with tempfile.TemporaryDirectory(prefix="modbtree-") as directory:
        path = os.path.join(directory, "gdb")
        with Board(machine, firmware, ["-gdb", "unix:%s,server=on,wait=off" % path]) as board:

            def work():
                try:
                    board.boot(timeout)
                    for script in scripts:
                        output, error = board.run(script, timeout)
                        if error:
                            failures.append((output + error).decode("utf-8", "backslashreplace"))
                except BoardError as e:
                    failures.append(str(e))

            debugger = Debugger(path, 20)
            # QEMU gives single registers only to those who have asked for their description.
            debugger.ask("qXfer:features:read:target.xml:0,100")
            tracer = Tracer(machine, debugger, addresses, entry_points(objects, addresses))
            worker = threading.Thread(target=work)
            worker.start()
            debugger.send("c")
            while worker.is_alive():
                if debugger.receive(0.1) is not None:
                    tracer.stopped()
            worker.join()
    if failures:
        raise BoardError("; ".join(failures))
    return tracer.depths, tracer.calls

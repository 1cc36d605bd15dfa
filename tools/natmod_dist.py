#!/usr/bin/env python3
"""natmod_dist.py VERSION DIST MODULE.mpy: puts a native module into DIST/<architecture>_<ABI> under two
names, btree.mpy with package.json for mip, and modbtree.mpy with modbtree.json. Prints its size."""

import json
import os
import shutil
import sys

# The numbers of architectures in a .mpy file, see MicroPython's py/persistentcode.h.
ARCHITECTURES = {
    1: "x86",
    2: "x64",
    4: "armv6m",
    5: "armv7m",
    7: "armv7emsp",
    8: "armv7emdp",
    9: "xtensa",
    10: "xtensawin",
    11: "rv32imc",
}
NATIVE = 2  # kind of code
RODATA, BSS = 0x20, 0x40  # flags


class Module:
    """The header of a .mpy file that is one native module. `text`, `rodata` and `bss` are bytes in
    memory once it is imported."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        if self.data[0:1] != b"M":
            sys.exit("%s is no .mpy file" % path)
        self.arch = ARCHITECTURES.get(self.data[2] >> 2 & 0xF)
        if self.arch is None:
            sys.exit("%s has no native code that we know" % path)
        self.abi = "%d.%d" % (self.data[1], self.data[2] & 3)
        self.at = 4
        names, objects = self.number(), self.number()
        for _ in range(names):
            length = self.number()
            if not length & 1:  # otherwise the number of a name that all firmware has
                self.at += (length >> 1) + 1
        if objects:
            sys.exit("%s has constants, which native modules have not" % path)
        kind = self.number()
        if kind & 3 != NATIVE:
            sys.exit("%s is not a native module" % path)
        self.text = kind >> 3
        self.at += self.text
        flags = self.number()
        self.rodata = self.number() if flags & RODATA else 0
        self.bss = self.number() if flags & BSS else 0

    def number(self):
        value = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    version, dist, path = sys.argv[1:]
    module = Module(path)
    folder = os.path.join(dist, "%s_%s" % (module.arch, module.abi))
    os.makedirs(folder, exist_ok=True)
    # The second is for firmware with a btree of its own, which it would find first.
    for name, package in (("btree.mpy", "package.json"), ("modbtree.mpy", "modbtree.json")):
        shutil.copyfile(path, os.path.join(folder, name))
        with open(os.path.join(folder, package), "w") as f:
            json.dump({"version": version, "urls": [[name, name]]}, f)
            f.write("\n")
    print("%s: text %d, bss %d bytes" % (os.path.relpath(folder), module.text + module.rodata, module.bss))


if __name__ == "__main__":
    main()

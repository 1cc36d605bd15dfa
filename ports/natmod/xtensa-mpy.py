#!/usr/bin/env python3
"""xtensa-mpy.py MICROPYTHON ARCH CONFIG_H ELF OUTPUT: makes a native module for Xtensa of what GNU ld
linked by xtensa.ld with --emit-relocs.

MicroPython's mpy_ld.py, whose output format is used here, wants all constants of a file in one section,
which compilers other than GCC do not make, and no addresses inside of the table of names, which
GCC 12 makes. And for ESP8266 it puts data beside code, into memory that has no access to bytes."""

import os
import re
import struct
import sys

from elftools.elf import elffile

# By the upper four bits of an address in xtensa.ld: what has to be added when the module is loaded.
KINDS = {0: ".text", 1: ".rodata", 2: ".bss", 3: "mp_native_qstr_table", 4: "mp_fun_table"}
TYPES = 5


def section(elf, name):
    found = elf.get_section_by_name(name)
    return bytearray(found.data()) if found and found.data_size else bytearray()


def relocated(elf, name, base, data, word_relocs, first_type):
    """Yields (section, offset, kind) of the words in a section that are addresses, and makes these
    relative to what they point into. first_type: the number in mp_fun_table of mp_type_type."""
    relocs = elf.get_section_by_name(".rela" + name)
    for reloc in relocs.iter_relocations() if relocs else ():
        if reloc["r_info_type"] not in word_relocs:
            continue  # within the code, and linked
        offset = reloc["r_offset"] - base
        (address,) = struct.unpack_from("<I", data, offset)
        kind, distance = address >> 28, address & 0xFFFFFFF
        if kind == TYPES:
            kind, distance = first_type + distance // 4, 0
        elif kind in KINDS:
            kind = KINDS[kind]
        else:
            sys.exit("%s+0x%x: an address outside of the module: 0x%x" % (name, offset, address))
        struct.pack_into("<I", data, offset, distance)
        yield name, offset, kind


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    micropython, arch, config, path, output = sys.argv[1:]
    sys.path.insert(0, os.path.join(micropython, "tools"))
    import mpy_ld

    env = mpy_ld.LinkEnv(arch)
    env.arch.separate_rodata = True
    env.got_entries = {}
    with open(path, "rb") as f:
        elf = elffile.ELFFile(f)
        env.check_arch(elf["e_machine"])
        env.full_text = section(elf, ".text")
        env.full_rodata = section(elf, ".rodata")
        bss = elf.get_section_by_name(".bss")
        env.full_bss = bytearray(bss.data_size if bss else 0)
        rest = (mpy_ld.R_XTENSA_32, mpy_ld.R_XTENSA_PLT), mpy_ld.MP_FUN_TABLE_MP_TYPE_TYPE_OFFSET
        env.mpy_relocs = [
            *relocated(elf, ".text", 0, env.full_text, *rest),
            *relocated(elf, ".rodata", 0x10000000, env.full_rodata, *rest),
        ]
        # mpy_ld.py combines neighbours, which the format only has for addresses in the module.
        env.mpy_relocs.sort(key=lambda r: 0 if r[2] in (".text", ".rodata", ".bss") else 1 + r[1] // 4 % 2)
        (entry,) = elf.get_section_by_name(".symtab").get_symbol_by_name("mpy_init")
    with open(config) as f:
        names = re.findall(r"#define MP_QSTR_(\w*) \(mp_native_", f.read())
    mpy_ld.build_mpy(env, entry["st_value"], output, names)


if __name__ == "__main__":
    main()

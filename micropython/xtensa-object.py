#!/usr/bin/env python3
"""xtensa-object.py LIBRARY OBJECT COMPILER [ARGUMENT...]: makes an object file for Xtensa from what
cargo built with `--emit=asm` beside LIBRARY, with a C compiler as the assembler.

LLVM's own objects for Xtensa cannot be linked: it puts the constants of a function, which must lie
before it at addresses divisible by four, at the end of whatever comes before. Its assembly language
has them in that place, too, but as directives, and these can be moved.

xtensa-object.py - OBJECT COMPILER [ARGUMENT...]: the same from assembly language on standard input.

With --rename OLD=NEW as first arguments, sections OLD and OLD.* become parts of NEW."""

import os
import re
import subprocess
import sys

SECTION = re.compile(r"(\s+\.section\s+)(\.[a-z]+)[^,]*,\"([a-zA-Z]*)\"")


def assembly_of(library):
    """The path of the assembly language that belongs to our member of the library."""
    with open(library, "rb") as f:
        data = f.read()
    # GNU ar: long names are in the member "//", and headers refer to them by position.
    names = b""
    at = 8
    while at < len(data):
        header = data[at : at + 60]
        size = int(header[48:58])
        name = header[:16].rstrip()
        content = data[at + 60 : at + 60 + size]
        if name == b"//":
            names = content
        elif name[1:].isdigit():
            name = names[int(name[1:]) :].split(b"/\n")[0]
        found = re.match(rb"(modbtree-[0-9a-f]+)\.", name)
        if found:
            return os.path.join(os.path.dirname(library), "deps", found[1].decode() + ".s")
        at += 60 + size + size % 2
    sys.exit("%s has no member of modbtree" % library)


def literals_moved(lines):
    """The lines with each function's constants in the section of the function."""
    pending = []
    for line in lines:
        if line.lstrip().startswith(".literal"):
            pending.append(line)
            continue
        # The next label outside of functions is that of the function.
        if pending and re.match(r"[^\s.#][^\s]*:|\.L(func|__)", line):
            yield from pending
            pending = []
        yield line
    yield from pending


def renamed(lines, names):
    for line in lines:
        found = SECTION.match(line)
        new = names.get(found[2]) if found else None
        if new:
            flags = "ax" if "x" in found[3] else "aw"
            line = '%s%s,"%s",@progbits\n' % (found[1], new, flags)
        yield line


def main():
    args, names = sys.argv[1:], {}
    while args[:1] == ["--rename"]:
        old, new = args[1].split("=")
        names[old] = new
        del args[:2]
    if len(args) < 3:
        sys.exit(__doc__)
    library, target, compiler = args[0], args[1], args[2:]
    if library == "-":
        lines = sys.stdin.readlines()
    else:
        with open(assembly_of(library)) as f:
            lines = f.readlines()
    source = target + ".s"
    with open(source, "w") as f:
        f.writelines(renamed(literals_moved(lines), names))
    sys.exit(subprocess.run(compiler + ["-c", "-o", target, source]).returncode)


if __name__ == "__main__":
    main()

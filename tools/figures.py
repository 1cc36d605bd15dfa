#!/usr/bin/env python3
"""figures.py MACHINE BASELINE NAME=FILE...: measures what the module costs, prints it beside the
figures of the baseline file, and fails if one of them has grown by more than 2 %, or is above
its limit.

For an emulated board each FILE is a firmware (an ELF file beside its map and objects), which gives
the code size with the features NAME; the last one has `match` and a frozen microtetherdb beyond
the one before, and also runs the scripts of tests/figures. For the machine `mpy` each FILE is a
native module, beside module.o, which it was made of."""

import argparse
import glob
import json
import os
import re
import sys

import natmod_dist
import stackdepth
from board import BoardError, run_scripts

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "figures")
# A figure may be this many times that of the baseline.
GROWTH = 1.02
# What must never be exceeded, whatever the baseline says.
LIMITS = {
    "heap, microtetherdb, imported and opened": 15000,
    "heap, 5 pages of 512": 3500,
    "stack, any call": 1536,
    "heap, left after close, pages of 512": 0,
    "heap, left without close, pages of 512": 0,
    "heap, left after close, pages of 4096": 0,
    "heap, left without close, pages of 4096": 0,
}
# The native module of MicroPython's examples/natmod/btree, in C, with the same API: text in bytes.
C_TEXT = {"armv6m": 14224, "armv7m": 13648, "rv32imc": 16740, "x64": 18976}
TIMEOUT = 300


def code(firmware):
    """Bytes of the firmware that come from Rust, from C and from frozen Python: code, constants and
    variables."""
    with open(os.path.splitext(firmware)[0] + ".map") as f:
        text = f.read().partition("Linker script and memory map")[2]
    rust = c = frozen = 0
    # Long names of sections have a line of their own.
    section = r"^ \.s?(?:text|rodata|data|bss)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) \S*/(modbtree\w*|frozen_content)\.o$"
    for match in re.finditer(section, text, re.M):
        size = int(match[1], 16)
        if match[2] == "modbtree_core":
            rust += size
        elif match[2] == "frozen_content":
            frozen += size
        else:
            c += size
    if not rust or not c:
        sys.exit("%s: no code of modbtree in its map" % firmware)
    return rust, c, frozen


def script(name):
    with open(os.path.join(SCRIPTS, name), "rb") as f:
        return f.read()


def run(machine, firmware, name, options=()):
    """Runs a script that prints "name: number"."""
    output, failure = run_scripts(machine, firmware, [script(name)], TIMEOUT, options)
    text = output.decode("utf-8", "backslashreplace")
    if failure:
        sys.exit("%s: %s\n%s" % (name, failure, text))
    return {key: int(value) for key, value in re.findall(r"^(.*): (-?\d+)$", text, re.M)}


def tools(machine, firmware):
    """The versions of what decides on the figures."""
    with open(firmware, "rb") as f:
        data = f.read()
    rust = re.search(rb"rustc version ([\d.]+)", data)
    gcc = re.search(rb"GCC: \(.*?\) ([\d.]+)", data)
    output, _ = run_scripts(machine, firmware, [b"import sys\nprint(sys.version)"], TIMEOUT)
    micropython = re.search(rb"MicroPython v?(\S+)", output)
    found = {"rustc": rust, "gcc": gcc, "micropython": micropython}
    return {name: match[1].decode() if match else "?" for name, match in found.items()}


def measure(machine, firmwares):
    figures = {}
    sizes = []
    for features, firmware in firmwares:
        rust, c, frozen = code(firmware)
        figures["code, features %s" % features] = rust + c
        figures["code, features %s: Rust" % features] = rust
        figures["code, features %s: C" % features] = c
        sizes.append((rust + c, frozen))
    # What the last firmware has and the one before has not.
    figures["code, feature match"] = sizes[-1][0] - sizes[-2][0]
    figures["frozen, microtetherdb"] = sizes[-1][1] - sizes[-2][1]
    firmware = firmwares[-1][1]
    figures.update(run(machine, firmware, "heap.py"))
    figures.update(run(machine, firmware, "documents.py"))
    figures.update(run(machine, firmware, "instructions.py", ["-icount", "shift=0"]))
    if machine == "arm":
        objects = glob.glob(os.path.join(os.path.dirname(firmware), "modbtree*.o"))
        c_objects = [path for path in objects if not path.endswith("_core.o")]
        try:
            depths, calls = stackdepth.measure(machine, firmware, c_objects, [script("stack.py")], TIMEOUT)
        except BoardError as e:
            sys.exit("stack.py: %s" % e)
        if calls < 1000:
            sys.exit("stack.py: only %d calls were seen" % calls)
        figures["stack, any call"] = max(depths.values())
        for name, depth in sorted(depths.items(), key=lambda item: -item[1]):
            figures["stack, %s" % name] = depth
    return figures


def measure_modules(modules):
    figures = {}
    for features, path in modules:
        module = natmod_dist.Module(path)
        figures["text, %s, features %s" % (module.arch, features)] = module.text + module.rodata
    return figures


def module_tools(modules):
    """The versions of what decides on the size of native modules."""
    found = {}
    for _, path in modules:
        with open(os.path.join(os.path.dirname(path), "module.o"), "rb") as f:
            data = f.read()
        found["rustc"] = re.search(rb"rustc version ([\d.]+)", data)
        found["gcc, %s" % natmod_dist.Module(path).arch] = re.search(rb"GCC: \(.*?\) ([\d.]+)", data)
    return {name: match[1].decode() if match else "?" for name, match in found.items()}


def beside_c(figures):
    """Prints the figures of the features that the C module has beside its own."""
    print("%-52s %9s %9s" % ("native modules with the API of the C module: text", "Rust", "C"))
    for arch, c in C_TEXT.items():
        rust = figures.get("text, %s, features none" % arch)
        if rust is not None:
            print("%-52s %9d %9d bytes %+.0f %%" % (arch, rust, c, 100 * (rust - c) / c))


def unit(name):
    return "" if name.startswith("instructions") else "bytes"


def show(machine, figures, baseline, comparable):
    """Prints the table and returns what is wrong with it."""
    print("%-52s %9s %9s" % (machine, "now", "baseline"))
    wrong = []
    for name, value in figures.items():
        before = baseline.get(name)
        note = ""
        if name in LIMITS and value > LIMITS[name]:
            note = "above the limit of %d" % LIMITS[name]
            wrong.append("%s: %d is %s" % (name, value, note))
        elif before is None:
            note = "new"
        elif value != before:
            note = "%+.1f %%" % (100 * (value - before) / before) if before else "was 0"
            if value > before * GROWTH and comparable:
                wrong.append("%s: %d, in the baseline %d" % (name, value, before))
        print(("%-52s %9d %9s %-5s %s" % (name, value, "" if before is None else before, unit(name), note)).rstrip())
    missing = [name for name in baseline if name not in figures]
    if missing:
        wrong.append("not measured any more: %s" % ", ".join(missing))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="make these figures the baseline")
    parser.add_argument("machine", choices=sorted(stackdepth.REGISTERS) + ["mpy"])
    parser.add_argument("baseline")
    parser.add_argument("files", nargs="+", metavar="NAME=FILE")
    args = parser.parse_args()

    files = [tuple(file.split("=", 1)) for file in args.files]
    if args.machine == "mpy":
        present = module_tools(files)
        figures = measure_modules(files)
    else:
        present = tools(args.machine, files[-1][1])
        figures = measure(args.machine, files)
    baseline = {"tools": {}, "figures": {}}
    if os.path.exists(args.baseline):
        with open(args.baseline) as f:
            baseline = json.load(f)
    elif not args.write:
        sys.exit("there is no baseline: %s" % args.baseline)
    comparable = baseline["tools"] == present
    wrong = show(args.machine, figures, baseline["figures"], comparable)
    if args.machine == "mpy":
        beside_c(figures)
    if args.write:
        with open(args.baseline, "w") as f:
            json.dump({"tools": present, "figures": figures}, f, indent=1)
            f.write("\n")
        wrong = [line for line in wrong if "limit" in line]
    elif not comparable:
        print("The baseline is that of %s, this is %s: growth does not count as failure." % (baseline["tools"], present))
    for line in wrong:
        print("FAIL  %s" % line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""check-symbols.py NM [--from FILE...] --in FILE...: fails if object files or archives (--in) need
symbols that neither they nor others (--from) define. NM is the nm of the architecture. What others
define may also be in linker scripts, *.ld, as for functions in ROM."""

import argparse
import re
import subprocess
import sys


def symbols(nm, paths):
    """The names that files define for others, and those that they need."""
    defined, needed = set(), set()
    for path in paths:
        if path.endswith(".ld"):
            with open(path) as f:
                defined.update(re.findall(r"^\s*(?:PROVIDE\s*\(\s*)?(\w+)\s*=", f.read(), re.M))
            continue
        output = subprocess.run([nm, "-g", path], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in output.splitlines():
            words = line.split()
            if len(words) < 2:
                continue  # the name of a member of an archive
            kind, name = words[-2:]
            if kind in ("U", "w", "v"):
                needed.add(name)
            elif len(kind) == 1:
                defined.add(name)
    return defined, needed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nm")
    parser.add_argument("--from", dest="others", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--in", dest="ours", nargs="+", required=True, metavar="FILE")
    args = parser.parse_args()
    defined, needed = symbols(args.nm, args.ours)
    others, _ = symbols(args.nm, args.others)
    if not defined or not needed:
        sys.exit("no symbols in %s" % " ".join(args.ours))
    missing = sorted(needed - defined - others)
    for name in missing:
        print("nobody defines %s" % name)
    print("%d symbols needed of others, %d missing" % (len(needed - defined), len(missing)))
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()

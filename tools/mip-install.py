#!/usr/bin/env python3
"""mip-install.py PACKAGE.JSON DIRECTORY [--mpy-cross COMMAND]: copies what a package.json lists to
a directory, as `mpremote mip install` copies it to a device, and checks that it lists all Python
files beside it. With mpy-cross the files are compiled on the way, and their size is printed."""

import argparse
import json
import os
import shutil
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("directory")
    parser.add_argument("--mpy-cross")
    args = parser.parse_args()

    base = os.path.dirname(os.path.abspath(args.package))
    with open(args.package) as f:
        package = json.load(f)
    sources = {source for _, source in package["urls"]}
    there = {name for name in os.listdir(base) if name.endswith(".py")}
    if sources != there:
        sys.exit(
            "%s: not the files that are there: %s"
            % (args.package, " ".join(sorted(sources ^ there)))
        )
    shutil.rmtree(args.directory, ignore_errors=True)
    size = 0
    for name, source in package["urls"]:
        source, name = os.path.join(base, source), os.path.join(args.directory, name)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        if args.mpy_cross:
            name = name[:-3] + ".mpy"
            command = [args.mpy_cross, "-O3", "-s", os.path.basename(source), "-o", name, source]
            subprocess.run(command, check=True)
        else:
            shutil.copy(source, name)
        size += os.path.getsize(name)
    kind = "compiled: " if args.mpy_cross else ""
    print("%s: %s%d files, %d bytes" % (os.path.basename(base), kind, len(package["urls"]), size))


if __name__ == "__main__":
    main()

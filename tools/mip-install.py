#!/usr/bin/env python3
"""mip-install.py PACKAGE.JSON DIRECTORY [--mpy-cross COMMAND]: copies what a package.json lists to
a directory, as `mpremote mip install` copies it to a device, and checks that it lists all Python
files beside it. With mpy-cross the files are compiled on the way, and get a package.json of their own.
Prints how many bytes they have."""

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
    size, urls = 0, []
    for name, source in package["urls"]:
        if args.mpy_cross:
            name = name[:-3] + ".mpy"
        source, target = os.path.join(base, source), os.path.join(args.directory, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if args.mpy_cross:
            command = [args.mpy_cross, "-O3", "-s", os.path.basename(source), "-o", target, source]
            subprocess.run(command, check=True)
            urls.append([name, name])
        else:
            shutil.copy(source, target)
        size += os.path.getsize(target)
    if urls:
        with open(os.path.join(args.directory, "package.json"), "w") as f:
            json.dump({"version": package["version"], "urls": urls}, f)
            f.write("\n")
    kind = "compiled: " if args.mpy_cross else ""
    print("%s: %s%d files, %d bytes" % (os.path.basename(base), kind, len(package["urls"]), size))


if __name__ == "__main__":
    main()

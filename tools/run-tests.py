#!/usr/bin/env python3
"""run-tests.py INTERPRETER TEST...: runs MicroPython scripts TEST.py and compares what they print
with TEST.py.exp. From a document TEST.md it runs each block marked as python and compares what it
prints with the next block, marked as text. Each script runs in an empty directory of its own.
With --qemu, INTERPRETER is a firmware, and each script has an emulated board of its own.
With --native, it imports modules from a directory of .mpy files. With --cpython, INTERPRETER is CPython
with our packages, and the scripts named in the file SKIPPED are passed over, for the reasons given there;
others must not say SKIP."""

import argparse
import concurrent.futures
import difflib
import os
import re
import subprocess
import sys
import tempfile
import time

import board

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSED, FAILED, SKIPPED = "pass", "FAIL", "skip"
# A test that takes so many seconds is shown with its time.
LONG = 10


def options(test):
    """What the first line of a test asks to be given to the interpreter, as in MicroPython's tests."""
    with open(test) as f:
        line = f.readline()
    return line.split(":", 1)[1].split() if line.startswith("# cmdline:") else []


def examples(document, directory):
    """Writes the examples of a document to a directory, as tests; returns their names and paths."""
    with open(document) as f:
        text = f.read()
    blocks = list(re.finditer("^```(.+)\n((?:.*\n)*?)```$", text, re.M))
    tests = []
    for block, after in zip(blocks, blocks[1:] + [None]):
        if block[1] != "python":
            continue
        line = text.count("\n", 0, block.start()) + 1
        path = os.path.join(directory, "%s-%d.py" % (os.path.basename(document), line))
        tests.append(("%s:%d" % (os.path.relpath(document), line), path))
        with open(path, "w") as f:
            f.write(block[2])
        if after and after[1] == "text":
            with open(path + ".exp", "w") as f:
                f.write(after[2])
    return tests


def reasons(path):
    """The scripts that a file names, with the reason behind each."""
    with open(path) as f:
        lines = [line.split(None, 1) for line in f if line.strip() and not line.startswith("#")]
    found = {os.path.join(ROOT, name): reason.strip() for name, reason in lines}
    for name in found:
        if not os.path.exists(name):
            sys.exit("%s names a script that is not there: %s" % (path, name))
    return found


def plain(printed):
    """What was printed, without what exceptions say for which CPython has other words."""
    return re.sub(rb"(TypeError|KeyError|<class 'ValueError').*", rb"\1", printed)


def run_here(command, path, native, test, timeout):
    """Returns what a script printed, and a reason if it did not end well."""
    # No library of the user, and nothing of the machine's locale and the like.
    directories = [*path, ".frozen", *([os.path.abspath(native)] if native else [])]
    env = dict(os.environ, MICROPYPATH=":".join(directories), PYTHONPATH=":".join(path))
    with tempfile.TemporaryDirectory(prefix="modbtree-") as directory:
        try:
            process = subprocess.run(
                [*command, os.path.abspath(test)],
                cwd=directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as e:
            return e.stdout or b"", "time-out after %d s" % timeout
    why = "exit status %d" % process.returncode if process.returncode else ""
    return process.stdout.replace(b"\r\n", b"\n"), why


def run_on_board(machine, firmware, native, begin, test, timeout):
    """The same on an emulated board, after the scripts of `begin`."""
    options, scripts = [], []
    if native:
        options, mount = board.modules(machine, native)
        scripts.append(mount)
    for path in [*begin, test]:
        with open(path, "rb") as f:
            scripts.append(f.read())
    return board.run_scripts(machine, firmware, scripts, timeout, options)


def verdict(test, run, skipped=None):
    """Runs one test. Returns its result and why."""
    if skipped and os.path.abspath(test) in skipped:
        return SKIPPED, "      %s\n" % skipped[os.path.abspath(test)]
    try:
        with open(test + ".exp", "rb") as f:
            expected = f.read().replace(b"\r\n", b"\n")
    except OSError as e:
        return FAILED, "cannot read what it should print: %s\n" % e
    output, failure = run(test)
    if skipped is not None:
        if output.endswith(b"SKIP\n"):
            return FAILED, "It says SKIP: say why in the list of what is passed over.\n"
        expected, output = plain(expected), plain(output)
    elif not failure and output.endswith(b"SKIP\n"):
        return SKIPPED, ""
    if not failure and output == expected:
        return PASSED, ""
    lines = (text.decode("utf-8", "backslashreplace").splitlines() for text in (expected, output))
    why = "".join(line + "\n" for line in difflib.unified_diff(*lines, "expected", "printed", lineterm=""))
    if failure:
        why += failure + "\n"
    return FAILED, why


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one test")
    parser.add_argument("--qemu", choices=sorted(board.MACHINES), help="run a firmware for this processor")
    parser.add_argument("--begin", action="append", default=[], help="with --qemu: a script to run before each test")
    parser.add_argument("--native", metavar="DIR", help="where to import .mpy files from")
    parser.add_argument("--heapsize", help="without --qemu: bytes, or with a k or m behind")
    parser.add_argument("--cpython", metavar="SKIPPED", help="the interpreter is CPython")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--path", type=os.path.abspath, action="append", default=[], help="where modules are first")
    parser.add_argument("interpreter")
    parser.add_argument("tests", nargs="+")
    args = parser.parse_args()

    skipped = reasons(args.cpython) if args.cpython else None

    def run(test):
        if args.qemu:
            return run_on_board(args.qemu, args.interpreter, args.native, args.begin, test, args.timeout)
        command = [os.path.abspath(args.interpreter)]
        if args.cpython:
            command.append(os.path.join(ROOT, "tests", "cpython", "device.py"))
        else:
            command += ["-X", "heapsize=" + args.heapsize] if args.heapsize else []
            command += options(test)
        return run_here(command, args.path, args.native, test, args.timeout)

    count = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool, tempfile.TemporaryDirectory() as directory:
        tests = []
        for test in args.tests:
            found = examples(test, directory) if test.endswith(".md") else [(os.path.relpath(test), test)]
            tests.extend(found)

        def timed(test):
            start = time.monotonic()
            return *verdict(test[1], run, skipped), time.monotonic() - start

        for (name, _), (result, why, seconds) in zip(tests, pool.map(timed, tests)):
            count[result] += 1
            print("%s  %s%s" % (result, name, " (%d s)" % seconds if seconds >= LONG else ""), flush=True)
            sys.stdout.write(why)
    skipped = ", %d skipped" % count[SKIPPED] if count[SKIPPED] else ""
    print("%d passed, %d failed%s" % (count[PASSED], count[FAILED], skipped))
    return 1 if count[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())

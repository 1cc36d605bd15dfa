#!/usr/bin/env python3
"""run-tests.py INTERPRETER TEST...: runs MicroPython scripts TEST.py and compares what they print
with TEST.py.exp. From a document TEST.md it runs each block marked as python and compares what it
prints with the next block, marked as text. Each script runs in an empty directory of its own."""

import argparse
import concurrent.futures
import difflib
import os
import re
import subprocess
import sys
import tempfile

PASSED, FAILED, SKIPPED = "pass", "FAIL", "skip"


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


def run(interpreter, test, timeout, path):
    """Returns the result of one test and why."""
    try:
        with open(test + ".exp", "rb") as f:
            expected = f.read().replace(b"\r\n", b"\n")
    except OSError as e:
        return FAILED, "cannot read what it should print: %s\n" % e
    # No library of the user, and nothing of the machine's locale and the like.
    env = dict(os.environ, MICROPYPATH=":".join((*path, ".frozen")))
    with tempfile.TemporaryDirectory(prefix="modbtree-") as directory:
        try:
            process = subprocess.run(
                [interpreter, *options(test), os.path.abspath(test)],
                cwd=directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
            output, status = process.stdout, process.returncode
        except subprocess.TimeoutExpired as e:
            output, status = e.stdout or b"", "time-out after %d s" % timeout
    output = output.replace(b"\r\n", b"\n")
    if status == 0 and output.endswith(b"SKIP\n"):
        return SKIPPED, ""
    if status == 0 and output == expected:
        return PASSED, ""
    lines = (text.decode("utf-8", "backslashreplace").splitlines() for text in (expected, output))
    why = "".join(line + "\n" for line in difflib.unified_diff(*lines, "expected", "printed", lineterm=""))
    if status != 0:
        why += "exit status: %s\n" % status
    return FAILED, why


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=120, help="seconds for one test")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--path", type=os.path.abspath, action="append", default=[], help="where modules are first")
    parser.add_argument("interpreter")
    parser.add_argument("tests", nargs="+")
    args = parser.parse_args()

    count = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool, tempfile.TemporaryDirectory() as directory:
        tests = []
        for test in args.tests:
            found = examples(test, directory) if test.endswith(".md") else [(os.path.relpath(test), test)]
            tests.extend(found)
        results = pool.map(lambda test: run(args.interpreter, test[1], args.timeout, args.path), tests)
        for (name, _), (result, why) in zip(tests, results):
            count[result] += 1
            print("%s  %s" % (result, name), flush=True)
            sys.stdout.write(why)
    skipped = ", %d skipped" % count[SKIPPED] if count[SKIPPED] else ""
    print("%d passed, %d failed%s" % (count[PASSED], count[FAILED], skipped))
    return 1 if count[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())

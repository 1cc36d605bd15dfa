#!/usr/bin/env python3
"""test-device.py MPREMOTE FIRMWARE MPBTREE: the command-line tool with files of an emulated board, which
mpremote copies: a database made there is read and changed here, and read there again."""

import concurrent.futures
import re
import subprocess
import sys

import board

# The file systems are lost when the board is reset.
BEGIN = ["run", "ports/qemu/ramdisk.py", "run"]
MAKE = """
import btree
db = btree.open(open("/data.db", "w+b"), pagesize=512)
for i in range(300):
    db["key%03d" % i] = "value %d" % i
db.close()
"""
READ = """
import btree, os
db = btree.open(open("/data.db", "r+b"))
print(len(db), db["key007"], db.check(), "key008" in db, os.listdir("/"))
"""
EXPECTED = "300 b'changed' [] False ['data.db']\n"


class Failure(Exception):
    pass


def run(*command, code=0):
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    if result.returncode != code:
        raise Failure("%s\n%s: exit code %d" % (result.stdout, " ".join(command), result.returncode))
    return result.stdout.replace("\r\n", "\n")


def expect(output, expected):
    if output != expected:
        raise Failure("%r\nexpected: %r" % (output, expected))


def use(mpremote, terminal, tool, system):
    def device(*command):
        return run(mpremote, "connect", terminal, "resume", *command)

    def here(*command, code=0):
        options = ["--quiet", "--resume", "--device", terminal, "--mpremote", mpremote]
        return run(tool, *options, *command, code=code)

    device(*BEGIN, "ports/qemu/%s.py" % system)
    device("exec", MAKE)
    expect(here("get", ":/data.db", "key007"), "value 7\n")
    expect(here("list", ":/data.db", "--count"), "300\n")
    expect(here("get", ":/none.db", "key", code=4), "mpbtree: :/none.db: No such file or directory\n")
    here("put", ":/data.db", "key007", "changed", "new", "item")
    here("del", ":/data.db", "key008")
    here("compact", ":/data.db")
    expect(here("get", ":/data.db", "new"), "item\n")
    expect(here("check", ":/data.db"), "")
    expect(device("exec", READ), EXPECTED)


def boot(mpremote, firmware, tool, system):
    """Uses a board with a file system. Returns what is wrong."""
    command = board.with_terminal("arm", firmware)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        terminal = re.search("/dev/[^ ]+", process.stdout.readline())[0]
        use(mpremote, terminal, tool, system)
    except Failure as e:
        return str(e)
    finally:
        process.kill()
        process.wait()
    return ""


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    systems = ("lfs2", "fat")
    failed = False
    with concurrent.futures.ThreadPoolExecutor(len(systems)) as pool:
        for system, wrong in zip(systems, pool.map(lambda system: boot(*sys.argv[1:], system), systems)):
            print("%s  mpbtree with %s on a board" % ("FAIL" if wrong else "pass", system))
            if wrong:
                print(wrong)
                failed = True
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()

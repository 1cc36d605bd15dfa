#!/usr/bin/env python3
"""test-mip.py MPREMOTE FIRMWARE DIST MICROTETHERDB LEAST: installs a native module for Cortex-M3 and the
package.json of microtetherdb on an emulated board with mpremote, and uses them; and a smaller module from a
directory, from a server and under its second name."""

import concurrent.futures
import functools
import http.server
import os
import re
import subprocess
import sys
import threading

import board

BEGIN = ["run", "ports/qemu/ramdisk.py", "run", "ports/qemu/lfs2.py"]
USE = """
import os, sys
sys.path.append("/lib")
import %s as btree
db = btree.open(open("db", "w+b"))
db[b"key"] = b"value"
db.close()
db = btree.open(open("db", "r+b"))
print(list(db.items()), btree.__file__, os.listdir("/lib"))
"""


DOCUMENTS = """
import sys
sys.path.insert(0, "/lib")
import microtetherdb
with microtetherdb.MicroTetherDB("docs.db", in_memory=False, index=["n"]) as db:
    db.put("a", {"n": 5}, tags=["t"], ttl=100)
with microtetherdb.MicroTetherDB("docs.db", in_memory=False) as db:
    print(db.query({"n": 5, "tags": "t"}), db.explain({"n": 5})["plan"], microtetherdb.__file__)
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def install(mpremote, firmware, packages, use):
    """Boots a board, installs packages there and returns the exit code of mpremote, and what it and
    using them print."""
    command = board.with_terminal("arm", firmware)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        terminal = re.search("/dev/[^ ]+", process.stdout.readline())[0]
        command = [mpremote, "connect", terminal, "resume", *BEGIN]
        for package in packages:
            command += ["mip", "install", "--target", "/lib", package, "+"]
        command += ["exec", use]
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
        )
    finally:
        process.kill()
        process.wait()
    return result.returncode, result.stdout.replace("\r\n", "\n")


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    mpremote, firmware, dist, documents, least = sys.argv[1:]
    handler = functools.partial(Quiet, directory=least)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    package = os.path.join(dist, "package.json")
    tests = [([package, documents], DOCUMENTS, "[{'n': 5}] index /lib/microtetherdb/__init__.mpy\n")]
    for package, module in (
        (os.path.join(least, "package.json"), "btree"),
        (os.path.join(least, "modbtree.json"), "modbtree"),
        ("http://127.0.0.1:%d/" % server.server_port, "btree"),
        ("http://127.0.0.1:%d/modbtree.mpy" % server.server_port, "modbtree"),
    ):
        expected = "[(b'key', b'value')] /lib/%s.mpy ['%s.mpy']\n" % (module, module)
        tests.append(([package], USE % module, expected))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda test: install(mpremote, firmware, *test[:2]), tests)
        for (packages, _, expected), (code, output) in zip(tests, results):
            if code != 0:
                sys.exit("%s\nmpremote failed" % output)
            if not output.endswith(expected):
                sys.exit("%s\nexpected at the end: %s" % (output, expected))
            print("pass  mpremote mip install %s" % " ".join(packages))


if __name__ == "__main__":
    main()

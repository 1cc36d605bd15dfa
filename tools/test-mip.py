#!/usr/bin/env python3
"""test-mip.py MPREMOTE FIRMWARE DIST: installs a native module for Cortex-M3 on an emulated board with
mpremote, from a directory, from a server and under its second name, and uses it."""

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


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def install(mpremote, firmware, package, module):
    """Boots a board, installs a package there and returns what using it prints."""
    command = [*board.MACHINES["arm"], "-nographic", "-monitor", "null", "-semihosting", "-serial", "pty"]
    process = subprocess.Popen([*command, "-kernel", firmware], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        terminal = re.search("/dev/[^ ]+", process.stdout.readline())[0]
        command = [mpremote, "connect", terminal, "resume", *BEGIN]
        command += ["mip", "install", "--target", "/lib", package, "+", "exec", USE % module]
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
        )
    finally:
        process.kill()
        process.wait()
    if result.returncode != 0:
        sys.exit("%s\nmpremote failed" % result.stdout)
    return result.stdout.replace("\r\n", "\n")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    mpremote, firmware, dist = sys.argv[1:]
    handler = functools.partial(Quiet, directory=dist)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for package, module in (
        (os.path.join(dist, "package.json"), "btree"),
        (os.path.join(dist, "modbtree.json"), "modbtree"),
        ("http://127.0.0.1:%d/" % server.server_port, "btree"),
        ("http://127.0.0.1:%d/modbtree.mpy" % server.server_port, "modbtree"),
    ):
        output = install(mpremote, firmware, package, module)
        expected = "[(b'key', b'value')] /lib/%s.mpy ['%s.mpy']\n" % (module, module)
        if not output.endswith(expected):
            sys.exit("%s\nexpected at the end: %s" % (output, expected))
        print("pass  mpremote mip install %s" % package)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""no-panic.py OBJECT...: fails if Rust code in an object file can panic: if a function of the
standard library that panics, or what it takes to unwind, is in it or called from it.
First it shows itself two objects made for the purpose, of which one can."""

import os
import re
import subprocess
import sys
import tempfile

# Of our own functions any may be called "fail", but none "panic".
BAD = re.compile("panic|rust_begin_unwind|_Unwind_|eh_personality|(4core|5alloc|3std).*_fail")
SNIPPET = """#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
#[no_mangle]
pub extern "C" fn f(array: &[u8; 8], i: usize) -> u8 { %s }
"""


def symbols(path):
    output = subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted({line.split()[-1] for line in output.splitlines()})


def bad(path):
    return [symbol for symbol in symbols(path) if BAD.search(symbol)]


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        results = []
        for body in ("array[i]", "array.get(i).copied().unwrap()", "array.get(i).copied().unwrap_or(0)"):
            source, target = (os.path.join(directory, name) for name in ("f.rs", "f.o"))
            with open(source, "w") as f:
                f.write(SNIPPET % body)
            rustc = ["rustc", "--edition", "2021", "--crate-type", "lib", "-C", "panic=abort", "-O"]
            subprocess.run(rustc + ["--emit", "obj", "-o", target, source], check=True)
            # The snippet's own panic handler is not meant.
            results.append([symbol for symbol in bad(target) if "rust_begin_unwind" not in symbol])
        if not (results[0] and results[1]) or results[2]:
            sys.exit("no-panic.py: its own test fails: %r" % results)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    self_test()
    failed = False
    for path in sys.argv[1:]:
        # Without the names of local symbols there would be nothing to find.
        if not any("8modbtree" in symbol for symbol in symbols(path)):
            sys.exit("no-panic.py: %s has no symbols of modbtree" % path)
        for symbol in bad(path):
            print("%s: %s" % (path, symbol))
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

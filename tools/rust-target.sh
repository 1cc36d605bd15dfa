#!/bin/sh
# rust-target.sh TARGET: sees to it that cargo can build for a target without an operating system.
# Prints what make is to set for micropython/micropython.mk, which may be nothing.
set -eu
target=$1
here=$(dirname "$0")

# cargo with these builds Rust's core library itself.
build_std="MODBTREE_CARGO_FLAGS=-Zbuild-std=core MODBTREE_CARGO"

have() {
    [ -d "$("$1" --print target-libdir --target "$target" 2>/dev/null)" ]
}

if have rustc; then
    exit 0
fi
if command -v rustup >/dev/null; then
    echo "== installing Rust's core library for $target" >&2
    rustup --quiet target add "$target" >&2 && have rustc && exit 0
fi
if [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
    echo "$build_std='env RUSTC_BOOTSTRAP=1 cargo'"
    exit 0
fi
# Debian's compiler for web browsers is newer than its usual one and comes with the sources.
if command -v apt-get >/dev/null && sh "$here/packages.sh" "Rust for $target" rustc-web cargo-web rust-web-src >&2; then
    echo "$build_std='env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo'"
    exit 0
fi
echo "Rust's core library for $target is missing. Ways out:" >&2
echo "  rustup target add $target" >&2
echo "  install the sources of Rust's standard library (rustup component add rust-src, Debian: rust-web-src)" >&2
exit 1

#!/bin/sh
# rust-target.sh TARGET [DIR]: sees to it that cargo can build for a target without an operating
# system. Prints what is to be set for micropython.mk or micropython.cmake, which may be nothing.
# For Xtensa there has to be a directory to write a description of the target to.
set -eu
target=$1
dir=${2:-}
here=$(dirname "$0")

# cargo with these builds Rust's core library itself.
build_std="MODBTREE_CARGO_FLAGS=-Zbuild-std=core MODBTREE_CARGO"

# With make -j others of this kind may be at work, and rustup does not wait.
alone() {
    command -v flock >/dev/null || return 0
    exec 9<"$0"
    flock 9
}

have() {
    [ -d "$("$1" --print target-libdir --target "$target" 2>/dev/null)" ]
}

xtensa_spec() {
    # Rust knows these targets, but describes them for a compiler of Espressif's. What LLVM itself
    # has for Xtensa cannot do floating-point numbers, and knows two processors. The others get what
    # they have in common.
    case $target in
        xtensa-esp8266-*) cpu=esp8266 features= ;;
        xtensa-esp32-*) cpu=esp32 features=-fp,-dfpaccel ;;
        *) cpu=generic features=+density,+windowed,+sext,+nsa,+mul32,+mul32high,+div32 ;;
    esac
    RUSTC_BOOTSTRAP=1 rustc -Z unstable-options --print target-spec-json --target xtensa-esp32-none-elf |
        sed -e "s/^{/{\n  \"features\": \"$features\",\n  \"trap-unreachable\": false,/" -e "s/\"cpu\": .*/\"cpu\": \"$cpu\",/" \
            -e 's/"data-layout": .*/"data-layout": "e-m:e-p:32:32-i8:8:32-i16:16:32-i64:64-n32",/'
}

xtensa() {
    if rustup run esp rustc --version >/dev/null 2>&1 && [ "$target" != xtensa-esp8266-none-elf ]; then
        echo "MODBTREE_CARGO_FLAGS=-Zbuild-std=core MODBTREE_CARGO='cargo +esp'" # Espressif's
        return
    fi
    if ! RUSTC_BOOTSTRAP=1 rustc --print target-cpus --target xtensa-esp32-none-elf 2>/dev/null | grep -q esp8266; then
        echo "this Rust has no Xtensa; install Espressif's with espup, or Rust 1.95 or later" >&2
        exit 1
    fi
    alone
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
        echo "== installing the sources of Rust's core library" >&2
        rustup --quiet component add rust-src >&2
    fi
    mkdir -p "$dir"
    xtensa_spec >"$dir/$target.json"
    flags=-Zbuild-std=core
    RUSTC_BOOTSTRAP=1 cargo -Z help | grep -q json-target-spec && flags="$flags -Zjson-target-spec"
    echo "MODBTREE_RUST_TARGET='$dir/$target.json' MODBTREE_CARGO_FLAGS='$flags'" \
        "MODBTREE_CARGO='env RUSTC_BOOTSTRAP=1 cargo'"
}

case $target in
    xtensa-*) xtensa && exit ;;
esac
if have rustc; then
    exit 0
fi
if command -v rustup >/dev/null; then
    alone
    have rustc && exit 0
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

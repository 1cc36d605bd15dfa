//! Runs bindgen over `wrapper.h` with the settings of one MicroPython port and variant.

use std::env;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn main() {
    let tree = directory("MICROPYTHON_DIR").unwrap_or_else(|| {
        panic!(
            "MICROPYTHON_DIR is not set: run `make` at the top of the repository, or set it to the directory of \
             a MicroPython source tree (1.25 or later)"
        )
    });
    assert!(tree.join("py/mperrno.h").is_file(), "{} holds no MicroPython source tree", tree.display());
    let port = directory("MICROPYTHON_PORT_DIR").unwrap_or_else(|| tree.join("ports/unix"));
    let variant = directory("MICROPYTHON_VARIANT_DIR").unwrap_or_else(|| port.join("variants/standard"));
    let mut args: Vec<_> = [&tree, &port, &variant].map(|dir| format!("-I{}", dir.display())).into();
    args.extend(variable("MICROPYTHON_CFLAGS").unwrap_or_default().split_whitespace().map(String::from));
    // The headers need no generated files in this mode, but cannot be parsed in it with compressed messages.
    args.extend(["-DNO_QSTR", "-UMICROPY_ROM_TEXT_COMPRESSION"].map(String::from));

    if catch_unwind(bindgen::clang_version).is_err() {
        panic!(
            "bindgen needs libclang: install it (Debian: libclang-dev) or set LIBCLANG_PATH to its directory"
        );
    }
    let common = bindgen::Builder::default()
        .header("wrapper.h")
        .clang_args(args)
        // Reports every header read to cargo, so that a change of any of them runs this again.
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .use_core()
        .ctypes_prefix("::cty")
        .default_macro_constant_type(bindgen::MacroTypeVariation::Signed);
    // The functions that Rust defines go to a file of their own, and everything else to the other.
    let bindings = common
        .clone()
        .allowlist_var("MP_(E[A-Z0-9]+|STREAM_(FLUSH|SEEK|ERROR)|SEEK_(SET|END))")
        .allowlist_var("BTREE_.*")
        .allowlist_type("btree_.*")
        .allowlist_function("modbtree_.*");
    let exports = common.allowlist_function("btree_.*").blocklist_type(".*");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    generate(bindings, &out.join("bindings.rs"));
    generate(exports, &out.join("exports.rs"));
}

fn generate(builder: bindgen::Builder, to: &Path) {
    let bindings = builder
        .generate()
        .unwrap_or_else(|e| panic!("bindgen cannot read the headers below MICROPYTHON_DIR: {e}"));
    bindings.write_to_file(to).unwrap_or_else(|e| panic!("cannot write {}: {e}", to.display()));
}

fn variable(name: &str) -> Option<String> {
    println!("cargo:rerun-if-env-changed={name}");
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn directory(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(variable(name)?);
    // Build scripts run in the directory of their package, not where the user is.
    assert!(path.is_absolute(), "{name}={} is no absolute path", path.display());
    assert!(path.is_dir(), "{name}={} is no directory", path.display());
    Some(path)
}

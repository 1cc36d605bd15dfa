//! Checks that C and Rust of one firmware come from the same version of modbtree, and tells the code
//! whether bytes count more than time.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=modbtree.h");
    println!("cargo:rerun-if-env-changed=MODBTREE_VERSION");
    println!("cargo:rustc-check-cfg=cfg(small)");
    if env::var("OPT_LEVEL").is_ok_and(|level| level == "z") {
        println!("cargo:rustc-cfg=small");
    }
    // micropython.mk gives modbtree.c this version; a build without C does not set it.
    let Ok(version) = env::var("MODBTREE_VERSION") else { return };
    let own = env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION");
    assert!(version == own, "modbtree.c is of version {version}, but Cargo.toml says {own}");
}

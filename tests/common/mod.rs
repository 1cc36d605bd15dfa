//! Shared by the integration tests: a small random generator, the independent checker, the data files.
#![allow(dead_code)] // each test binary uses its own part

use std::path::{Path, PathBuf};
use std::process::Command;

/// A xorshift generator: the same numbers on every machine.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n.max(1)
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

pub fn tests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Runs the independent checker over files; panics with its report if one is not clean.
pub fn bdbcheck(args: &[&str], files: &[PathBuf]) {
    for chunk in files.chunks(50) {
        let out = Command::new("python3")
            .arg(tests_dir().join("bdbcheck.py"))
            .arg("--summary")
            .args(args)
            .args(chunk)
            .output()
            .expect("python3 runs tests/bdbcheck.py");
        let text = String::from_utf8_lossy(&out.stdout);
        let bad: Vec<_> = text.lines().filter(|l| !l.contains(" ok items=")).collect();
        assert!(out.status.success() && bad.is_empty(), "{bad:#?}\n{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// A directory of its own under target/, emptied first.
pub fn work_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("target directory is writable");
    dir
}

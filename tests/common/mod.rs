//! Shared by the integration tests: a repeatable random generator, whole-database helpers,
//! operation scripts; below it the independent checker, libdb1 and the golden files.
#![allow(dead_code)] // each test binary uses its own part

pub mod checker;
pub mod device;
pub mod faulty;
pub mod golden;
pub mod libdb1;
pub mod ops;

use modbtree::{Cursor, Db, Memory, Result, Storage, Where};
use proptest::test_runner::{Config, RngSeed};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;
pub type Pair = (Vec<u8>, Vec<u8>);

/// Page header; what is left of a page holds entries or overflow data.
pub const HEADER: usize = 20;

/// A xorshift generator: the same numbers on every machine.
pub struct Rng(u64);

impl Rng {
    /// The environment variable SEED gives other numbers.
    pub fn new(seed: u64) -> Self {
        let more = std::env::var("SEED").map_or(0, |s| s.parse().expect("SEED is a number"));
        let seed = seed.wrapping_add(u64::wrapping_mul(more, 1_000_003));
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

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

pub fn tests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// A directory of its own under target/, emptied first.
pub fn work_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("target directory is writable");
    dir
}

pub fn write_file(path: PathBuf, bytes: &[u8]) -> PathBuf {
    std::fs::write(&path, bytes).expect("target directory is writable");
    path
}

/// The canonical dump of items, as its hash: what bdbcheck.py and the manifests call `dump_sha256`.
pub fn dump_hash<'a>(items: impl IntoIterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> String {
    let mut hash = Sha256::new();
    for (key, value) in items {
        for part in [key, value] {
            hash.update((part.len() as u32).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

pub fn map_hash(map: &Map) -> String {
    dump_hash(map.iter())
}

pub fn pairs_hash(pairs: &[Pair]) -> String {
    dump_hash(pairs.iter().map(|(k, v)| (k, v)))
}

pub fn pairs(map: &Map) -> Vec<Pair> {
    map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// All items by one cursor from an end to the other, in ascending order either way.
pub fn scan<S: Storage, M: Memory>(db: &mut Db<S, M>, backward: bool) -> Result<Vec<Pair>> {
    let mut cursor = Cursor::new(db.memory());
    cursor.seek(if backward { Where::Last } else { Where::First }, b"")?;
    let mut all = vec![];
    while let Some((key, value)) = db.step(&mut cursor, backward)? {
        all.push((db.to_vec(&key)?, db.to_vec(&value)?));
    }
    if backward {
        all.reverse();
    }
    Ok(all)
}

/// A key or value in a message.
pub fn brief(bytes: &[u8]) -> String {
    let (head, tail) = (&bytes[..bytes.len().min(24)], &bytes[bytes.len().saturating_sub(8)..]);
    format!("{} bytes {:?}..{:?}", bytes.len(), String::from_utf8_lossy(head), String::from_utf8_lossy(tail))
}

/// Panics, naming the first difference, if two lists of items are not equal.
pub fn expect_pairs(got: &[Pair], want: &[Pair], what: &str) {
    if got == want {
        return;
    }
    let same = got.iter().zip(want).take_while(|(a, b)| a == b).count();
    let at = |list: &[Pair]| list.get(same).map(|(k, v)| format!("key {}, value {}", brief(k), brief(v)));
    panic!(
        "{what}: {} items, expected {}; number {same} is {:?}, not {:?}",
        got.len(),
        want.len(),
        at(got),
        at(want)
    );
}

/// Panics if the database, scanned both ways and counted, does not hold exactly these items.
pub fn expect_contents<S: Storage, M: Memory>(db: &mut Db<S, M>, want: &[Pair], what: &str) {
    for backward in [false, true] {
        let got = scan(db, backward).unwrap_or_else(|e| panic!("{what}: {e:?} at {:?}", db.fault()));
        expect_pairs(&got, want, &format!("{what}, backward {backward}"));
    }
    assert_eq!(db.count(), Ok(want.len() as u32), "{what}");
}

/// As `expect_contents`, and every key is found.
pub fn expect_map<S: Storage, M: Memory>(db: &mut Db<S, M>, want: &Map, what: &str) {
    expect_contents(db, &pairs(want), what);
    expect_found(db, want, what);
}

/// Every key is found, and there are no others; takes no memory for a cursor.
pub fn expect_found<S: Storage, M: Memory>(db: &mut Db<S, M>, want: &Map, what: &str) {
    assert_eq!(db.count(), Ok(want.len() as u32), "{what}");
    for (key, value) in want {
        assert_eq!(db.get_vec(key).as_ref(), Ok(&Some(value.clone())), "{what}: get {}", brief(key));
    }
}

/// Random tests are the same each time, unless the environment variables of proptest say otherwise.
pub fn proptest_config(cases: u32) -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(185);
    }
    config
}

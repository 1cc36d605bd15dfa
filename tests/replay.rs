//! The scripts that made the golden files, replayed by us: the same contents as the C library
//! has, in files that are sound, free of stale bytes, and the same byte for byte every time.

mod common;

use common::checker::check_ours;
use common::golden::{golden, Golden};
use common::ops::{apply, from_text, Op};
use common::*;
use modbtree::{Db, HeapMemory, Options, Order, VecStorage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A golden file and the script that made it.
struct Script {
    golden: Golden,
    ops: Vec<Op>,
}

fn scripts() -> Vec<Script> {
    let script = |golden: Golden| {
        let path = tests_dir().join("data").join(golden.facts["ops"].as_str().expect("manifest has ops"));
        let ops = from_text(&std::fs::read_to_string(path).expect("script is there"));
        Script { golden, ops }
    };
    let all: Vec<_> = golden("golden").into_iter().map(script).collect();
    assert_eq!(all.len(), 47);
    all
}

impl Script {
    fn options(&self, order: Option<Order>, cache_size: u32) -> Options {
        Options {
            page_size: self.golden.number("pagesize"),
            min_keys: self.golden.number("minkeypage"),
            duplicates: self.golden.duplicates(),
            order,
            cache_size,
            ..Options::default()
        }
    }

    /// Does the operations; `R` and the end close the file after a flush.
    fn replay(&self, options: &Options) -> VecStorage {
        let mut file = VecStorage::default();
        for session in self.ops.split(|op| *op == Op::Reopen) {
            let mut db = Db::open(&mut file, HeapMemory, options).expect("opens");
            for op in session {
                let done = match op {
                    Op::Put(k, v) => db.put(k, v, true),
                    Op::Delete(k) => db.delete(k),
                    Op::Flush | Op::Reopen => db.flush().map(|()| true),
                };
                assert!(done.is_ok(), "{} {op:?}: {done:?}", self.golden.name);
            }
            db.flush().expect("flushes");
        }
        file
    }

    /// What the file should hold: for good files of the C library what is in them.
    fn contents(&self) -> Vec<Pair> {
        if self.golden.duplicates() {
            return self.sorted_list();
        }
        let mut map = Map::new();
        for op in &self.ops {
            apply(&mut map, op);
        }
        if !self.golden.is_c_bug() {
            assert_eq!(
                map_hash(&map),
                self.golden.dump_hash(),
                "{}: script and file differ",
                self.golden.name
            );
        }
        pairs(&map)
    }

    /// The same items as the C library has, but in the order in which they were put.
    fn sorted_list(&self) -> Vec<Pair> {
        let mut items: Vec<Pair> = vec![];
        for op in &self.ops {
            match op {
                Op::Put(k, v) => items.push((k.clone(), v.clone())),
                Op::Delete(k) => items.retain(|(key, _)| key != k),
                Op::Flush | Op::Reopen => {}
            }
        }
        items.sort_by(|a, b| a.0.cmp(&b.0));
        let mut file = VecStorage { bytes: self.golden.bytes(), ..VecStorage::default() };
        let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
        let (mut theirs, mut ours) = (scan(&mut db, false).expect("scans"), items.clone());
        theirs.sort();
        ours.sort();
        expect_pairs(&theirs, &ours, &self.golden.name);
        items
    }
}

/// Replays all scripts in a byte order, checks the files, and returns their layout hashes.
fn replay_all(order: Option<Order>, name: &str) -> Vec<Value> {
    let dir = work_dir(name);
    let mut files: BTreeMap<u32, Vec<(PathBuf, String)>> = BTreeMap::new();
    for script in scripts() {
        let name = &script.golden.name;
        let mut file = script.replay(&script.options(order, 0));
        for cache_size in [0, 1 << 20] {
            let again = script.replay(&script.options(order, cache_size));
            assert!(again.bytes == file.bytes, "{name}: another file with a cache of {cache_size}");
        }
        let path = write_file(dir.join(name), &file.bytes);
        let contents = script.contents();
        let min_keys = script.golden.number("minkeypage");
        files.entry(min_keys).or_default().push((path, pairs_hash(&contents)));
        let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
        expect_contents(&mut db, &contents, name);
        drop(db);
        // A file without changes stays empty; one that was emptied does not.
        assert_eq!(file.bytes.is_empty(), script.ops.is_empty(), "{name}");
    }
    let mut layouts = vec![];
    for (min_keys, files) in files {
        for report in check_ours(&["--minkeypage", &min_keys.to_string()], &files) {
            let order = if order.unwrap_or(Order::NATIVE) == Order::Big { "big" } else { "little" };
            assert!(report["empty_file"] == true || report["byteorder"] == order, "{}", report["file"]);
            layouts.push(report["layout_sha256"].clone());
        }
    }
    layouts
}

/// The layout hash is over all that the format defines, whatever the byte order.
#[test]
fn both_byte_orders() {
    let native = replay_all(None, "replay_native");
    let big = replay_all(Some(Order::Big), "replay_big");
    assert_eq!(native, big);
    assert_eq!(native.len(), 47);
}

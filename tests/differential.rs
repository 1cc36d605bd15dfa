//! One file handed back and forth between us and libdb1, the original, any number of times:
//! after each session both see what a model holds, and the checker finds the file sound.
//!
//! Left out is only what triggers defects of libdb1 itself (format-spec 6.1):
//! - D1: it puts no item whose entry takes half a page (value shortened)
//! - D2: after a deletion it puts no key below all others without reopening first
//! - D3, D4, D11: it changes nothing while its cursor is in use
//! - D5: minkeypage is small
//! - D6: it puts no keys that need overflow pages; in files where we have put such keys it puts
//!   only smaller ones (c), and none while the root is a leaf (b)
//! - D7, D8, D9: no duplicates, native byte order (golden.rs and replay.rs cover these)

mod common;

use common::checker::check_contents;
use common::libdb1::{db_dump185, Libdb1};
use common::ops::{apply, inline_limit, random_change, Keys, Mix, Op};
use common::*;
use modbtree::{Db, FileStorage, HeapMemory, Options};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// One file and what it should hold.
struct Run {
    path: PathBuf,
    page_size: usize,
    keys: Keys,
    rng: Rng,
    map: Map,
    step: usize,
}

impl Run {
    /// Differs from session to session, but for big keys, where what is big must stay so.
    fn min_keys(&mut self) -> usize {
        if self.keys == Keys::Big {
            2
        } else {
            self.rng.pick(&[0, 2, 3, 4])
        }
    }

    /// Whether a key may be in overflow pages.
    fn is_big(&self, key: &[u8]) -> bool {
        let min_keys = if self.keys == Keys::Big { 2 } else { 4 };
        key.len() + 8 > inline_limit(self.page_size, min_keys)
    }

    fn change(&mut self, limit: usize) -> Op {
        self.step += 1;
        // Trees grow, change and shrink.
        let puts = [9, 9, 7, 4][self.step / 250 % 4];
        let mix = Mix { keys: self.keys, page_size: self.page_size, limit, puts };
        random_change(&mut self.rng, &self.map, mix, self.step)
    }

    fn ours(&mut self, ops: usize) {
        let min_keys = self.min_keys();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path);
        let options = Options {
            page_size: self.page_size as u32,
            min_keys: min_keys as u32,
            cache_size: self.rng.pick(&[0, 100_000]),
            ..Options::default()
        };
        let storage = FileStorage::new(file.expect("target directory is writable"));
        let mut db = Db::open(storage, HeapMemory, &options).expect("opens");
        let before = self.name("opened by us");
        expect_map(&mut db, &self.map, &before);
        for _ in 0..ops {
            let op = self.change(inline_limit(self.page_size, min_keys));
            let expected = apply(&mut self.map, &op);
            let done = match &op {
                Op::Put(k, v) => db.put(k, v, true),
                Op::Delete(k) => db.delete(k),
                Op::Flush | Op::Reopen => db.flush().map(|()| true),
            };
            assert_eq!(done, Ok(expected), "{} {op:?} {:?}", self.name("us"), db.fault());
        }
        db.flush().expect("flushes");
    }

    /// Operations that libdb1 can do.
    fn script(&mut self, ops: usize, limit: usize) -> (Vec<Op>, Vec<bool>) {
        let (mut script, mut expected, mut deleted) = (vec![], vec![], false);
        let half = (self.page_size - HEADER) / 2;
        let root_is_leaf = self.depth() < 2;
        for _ in 0..ops {
            let mut op = self.change(limit);
            if let Op::Put(key, value) = &mut op {
                let key = &*key;
                let first_big = self.map.keys().find(|k| self.is_big(k));
                let d6 = self.is_big(key) || first_big.is_some_and(|big| root_is_leaf || key >= big);
                if d6 {
                    continue;
                }
                let stored = if key.len() + value.len() > limit { 8 } else { value.len() };
                if (9 + key.len() + stored).next_multiple_of(4) + 2 >= half {
                    value.truncate(4); // D1
                }
                if deleted && self.map.keys().next().is_none_or(|first| key < first) {
                    script.push(Op::Reopen); // D2
                    expected.push(true);
                    deleted = false;
                }
            }
            deleted |= matches!(op, Op::Delete(_));
            expected.push(apply(&mut self.map, &op));
            script.push(op);
        }
        (script, expected)
    }

    fn depth(&self) -> u32 {
        let Ok(file) = OpenOptions::new().read(true).open(&self.path) else { return 1 };
        let mut db = Db::open(FileStorage::new(file), HeapMemory, &Options::default()).expect("opens");
        db.stat().expect("stat").depth
    }

    fn theirs(&mut self, ops: usize, libdb1: &mut Libdb1) {
        let min_keys = self.min_keys();
        let (script, expected) = self.script(ops, inline_limit(self.page_size, min_keys));
        let results = libdb1.run(&self.path, &script, self.page_size, min_keys);
        assert_eq!(results, expected, "{}", self.name("libdb1"));
    }

    fn name(&self, who: &str) -> String {
        format!("{}, {who}, step {}", self.path.display(), self.step)
    }
}

/// What `db_dump185 -p` should print.
fn dump_text(map: &Map, page_size: usize) -> Vec<u8> {
    let head = format!("format=print\ntype=btree\ndb_lorder=1234\ndb_pagesize={page_size}\nHEADER=END\n");
    let mut text = head.into_bytes();
    for part in map.iter().flat_map(|(k, v)| [k, v]) {
        for &b in part {
            match b {
                b'\\' => text.extend(b"\\\\"),
                b' '..=b'~' => text.push(b),
                _ => text.extend(format!("\\{b:02x}").bytes()),
            }
        }
        text.push(b'\n');
    }
    text
}

fn hand_over(page_size: usize, sessions: usize, ops: usize) {
    let dir = work_dir(&format!("differential_{page_size}"));
    let mut libdb1 = Libdb1::start(&dir);
    let mut copies: Vec<(PathBuf, String)> = vec![];
    for keys in Keys::ALL {
        for ours_first in [true, false] {
            let path = dir.join(format!("{keys:?}-{ours_first}.db"));
            let rng = Rng::new(page_size as u64 + copies.len() as u64);
            let mut run = Run { path, page_size, keys, rng, map: Map::new(), step: 0 };
            for session in 0..sessions {
                if (session % 2 == 0) == ours_first {
                    run.ours(ops);
                } else {
                    run.theirs(ops, &mut libdb1);
                }
                let (hash, what) = (map_hash(&run.map), run.name("after a session"));
                assert_eq!(libdb1.dump(&run.path), (run.map.len() as u64, hash.clone()), "{what}");
                let copy = dir.join(format!("{keys:?}-{ours_first}-{session}.copy"));
                std::fs::copy(&run.path, &copy).expect("target directory is writable");
                copies.push((copy, hash));
            }
            run.ours(0);
            finish(&run.path, &run.map, page_size);
        }
    }
    check_contents(&[], &copies);
}

fn finish(path: &Path, map: &Map, page_size: usize) {
    assert!(map.len() > 10, "{}: only {} items left", path.display(), map.len());
    let same = db_dump185(path) == dump_text(map, page_size);
    assert!(same, "db_dump185 -p {}", path.display());
}

#[test]
fn pages_of_512() {
    hand_over(512, 9, 400);
}

#[test]
fn pages_of_1024() {
    hand_over(1024, 7, 400);
}

#[test]
fn pages_of_4096() {
    hand_over(4096, 7, 400);
}

#[test]
fn pages_of_65536() {
    hand_over(65536, 5, 100);
}

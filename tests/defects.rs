//! What the C library gets wrong (format-spec 6.1, D1 to D15), one test each: the shortest way
//! to trigger it there must go right here.

mod common;

use common::checker::check_ours;
use common::faulty::{FaultyMemory, FaultyStorage, Kind, Plan, EIO};
use common::ops::inline_limit;
use common::*;
use modbtree::{Cursor, Db, Error, HeapMemory, Options, Order, Reason, VecStorage, Where};

const PAGE_SIZES: [usize; 4] = [512, 1024, 4096, 65536];

fn pages_of(page_size: usize) -> Options {
    Options { page_size: page_size as u32, ..Options::default() }
}

fn number(i: usize) -> Vec<u8> {
    format!("{i:06}").into_bytes()
}

/// A database with its model.
struct Checked<'a> {
    db: Db<&'a mut VecStorage, HeapMemory>,
    map: Map,
}

impl<'a> Checked<'a> {
    fn new(file: &'a mut VecStorage, options: &Options) -> Self {
        Checked { db: Db::open(file, HeapMemory, options).expect("opens"), map: Map::new() }
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        assert_eq!(self.db.put(&key, &value, true), Ok(true));
        self.map.insert(key, value);
    }

    fn delete(&mut self, key: &[u8]) {
        assert_eq!(self.db.delete(key), Ok(self.map.remove(key).is_some()));
    }

    fn fill(&mut self, numbers: impl Iterator<Item = usize>, value: usize) {
        numbers.for_each(|i| self.put(number(i), vec![b'v'; value]));
    }

    /// Flushes; the file must be sound then and hold what the model does.
    fn finish(mut self, name: &str) {
        expect_map(&mut self.db, &self.map, name);
        self.db.flush().expect("flushes");
        expect_map(&mut self.db, &self.map, name);
        let path = work_dir(&format!("defects_{name}")).join("file.db");
        let path = write_file(path, &self.db.storage().bytes);
        check_ours(&[], &[(path, map_hash(&self.map))]);
    }
}

#[test]
fn d1_largest_inline_item_in_front_of_a_full_leaf() {
    for page_size in PAGE_SIZES {
        let limit = inline_limit(page_size, 2);
        for (key, value) in [(1, limit - 1), (limit - 8, 3 * page_size), (6, limit - 6), (limit, 0)] {
            let mut file = VecStorage::default();
            let mut pair = Checked::new(&mut file, &pages_of(page_size));
            pair.fill(100..100 + page_size / 24, 5);
            for first in [b'#', b'"', b'!'] {
                pair.put(vec![first; key], vec![b'V'; value]);
            }
            pair.finish(&format!("d1_{page_size}_{key}"));
        }
    }
}

#[test]
fn d2_first_leaf_emptied_after_falling_inserts() {
    let mut file = VecStorage::default();
    let mut pair = Checked::new(&mut file, &pages_of(512));
    pair.fill((100..300).rev(), 20);
    for i in 100..160 {
        pair.delete(&number(i));
    }
    pair.fill((90..160).rev(), 20);
    pair.fill((0..50).rev(), 20);
    pair.finish("d2");
}

/// Keys of three leaves; a cursor on any of them, in either direction, and an insertion that
/// splits one of the leaves.
#[test]
fn d3_cursor_when_its_leaf_splits() {
    for on in 0..60 {
        for new in (1..120).step_by(7) {
            for back in [false, true] {
                let mut file = VecStorage::default();
                let mut pair = Checked::new(&mut file, &pages_of(512));
                pair.fill((0..60).map(|i| 2 * i), 6);
                let mut cursor = Cursor::new(HeapMemory);
                cursor.seek(if back { Where::Upper } else { Where::Lower }, &number(2 * on)).expect("memory");
                let (key, _) = pair.db.step(&mut cursor, back).expect("steps").expect("item");
                assert_eq!(pair.db.to_vec(&key), Ok(number(2 * on)));
                pair.put([number(new), b"+".to_vec()].concat(), vec![b'n'; 220]);
                let mut rest = vec![];
                while let Some((key, _)) = pair.db.step(&mut cursor, back).expect("steps") {
                    rest.push(pair.db.to_vec(&key).expect("reads"));
                }
                let here = number(2 * on);
                let mut want: Vec<_> =
                    pair.map.keys().filter(|k| if back { **k < here } else { **k > here }).cloned().collect();
                if back {
                    want.reverse();
                }
                assert_eq!(rest, want, "cursor on {on}, new {new}, backward {back}");
            }
        }
    }
}

#[test]
fn d4_changes_at_the_cursor() {
    for back in [false, true] {
        for delete in [false, true] {
            let mut file = VecStorage::default();
            let mut pair = Checked::new(&mut file, &pages_of(512));
            pair.fill(0..100, 10);
            let mut cursor = Cursor::new(HeapMemory);
            cursor.seek(if back { Where::Last } else { Where::First }, b"").expect("memory");
            let mut seen = vec![];
            while let Some((key, _)) = pair.db.step(&mut cursor, back).expect("steps") {
                let key = pair.db.to_vec(&key).expect("reads");
                assert!(seen.len() < 100, "the scan repeats items");
                if delete {
                    pair.delete(&key);
                } else {
                    pair.put(key.clone(), vec![b'w'; 10 + seen.len()]);
                }
                seen.push(key);
            }
            if back {
                seen.reverse();
            }
            assert_eq!(seen, (0..100).map(number).collect::<Vec<_>>(), "backward {back}, delete {delete}");
            pair.finish(&format!("d4_{back}_{delete}"));
        }
    }
}

#[test]
fn d5_very_large_min_keys() {
    for (page_size, min_keys) in
        [(512, 36), (512, u32::MAX), (1024, 72), (4096, 292), (4096, 1_000_000), (65536, 4680)]
    {
        let mut file = VecStorage::default();
        let mut pair = Checked::new(&mut file, &Options { min_keys, ..pages_of(page_size) });
        for i in 0..90 {
            pair.put(vec![b'k'; i], vec![b'v'; 90 - i]);
            pair.put(number(i), vec![b'v'; i]);
        }
        pair.finish(&format!("d5_{page_size}_{min_keys}"));
    }
}

/// Long keys that differ at the very end, in an order that is neither rising nor falling.
#[test]
fn d6_big_keys_in_any_order() {
    for page_size in PAGE_SIZES {
        for shared in [page_size / 2, page_size - HEADER, 2 * page_size + 100] {
            let mut file = VecStorage::default();
            let mut pair = Checked::new(&mut file, &pages_of(page_size));
            let key = |i: usize| [vec![b's'; shared], number(i)].concat();
            for i in 0..40 {
                pair.put(key(i * 17 % 40), number(i));
                // An inline neighbour: c.
                pair.put([vec![b's'; 20], number(i)].concat(), vec![]);
            }
            for i in 0..20 {
                pair.put(key(i), b"again".to_vec());
                pair.delete(&key(i * 2));
            }
            pair.finish(&format!("d6_{page_size}_{shared}"));
        }
    }
}

/// The first split of the root, with nothing but big keys: b.
#[test]
fn d6_root_split_between_big_keys() {
    let mut file = VecStorage::default();
    let mut pair = Checked::new(&mut file, &pages_of(512));
    for i in 0..60 {
        pair.put([vec![b'K'; 600], number(i * 7 % 60)].concat(), number(i));
    }
    assert!(pair.db.stat().expect("stat").depth > 1);
    pair.finish("d6_root");
}

#[test]
fn d7_duplicates_that_span_and_empty_leaves() {
    let mut file = VecStorage::default();
    let mut db =
        Db::open(&mut file, HeapMemory, &Options { duplicates: true, ..pages_of(512) }).expect("opens");
    let mut items: Vec<Pair> = vec![];
    for i in 0..300 {
        let key = number(i % 3);
        assert_eq!(db.put(&key, &number(i), true), Ok(true));
        items.push((key, number(i)));
    }
    items.sort_by(|a, b| a.0.cmp(&b.0));
    expect_contents(&mut db, &items, "all");
    for i in [1, 0, 2] {
        assert_eq!(db.get_vec(&number(i)), Ok(Some(number(i))), "the first one");
        assert_eq!(db.delete(&number(i)), Ok(true));
        items.retain(|(k, _)| *k != number(i));
        expect_contents(&mut db, &items, "some deleted");
    }
    assert_eq!(db.delete(&number(0)), Ok(false));
}

/// D8 and D9: pages of the other byte order are used on after they were written, and inline
/// keys of any length stand before references to big values.
#[test]
fn d8_d9_other_byte_order() {
    let order = Some(Order::NATIVE.other());
    let mut file = VecStorage::default();
    let mut pair = Checked::new(&mut file, &Options { order, ..pages_of(512) });
    for i in 0..200 {
        pair.put(vec![b'a' + i as u8 % 26; 1 + i / 9], vec![i as u8; i * 11 % 900]);
        if i % 20 == 0 {
            pair.db.flush().expect("flushes");
            expect_map(&mut pair.db, &pair.map, "after a flush");
        }
        if i % 3 == 0 {
            pair.delete(&vec![b'a' + (i / 2) as u8 % 26; 1 + i / 18]);
        }
    }
    pair.finish("d8");
}

/// Overwriting and deleting big items gives all their pages back.
#[test]
fn d10_pages_of_big_items_are_used_again() {
    let mut file = VecStorage::default();
    let mut pair = Checked::new(&mut file, &pages_of(512));
    let key = |i: usize| [vec![b'k'; 600], number(i)].concat();
    let mut sizes = vec![];
    for round in 0..30 {
        // The root is a leaf: no separator refers to the key.
        pair.put(key(3), vec![round; 5000]);
        pair.put(number(1), vec![round; 3000]);
        pair.delete(&key(3));
        pair.put(number(1), vec![round; 10]);
        pair.db.flush().expect("flushes");
        let stat = pair.db.stat().expect("stat");
        sizes.push((stat.pages, stat.free));
    }
    assert!(sizes[1..].iter().all(|s| *s == sizes[1]), "{sizes:?}");
    // Nothing is stored for a put that is refused.
    assert_eq!(pair.db.put(&number(1), &[1; 9000], false), Ok(false));
    pair.db.flush().expect("flushes");
    assert_eq!((pair.db.stat().expect("stat").pages, pair.db.stat().expect("stat").free), sizes[1]);
    pair.finish("d10");
}

#[test]
fn d11_deleting_the_item_of_a_cursor_with_a_big_key() {
    let mut file = VecStorage::default();
    let mut pair = Checked::new(&mut file, &pages_of(512));
    let key = |i: usize| [vec![b'k'; 1200], number(i)].concat();
    (0..20).for_each(|i| pair.put(key(i), number(i)));
    let mut cursor = Cursor::new(HeapMemory);
    for i in 0..20 {
        let (k, _) = pair.db.step(&mut cursor, false).expect("steps").expect("item");
        assert_eq!(pair.db.to_vec(&k), Ok(key(i)));
        pair.delete(&key(i));
    }
    assert!(pair.db.step(&mut cursor, false).expect("steps").is_none());
    pair.finish("d11");
}

/// A file of 1 byte to less than two pages is no database, and stays as it is.
#[test]
fn d12_short_files_are_refused() {
    let mut whole = VecStorage::default();
    let mut db = Db::open(&mut whole, HeapMemory, &pages_of(512)).expect("opens");
    db.put(b"k", b"v", true).expect("puts");
    db.flush().expect("flushes");
    drop(db);
    assert_eq!(whole.bytes.len(), 1024);
    for len in 1..1024 {
        let mut file = VecStorage { bytes: whole.bytes[..len].to_vec(), ..VecStorage::default() };
        let error = Db::open(&mut file, HeapMemory, &Options::default()).err().expect("refused");
        assert_eq!(error.error, Error::Corrupt(Reason::TooShort), "{len} bytes");
        assert_eq!(error.fault.map(|f| f.page), Some(0), "{len} bytes");
        assert_eq!((file.bytes.len(), file.writes), (len, 0));
    }
}

#[test]
fn d13_recno_files_are_refused() {
    let mut file = VecStorage::default();
    let mut db = Db::open(&mut file, HeapMemory, &pages_of(512)).expect("opens");
    db.put(b"k", b"v", true).expect("puts");
    db.flush().expect("flushes");
    drop(db);
    for flags in [0x80, 0xa0] {
        file.bytes[20] = flags;
        let error = Db::open(&mut file, HeapMemory, &Options::default()).err().expect("refused");
        assert_eq!(error.error, Error::Corrupt(Reason::MetaFlags));
    }
}

/// A key that cannot be read is neither found nor missing: get, delete, put and scans say so.
#[test]
fn d15_read_errors_are_not_answers() {
    let (mut file, plan) = (VecStorage::default(), Plan::new());
    let storage = FaultyStorage { file: &mut file, plan: &plan };
    let mut db = Db::open(storage, FaultyMemory(&plan), &pages_of(512)).expect("opens");
    let key = |i: usize| [vec![b'k'; 5000], number(i)].concat();
    for i in 0..8 {
        assert_eq!(db.put(&key(i), b"v", true), Ok(true));
    }
    db.flush().expect("flushes");
    for n in 0..8 {
        let armed = |plan: &Plan| plan.arm(Kind::Read, n, true);
        armed(&plan);
        assert_eq!(db.get_vec(&key(3)), Err(EIO));
        armed(&plan);
        assert_eq!(db.get_vec(&key(9)), Err(EIO));
        armed(&plan);
        assert_eq!(db.delete(&key(3)), Err(EIO));
        armed(&plan);
        assert_eq!(db.put(&key(3), b"w", true), Err(EIO));
        armed(&plan);
        let mut cursor = Cursor::new(db.memory());
        cursor.seek(Where::Lower, &key(3)).expect("memory");
        assert_eq!(db.step(&mut cursor, false).err(), Some(EIO));
    }
    plan.disarm();
    assert_eq!(db.get_vec(&key(3)), Ok(Some(b"v".to_vec())));
}

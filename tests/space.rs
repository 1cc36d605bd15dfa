//! Files stay small: pages are filled by sorted loads in either direction, stay filled under
//! random replacement, and what is deleted makes room for what comes.

#![cfg(feature = "repack")]

mod common;

use common::checker::check_ours;
use common::*;
use modbtree::{Db, HeapMemory, Options, VecStorage};

type Database<'a> = Db<&'a mut VecStorage, HeapMemory>;

fn open(file: &mut VecStorage, page_size: usize) -> Database<'_> {
    let options = Options { page_size: page_size as u32, cache_size: 1 << 20, ..Options::default() };
    Db::open(file, HeapMemory, &options).expect("opens")
}

fn put(db: &mut Database, key: &[u8], value: &[u8]) {
    assert_eq!(db.put(key, value, true), Ok(true));
}

/// Pages of a file with these items put in this order.
fn loaded<'a>(page_size: usize, items: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> u32 {
    let mut file = VecStorage::default();
    let mut db = open(&mut file, page_size);
    items.for_each(|(k, v)| put(&mut db, k, v));
    db.flush().expect("flushes");
    db.stat().expect("stat").pages
}

fn numbered(n: usize) -> Map {
    (0..n).map(|i| (format!("{i:08}").into_bytes(), vec![b'v'; 16])).collect()
}

/// An entry of 8 + 16 bytes takes 36 and its slot 2: pages that are full but for
/// less than an entry hold this many.
fn least_pages(page_size: usize, items: usize) -> usize {
    items.div_ceil((page_size - HEADER) / 38)
}

#[test]
fn sorted_loads_fill_pages() {
    for page_size in [512, 1024, 4096] {
        let map = numbered(5000);
        let rising = loaded(page_size, map.iter());
        let falling = loaded(page_size, map.iter().rev());
        assert!(falling <= rising, "{page_size}: {falling} pages falling, {rising} rising");
        let least = least_pages(page_size, map.len()) as u32;
        // Beside the leaves: meta page, root and other internal pages.
        assert!(rising <= least + least / 10 + 3, "{page_size}: {rising} pages, leaves {least}");
    }
}

#[test]
fn random_replacement_keeps_pages_filled() {
    let dir = work_dir("space");
    let mut files = vec![];
    for page_size in [512, 1024, 4096] {
        let mut rng = Rng::new(page_size as u64);
        let (mut file, mut map, mut keys) = (VecStorage::default(), Map::new(), vec![]);
        let mut db = open(&mut file, page_size);
        let mut add = |db: &mut Database, map: &mut Map, keys: &mut Vec<Vec<u8>>| {
            let (key, value) = (rng.bytes(8), rng.bytes(16));
            put(db, &key, &value);
            map.insert(key.clone(), value);
            keys.push(key);
            rng.below(keys.len() - 1)
        };
        for _ in 0..5000 {
            add(&mut db, &mut map, &mut keys);
        }
        for _ in 0..20_000 {
            let gone = add(&mut db, &mut map, &mut keys);
            let key = keys.swap_remove(gone);
            assert_eq!(db.delete(&key), Ok(map.remove(&key).is_some()));
        }
        db.flush().expect("flushes");
        let pages = db.stat().expect("stat").pages;
        expect_map(&mut db, &map, "replaced");
        drop(db);
        let fresh = loaded(page_size, map.iter());
        println!("{page_size}: {pages} pages, {fresh} if loaded in order");
        assert!(pages * 10 <= fresh * 13, "{page_size}: {pages} pages, {fresh} if loaded in order");
        files.push((write_file(dir.join(format!("{page_size}.db")), &file.bytes), map_hash(&map)));
    }
    check_ours(&[], &files);
}

/// Append the newest, delete the oldest.
#[test]
fn a_queue_keeps_its_size() {
    for (page_size, value) in [(512, 16), (512, 1200), (4096, 16)] {
        let mut file = VecStorage::default();
        let mut db = open(&mut file, page_size);
        let key = |i: usize| format!("{i:08}").into_bytes();
        let mut early = 0;
        for i in 0..20_000 {
            put(&mut db, &key(i), &vec![b'v'; value]);
            if i >= 500 {
                assert_eq!(db.delete(&key(i - 500)), Ok(true));
            }
            if i == 2000 {
                early = db.stat().expect("stat").pages;
            }
        }
        db.flush().expect("flushes");
        let late = db.stat().expect("stat").pages;
        assert!(late <= early, "{page_size}, values of {value}: {early} pages early, {late} late");
    }
}

/// The same keys over and over, with values of other lengths: pages lose and gain bytes without
/// a deletion.
#[test]
fn overwriting_keeps_the_size() {
    for page_size in [512, 1024, 4096] {
        let (mut file, mut rng, mut map) = (VecStorage::default(), Rng::new(3), Map::new());
        let mut db = open(&mut file, page_size);
        for _ in 0..30_000 {
            let (key, len) = (format!("{:04}", rng.below(300)).into_bytes(), rng.below(120));
            put(&mut db, &key, &vec![b'v'; len]);
            map.insert(key, vec![b'v'; len]);
        }
        let pages = db.stat().expect("stat").pages;
        let fresh = loaded(page_size, map.iter());
        println!("{page_size}: {pages} pages, {fresh} if loaded in order");
        assert!(pages * 10 <= fresh * 17, "{page_size}: {pages} pages, {fresh} if loaded in order");
    }
    // Of the same length: nothing changes at all.
    let mut file = VecStorage::default();
    let mut db = open(&mut file, 512);
    numbered(1000).iter().for_each(|(k, v)| put(&mut db, k, v));
    let pages = db.stat().expect("stat").pages;
    (0..20).for_each(|i| numbered(1000).keys().for_each(|k| put(&mut db, k, &[i; 16])));
    assert_eq!(db.stat().expect("stat").pages, pages);
}

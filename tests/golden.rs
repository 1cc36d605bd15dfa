//! Files made by the C library are read completely, and stay sound files for everyone after
//! any changes by us: same contents as a model, clean for the checker, readable by libdb1.

mod common;

use common::checker::check_contents;
use common::golden::{golden, Golden};
use common::libdb1::Libdb1;
use common::ops::{any_key, apply, inline_limit, random_change, value_len, Keys, Mix, Op};
use common::*;
use modbtree::{Db, HeapMemory, Options, VecStorage};

fn store(bytes: Vec<u8>) -> VecStorage {
    VecStorage { bytes, ..VecStorage::default() }
}

/// All golden files of both byte orders.
fn all() -> Vec<Golden> {
    let (mut files, big_endian) = (golden("golden"), golden("golden_be"));
    assert_eq!((files.len(), big_endian.len()), (47, 13));
    files.extend(big_endian);
    files
}

fn open<'a>(file: &'a mut VecStorage, min_keys: u32, what: &str) -> Db<&'a mut VecStorage, HeapMemory> {
    let options = Options { min_keys, ..Options::default() };
    Db::open(file, HeapMemory, &options).unwrap_or_else(|e| panic!("{what}: {e:?}"))
}

#[test]
fn good_files_hold_what_the_manifest_says() {
    for g in all().iter().filter(|g| !g.is_c_bug()) {
        let mut file = store(g.bytes());
        let mut db = open(&mut file, 0, &g.name);
        let items = scan(&mut db, false).unwrap_or_else(|e| panic!("{}: {e:?} {:?}", g.name, db.fault()));
        assert_eq!((items.len(), pairs_hash(&items).as_str()), (g.items(), g.dump_hash()), "{}", g.name);
        expect_contents(&mut db, &items, &g.name);
        for (i, (key, _)) in items.iter().enumerate() {
            // With duplicates, the first of the equal ones.
            let first = items[..i].iter().position(|(k, _)| k == key).unwrap_or(i);
            assert_eq!(db.get_vec(key).as_ref(), Ok(&Some(items[first].1.clone())), "{}", g.name);
        }
        for key in [&b"\xff\xff no such key"[..], b"no such key", b"\0 none"] {
            assert_eq!(db.get_vec(key), Ok(None), "{}", g.name);
        }
        drop(db);
        assert_eq!((file.writes, file.syncs), (0, 0), "{}: reading does not write", g.name);
    }
}

/// Wrong files of the C library: all items are there and a scan shows them, but some keys
/// are where no search finds them.
#[test]
fn files_with_c_bugs_can_be_scanned() {
    let files: Vec<_> = all().into_iter().filter(Golden::is_c_bug).collect();
    assert_eq!(files.len(), 3);
    for g in &files {
        let mut file = store(g.bytes());
        let mut db = open(&mut file, 0, &g.name);
        let items = scan(&mut db, false).expect("scans");
        assert_eq!((items.len(), pairs_hash(&items).as_str()), (g.items(), g.dump_hash()), "{}", g.name);
        assert_eq!(scan(&mut db, true).as_ref(), Ok(&items), "{}", g.name);
        let found = items.iter().filter(|(k, v)| db.get_vec(k).as_ref() == Ok(&Some(v.clone()))).count();
        assert!(found > 0, "{}", g.name);
        // Whatever is deleted is gone, and nothing else. A key may be there twice.
        let mut left = items.clone();
        for (key, _) in &items {
            match db.delete(key) {
                Ok(true) => {
                    let now = scan(&mut db, false).expect("scans");
                    let gone = left.iter().zip(&now).take_while(|(a, b)| a == b).count();
                    assert_eq!(left.remove(gone).0, *key, "{}", g.name);
                    expect_contents(&mut db, &left, &g.name);
                }
                Ok(false) => {}
                Err(e) => panic!("{}: {e:?} {:?}", g.name, db.fault()),
            }
        }
        assert!(left.len() <= items.len() - found, "{}: {} of {}", g.name, left.len(), items.len());
        println!("{} {} {found}", g.name, left.len());
    }
}

/// A thousand changes of a file; returns what it holds then.
fn change(g: &Golden, file: &mut VecStorage, rng: &mut Rng) -> Map {
    let mut db = open(file, 0, &g.name);
    let mut map: Map = scan(&mut db, false).expect("scans").into_iter().collect();
    let page_size = db.stat().expect("stat").page_size as usize;
    drop(db);
    for session in 0..4 {
        let min_keys = rng.pick(&[0, 2, 3, 9]);
        let limit = inline_limit(page_size, min_keys as usize);
        let mut db = open(file, min_keys, &g.name);
        for step in 0..250 {
            let what = format!("{} session {session} step {step}", g.name);
            // Keys of every kind in one file; growing in two sessions, shrinking in two.
            let mix = Mix { keys: rng.pick(&Keys::ALL), page_size, limit, puts: [8, 4][session % 2] };
            let op = random_change(rng, &map, mix, step);
            let expected = apply(&mut map, &op);
            let done = match &op {
                Op::Put(k, v) => db.put(k, v, true),
                Op::Delete(k) => db.delete(k),
                _ => unreachable!("only changes"),
            };
            assert_eq!(done, Ok(expected), "{what} {:?}", db.fault());
        }
        expect_map(&mut db, &map, &g.name);
        db.flush().expect("flushes");
        drop(db);
        expect_map(&mut open(file, 0, &g.name), &map, &g.name);
    }
    map
}

#[test]
fn good_files_stay_good_when_changed() {
    let dir = work_dir("golden");
    let (mut rng, mut files, mut native) = (Rng::new(7), vec![], vec![]);
    for g in all().iter().filter(|g| !g.is_c_bug() && !g.duplicates()) {
        let mut file = store(g.bytes());
        let map = change(g, &mut file, &mut rng);
        let path = write_file(dir.join(&g.name), &file.bytes);
        if g.facts["byteorder"] == "little" {
            native.push((path.clone(), map_hash(&map)));
        }
        files.push((path, map_hash(&map)));
    }
    assert_eq!((files.len(), native.len()), (55, 43));
    check_contents(&[], &files);
    let mut libdb1 = Libdb1::start(&dir);
    for (path, hash) in &native {
        assert_eq!(libdb1.dump(path).1, *hash, "{}", path.display());
    }
}

/// Our meaning of duplicates: put adds behind the equal ones, get returns the first, delete
/// removes all.
#[test]
fn files_with_duplicates_stay_good_when_changed() {
    let dir = work_dir("golden_duplicates");
    let (mut rng, mut files) = (Rng::new(8), vec![]);
    for g in all().iter().filter(|g| g.duplicates()) {
        let mut file = store(g.bytes());
        let mut db = open(&mut file, 0, &g.name);
        let mut items = scan(&mut db, false).expect("scans");
        let limit = inline_limit(512, 2);
        for step in 0..1000 {
            let what = format!("{} step {step}", g.name);
            let map: Map = items.iter().cloned().collect();
            let kind = rng.pick(&[Keys::Short, Keys::Big]);
            let key = kind.key(&mut rng, 512, step);
            let key = any_key(&mut rng, &map, &key).filter(|_| step % 8 > 0).unwrap_or(key);
            let equal = items.partition_point(|(k, _)| *k < key)..items.partition_point(|(k, _)| *k <= key);
            assert_eq!(db.get_vec(&key), Ok(items[equal.clone()].first().map(|(_, v)| v.clone())), "{what}");
            if rng.below(10) < 8 {
                let len = value_len(&mut rng, 512, limit, key.len());
                let value = rng.bytes(len);
                assert_eq!(db.put(&key, &value, true), Ok(true), "{what}");
                items.insert(equal.end, (key, value));
            } else {
                assert_eq!(db.delete(&key), Ok(!equal.is_empty()), "{what} {:?}", db.fault());
                items.drain(equal);
            }
        }
        expect_contents(&mut db, &items, &g.name);
        db.flush().expect("flushes");
        drop(db);
        expect_contents(&mut open(&mut file, 0, &g.name), &items, &g.name);
        files.push((write_file(dir.join(&g.name), &file.bytes), pairs_hash(&items)));
    }
    assert_eq!(files.len(), 2);
    check_contents(&[], &files);
}

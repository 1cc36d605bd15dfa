//! Damaged files: an error or the undamaged part, never a panic, never an endless loop, and
//! an error about damage says where it is.

mod common;

use common::golden::golden;
use common::*;
use modbtree::{Cursor, Db, Error, HeapMemory, Options, Reason, VecStorage, Where};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::Duration;

/// No file here takes more than milliseconds; more is an endless loop.
const LONG: Duration = Duration::from_secs(60);

type Database<'a> = Db<&'a mut VecStorage, HeapMemory>;

/// Runs something that must come to an end.
fn bounded(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match wait.recv_timeout(LONG) {
        Err(RecvTimeoutError::Timeout) => panic!("{what}: no end"),
        _ => assert!(thread.join().is_ok(), "{what}: panic"),
    }
}

/// Tells an error from an answer, and checks that damage has a place in the file.
fn note<T>(db: &Database, pages: u32, result: Result<T, Error>, errors: &mut usize) -> Option<T> {
    match result {
        Ok(answer) => Some(answer),
        Err(Error::Corrupt(reason)) => {
            let fault = db.fault().expect("damage has a place");
            // A bad link is reported as the page that it leads to.
            let link = matches!(reason, Reason::PageRange | Reason::Chain | Reason::FreeList);
            assert!(fault.reason == reason && fault.offset < 65536, "{fault:?}");
            assert!(fault.page < pages || link, "{fault:?} of {pages} pages");
            *errors += 1;
            None
        }
        // What a damaged reference promises may not fit into memory, or a tree be too deep to split.
        Err(Error::NoMemory | Error::Full) => {
            *errors += 1;
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Everything that can be done with a file; returns the number of errors.
fn use_all(bytes: Vec<u8>, keys: &[Vec<u8>]) -> usize {
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    // Of the smallest size, with those that are added.
    let pages = (file.bytes.len() / 512 + 10 * keys.len()) as u32 + 1;
    let mut errors = 0;
    let before = file.bytes.clone();
    match Db::open(&mut file, HeapMemory, &Options::default()) {
        Ok(mut db) => {
            for back in [false, true] {
                let mut cursor = Cursor::new(HeapMemory);
                cursor.seek(if back { Where::Last } else { Where::First }, b"").expect("memory");
                loop {
                    let step = db.step(&mut cursor, back);
                    match note(&db, pages, step, &mut errors) {
                        Some(Some((key, value))) => {
                            let (key, value) = (db.to_vec(&key), db.to_vec(&value));
                            note(&db, pages, key, &mut errors);
                            note(&db, pages, value, &mut errors);
                        }
                        _ => break,
                    }
                }
            }
            let count = db.count();
            note(&db, pages, count, &mut errors);
            let stat = db.stat();
            note(&db, pages, stat, &mut errors);
            for (i, key) in keys.iter().enumerate() {
                let got = db.get_vec(key);
                note(&db, pages, got, &mut errors);
                let done = match i % 3 {
                    0 => db.put(key, &[b'n'; 100], true),
                    1 => db.put(key, &[b'N'; 1500], true),
                    _ => db.delete(key),
                };
                note(&db, pages, done, &mut errors);
            }
            let flushed = db.flush();
            note(&db, pages, flushed, &mut errors);
            let cleared = db.clear();
            note(&db, pages, cleared, &mut errors);
            let flushed = db.flush();
            note(&db, pages, flushed, &mut errors);
        }
        Err(e) => {
            assert!(matches!(e.error, Error::Corrupt(r) if e.fault.is_some_and(|f| f.reason == r)), "{e:?}");
            assert!(file.bytes == before, "a file that is refused stays as it is");
            errors += 1;
        }
    }
    errors
}

/// Keys that the golden files have, and some they have not.
fn some_keys(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = vec![vec![], b"0".to_vec(), b"zzz".to_vec(), vec![b'k'; 900], vec![0xff; 3]];
    let mut file = VecStorage { bytes: bytes.to_vec(), ..VecStorage::default() };
    if let Ok(mut db) = Db::open(&mut file, HeapMemory, &Options::default()) {
        let mut cursor = Cursor::new(HeapMemory);
        while let Ok(Some((key, _))) = db.step(&mut cursor, false) {
            keys.extend(db.to_vec(&key));
        }
    }
    keys
}

#[test]
fn every_file_of_golden_bad() {
    let good: Vec<_> = golden("golden").iter().flat_map(|g| some_keys(&g.bytes())).step_by(9).collect();
    let files = golden("golden_bad");
    assert_eq!(files.len(), 31);
    for g in files {
        let (bytes, keys) = (g.bytes(), [some_keys(&g.bytes()), good.clone()].concat());
        bounded(&g.name, move || {
            let errors = use_all(bytes, &keys);
            println!("{errors} errors");
            // Without `repack`, changes do not look at neighbours.
            assert!(errors > 0 || cfg!(not(feature = "repack")), "the damage was not noticed");
        });
    }
}

/// A few bytes changed anywhere, mostly where the format has links, bounds, sizes and flags.
#[test]
fn random_damage() {
    let mut rng = Rng::new(31);
    for g in golden("golden").into_iter().chain(golden("golden_be")).filter(|g| g.number("size") > 0) {
        let (good, keys) = (g.bytes(), some_keys(&g.bytes()));
        let page_size = u64::from(g.number("pagesize")).max(512) as usize;
        let rounds = if page_size > 4096 { 20 } else { 250 };
        let files: Vec<Vec<u8>> = (0..rounds)
            .map(|_| {
                let mut bad = good.clone();
                for _ in 0..=rng.below(3) {
                    let page = rng.below(bad.len() / page_size) * page_size;
                    // Header, index array, entries, or anything.
                    let at = match rng.below(4) {
                        0 => rng.below(24),
                        1 => rng.below(80.min(page_size)),
                        2 => page_size - 1 - rng.below(page_size / 2),
                        _ => rng.below(page_size),
                    };
                    let small = rng.pick(&[0, 1, 2, 3, 4, 5, 0x20, 0x7f, 0x80, 0xff]);
                    bad[page + at] = if rng.once_in(2) { small } else { rng.next() as u8 };
                }
                if rng.once_in(15) {
                    bad.truncate(rng.below(bad.len()));
                }
                bad
            })
            .collect();
        let keys: Vec<_> = keys.into_iter().step_by(5).collect();
        bounded(&g.name, move || {
            for bad in files {
                use_all(bad, &keys);
            }
        });
    }
}

/// Byte offsets of the leaves of a file with pages of 512, from left to right.
fn leaves(file: &[u8]) -> Vec<usize> {
    let field = |page: usize, at: usize| {
        let bytes = file[page * 512 + at..][..4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes) as usize
    };
    let first = (1..file.len() / 512).find(|&p| field(p, 12) == 2 && field(p, 4) == 0 && field(p, 8) != 0);
    let mut all = vec![first.expect("a leaf without a left neighbour")];
    while let Some(next) = all.last().map(|&p| field(p, 8)).filter(|&p| p != 0) {
        all.push(next);
    }
    all.iter().map(|p| p * 512).collect()
}

fn link(file: &mut [u8], from: usize, field: usize, to: usize) {
    file[from + field..][..4].copy_from_slice(&(to as u32 / 512).to_le_bytes());
}

/// What a scan finds before it stops with an error.
fn scan_until_error(bytes: Vec<u8>, back: bool) -> (usize, Error) {
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
    let mut cursor = Cursor::new(HeapMemory);
    cursor.seek(if back { Where::Last } else { Where::First }, b"").expect("memory");
    let mut items = 0;
    loop {
        match db.step(&mut cursor, back) {
            Ok(Some(_)) => items += 1,
            Ok(None) => panic!("the damage was not noticed in {items} items"),
            Err(e) => return (items, e),
        }
    }
}

/// Neighbours that name each other, but the last leaf's is the first: a ring without an end.
#[test]
fn leaves_in_a_ring() {
    let mut file = golden("golden").iter().find(|g| g.name == "seq_512.db").expect("golden file").bytes();
    let leaves = leaves(&file);
    assert!(leaves.len() > 10);
    let (first, last) = (leaves[0], leaves[leaves.len() - 1]);
    link(&mut file, last, 8, first);
    link(&mut file, first, 4, last);
    for back in [false, true] {
        let file = file.clone();
        bounded("ring", move || {
            let (items, error) = scan_until_error(file, back);
            assert!(items >= 900, "{items} items before the error");
            assert_eq!(error, Error::Corrupt(Reason::Sibling));
        });
    }
}

/// A link that leads past a neighbour: no items are lost in silence.
#[test]
fn leaves_left_out() {
    let good = golden("golden").iter().find(|g| g.name == "seq_512.db").expect("golden file").bytes();
    let leaves = leaves(&good);
    for (back, field, to) in [(false, 8, 7), (true, 4, 3)] {
        let mut file = good.clone();
        link(&mut file, leaves[5], field, leaves[to]);
        assert_eq!(scan_until_error(file, back).1, Error::Corrupt(Reason::Sibling));
    }
}

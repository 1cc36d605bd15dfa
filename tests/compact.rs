//! `Db::copy_to`: the copy has the same items, is sound and no larger than need be.

mod common;

use common::checker::check_ours;
use common::faulty::{FaultyMemory, FaultyStorage, Kind, Plan, EIO};
use common::golden::golden;
use common::*;
use modbtree::{Db, Error, HeapMemory, NoStorage, Options, VecStorage};

fn copy(bytes: &[u8], what: &str) -> (Vec<Pair>, VecStorage) {
    let mut file = VecStorage { bytes: bytes.to_vec(), ..VecStorage::default() };
    let mut small = VecStorage::default();
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
    let mut to = Db::open(&mut small, HeapMemory, &db.options()).expect("opens");
    let items = scan(&mut db, false).expect("reads");
    assert_eq!(db.copy_to(&mut to), Ok(items.len() as u32), "{what}");
    let report = to.check(u32::MAX, &mut |f| panic!("{what}: {f:?}")).expect("reads");
    assert_eq!((report.items as usize, report.free, report.leaked), (items.len(), 0, 0), "{what}");
    expect_contents(&mut to, &items, what);
    drop((db, to));
    assert!(file.writes == 0, "{what}: copying does not change the source");
    (items, small)
}

#[test]
fn all_golden_files() {
    let dir = work_dir("compact");
    let mut files = vec![];
    for g in golden("golden").iter().chain(&golden("golden_be")) {
        // Keys that are out of order would come to their places.
        if g.is_c_bug() || g.number("size") == 0 {
            continue;
        }
        let (items, small) = copy(&g.bytes(), &g.name);
        let (old, new) = (g.bytes().len(), small.bytes.len());
        assert_eq!(small.bytes[..12], g.bytes()[..12], "{}: byte order and page size", g.name);
        assert_eq!(small.bytes[20..24], g.bytes()[20..24], "{}: flags", g.name);
        // A separator that is long has a chain of its own in our files.
        assert!(new <= old + old / 4, "{}: {old} to {new} bytes", g.name);
        let (again, same) = copy(&small.bytes, &g.name);
        assert!(again == items && same.bytes == small.bytes, "{}: the copy of a copy", g.name);
        files.push((write_file(dir.join(&g.name), &small.bytes), pairs_hash(&items)));
    }
    assert_eq!(files.len(), 56);
    check_ours(&[], &files);
}

#[test]
fn keys_that_are_out_of_order_come_to_their_places() {
    let mut again = 0;
    for g in golden("golden").iter().filter(|g| g.is_c_bug()) {
        let mut file = VecStorage { bytes: g.bytes(), ..VecStorage::default() };
        let mut small = VecStorage::default();
        let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
        let mut to = Db::open(&mut small, HeapMemory, &db.options()).expect("opens");
        let items = scan(&mut db, false).expect("reads");
        // Of a key that comes again the first item stays.
        let mut wanted: Vec<Pair> = vec![];
        for item in &items {
            if wanted.iter().all(|(key, _)| *key != item.0) {
                wanted.push(item.clone());
            }
        }
        wanted.sort();
        assert_eq!(db.copy_to(&mut to), Ok(wanted.len() as u32), "{}", g.name);
        assert_eq!(scan(&mut to, false).expect("reads"), wanted, "{}", g.name);
        let report = to.check(u32::MAX, &mut |f| panic!("{}: {f:?}", g.name)).expect("reads");
        assert_eq!((report.items as usize, report.leaked), (wanted.len(), 0), "{}", g.name);
        again += items.len() - wanted.len();
    }
    assert_eq!(again, 1);
}

/// A file of 2,000 items with 10,000 replacements and deletions behind it.
fn worn() -> Vec<u8> {
    let mut file = VecStorage::default();
    let options = Options { page_size: 1024, ..Options::default() };
    let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
    let mut rng = Rng::new(5);
    for _ in 0..12_000 {
        let key = format!("key {:04}", rng.below(2000)).into_bytes();
        let len = if rng.once_in(50) { 5000 } else { rng.below(60) };
        match rng.below(5) {
            0 => db.delete(&key),
            _ => db.put(&key, &rng.bytes(len), true),
        }
        .expect("writes");
    }
    db.flush().expect("flushes");
    drop(db);
    file.bytes
}

#[test]
fn pages_are_full() {
    let bytes = worn();
    let (items, small) = copy(&bytes, "worn");
    let overflow: usize =
        items.iter().map(|(_, v)| if v.len() > 400 { v.len().div_ceil(1004) } else { 0 }).sum();
    let entry = |(k, v): &Pair| (9 + k.len() + if v.len() > 400 { 8 } else { v.len() }).div_ceil(4) * 4 + 2;
    let leaves = items.iter().map(entry).sum::<usize>() / 1004;
    let pages = small.bytes.len() / 1024;
    assert!(small.bytes.len() < bytes.len() * 9 / 10, "{} of {} bytes", small.bytes.len(), bytes.len());
    assert!(
        pages <= overflow + leaves * 104 / 100 + 5,
        "{pages} pages, {overflow} overflow, {leaves} leaves"
    );
}

#[test]
fn only_into_an_empty_database_of_the_same_kind() {
    let bytes = worn();
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
    let good = db.options();
    for options in [
        Options { page_size: 512, ..good },
        Options { duplicates: true, ..good },
        Options { order: good.order.map(|o| o.other()), ..good },
    ] {
        let mut to = Db::open(NoStorage, HeapMemory, &options).expect("opens");
        assert_eq!(db.copy_to(&mut to), Err(Error::Invalid));
    }
    let mut to = Db::open(NoStorage, HeapMemory, &good).expect("opens");
    to.put(b"a", b"b", true).expect("memory");
    assert_eq!(db.copy_to(&mut to), Err(Error::Invalid));
    let mut to = Db::open(NoStorage, HeapMemory, &good).expect("opens");
    let items = scan(&mut db, false).expect("reads");
    assert_eq!(db.copy_to(&mut to), Ok(items.len() as u32));
    expect_contents(&mut to, &items, "in memory");
    assert_eq!(db.copy_to(&mut to), Err(Error::Invalid));
}

/// Values of many pages, and memory for a few.
#[test]
fn values_larger_than_memory() {
    let mut file = VecStorage::default();
    let options = Options { page_size: 512, ..Options::default() };
    let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
    for key in [b"a", b"b", b"c"] {
        db.put(key, &vec![key[0]; 100_000], true).expect("memory");
    }
    db.put(&[b'd'; 3000], b"long key", true).expect("memory");
    db.flush().expect("flushes");
    drop(db);
    let (plan, mut small) = (Plan::new(), VecStorage::default());
    plan.budget.set(60_000);
    let memory = FaultyMemory(&plan);
    let mut db = Db::open(&mut file, memory, &options).expect("opens");
    let mut to = Db::open(&mut small, memory, &db.options()).expect("opens");
    assert_eq!(db.copy_to(&mut to), Ok(4));
    drop((db, to));
    assert_eq!(plan.used.get(), 0);
    let all = |file: &mut VecStorage| {
        scan(&mut Db::open(file, HeapMemory, &Options::default()).expect("opens"), false).expect("reads")
    };
    assert!(all(&mut file) == all(&mut small));
}

#[test]
fn errors_of_either_side_end_it() {
    let bytes = worn();
    for kind in [Kind::Read, Kind::Write, Kind::Sync, Kind::Alloc] {
        for n in (0..900).step_by(11) {
            let plan = Plan::new();
            let (mut file, mut small) =
                (VecStorage { bytes: bytes.clone(), ..VecStorage::default() }, VecStorage::default());
            let from = FaultyStorage { file: &mut file, plan: &plan };
            let mut db = Db::open(from, FaultyMemory(&plan), &Options::default()).expect("opens");
            let target = FaultyStorage { file: &mut small, plan: &plan };
            let mut to = Db::open(target, FaultyMemory(&plan), &db.options()).expect("opens");
            plan.arm(kind, n, false);
            match db.copy_to(&mut to) {
                Ok(_) => {}
                Err(e) => assert_eq!(e, if kind == Kind::Alloc { Error::NoMemory } else { EIO }),
            }
            plan.disarm();
            assert_eq!(db.check(u32::MAX, &mut |_| {}).expect("reads").errors, 0);
            drop((db, to));
            assert!(plan.used.get() == 0 && file.bytes == bytes);
        }
    }
}

//! Salvage: a sound file gives all its items, one without its first two pages (meta page and
//! root) still all items of its leaves, and a damaged one gives what it has, in bounded time.

mod common;

use common::faulty::{FaultyMemory, FaultyStorage, Kind, Plan, EIO};
use common::golden::golden;
use common::{pairs_hash, Pair, Rng};
use modbtree::{Db, Error, HeapMemory, Salvage, VecStorage};

/// All items that can be salvaged from an image, sorted, and the number passed over.
fn salvaged(bytes: Vec<u8>, name: &str) -> (Vec<Pair>, u32) {
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    let most = file.bytes.len() / 12;
    let Ok(mut db) = Db::open_damaged(&mut file, HeapMemory, 0) else { return (vec![], 0) };
    let mut at = Salvage::new(&mut db).expect("memory");
    let mut items = vec![];
    while let Some((key, value)) = db.salvage(&mut at).unwrap_or_else(|e| panic!("{name}: {e:?}")) {
        items.push((db.to_vec(&key).expect("checked"), db.to_vec(&value).expect("checked")));
        assert!(items.len() <= most, "{name}: more items than bytes for them");
    }
    items.sort();
    let skipped = at.skipped();
    drop(db);
    assert_eq!(file.writes, 0, "{name}: salvage does not write");
    (items, skipped)
}

fn all_items(bytes: Vec<u8>) -> Vec<Pair> {
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    let options = modbtree::Options::default();
    let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
    let mut cursor = modbtree::Cursor::new(HeapMemory);
    let mut items: Vec<_> = db.iter(&mut cursor).map(|item| item.expect("sound")).collect();
    items.sort();
    items
}

#[test]
fn sound_files_give_everything() {
    let mut beheaded = 0;
    for g in ["golden", "golden_be"].into_iter().flat_map(golden).filter(|g| !g.is_c_bug()) {
        let bytes = g.bytes();
        if bytes.is_empty() {
            continue;
        }
        let items = all_items(bytes.clone());
        assert_eq!(items.len(), g.items(), "{}", g.name);
        assert_eq!(salvaged(bytes.clone(), &g.name), (items.clone(), 0), "{}", g.name);
        // Without the meta page and the root: the leaves below are all there.
        let page_size = g.number("pagesize") as usize;
        if g.number("depth") > 1 && bytes.len() > 8 * page_size {
            let mut bytes = bytes;
            bytes[..2 * page_size].fill(0);
            let (left, skipped) = salvaged(bytes, &g.name);
            assert_eq!((pairs_hash(&left), skipped), (pairs_hash(&items), 0), "{} beheaded", g.name);
            beheaded += 1;
        }
    }
    assert!(beheaded > 20, "{beheaded} files without their head");
}

#[test]
fn damaged_files_give_what_they_have() {
    let mut found = 0;
    for g in golden("golden_bad") {
        let (items, skipped) = salvaged(g.bytes(), &g.name);
        println!("{}: {} items, {skipped} passed over", g.name, items.len());
        found += items.len();
    }
    assert!(found > 10_000, "{found} items in all damaged files");
}

/// Bytes changed anywhere, pages mixed up: an end without a crash, and no more items than fit.
#[test]
fn random_damage() {
    let mut rng = Rng::new(77);
    for g in ["golden", "golden_be"].into_iter().flat_map(golden).filter(|g| g.number("size") > 0) {
        let good = g.bytes();
        let page_size = g.number("pagesize") as usize;
        for round in 0..30 {
            let mut bad = good.clone();
            for _ in 0..=rng.below(20) {
                let (from, to) = (rng.below(bad.len()), rng.below(bad.len() / page_size) * page_size);
                match rng.below(3) {
                    0 => bad[from] = rng.next() as u8,
                    1 => bad[to + rng.below(24)] = rng.pick(&[0, 1, 2, 4, 0x24, 0xff]),
                    _ => {
                        let from = from / page_size * page_size;
                        bad.copy_within(from..from + page_size, to);
                    }
                }
            }
            if round % 5 == 0 {
                bad.truncate(rng.below(bad.len()));
            }
            salvaged(bad, &g.name);
        }
    }
}

/// The next call goes on after an error of the storage, and memory is given back.
#[test]
fn failing_storage_and_memory() {
    let file = golden("golden").into_iter().find(|g| g.name == "bigval_512.db").expect("golden file");
    for kind in [Kind::Read, Kind::Alloc] {
        for n in 0..200 {
            let (plan, mut store) =
                (Plan::new(), VecStorage { bytes: file.bytes(), ..VecStorage::default() });
            let storage = FaultyStorage { file: &mut store, plan: &plan };
            plan.arm(kind, n, false);
            let expected = if kind == Kind::Alloc { Error::NoMemory } else { EIO };
            let opened = Db::open_damaged(storage, FaultyMemory(&plan), 0)
                .and_then(|mut db| Salvage::new(&mut db).map(|at| (db, at)));
            let (mut items, mut errors) = (0, 0);
            match opened {
                Ok((mut db, mut at)) => loop {
                    match db.salvage(&mut at) {
                        Ok(Some(_)) => items += 1,
                        Ok(None) => break,
                        Err(e) => {
                            assert_eq!(e, expected);
                            errors += 1;
                        }
                    }
                },
                Err(e) => {
                    assert_eq!(e, expected);
                    errors = 1;
                }
            }
            // Without memory for one more page, others are replaced.
            assert!(errors <= plan.fired.get() && (errors > 0 || items == file.items()), "{kind:?} {n}");
            assert_eq!(plan.used.get(), 0);
        }
    }
}

//! Salvage: a sound file gives all its items, one without its first two pages (meta page and
//! root) still all items of its leaves, and a damaged one gives what it has, in bounded time.

mod common;

use common::golden::golden;
use common::{pairs_hash, Pair};
use modbtree::{Db, HeapMemory, Salvage, VecStorage};

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

//! Little memory, large batches: what is written before a flush leaves the state of the last
//! flush as it was, at every single write, and the next flush is whole.

mod common;

use common::checker::check_ours;
use common::faulty::{FaultyMemory, Plan};
use common::{expect_map, map_hash, work_dir, write_file, Map, Rng};
use modbtree::{Cursor, Db, HeapMemory, Options, Order, Result, Storage, VecStorage};
use std::cell::{Cell, RefCell};

/// A store that keeps a copy of itself for each write since the last sync, up to a number.
#[derive(Default)]
struct Watched {
    file: RefCell<VecStorage>,
    images: RefCell<Vec<Vec<u8>>>,
    every: Cell<usize>,
    writes: Cell<usize>,
}

impl Storage for &Watched {
    fn size(&mut self) -> Result<u64> {
        self.file.borrow_mut().size()
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        self.file.borrow_mut().read(at, buf)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        self.file.borrow_mut().write(at, buf)?;
        self.writes.set(self.writes.get() + 1);
        if self.every.get() > 0 && self.writes.get() % self.every.get() == 0 {
            self.images.borrow_mut().push(self.file.borrow().bytes.clone());
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.file.borrow_mut().sync()
    }
}

fn contents(image: Vec<u8>) -> Map {
    let mut file = VecStorage { bytes: image, ..VecStorage::default() };
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("a cut file opens");
    let mut cursor = Cursor::new(HeapMemory);
    db.iter(&mut cursor).map(|item| item.expect("a cut file is sound")).collect()
}

/// Batches of changes with memory for `pages` pages; returns the number of early writes.
fn run(page_size: u32, order: Order, pages: usize, values: usize, seed: u64) -> usize {
    let what = format!("{page_size} {order:?} {pages} pages, values below {values}");
    let (file, plan, mut rng) = (Watched::default(), Plan::new(), Rng::new(seed));
    plan.budget.set(pages * page_size as usize + 3000);
    let options = Options { page_size, order: Some(order), ..Options::default() };
    let (mut map, mut early) = (Map::new(), 0);
    for session in 0..3 {
        let mut db = Db::open(&file, FaultyMemory(&plan), &options).expect("opens");
        for round in 0..3 {
            let flushed = map.clone();
            // From the first write on: a new file must become a sound one at once. A batch of
            // clearing and filling again is the hardest, as every page changes.
            file.every.set(if session == 0 { 1 } else { 7 });
            file.writes.set(0);
            if session == 2 && round == 1 {
                match db.clear() {
                    Ok(()) => map.clear(),
                    Err(e) => assert_eq!(e, modbtree::Error::NoMemory, "{what}"),
                }
            }
            for _ in 0..400 {
                let key = format!("{:05}", rng.below(900)).into_bytes();
                if rng.once_in(4) {
                    let gone = map.remove(&key).is_some();
                    assert_eq!(db.delete(&key), Ok(gone), "{what}");
                } else {
                    let len = rng.below(values);
                    let value = rng.bytes(len);
                    assert_eq!(db.put(&key, &value, true), Ok(true), "{what}");
                    map.insert(key, value);
                }
            }
            early += file.writes.get();
            file.every.set(0);
            // The first file founded is written in three parts, of which the last makes it whole.
            let founding = if flushed.is_empty() && session == 0 { 2 } else { 0 };
            for image in file.images.borrow_mut().drain(..).skip(founding) {
                assert!(contents(image) == flushed, "{what}: session {session} round {round}");
            }
            assert_eq!(db.flush(), Ok(()), "{what}");
        }
        expect_map(&mut db, &map, &what);
        drop(db);
        assert_eq!(plan.used.get(), 0, "{what}");
    }
    let bytes = file.file.borrow().bytes.clone();
    let path =
        write_file(work_dir(&format!("spill_{page_size}_{order:?}_{pages}_{values}")).join("a.db"), &bytes);
    check_ours(&[], &[(path, map_hash(&map))]);
    early
}

#[test]
fn early_writes_keep_what_was_flushed() {
    let mut early = 0;
    for (page_size, order, pages, values) in [
        (512, Order::Little, 16, 40),
        (512, Order::Big, 16, 40),
        (512, Order::Little, 24, 700),
        (1024, Order::Little, 16, 200),
        (4096, Order::Little, 16, 2000),
    ] {
        early += run(page_size, order, pages, values, 5);
    }
    assert!(early > 1000, "{early} early writes");
    println!("{early} early writes");
}

/// Clearing a new file that was never flushed, with memory for ever fewer pages: the pages being
/// cleared, and the first page 0, are among what is written early.
#[test]
fn clearing_a_new_file() {
    let (mut early, mut files, dir) = (0, vec![], work_dir("spill_clear"));
    for pages in (14..140).step_by(3) {
        let (file, plan) = (Watched::default(), Plan::new());
        let options = Options { page_size: 512, ..Options::default() };
        let mut db = Db::open(&file, FaultyMemory(&plan), &options).expect("opens");
        let mut map: Map = (0..74).map(|i: u32| (i.to_be_bytes().to_vec(), vec![1; 300])).collect();
        for (key, value) in &map {
            assert_eq!(db.put(key, value, true), Ok(true));
        }
        plan.budget.set(pages * 512 + 4096);
        match db.clear() {
            Ok(()) => map.clear(),
            Err(e) => assert_eq!(e, modbtree::Error::NoMemory),
        }
        early += file.writes.get();
        let image = file.file.borrow().bytes.clone();
        if !image.is_empty() {
            let mut cut = VecStorage { bytes: image, ..VecStorage::default() };
            let mut db = Db::open(&mut cut, HeapMemory, &Options::default()).expect("a cut file opens");
            assert_eq!(db.put(b"first", &[0; 1000], true), Ok(true), "{pages} pages");
            assert_eq!(db.count(), Ok(1), "{pages} pages");
        }
        plan.budget.set(usize::MAX);
        expect_map(&mut db, &map, "cleared");
        assert_eq!(db.flush(), Ok(()));
        drop(db);
        let bytes = file.file.borrow().bytes.clone();
        files.push((write_file(dir.join(format!("{pages}.db")), &bytes), map_hash(&map)));
    }
    check_ours(&[], &files);
    assert!(early > 100, "{early} early writes");
}

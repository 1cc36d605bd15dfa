//! The journal and other programs: what they find in a file that has one, that their changes are
//! noticed, and that a file without one is left at the end. (Power cuts: tests/power_cut.rs.)

mod common;

use common::checker::check_ours;
use common::device::{Device, Effort, Medium};
use common::faulty::{FaultyMemory, Plan};
use common::libdb1::Libdb1;
use common::ops::Op;
use common::*;
use modbtree::{Db, Error, HeapMemory, Journal, Options, Order, Reason, Result, Storage, VecStorage};
use std::cell::RefCell;
use std::path::Path;
use std::process::Command;

fn options(page_size: u32) -> Options {
    Options { page_size, journal: Journal::On, ..Options::default() }
}

fn open(file: &mut VecStorage, journal: Journal) -> Result<Db<&mut VecStorage, HeapMemory>> {
    Db::open(file, HeapMemory, &Options { journal, ..Options::default() }).map_err(|e| e.error)
}

fn file_of(bytes: &[u8]) -> VecStorage {
    VecStorage { bytes: bytes.to_vec(), ..VecStorage::default() }
}

/// A closed file, then the same with a journal of `flushes` flushes, and the items of both.
fn with_journal(page_size: u32, count: usize, flushes: usize) -> (Vec<u8>, Map, Vec<u8>, Map) {
    let (mut file, mut map, mut rng) = (VecStorage::default(), Map::new(), Rng::new(9));
    let mut db = Db::open(&mut file, HeapMemory, &options(page_size)).expect("opens");
    for i in 0..count {
        let (key, value) = (format!("{i:05}").into_bytes(), rng.bytes(20));
        db.put(&key, &value, true).expect("puts");
        map.insert(key, value);
    }
    db.close().expect("closes");
    drop(db);
    let (closed, before) = (file.bytes.clone(), map.clone());
    let mut db = open(&mut file, Journal::On).expect("opens");
    for _ in 0..flushes {
        let (key, value) = (format!("{:05}x", rng.below(count)).into_bytes(), rng.bytes(30));
        db.put(&key, &value, true).expect("puts");
        map.insert(key, value);
        db.flush().expect("flushes");
    }
    drop(db);
    (closed, before, file.bytes, map)
}

fn expect_items(bytes: &[u8], journal: Journal, map: &Map, what: &str) {
    let mut file = file_of(bytes);
    let mut db = open(&mut file, journal).unwrap_or_else(|e| panic!("{what}: {e:?}"));
    assert!(scan(&mut db, false).expect("reads") == pairs(map), "{what}");
}

#[test]
fn others_read_the_last_checkpoint() {
    let dir = work_dir("journal_others");
    let mut oracle = Libdb1::start(&dir);
    for page_size in [512, 1024, 4096] {
        let (_, before, live, after) = with_journal(page_size, 300, 8);
        let path = write_file(dir.join(format!("{page_size}.db")), &live);
        assert_eq!(oracle.dump(&path), (before.len() as u64, map_hash(&before)));
        expect_items(&live, Journal::On, &after, "with the flag");
        expect_items(&live, Journal::Off, &after, "without");
        expect_items(&live, Journal::Discard, &before, "thrown away");
    }
}

#[test]
fn a_closed_file_has_no_journal() {
    let dir = work_dir("journal_closed");
    let mut files = vec![];
    for page_size in [512, 4096] {
        let (closed, before, live, mut after) = with_journal(page_size, 300, 8);
        files.push((write_file(dir.join(format!("{page_size}-first.db")), &closed), map_hash(&before)));
        // By a session that does nothing else, and by one without the flag that changes something.
        let mut file = file_of(&live);
        open(&mut file, Journal::On).expect("opens").close().expect("closes");
        files.push((write_file(dir.join(format!("{page_size}-on.db")), &file.bytes), map_hash(&after)));
        let mut file = file_of(&live);
        let mut db = open(&mut file, Journal::Off).expect("opens");
        db.put(b"new", b"value", true).expect("puts");
        db.close().expect("closes");
        drop(db);
        after.insert(b"new".to_vec(), b"value".to_vec());
        files.push((write_file(dir.join(format!("{page_size}-off.db")), &file.bytes), map_hash(&after)));
    }
    // All pages in use or free, and nothing behind the meta page.
    let paths: Vec<_> = files.iter().map(|f| f.0.clone()).collect();
    for report in common::checker::check_contents(&[], &files) {
        assert_eq!(report["warnings"].as_array().map_or(0, Vec::len), 0, "{report:#}");
    }
    for path in paths {
        let bytes = std::fs::read(path).expect("is there");
        assert!(bytes[24..512].iter().all(|&b| b == 0));
    }
}

#[test]
fn reading_writes_nothing() {
    let (_, _, live, after) = with_journal(512, 200, 5);
    let mut file = file_of(&live);
    let mut db = open(&mut file, Journal::Off).expect("opens");
    assert_eq!(scan(&mut db, false).expect("reads"), pairs(&after));
    assert!(db.check(10, &mut |f| panic!("{f:?}")).is_ok());
    db.close().expect("closes");
    drop(db);
    assert!(file.writes == 0 && file.bytes == live);
}

/// A store that keeps what it was at each sync.
#[derive(Default)]
struct Synced {
    file: RefCell<VecStorage>,
    images: RefCell<Vec<Vec<u8>>>,
}

impl Storage for &Synced {
    fn size(&mut self) -> Result<u64> {
        self.file.borrow_mut().size()
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        self.file.borrow_mut().read(at, buf)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        self.file.borrow_mut().write(at, buf)
    }

    fn sync(&mut self) -> Result<()> {
        self.images.borrow_mut().push(self.file.borrow().bytes.clone());
        Ok(())
    }
}

#[test]
fn others_refuse_a_checkpoint_under_way() {
    let dir = work_dir("journal_checkpoint");
    for flushes in [8, 20, 40] {
        checkpoint_under_way(&dir, flushes);
    }
}

fn checkpoint_under_way(dir: &Path, flushes: usize) {
    let (_, _, live, after) = with_journal(512, 300, flushes);
    let store = Synced { file: RefCell::new(file_of(&live)), ..Synced::default() };
    let mut db = Db::open(&store, HeapMemory, &options(0)).expect("opens");
    db.close().expect("closes");
    let images = store.images.borrow();
    let flag = |image: &Vec<u8>| Order::NATIVE == Order::Little && image[23] == 1 || image[20] == 1;
    let under_way: Vec<_> = images.iter().filter(|image| flag(image)).collect();
    // One more sync if there were two logs before.
    assert!((4..=5).contains(&images.len()) && under_way.len() == 2);
    for (i, image) in under_way.into_iter().enumerate() {
        let path = write_file(dir.join(format!("{i}.db")), image);
        let out = Command::new("db_dump185").arg(&path).output().expect("db_dump185 runs");
        assert!(!out.status.success());
        assert_eq!(open(&mut file_of(image), Journal::Discard).err(), Some(Error::Corrupt(Reason::Journal)));
        expect_items(image, Journal::On, &after, "with the flag");
        expect_items(image, Journal::Off, &after, "without");
    }
}

/// The last checkpoint of an empty log makes its pages free ones: when it is cut, the free list may
/// already lead to pages that are not yet what they are to be.
#[test]
fn the_last_checkpoint_of_an_empty_log_is_done_again() {
    let dir = work_dir("journal_empty");
    let (_, _, live, mut map) = with_journal(512, 100, 3);
    let mut file = file_of(&live);
    let mut db = open(&mut file, Journal::On).expect("opens");
    for i in 0..5 {
        db.put(b"new", &[i; 20], true).expect("puts");
        db.flush().expect("flushes");
    }
    map.insert(b"new".to_vec(), vec![4; 20]);
    db.checkpoint().expect("brings home");
    drop(db);
    let last = (file.bytes.len() / 512 - 1) as u32;
    assert!(file.bytes[last as usize * 512..] != [0; 512], "a page of the log");
    file.bytes[12..16].copy_from_slice(&last.to_ne_bytes());
    file.bytes[if Order::NATIVE == Order::Little { 23 } else { 20 }] |= 1;
    for journal in [Journal::On, Journal::Off] {
        let what = format!("{journal:?}");
        expect_items(&file.bytes, journal, &map, &what);
        let mut file = file_of(&file.bytes);
        let mut db = open(&mut file, journal).expect("opens");
        db.check(10, &mut |f| panic!("{what}: {f:?}")).expect("checks");
        let mut map = map.clone();
        for i in 0..100u8 {
            db.put(&[b'n', i], &[i; 40], true).expect("puts");
            map.insert(vec![b'n', i], vec![i; 40]);
        }
        db.close().expect("closes");
        drop(db);
        let path = write_file(dir.join(format!("{what}.db")), &file.bytes);
        check_ours(&[], &[(path, map_hash(&map))]);
    }
}

/// The pages that a log leaves at the end of a file are those of the next one.
#[test]
fn sessions_do_not_make_a_file_longer() {
    let dir = work_dir("journal_sessions");
    let (mut file, mut map, mut rng) = (VecStorage::default(), Map::new(), Rng::new(5));
    let mut sizes = vec![];
    for session in 0..40u8 {
        let mut db = Db::open(&mut file, HeapMemory, &options(512)).expect("opens");
        for i in 0..100 {
            let key = format!("k{:03}", rng.below(400)).into_bytes();
            db.put(&key, &[session; 40], true).expect("puts");
            map.insert(key, vec![session; 40]);
            if i % 10 == 9 {
                db.flush().expect("flushes");
            }
        }
        db.close().expect("closes");
        db.check(10, &mut |f| panic!("{session}: {f:?}")).expect("checks");
        drop(db);
        sizes.push(file.bytes.len());
    }
    assert!(sizes[39] <= sizes[9] * 5 / 4, "{sizes:?}");
    let path = write_file(dir.join("file.db"), &file.bytes);
    check_ours(&[], &[(path, map_hash(&map))]);
}

/// Runs libdb1 on a file that has a journal.
fn changed_by_libdb1(live: &[u8], ops: &[Op], name: &str) -> Vec<u8> {
    let dir = work_dir(name);
    let path = write_file(dir.join("file.db"), live);
    Libdb1::start(&dir).run(&path, ops, 0, 0);
    std::fs::read(path).expect("is there")
}

#[test]
fn changes_of_others_are_noticed() {
    let put = |key: String, len: usize| Op::Put(key.into_bytes(), vec![b'c'; len]);
    let (_, before, live, after) = with_journal(512, 300, 3);
    let logged: Vec<_> = after.keys().filter(|k| !before.contains_key(*k)).cloned().collect();
    let beside = String::from_utf8(logged[0][..5].to_vec()).expect("digits");
    let other = before.keys().find(|k| logged.iter().all(|l| !near(k, l))).expect("another leaf").clone();
    let stale = Some(Error::Corrupt(Reason::Stale));

    // A value on a leaf that the journal has.
    let bytes = changed_by_libdb1(&live, &[put(beside, 20)], "journal_leaf");
    let mut file = file_of(&bytes);
    assert_eq!(open(&mut file, Journal::On).err(), stale);
    assert_eq!(open(&mut file, Journal::Off).err(), stale);
    assert_eq!((file.writes, &file.bytes), (0, &bytes));
    let mut db = open(&mut file, Journal::Discard).expect("opens without it");
    assert_eq!(scan(&mut db, false).expect("reads").len(), before.len());
    db.put(b"new", b"value", true).expect("puts");
    db.close().expect("closes");
    drop(db);
    let mut db = open(&mut file, Journal::On).expect("has no journal any more");
    assert_eq!(scan(&mut db, false).expect("reads").len(), before.len() + 1);

    // New pages, and pages that become free.
    let grow: Vec<_> = (0..200).map(|i| put(format!("9{i:05}"), 60)).collect();
    let bytes = changed_by_libdb1(&live, &grow, "journal_pages");
    assert_eq!(open(&mut file_of(&bytes), Journal::On).err(), stale);
    let big = [put("zz".into(), 3000)];
    let bytes = changed_by_libdb1(&live, &big, "journal_chain");
    assert_eq!(open(&mut file_of(&bytes), Journal::On).err(), stale);

    // A value on another leaf is no conflict.
    let key = String::from_utf8(other.clone()).expect("digits");
    let bytes = changed_by_libdb1(&live, &[put(key, 20)], "journal_other");
    let mut both = after;
    both.insert(other, vec![b'c'; 20]);
    expect_items(&bytes, Journal::On, &both, "both changes");
}

/// A journal that is thrown away leaves free pages, and does not come back with a power cut.
#[test]
fn a_journal_thrown_away() {
    for flushes in [1, 8] {
        let (_, before, live, after) = with_journal(512, 300, flushes);
        let mut changed = before.clone();
        changed.insert(b"new".to_vec(), b"value".to_vec());
        let session = |device: &Device, flush: bool| {
            let options = Options { journal: Journal::Discard, ..Options::default() };
            let mut db = Db::open(device, HeapMemory, &options).map_err(|e| e.error)?;
            assert_eq!(db.check(10, &mut |f| panic!("{f:?}")).map(|report| report.leaked), Ok(0));
            db.put(b"new", b"value", true)?;
            // What an ordinary flush leaves is not the question.
            if flush {
                db.flush()?;
            }
            Ok::<_, Error>(())
        };
        let device = Device::new(live.clone());
        session(&device, true).expect("no power cut");
        let bytes = device.bytes();
        expect_items(&bytes, Journal::Off, &changed, "changed");
        assert!(bytes[24..80].iter().all(|&byte| byte == 0) && bytes.len() >= live.len());
        let mut file = file_of(&bytes);
        let report = open(&mut file, Journal::On).expect("opens").check(10, &mut |f| panic!("{f:?}"));
        assert!(report.is_ok_and(|report| report.leaked == 0 && report.free > 0));
        let device = Device::new(live.clone());
        session(&device, false).expect("no power cut");
        let (trace, mut seen) = (device.into_trace(), [0; 2]);
        for medium in [Medium::InOrder, Medium::Cached] {
            trace.cuts(medium, Effort { all: 8, random: 20 }, &mut Rng::new(7), &mut |image, _| {
                let mut file = file_of(&image);
                let mut db = open(&mut file, Journal::Off).expect("opens");
                let found = scan(&mut db, false).expect("reads");
                let state = [&after, &before].iter().position(|map| pairs(map) == found);
                seen[state.expect("one of the two")] += 1;
                // The pages of the journal may be lost, and the rest of a mark that is torn.
                let known = |reason| matches!(reason, Reason::Leaked | Reason::MetaTail);
                db.check(u32::MAX, &mut |f| assert!(known(f.reason), "{f:?}")).expect("reads");
            });
        }
        assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
    }
}

/// Whether two keys may be on one leaf.
fn near(a: &[u8], b: &[u8]) -> bool {
    let number = |k: &[u8]| String::from_utf8_lossy(&k[..5]).parse::<i32>().expect("a number");
    (number(a) - number(b)).abs() < 40
}

#[test]
fn a_damaged_journal_is_noticed_unless_it_looks_cut_off() {
    let (_, before, live, after) = with_journal(512, 100, 4);
    let (mut seen, mut rng) = ([0; 3], Rng::new(3));
    for at in (0..live.len()).step_by(7).chain(24..80) {
        let mut bytes = live.clone();
        bytes[at] ^= 1 << rng.below(8);
        let mut file = file_of(&bytes);
        let outcome = match open(&mut file, Journal::On).and_then(|mut db| scan(&mut db, false)) {
            Err(_) => 0,
            Ok(items) if items == pairs(&after) => 1,
            // The last flush, or without its mark the journal.
            Ok(items) => {
                assert!(items.len() <= after.len() && items.len() >= before.len(), "byte {at}");
                2
            }
        };
        seen[outcome] += 1;
    }
    assert!(seen.iter().all(|&n| n > 20), "{seen:?}");
}

#[test]
fn the_journal_is_brought_home_when_it_is_long() {
    let dir = work_dir("journal_long");
    for (page_size, budget) in [(512, usize::MAX), (512, 60_000), (4096, usize::MAX)] {
        let (mut file, plan) = (VecStorage::default(), Plan::new());
        plan.budget.set(budget);
        let (mut map, mut rng, mut longest) = (Map::new(), Rng::new(4), 0);
        let mut db = Db::open(&mut file, FaultyMemory(&plan), &options(page_size)).expect("opens");
        for i in 0..3000 {
            let (key, len) = (format!("{:04}", rng.below(800)).into_bytes(), rng.below(60));
            let value = rng.bytes(len);
            assert_eq!(db.put(&key, &value, true), Ok(true));
            map.insert(key, value);
            if i % 5 == 0 {
                db.flush().expect("flushes");
                longest = longest.max(db.storage().bytes.len());
            }
        }
        let stat = db.stat().expect("reads");
        assert!(stat.pages as usize * page_size as usize <= longest);
        db.checkpoint().expect("writes");
        assert_eq!(scan(&mut db, false).expect("reads"), pairs(&map));
        db.close().expect("closes");
        drop(db);
        assert_eq!(plan.used.get(), 0);
        // 800 items of about 40 bytes, and a log of 64 pages, or half as long as the file.
        let items = if cfg!(feature = "repack") { 70_000 } else { 130_000 };
        assert!(file.bytes.len() < items + 70 * page_size as usize * 3 / 2, "{}", file.bytes.len());
        check_ours_but_slack(&dir, &file.bytes, &map);
    }
}

fn check_ours_but_slack(dir: &Path, bytes: &[u8], map: &Map) {
    let files = [(write_file(dir.join("file.db"), bytes), map_hash(map))];
    common::checker::check_contents(&[], &files);
}

/// On an atomic medium the file is cut off again.
#[derive(Default)]
struct Atomic(RefCell<VecStorage>);

impl Storage for &Atomic {
    fn size(&mut self) -> Result<u64> {
        self.0.borrow_mut().size()
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        self.0.borrow_mut().read(at, buf)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        self.0.borrow_mut().write(at, buf)
    }

    fn sync(&mut self) -> Result<()> {
        self.0.borrow_mut().sync()
    }

    fn atomic(&self) -> bool {
        true
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        self.0.borrow_mut().bytes.truncate(size as usize);
        Ok(())
    }
}

#[test]
fn clearing_frees_pages_before_the_log() {
    let store = Atomic::default();
    let mut db = Db::open(&store, HeapMemory, &options(512)).expect("opens");
    let fill = |db: &mut Db<_, _>, from: u32, to: u32| {
        for i in from..to {
            assert_eq!(db.put(&i.to_be_bytes(), &[7; 50], true), Ok(true));
        }
    };
    fill(&mut db, 0, 20);
    db.checkpoint().expect("flushes");
    let pages = db.stat().expect("counts").pages;
    // New pages that no flush has written yet.
    fill(&mut db, 20, 40);
    assert!(db.stat().expect("counts").pages > pages);
    db.clear().expect("clears");
    db.flush().expect("flushes");
    db.check(10, &mut |f| panic!("{f:?}")).expect("checks");
    db.checkpoint().expect("brings home");
    db.check(10, &mut |f| panic!("{f:?}")).expect("checks");
    let stat = db.stat().expect("counts");
    assert_eq!(stat.free, stat.pages - 2);
}

#[test]
fn an_atomic_medium_is_left_without_a_trace() {
    let dir = work_dir("journal_atomic");
    let (mut files, mut rng) = (vec![], Rng::new(6));
    for turn in 0..20 {
        let store = Atomic::default();
        let mut map = Map::new();
        for _ in 0..4 {
            let plan = Plan::new();
            if turn % 2 == 1 {
                plan.budget.set(40_000);
            }
            let mut db = Db::open(&store, FaultyMemory(&plan), &options(512)).expect("opens");
            assert_eq!(scan(&mut db, false).expect("reads"), pairs(&map));
            for _ in 0..rng.below(400) {
                let (key, len) = (format!("{:04}", rng.below(900)).into_bytes(), rng.below(90));
                if rng.once_in(4) {
                    assert_eq!(db.delete(&key), Ok(map.remove(&key).is_some()));
                } else {
                    let value = rng.bytes(len);
                    assert_eq!(db.put(&key, &value, true), Ok(true));
                    map.insert(key, value);
                }
                if rng.once_in(9) {
                    db.flush().expect("flushes");
                    let report = db.check(10, &mut |f| panic!("{turn}: {f:?}"));
                    assert!(report.is_ok());
                }
            }
            // Left as after a power cut, or closed; always as of the last flush.
            if rng.once_in(2) {
                db.close().expect("closes");
            } else {
                db.flush().expect("flushes");
            }
        }
        let mut db = Db::open(&store, HeapMemory, &options(512)).expect("opens");
        assert_eq!(scan(&mut db, false).expect("reads"), pairs(&map));
        db.close().expect("closes");
        drop(db);
        let bytes = store.0.into_inner().bytes;
        files.push((write_file(dir.join(format!("{turn}.db")), &bytes), map_hash(&map)));
    }
    let reports = check_ours(&[], &files);
    assert!(reports.iter().all(|r| r["ok"] == true));
}

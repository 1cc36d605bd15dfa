//! Every single failure of storage and memory, at every place of some short scripts: the failed
//! call has changed nothing, later calls work, a failed write is remembered, no memory is lost.
//! And: with a hard limit to memory, changed pages go to the storage early.

mod common;

use common::checker::check_ours;
use common::faulty::{FaultyMemory, FaultyStorage, Kind, Plan, EIO};
use common::ops::{apply, inline_limit, random_change, Keys, Mix, Op};
use common::*;
use modbtree::{Cursor, Db, Error, Options, Reason, VecStorage};
use std::ops::Bound::{Excluded, Unbounded};
use std::path::PathBuf;

type Database<'a> = Db<FaultyStorage<'a>, FaultyMemory<'a>>;

#[derive(Clone, Debug)]
enum Act {
    Change(Op),
    Get(Vec<u8>),
    /// The cursor of the script moves.
    Step(bool),
    Count,
    Stat,
    Clear,
}

/// Items that are in the file at the start, and what is done then.
struct Script {
    name: &'static str,
    start: Map,
    acts: Vec<Act>,
}

fn number(i: usize) -> Vec<u8> {
    format!("{i:05}").into_bytes()
}

fn numbers(range: std::ops::Range<usize>, value: usize) -> Map {
    range.map(|i| (number(i * 10), vec![i as u8; value])).collect()
}

fn put(key: Vec<u8>, value: usize) -> Act {
    let fill = key.last().copied().unwrap_or(0);
    Act::Change(Op::Put(key, vec![fill; value]))
}

fn delete(key: Vec<u8>) -> Act {
    Act::Change(Op::Delete(key))
}

const FLUSH: Act = Act::Change(Op::Flush);

fn big_key(i: usize) -> Vec<u8> {
    let mut key = vec![b'K'; 700];
    key.extend(number(i));
    key
}

fn scripts() -> Vec<Script> {
    let mut all = vec![];
    // Leaves split, in the middle and at both ends, and the root grows twice.
    let mut acts: Vec<_> = (0..24).map(|i| put(number(i * 31 % 60 * 10 + 5), 90)).collect();
    acts.extend((0..12).map(|i| put(format!("z{i}").into_bytes(), 80)));
    acts.extend([FLUSH, Act::Count, Act::Stat]);
    acts.extend((0..8).map(|i| put(format!(" {}", 9 - i).into_bytes(), 100)));
    acts.push(FLUSH);
    all.push(Script { name: "split", start: numbers(0..60, 60), acts });
    // Items in overflow pages come, change and go.
    let mut acts = vec![];
    for i in 0..5 {
        acts.extend([put(number(i * 7), 1500), put(big_key(i), 10), put(big_key(9 - i), 700)]);
    }
    acts.extend([FLUSH, Act::Get(big_key(3)), put(number(7), 2000), put(big_key(1), 0), put(number(14), 3)]);
    acts.extend([delete(big_key(2)), delete(number(0)), Act::Step(false), Act::Step(false), FLUSH]);
    acts.extend((0..10).map(|i| delete(big_key(i))));
    acts.push(FLUSH);
    all.push(Script { name: "overflow", start: numbers(0..20, 30), acts });
    // Leaves are merged until the tree is flat, with the cursor walking both ways.
    let mut acts = vec![];
    for i in 0..110 {
        acts.push(delete(number(i * 37 % 120 * 10)));
        if i % 10 == 5 {
            acts.extend([Act::Step(i % 20 > 10), Act::Step(i % 20 > 10), Act::Get(number(i * 10))]);
        }
        if i % 40 == 39 {
            acts.push(FLUSH);
        }
    }
    acts.push(FLUSH);
    all.push(Script { name: "merge", start: numbers(0..120, 40), acts });
    // A new file, emptied by `clear`, used again.
    let mut acts: Vec<_> = (0..30).map(|i| put(number(i * 17 % 30), 50)).collect();
    acts.extend([FLUSH, Act::Clear, put(number(1), 600), Act::Count, FLUSH]);
    acts.extend((0..20).map(|i| put(number(i), 45)));
    acts.extend([FLUSH, Act::Clear, FLUSH]);
    all.push(Script { name: "clear", start: Map::new(), acts });
    all
}

fn options() -> Options {
    Options { page_size: 512, ..Options::default() }
}

/// A file with the items a script starts with.
fn start_file(script: &Script) -> VecStorage {
    let (mut file, plan) = (VecStorage::default(), Plan::new());
    let mut db = open(&mut file, &plan, &options()).expect("opens");
    for (k, v) in &script.start {
        assert_eq!(db.put(k, v, true), Ok(true));
    }
    db.flush().expect("flushes");
    drop(db);
    file
}

fn open<'a>(file: &'a mut VecStorage, plan: &'a Plan, options: &Options) -> Result<Database<'a>, Error> {
    Db::open(FaultyStorage { file, plan }, FaultyMemory(plan), options).map_err(|e| e.error)
}

/// A script under way.
struct Play<'a> {
    db: Database<'a>,
    cursor: Cursor<FaultyMemory<'a>>,
    /// The last key that the cursor returned.
    on: Option<Vec<u8>>,
    map: Map,
}

impl Play<'_> {
    /// Does one act; the model follows if it succeeds.
    fn act(&mut self, act: &Act) -> Result<(), Error> {
        match act {
            Act::Change(op) => {
                let done = match op {
                    Op::Put(k, v) => self.db.put(k, v, true)?,
                    Op::Delete(k) => self.db.delete(k)?,
                    Op::Flush | Op::Reopen => self.db.flush().map(|()| true)?,
                };
                assert_eq!(done, apply(&mut self.map, op), "{op:?}");
            }
            Act::Get(key) => assert_eq!(self.db.get_vec(key)?.as_ref(), self.map.get(key)),
            Act::Step(back) => {
                let Some((key, _)) = self.db.step(&mut self.cursor, *back)? else { return Ok(()) };
                // The cursor has moved, whether or not the key can be read now.
                let next = match (&self.on, back) {
                    (None, _) => self.map.keys().next(),
                    (Some(k), false) => self.map.range((Excluded(k.clone()), Unbounded)).next().map(|i| i.0),
                    (Some(k), true) => self.map.range(..k.clone()).next_back().map(|i| i.0),
                };
                self.on = next.cloned();
                let key = self.db.to_vec(&key)?;
                assert_eq!(Some(&key), self.on.as_ref(), "cursor, backward {back}");
            }
            Act::Count => assert_eq!(self.db.count()?, self.map.len() as u32),
            Act::Stat => assert_eq!(self.db.stat()?.page_size, 512),
            Act::Clear => {
                self.db.clear()?;
                self.map.clear();
            }
        }
        Ok(())
    }

    /// After a failed write every change and flush is refused with its error, reading goes on.
    fn expect_latched(&mut self, what: &str) {
        assert_eq!(self.db.put(b"late", b"", true), Err(EIO), "{what}");
        assert_eq!(self.db.delete(b"late"), Err(EIO), "{what}");
        assert_eq!(self.db.clear(), Err(EIO), "{what}");
        assert_eq!(self.db.flush(), Err(EIO), "{what}");
        expect_map(&mut self.db, &self.map, what);
    }
}

/// Plays a script while `plan` lets one call fail. What the database holds in the end, or
/// `None` if it can no longer be written.
fn play(script: &Script, kind: Kind, plan: &Plan, mut play: Play, what: &str) -> Option<Map> {
    for (i, act) in script.acts.iter().enumerate() {
        let what = format!("{what}, act {i} {act:?}");
        let Err(error) = play.act(act) else { continue };
        let expected = match kind {
            Kind::Alloc => Error::NoMemory,
            Kind::ShortRead => Error::Corrupt(Reason::TooShort),
            _ => EIO,
        };
        assert_eq!(error, expected, "{what}");
        plan.disarm();
        // Reading everything may take more memory than the cache has left.
        plan.budget.set(usize::MAX);
        expect_map(&mut play.db, &play.map, &what);
        if matches!(kind, Kind::Write | Kind::Sync) {
            play.expect_latched(&what);
            return None;
        }
        // The same call works now.
        assert_eq!(play.act(act), Ok(()), "{what}, again");
    }
    plan.disarm();
    expect_map(&mut play.db, &play.map, what);
    Some(play.map)
}

fn fail_everywhere(kind: Kind, lasting: bool, budget: usize) {
    let dir = work_dir(&format!("faults_{kind:?}_{lasting}_{budget}"));
    for script in scripts() {
        let (start, mut files) = (start_file(&script), vec![]);
        for n in 0.. {
            let what = format!("{}: {kind:?} {n} fails, lasting {lasting}", script.name);
            let (mut file, plan) = (start.clone(), Plan::new());
            plan.arm(kind, n, lasting);
            plan.budget.set(budget);
            let map = match open(&mut file, &plan, &options()) {
                Ok(db) => {
                    let cursor = Cursor::new(FaultyMemory(&plan));
                    play(
                        &script,
                        kind,
                        &plan,
                        Play { db, cursor, on: None, map: script.start.clone() },
                        &what,
                    )
                }
                Err(_) => None,
            };
            assert_eq!(plan.used.get(), 0, "{what}: memory in use at the end");
            if plan.fired.get() == 0 {
                println!("{}: {kind:?} can fail at {n} places", script.name);
                assert!(n > 1, "{what}");
                break;
            }
            files.extend(map.map(|map| (map, file)));
        }
        // Whatever failed, what was flushed in the end is sound; a few tell enough.
        let some: Vec<(PathBuf, String)> = files
            .iter()
            .step_by(files.len() / 8 + 1)
            .enumerate()
            .map(|(i, (map, file))| {
                let path = dir.join(format!("{}-{i}.db", script.name));
                (write_file(path, &file.bytes), map_hash(map))
            })
            .collect();
        check_ours(&[], &some);
    }
}

#[test]
fn reads() {
    fail_everywhere(Kind::Read, false, usize::MAX);
}

#[test]
fn reads_for_a_while() {
    fail_everywhere(Kind::Read, true, usize::MAX);
}

#[test]
fn short_reads() {
    fail_everywhere(Kind::ShortRead, false, usize::MAX);
}

#[test]
fn writes() {
    fail_everywhere(Kind::Write, false, usize::MAX);
}

#[test]
fn syncs() {
    fail_everywhere(Kind::Sync, false, usize::MAX);
}

#[test]
fn allocations() {
    fail_everywhere(Kind::Alloc, false, usize::MAX);
}

#[test]
fn allocations_for_a_while() {
    fail_everywhere(Kind::Alloc, true, usize::MAX);
}

/// Memory for so many pages, the table of the cache and a key or two.
fn memory_for(pages: usize, page_size: usize) -> usize {
    pages * page_size + 1200
}

/// Changed pages are written before the flush.
#[test]
fn early_writes() {
    fail_everywhere(Kind::Write, false, memory_for(12, 512));
}

#[test]
fn reads_when_memory_is_short() {
    fail_everywhere(Kind::Read, false, memory_for(12, 512));
}

/// Random changes with a limit to memory; returns how many failed for want of it.
fn batch(
    keys: Keys,
    page_size: usize,
    min_keys: usize,
    pages: usize,
    files: &mut Vec<(PathBuf, String)>,
) -> usize {
    let what = format!("{keys:?}, {pages} pages of {page_size}");
    let (mut file, plan, mut map) = (VecStorage::default(), Plan::new(), Map::new());
    plan.budget.set(memory_for(pages, page_size));
    let (mut rng, mut failed) = (Rng::new(12), 0);
    let options = Options { page_size: page_size as u32, min_keys: min_keys as u32, ..Options::default() };
    let mut db = open(&mut file, &plan, &options).expect("opens");
    for step in 0..3000 {
        let mix = Mix { keys, page_size, limit: inline_limit(page_size, min_keys), puts: 7 };
        let op = random_change(&mut rng, &map, mix, step);
        let done = match &op {
            Op::Put(k, v) => db.put(k, v, true),
            Op::Delete(k) => db.delete(k),
            Op::Flush | Op::Reopen => unreachable!("only changes"),
        };
        match done {
            Ok(done) => assert_eq!(done, apply(&mut map, &op), "{what}, step {step} {op:?}"),
            Err(e) => {
                assert_eq!(e, Error::NoMemory, "{what}, step {step} {op:?}");
                failed += 1;
                if failed % 10 == 1 {
                    expect_found(&mut db, &map, &what);
                }
            }
        }
    }
    assert!(plan.used.get() <= plan.budget.get());
    let storage = db.storage();
    // Two to make the new file a sound, empty one: its root, then its header.
    let (writes, syncs) = (storage.file.writes, storage.file.syncs);
    assert!(writes > 50 && syncs <= 2, "{what}: {writes} early writes, {syncs} syncs");
    assert_eq!(db.flush(), Ok(()), "{what}");
    plan.budget.set(usize::MAX);
    expect_map(&mut db, &map, &what);
    drop(db);
    assert_eq!(plan.used.get(), 0, "{what}");
    let path = files[..].len();
    let path = work_dir(&format!("faults_batch_{keys:?}_{page_size}_{pages}_{path}")).join("file.db");
    files.push((write_file(path, &file.bytes), map_hash(&map)));
    failed
}

/// Large changes in little memory: all of them work, and the flush makes a sound file.
/// Entries that fill half a page make deep trees, which take more.
#[test]
fn a_big_batch_fits_in_little_memory() {
    let mut files = vec![];
    for (keys, page_size, min_keys, pages) in [
        (Keys::Short, 512, 4, 18),
        (Keys::Binary, 512, 4, 20),
        (Keys::Rising, 512, 2, 20),
        (Keys::Prefix, 4096, 2, 20),
        (Keys::Prefix, 512, 2, 28),
        (Keys::Big, 512, 2, 40),
    ] {
        assert_eq!(batch(keys, page_size, min_keys, pages, &mut files), 0, "{keys:?} {page_size}");
    }
    check_ours(&[], &files);
}

/// With less memory than some changes need, those fail and change nothing.
#[test]
fn too_little_memory_changes_nothing() {
    let mut files = vec![];
    for pages in 7..12 {
        for keys in Keys::ALL {
            let failed = batch(keys, 512, 2, pages, &mut files);
            assert!(failed < 1500, "{keys:?}: {failed} changes failed with {pages} pages");
            // Without `repack`, fewer are needed.
            let enough = failed == 0 && pages < 10 && cfg!(feature = "repack");
            assert!(!enough, "{keys:?}: {pages} pages are enough");
        }
    }
    check_ours(&[], &files);
}

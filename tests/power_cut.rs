//! Power cuts: a script runs on a medium that writes down every byte and sync (common/device.rs),
//! and every file that a cut at any moment may leave is opened again. What must be found then
//! depends on the medium; afterwards the database must go on working, and close as a plain,
//! sound file. Opening itself is cut, too.
//!
//! CUTS=<number> tries so many times more by chance, SEED=<number> other ones.

mod common;
#[path = "mutants/exercise.rs"]
mod exercise;

use common::checker::check_contents;
use common::device::{Cut, Device, Effort, Medium, Trace, DEAD};
use common::faulty::{FaultyMemory, Plan};
use common::ops::{apply, inline_limit, random_change, Keys, Mix, Op};
use common::{expect_map, map_hash, pairs, scan, work_dir, write_file, Map, Rng};
use modbtree::{Db, Error, HeapMemory, Journal, Options, Reason, VecStorage};
use std::cell::Cell;
use std::path::PathBuf;

/// How changes reach the medium.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Default,
    Journal,
}

/// What must be found after a cut.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Promise {
    /// The state of the last flush that has returned, or that of the one under way.
    Whole,
    /// The state of the last flush, and at most pages behind it that nothing refers to.
    Untouched,
    /// Anything that does no harm.
    Opens,
}

impl Mode {
    const ALL: [Mode; 2] = [Mode::Default, Mode::Journal];

    /// A medium on which a cut leaves a whole state.
    fn safe_on(self, rng: &mut Rng) -> Medium {
        match self {
            Mode::Default => Medium::Atomic,
            Mode::Journal => rng.pick(&Medium::ALL),
        }
    }

    /// `founded`: there is a file that has been flushed.
    fn promise(self, medium: Medium, cut: &Cut, founded: bool) -> Promise {
        match self {
            // The length of a new file may be there before its content.
            Mode::Journal if medium == Medium::Cached && !founded => Promise::Opens,
            Mode::Journal => Promise::Whole,
            Mode::Default if medium == Medium::Atomic => Promise::Whole,
            // If memory is short, a new file gets its first pages before the first flush.
            Mode::Default if cut.flushing || !founded => Promise::Opens,
            Mode::Default => Promise::Untouched,
        }
    }
}

type Database<'a> = Db<&'a Device, FaultyMemory<'a>>;

/// What is done, to which file.
struct Script {
    mode: Mode,
    options: Options,
    /// Items in the file at the start; none: there is no file yet.
    start: Map,
    ops: Vec<Op>,
    /// Bytes of memory.
    budget: usize,
}

impl Script {
    fn new(mode: Mode, page_size: u32, ops: Vec<Op>) -> Self {
        let journal = if mode == Mode::Journal { Journal::On } else { Journal::Off };
        let options = Options { page_size, journal, ..Options::default() };
        Script { mode, options, start: Map::new(), ops, budget: usize::MAX }
    }

    fn open<'a>(&self, device: &'a Device, plan: &'a Plan) -> Result<Database<'a>, Error> {
        Db::open(device, FaultyMemory(plan), &self.options).map_err(|e| e.error)
    }

    /// The file at the start.
    fn file(&self) -> Vec<u8> {
        let mut file = VecStorage::default();
        if !self.start.is_empty() {
            let mut db = Db::open(&mut file, HeapMemory, &self.options).expect("opens");
            for (key, value) in &self.start {
                db.put(key, value, true).expect("puts");
            }
            db.close().expect("closes");
        }
        file.bytes
    }

    /// Plays the script on a device; the states that its flushes make are added to `states`.
    fn play(&self, device: &Device, states: &mut Vec<Map>) -> Result<(), Error> {
        let plan = Plan::new();
        plan.budget.set(self.budget);
        let mut db = self.open(device, &plan)?;
        let mut map = self.start.clone();
        states.push(map.clone());
        for op in &self.ops {
            let done = match op {
                Op::Put(key, value) => db.put(key, value, true),
                Op::Delete(key) => db.delete(key),
                Op::Flush | Op::Reopen => {
                    states.push(map.clone());
                    device.begun();
                    if *op == Op::Flush { db.flush() } else { close(&mut db) }?;
                    device.done();
                    if *op == Op::Reopen {
                        drop(db);
                        db = self.open(device, &plan)?;
                    }
                    continue;
                }
            };
            match done {
                Err(Error::NoMemory) => {}
                done => assert_eq!(done?, apply(&mut map, op), "{op:?}"),
            }
        }
        Ok(())
    }

    fn trace(&self, what: &str) -> (Trace, Vec<Map>) {
        let (device, mut states) = (Device::new(self.file()), vec![]);
        self.play(&device, &mut states).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        (device.into_trace(), states)
    }
}

/// What closing does beyond giving memory back.
fn close(db: &mut Database) -> Result<(), Error> {
    db.close()
}

/// Files of a test that the independent checker is to see, in a directory of its own.
struct Sample {
    dir: PathBuf,
    files: Vec<(PathBuf, String)>,
    /// Of the files that were sound and closed.
    every: usize,
    /// Cuts by what must be found after them.
    whole: usize,
    untouched: usize,
    opens: usize,
    /// Of the last, those that did not open.
    refused: usize,
}

impl Sample {
    fn new(name: &str, every: usize) -> Self {
        let dir = work_dir(&format!("power_cut_{name}"));
        Sample { dir, files: vec![], every, whole: 0, untouched: 0, opens: 0, refused: 0 }
    }

    fn add(&mut self, bytes: &[u8], map: &Map) {
        self.whole += 1;
        if self.whole % self.every == 0 {
            let path = self.dir.join(format!("{}.db", self.whole));
            self.files.push((write_file(path, bytes), map_hash(map)));
        }
    }

    /// Ends a test that must have made at least so many cuts.
    fn check(self, whole: usize, untouched: usize, opens: usize) {
        println!(
            "cuts: {} leave a whole state, {} the last flush, {} anything ({} of these do not open); {} files checked again",
            self.whole, self.untouched, self.opens, self.refused, self.files.len()
        );
        assert!(self.whole >= whole && self.untouched >= untouched && self.opens >= opens);
        check_contents(&[], &self.files);
    }
}

/// How many times more than in an ordinary test run.
fn more() -> usize {
    std::env::var("CUTS").map_or(1, |s| s.parse().expect("CUTS is a number"))
}

/// Whether the file is sound; with `leaked`, pages that nothing refers to are no fault.
fn expect_sound<S: modbtree::Storage, M: modbtree::Memory>(db: &mut Db<S, M>, leaked: bool, what: &str) {
    let harmless = |r| matches!(r, Reason::Leaked | Reason::PartialPage);
    let report = db.check(1000, &mut |found| {
        assert!(leaked && harmless(found.reason), "{what}: {found:?}");
    });
    assert!(report.is_ok(), "{what}: {report:?}");
}

struct Checker<'a> {
    script: &'a Script,
    sample: &'a mut Sample,
    rng: Rng,
    what: String,
}

impl Checker<'_> {
    /// Opens a file after a cut. Which of the allowed states it has; `None`: it need not have any.
    fn image(
        &mut self,
        image: &[u8],
        states: &[&Map],
        promise: Promise,
        nested: bool,
        cut: &Cut,
    ) -> Option<Map> {
        let what = format!("{}, {cut:?}, {promise:?}", self.what);
        if promise == Promise::Opens {
            // A new file that is still empty has nothing to exercise.
            if !image.is_empty() {
                let rng = &mut self.rng;
                let outcome = exercise::exercise(image, &pairs(states[0]), true, &mut |n| rng.below(n));
                self.sample.refused += usize::from(outcome.refused);
            }
            self.sample.opens += 1;
            return None;
        }
        let (device, plan) = (Device::new(image.to_vec()), Plan::new());
        let mut db = self.script.open(&device, &plan).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let found: Map =
            scan(&mut db, false).unwrap_or_else(|e| panic!("{what}: {e:?}")).into_iter().collect();
        let Some(map) = states.iter().find(|state| ***state == found) else {
            panic!("{what}: {} items, not those of any of {} states", found.len(), states.len());
        };
        let mut map = (*map).clone();
        expect_map(&mut db, &map, &what);
        expect_sound(&mut db, promise == Promise::Untouched, &what);
        drop(db);
        if nested {
            self.nested(device.into_trace(), &map, promise, &what);
        }
        self.go_on(image, &mut map, promise, &what);
        Some(found)
    }

    /// Cuts the opening of a file: it is found in the same state the next time.
    fn nested(&mut self, trace: Trace, map: &Map, promise: Promise, what: &str) {
        let mut cuts = vec![];
        let effort = Effort { all: 8, random: 3 };
        for medium in [Medium::InOrder, Medium::Cached] {
            trace.cuts(medium, effort, &mut self.rng, &mut |image, cut| cuts.push((image, cut)));
        }
        let here = std::mem::replace(&mut self.what, format!("{what}, again"));
        for (image, cut) in cuts.iter().filter(|(image, _)| *image != trace.before) {
            self.image(image, &[map], promise, false, cut);
        }
        self.what = here;
    }

    /// After a cut the database works on and can be closed, which leaves a plain, sound file.
    fn go_on(&mut self, image: &[u8], map: &mut Map, promise: Promise, what: &str) {
        let (device, plan) = (Device::new(image.to_vec()), Plan::new());
        let mut db = self.script.open(&device, &plan).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let page_size = self.script.options.page_size as usize;
        let mix = Mix { keys: Keys::Short, page_size, limit: inline_limit(page_size, 2), puts: 6 };
        for step in 0..12 {
            let op = random_change(&mut self.rng, map, mix, step);
            let done = match &op {
                Op::Put(key, value) => db.put(key, value, true),
                Op::Delete(key) => db.delete(key),
                _ => Ok(true),
            };
            assert_eq!(done, Ok(apply(map, &op)), "{what}: then {op:?}");
            if step == 6 {
                assert_eq!(db.flush(), Ok(()), "{what}");
            }
        }
        assert_eq!(close(&mut db), Ok(()), "{what}: closes");
        drop(db);
        assert_eq!(plan.used.get(), 0, "{what}: memory in use at the end");
        let bytes = device.bytes();
        let mut file = VecStorage { bytes, ..VecStorage::default() };
        let mut db = Db::open(&mut file, HeapMemory, &Options::default())
            .unwrap_or_else(|e| panic!("{what}: closed, then {e:?}"));
        expect_map(&mut db, map, what);
        expect_sound(&mut db, promise == Promise::Untouched, what);
        drop(db);
        if promise == Promise::Whole {
            self.sample.add(&file.bytes, map);
        } else {
            self.sample.untouched += 1;
        }
    }
}

/// Cuts a script everywhere, on a medium; returns the number of cuts that left each promise.
fn cut_everywhere(script: &Script, medium: Medium, effort: Effort, what: &str, sample: &mut Sample) {
    let (trace, states) = script.trace(what);
    let what = format!("{what}, {:?}, pages of {}", script.mode, script.options.page_size);
    let rng = Rng::new(trace.written() as u64);
    let mut checker = Checker { script, sample, rng, what };
    let mut rng = Rng::new(185);
    let turn = Cell::new(0);
    trace.cuts(medium, effort, &mut rng, &mut |image, cut| {
        let mut allowed = vec![&states[cut.flushed]];
        if cut.flushing {
            allowed.push(&states[cut.flushed + 1]);
        }
        turn.set(turn.get() + 1);
        let nested = turn.get() % 10 == 0;
        let founded = states[..=cut.flushed].iter().any(|map| !map.is_empty());
        checker.image(&image, &allowed, script.mode.promise(medium, &cut, founded), nested, &cut);
    });
}

fn put(key: &str, len: usize) -> Op {
    Op::Put(key.into(), vec![key.as_bytes()[0]; len])
}

fn delete(key: &str) -> Op {
    Op::Delete(key.into())
}

fn items(count: usize, len: usize) -> Map {
    (0..count).map(|i| (format!("{i:03}").into_bytes(), vec![i as u8; len])).collect()
}

/// Scripts with few writes: every cut there is.
fn small_scripts(mode: Mode) -> Vec<(&'static str, Script)> {
    let new = |start: Map, ops| Script { start, ..Script::new(mode, 512, ops) };
    vec![
        ("a new file", new(Map::new(), vec![put("a", 10), Op::Flush, put("b", 20), Op::Flush])),
        ("a page", new(items(20, 40), vec![put("005", 40), Op::Flush, delete("007"), Op::Reopen])),
        ("a split", new(items(12, 30), vec![put("0055", 100), Op::Flush, put("0056", 100), Op::Flush])),
        (
            "an overflow chain",
            new(
                items(8, 30),
                vec![put("big", 900), Op::Flush, delete("big"), Op::Flush, put("big", 600), Op::Reopen],
            ),
        ),
        (
            "the root grows and shrinks",
            new(
                items(10, 20),
                [
                    (0..6).map(|i| put(&format!("9{i}"), 60)).collect(),
                    vec![Op::Flush],
                    (0..6).map(|i| delete(&format!("9{i}"))).collect(),
                    vec![Op::Flush],
                ]
                .concat(),
            ),
        ),
    ]
}

#[test]
fn every_cut_of_small_scripts() {
    let mut sample = Sample::new("small", 10);
    for mode in Mode::ALL {
        for (what, script) in small_scripts(mode) {
            for medium in Medium::ALL {
                let effort = Effort { all: 2000, random: 200 * more() };
                cut_everywhere(&script, medium, effort, what, &mut sample);
            }
        }
    }
    sample.check(20, 20, 5000);
}

/// A script of changes by chance, often with so little memory that pages are written early.
fn random_script(rng: &mut Rng, mode: Mode, start: Map, page_size: u32) -> Script {
    let keys = rng.pick(&[Keys::Short, Keys::Rising, Keys::Binary, Keys::Prefix]);
    let size = page_size as usize;
    let mix = Mix { keys, page_size: size, limit: inline_limit(size, 2), puts: 4 + rng.below(5) };
    let (mut map, mut ops) = (start.clone(), vec![]);
    let flushes = rng.pick(&[3, 10, 30, 100]);
    for step in 0..60 + rng.below(140) {
        let op = match rng.below(flushes * 4) {
            0 => Op::Reopen,
            1..=3 => Op::Flush,
            _ => random_change(rng, &map, mix, step),
        };
        apply(&mut map, &op);
        ops.push(op);
    }
    ops.push(Op::Flush);
    let budget = if rng.once_in(2) { usize::MAX } else { (20 + rng.below(20)) * size + 3000 };
    Script { start, budget, ..Script::new(mode, page_size, ops) }
}

/// Some cuts of long scripts, pages of all sizes.
#[test]
fn cuts_of_random_scripts() {
    let (mut sample, mut rng) = (Sample::new("random", 20), Rng::new(7));
    for turn in 0..12 * more() {
        for mode in Mode::ALL {
            let start = if turn % 3 == 0 { Map::new() } else { items(150, 10 + turn % 50) };
            let script = random_script(&mut rng, mode, start, [512, 512, 1024, 4096][turn % 4]);
            for medium in Medium::ALL {
                // What promises nothing takes longer to look at.
                let random = if mode == Mode::Default && medium != Medium::Atomic { 1 } else { 6 };
                let effort = Effort { all: 30, random };
                cut_everywhere(&script, medium, effort, &format!("script {turn}"), &mut sample);
            }
        }
    }
    sample.check(500, 400, 500);
}

/// Power fails again and again, and each time the database goes on with what it finds.
#[test]
fn a_life_of_power_cuts() {
    let (mut sample, mut rng) = (Sample::new("life", 1), Rng::new(8));
    for turn in 0..20 * more() {
        for mode in Mode::ALL {
            let page_size = rng.pick(&[512, 1024, 4096]);
            let (mut map, mut file) = (Map::new(), vec![]);
            for age in 0..6 {
                let mut script = random_script(&mut rng, mode, map.clone(), page_size);
                let medium = if file.is_empty() { Medium::Atomic } else { mode.safe_on(&mut rng) };
                let (device, mut states) = (Device::new(file), vec![]);
                let what = format!("life {turn}, cut {age}, {mode:?}");
                script.play(&device, &mut states).unwrap_or_else(|e| panic!("{what}: {e:?}"));
                let mut cuts = vec![];
                let effort = Effort { all: 8, random: 2 };
                device.into_trace().cuts(medium, effort, &mut rng, &mut |image, cut| cuts.push((image, cut)));
                let (image, cut) = cuts.swap_remove(rng.below(cuts.len()));
                let mut allowed = vec![&states[cut.flushed]];
                allowed.extend(states.get(cut.flushed + 1).filter(|_| cut.flushing));
                let seed = Rng::new(rng.next());
                script.budget = usize::MAX;
                let mut checker = Checker { script: &script, sample: &mut sample, rng: seed, what };
                let found = checker.image(&image, &allowed, Promise::Whole, true, &cut);
                (map, file) = (found.expect("a whole state"), image);
            }
        }
    }
    sample.check(120, 0, 0);
}

/// What is here called a cut is what a database sees when the power fails: every call fails from
/// then on, no change or flush claims success, and the file is one of those that `cuts` makes.
#[test]
fn the_device_tells_the_truth() {
    for mode in Mode::ALL {
        let (what, script) = small_scripts(mode).swap_remove(2);
        let (trace, _) = script.trace(what);
        let mut images = vec![];
        let effort = Effort { all: 2000, random: 0 };
        trace.cuts(Medium::InOrder, effort, &mut Rng::new(1), &mut |image, _| images.push(image));
        for bytes in 0..trace.written() {
            let device = Device::new(script.file());
            device.fail_after(bytes);
            let error = script.play(&device, &mut vec![]).expect_err("no power");
            assert_eq!(error, DEAD, "{bytes} bytes");
            assert!(images.contains(&device.bytes()), "{bytes} bytes");
        }
    }
}

/// The opposite: where a mode promises nothing, cuts do damage. Otherwise the tests above would
/// prove nothing.
#[test]
fn cuts_do_damage() {
    for medium in [Medium::InOrder, Medium::Cached] {
        let (what, script) = small_scripts(Mode::Default).swap_remove(2);
        let (trace, states) = script.trace(what);
        let (mut good, mut bad) = (0, 0);
        let effort = Effort { all: 2000, random: 500 };
        trace.cuts(medium, effort, &mut Rng::new(1), &mut |image, cut| {
            let mut file = VecStorage { bytes: image, ..VecStorage::default() };
            let found = Db::open(&mut file, HeapMemory, &script.options).map_err(|e| e.error);
            let found = found.and_then(|mut db| scan(&mut db, false));
            let whole = found.is_ok_and(|found| {
                let found: Map = found.into_iter().collect();
                found == states[cut.flushed] || Some(&found) == states.get(cut.flushed + 1)
            });
            *(if whole { &mut good } else { &mut bad }) += 1;
        });
        assert!(good > 10 && bad > 50, "{medium:?}: {good} whole states, {bad} others");
    }
}

//! What is looked at after a power cut.

use super::common::checker::check_contents;
use super::common::device::{Cut, Effort, Medium, Trace};
use super::common::faulty::Plan;
use super::common::ops::{inline_limit, random_change, Keys, Mix, Op};
use super::common::{expect_map, map_hash, pairs, scan, work_dir, write_file, Map, Rng};
use super::exercise::exercise;
use super::script::{Promise, Script};
use modbtree::{Db, HeapMemory, Journal, Memory, Options, Reason, Storage, VecStorage};
use std::path::PathBuf;

/// What a test has seen, and files for the independent checker, in a directory of its own.
pub struct Sample {
    dir: PathBuf,
    files: Vec<(PathBuf, String)>,
    /// Of the files that were sound and closed.
    every: usize,
    /// Cuts by what must be found after them.
    pub whole: usize,
    pub untouched: usize,
    pub opens: usize,
    /// Of the last, those that did not open.
    refused: usize,
    /// Cuts of what was done after a cut.
    pub again: usize,
}

impl Sample {
    pub fn new(name: &str, every: usize) -> Self {
        let dir = work_dir(&format!("power_cut_{name}"));
        Sample { dir, files: vec![], every, whole: 0, untouched: 0, opens: 0, refused: 0, again: 0 }
    }

    fn add(&mut self, bytes: &[u8], map: &Map) {
        self.whole += 1;
        if self.whole % self.every == 0 {
            let path = self.dir.join(format!("{}.db", self.whole));
            self.files.push((write_file(path, bytes), map_hash(map)));
        }
    }

    /// Ends a test that must have made at least so many cuts of each kind.
    pub fn check(self, whole: usize, untouched: usize, opens: usize, again: usize) {
        println!(
            "cuts: {} leave a whole state ({} of these after another cut), {} the last flush, {} anything \
             ({} of these do not open); {} files checked again",
            self.whole,
            self.again,
            self.untouched,
            self.opens,
            self.refused,
            self.files.len()
        );
        assert!(self.whole >= whole && self.untouched >= untouched && self.opens >= opens);
        assert!(self.again >= again);
        check_contents(&[], &self.files);
    }
}

/// Whether the file is sound; with `leaked`, pages that nothing refers to are no fault. The end of a
/// journal's mark may be left on page 0 until the journal is used again.
fn expect_sound<S: Storage, M: Memory>(db: &mut Db<S, M>, leaked: bool, what: &str) {
    let leaves = |r| matches!(r, Reason::Leaked | Reason::PartialPage);
    let report = db.check(1000, &mut |found| {
        let harmless = found.reason == Reason::MetaTail || (leaked && leaves(found.reason));
        assert!(harmless, "{what}: {found:?}");
    });
    assert!(report.is_ok(), "{what}: {report:?}");
}

pub struct Checker<'a> {
    pub script: &'a Script,
    pub sample: &'a mut Sample,
    pub rng: Rng,
    pub what: String,
}

impl Checker<'_> {
    /// Cuts a script, each cut followed by `image`; every `nested`th is followed by more cuts.
    pub fn everywhere(
        &mut self,
        trace: &Trace,
        states: &[Map],
        medium: Medium,
        effort: Effort,
        nested: usize,
    ) {
        let (mut turn, mut rng) = (0, Rng::new(trace.written() as u64));
        trace.cuts(medium, effort, &mut rng, &mut |image, cut| {
            let mut allowed = vec![&states[cut.flushed]];
            allowed.extend(states.get(cut.flushed + 1).filter(|_| cut.flushing));
            let founded = states[..=cut.flushed].iter().any(|map| !map.is_empty());
            turn += 1;
            let promise = self.script.mode.promise(medium, &cut, founded);
            let nested = nested > 0 && turn % nested == 0;
            self.image(image, &allowed, promise, nested.then_some(medium), &cut);
        });
    }

    /// Opens a file after a cut. Which of the allowed states it has; `None`: it need not have any.
    /// `nested`: the medium on which what follows is cut, too.
    pub fn image(
        &mut self,
        image: Vec<u8>,
        states: &[&Map],
        promise: Promise,
        nested: Option<Medium>,
        cut: &Cut,
    ) -> Option<Map> {
        let what = format!("{}, {cut:?}, {promise:?}", self.what);
        if promise == Promise::Opens {
            // A new file that is still empty has nothing to exercise.
            if !image.is_empty() {
                let rng = &mut self.rng;
                let outcome = exercise(&image, &pairs(states[0]), true, &mut |n| rng.below(n));
                self.sample.refused += usize::from(outcome.refused);
            }
            self.sample.opens += 1;
            return None;
        }
        let map = self.found(&image, states, promise, &what);
        self.go_on(image, &map, promise, nested, &what);
        Some(map)
    }

    /// What a file holds. Opening it writes nothing.
    fn found(&mut self, image: &[u8], states: &[&Map], promise: Promise, what: &str) -> Map {
        let (device, plan) = (self.script.device(image.to_vec()), Plan::new());
        let mut db = self.script.open(&device, &plan).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let found = scan(&mut db, false).unwrap_or_else(|e| panic!("{what}: {e:?} at {:?}", db.fault()));
        let found: Map = found.into_iter().collect();
        if !states.contains(&&found) {
            panic!("{what}: {} items, not those of any of {} states", found.len(), states.len());
        }
        expect_map(&mut db, &found, what);
        expect_sound(&mut db, promise == Promise::Untouched, what);
        drop(db);
        assert!(device.bytes() == image, "{what}: opening has written something");
        found
    }

    /// After a cut the database works on, with or without the journal, and can be closed, which
    /// leaves a plain, sound file.
    fn go_on(&mut self, image: Vec<u8>, map: &Map, promise: Promise, nested: Option<Medium>, what: &str) {
        let mut options = self.script.options;
        if self.rng.once_in(3) && !map.is_empty() {
            options.journal = Journal::Off;
        }
        let page_size = options.page_size as usize;
        let mix = Mix { keys: Keys::Short, page_size, limit: inline_limit(page_size, 2), puts: 6 };
        let (mut ops, mut last) = (vec![], map.clone());
        for step in 0..12 {
            let op = random_change(&mut self.rng, &last, mix, step);
            super::common::ops::apply(&mut last, &op);
            ops.push(op);
            if step == 6 {
                ops.push(Op::Flush);
            }
        }
        ops.push(Op::Reopen);
        let script = Script { ops, options, start: map.clone(), budget: usize::MAX, ..self.script.clone() };
        let what = format!("{what}, then {:?}", options.journal);
        let (trace, states) = script.trace(image, &what);
        let mut file = VecStorage { bytes: trace.after(), ..VecStorage::default() };
        let mut db = Db::open(&mut file, HeapMemory, &Options::default())
            .unwrap_or_else(|e| panic!("{what}: closed, then {e:?}"));
        expect_map(&mut db, &last, &what);
        expect_sound(&mut db, promise == Promise::Untouched, &what);
        drop(db);
        if promise == Promise::Whole {
            self.sample.add(&file.bytes, &last);
        } else {
            self.sample.untouched += 1;
        }
        // Without a journal the promise is another one.
        if let Some(medium) = nested.filter(|_| options.journal == self.script.options.journal) {
            let before = self.sample.whole;
            let effort = Effort { all: 8, random: 2 };
            let rng = Rng::new(self.rng.next());
            let mut checker = Checker { script: &script, sample: self.sample, rng, what };
            checker.everywhere(&trace, &states, medium, effort, 0);
            self.sample.again += self.sample.whole - before;
        }
    }
}

//! What is done until the power fails.

use super::common::device::{Cut, Device, Medium, Trace};
use super::common::faulty::{FaultyMemory, Plan};
use super::common::ops::{apply, inline_limit, random_change, Keys, Mix, Op};
use super::common::{Map, Rng};
use modbtree::{Db, Error, HeapMemory, Journal, Options, VecStorage};

/// How changes reach the medium.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mode {
    Default,
    Journal,
}

/// What must be found after a cut.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Promise {
    /// The state of the last flush that has returned, or that of the one under way.
    Whole,
    /// The state of the last flush, and at most pages behind it that nothing refers to.
    Untouched,
    /// Anything that does no harm.
    Opens,
}

impl Mode {
    pub const ALL: [Mode; 2] = [Mode::Default, Mode::Journal];

    /// A medium on which a cut leaves a whole state.
    pub fn safe_on(self, rng: &mut Rng) -> Medium {
        match self {
            Mode::Default => Medium::Atomic,
            Mode::Journal => rng.pick(&Medium::ALL),
        }
    }

    /// `founded`: there is a file that has been flushed.
    pub fn promise(self, medium: Medium, cut: &Cut, founded: bool) -> Promise {
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

pub type Database<'a> = Db<&'a Device, FaultyMemory<'a>>;

/// What is done, to which file.
#[derive(Clone)]
pub struct Script {
    pub mode: Mode,
    pub options: Options,
    /// Items in the file at the start; none: there is no file yet.
    pub start: Map,
    pub ops: Vec<Op>,
    /// Bytes of memory.
    pub budget: usize,
    /// The medium says that it is atomic.
    pub atomic: bool,
}

impl Script {
    pub fn new(mode: Mode, page_size: u32, start: Map, ops: Vec<Op>) -> Self {
        let journal = if mode == Mode::Journal { Journal::On } else { Journal::Off };
        let options = Options { page_size, journal, ..Options::default() };
        Script { mode, options, start, ops, budget: usize::MAX, atomic: false }
    }

    pub fn open<'a>(&self, device: &'a Device, plan: &'a Plan) -> Result<Database<'a>, Error> {
        Db::open(device, FaultyMemory(plan), &self.options).map_err(|e| e.error)
    }

    pub fn device(&self, bytes: Vec<u8>) -> Device {
        let mut device = Device::new(bytes);
        device.atomic = self.atomic;
        device
    }

    /// The file at the start.
    pub fn file(&self) -> Vec<u8> {
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

    /// Plays the script on a device; the states that its flushes make are added to `states`, after
    /// the one at the start.
    pub fn play(&self, device: &Device, states: &mut Vec<Map>) -> Result<(), Error> {
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
                    if *op == Op::Flush { db.flush() } else { db.close() }?;
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
        drop(db);
        assert_eq!(plan.used.get(), 0, "memory in use at the end");
        Ok(())
    }

    pub fn trace(&self, bytes: Vec<u8>, what: &str) -> (Trace, Vec<Map>) {
        let (device, mut states) = (self.device(bytes), vec![]);
        self.play(&device, &mut states).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        (device.into_trace(), states)
    }

    /// Changes by chance, often with so little memory that pages are written early.
    pub fn random(rng: &mut Rng, mode: Mode, start: Map, page_size: u32, len: usize) -> Script {
        let keys = rng.pick(&[Keys::Short, Keys::Rising, Keys::Binary, Keys::Prefix]);
        let size = page_size as usize;
        let mix = Mix { keys, page_size: size, limit: inline_limit(size, 2), puts: 4 + rng.below(5) };
        let (mut map, mut ops) = (start.clone(), vec![]);
        let flushes = rng.pick(&[3, 10, 30, 100]);
        for step in 0..len {
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
        Script { budget, ..Script::new(mode, page_size, start, ops) }
    }
}

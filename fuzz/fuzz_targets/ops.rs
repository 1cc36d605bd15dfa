//! Operations on a database and on a map beside it, while storage and memory fail now and then: what
//! failed has changed nothing, and both always hold the same.
#![no_main]

#[path = "../../tests/common/faulty.rs"]
#[allow(dead_code)]
mod faulty;

use arbitrary::Arbitrary;
use faulty::{FaultyMemory, FaultyStorage, Kind, Plan, EIO};
use libfuzzer_sys::fuzz_target;
use modbtree::{Cursor, Db, Error, Options, Order, Reason, Severity, VecStorage, Where};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
type Database<'a> = Db<FaultyStorage<'a>, FaultyMemory<'a>>;

/// A key of few different ones: a number, and what makes it long.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Key {
    number: u8,
    padding: u16,
    behind: bool,
}

impl Key {
    fn bytes(self) -> Vec<u8> {
        let padding = vec![b'p'; usize::from(self.padding % 1500)];
        let number = format!("{:03}", self.number).into_bytes();
        match self.padding % 4 {
            0 if self.behind => [padding, number].concat(),
            0 => [number, padding].concat(),
            // Most are short.
            _ => number,
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Op {
    Put(Key, u16, u8),
    PutNew(Key, u8),
    /// Rising keys.
    Fill(u8, u8),
    Delete(Key),
    DeleteRange(Key, u8),
    Get(Key),
    Seek(Key, u8),
    Step(bool),
    Count,
    Stat,
    Check,
    Clear,
    Flush,
    /// Flush, close and open.
    Reopen,
    /// Open again without a flush.
    Crash,
    /// What fails, after how many calls, and whether it goes on failing.
    Fail(u8, u8, bool),
    /// Pages of memory there are.
    Memory(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    page_size: u8,
    min_keys: u8,
    cache: u8,
    big_endian: bool,
    ops: Vec<Op>,
}

impl Input {
    fn options(&self) -> Options {
        let page_size = [512, 512, 514, 600, 1024, 4096, 65536][usize::from(self.page_size) % 7];
        let min_keys = [0, 2, 3, 4, 8, 35][usize::from(self.min_keys) % 6];
        let order = Some(if self.big_endian { Order::Big } else { Order::Little });
        let cache_size = u32::from(self.cache) * page_size;
        Options { page_size, min_keys, cache_size, order, ..Options::default() }
    }
}

/// Database, model, and the place of a cursor in the model.
struct Play<'a> {
    db: Database<'a>,
    cursor: Cursor<FaultyMemory<'a>>,
    plan: &'a Plan,
    map: Map,
    /// The last key that the cursor returned; `None`: it was put somewhere.
    on: Option<Vec<u8>>,
    /// Closed without a flush at some time.
    crashed: bool,
}

impl Play<'_> {
    fn value(len: u16, fill: u8) -> Vec<u8> {
        vec![fill; usize::from(if len % 4 == 0 { len % 5000 } else { len % 60 })]
    }

    /// One operation; on success model and answer agree.
    fn act(&mut self, op: &Op) -> Result<(), Error> {
        match op {
            Op::Put(key, len, fill) => {
                let (key, value) = (key.bytes(), Self::value(*len, *fill));
                assert!(self.db.put(&key, &value, true)?);
                self.map.insert(key, value);
            }
            Op::PutNew(key, fill) => {
                let key = key.bytes();
                assert_eq!(self.db.put(&key, &[*fill], false)?, !self.map.contains_key(&key));
                self.map.entry(key).or_insert(vec![*fill]);
            }
            Op::Fill(count, len) => {
                for i in 0..u16::from(*count) {
                    let (key, value) = (format!("k{i:05}").into_bytes(), vec![*len; usize::from(*len)]);
                    assert!(self.db.put(&key, &value, true)?);
                    self.map.insert(key, value);
                }
            }
            Op::Delete(key) => {
                let key = key.bytes();
                assert_eq!(self.db.delete(&key)?, self.map.contains_key(&key));
                self.map.remove(&key);
            }
            Op::DeleteRange(key, count) => {
                let keys: Vec<_> = self.map.range(key.bytes()..).map(|(key, _)| key.clone()).collect();
                for key in keys.iter().take(usize::from(*count)) {
                    assert!(self.db.delete(key)?);
                    self.map.remove(key);
                }
            }
            Op::Get(key) => {
                let key = key.bytes();
                assert_eq!(self.db.get_vec(&key)?.as_ref(), self.map.get(&key));
            }
            Op::Seek(key, place) => {
                let places = [Where::First, Where::Last, Where::Lower, Where::Upper, Where::PrefixUpper];
                self.cursor.seek(places[usize::from(*place) % 5], &key.bytes())?;
                self.on = None;
            }
            Op::Step(backward) => self.step(*backward)?,
            Op::Count => assert_eq!(self.db.count()? as usize, self.map.len()),
            Op::Stat => drop(self.db.stat()?),
            Op::Check => expect_sound(&mut self.db, self.plan, self.map.len(), self.crashed)?,
            Op::Clear => {
                self.db.clear()?;
                self.map.clear();
            }
            Op::Flush => self.db.flush()?,
            Op::Reopen => self.db.flush()?,
            Op::Crash | Op::Fail(..) | Op::Memory(_) => {}
        }
        Ok(())
    }

    fn step(&mut self, backward: bool) -> Result<(), Error> {
        let Some((key, value)) = self.db.step(&mut self.cursor, backward)? else {
            if let Some(on) = &self.on {
                let mut rest = self.map.range((Excluded(on.clone()), Unbounded));
                let end = if backward {
                    self.map.range(..on.clone()).next().is_none()
                } else {
                    rest.next().is_none()
                };
                assert!(end, "not yet the end");
            }
            return Ok(());
        };
        let next = self.on.as_ref().map(|on| match backward {
            false => self.map.range((Excluded(on.clone()), Unbounded)).next(),
            true => self.map.range(..on.clone()).next_back(),
        });
        let next = next.map(|item| item.map(|(key, value)| (key.clone(), value.clone())));
        // The cursor has moved, whether or not its item can be read; without a model for
        // where it was put, any item will do.
        match next {
            Some(None) => panic!("an item behind the last"),
            Some(Some((want, value_there))) => {
                self.on = Some(want.clone());
                assert_eq!(self.db.to_vec(&key)?, want);
                assert_eq!(self.db.to_vec(&value)?, value_there);
            }
            None => {
                // What it is on is known only if it can be read: nothing may fail here.
                self.plan.disarm();
                let found = self.db.to_vec(&key)?;
                assert!(self.map.contains_key(&found), "a key that is not there");
                self.on = Some(found);
            }
        }
        Ok(())
    }

    /// Everything is there, with nothing failing.
    fn expect_all(&mut self) {
        let mut cursor = Cursor::new(self.db.memory());
        let mut count = 0;
        for (item, want) in self.db.iter(&mut cursor).zip(&self.map) {
            let (key, value) = item.expect("nothing fails");
            assert!(key == *want.0 && value == *want.1, "{:?} instead of {:?}", key, want.0);
            count += 1;
        }
        assert_eq!(count, self.map.len());
        assert_eq!(self.db.count(), Ok(count as u32));
    }
}

/// Checks the whole file.
fn expect_sound(db: &mut Database, plan: &Plan, items: usize, crashed: bool) -> Result<(), Error> {
    let mut findings = vec![];
    plan.fired.set(0);
    let report = db.check(9, &mut |finding| findings.push(finding))?;
    if plan.fired.get() > 0 {
        // A short read is a finding.
        return Ok(());
    }
    // Pages that were spilled before a crash belong to nobody.
    findings.retain(|f| f.severity == Severity::Error && !(crashed && f.reason == Reason::Leaked));
    assert!(findings.is_empty() && report.items as usize == items, "{findings:?}, {report:?}");
    Ok(())
}

/// Opens the file; a failure here is no use.
fn open<'a>(file: &'a mut VecStorage, plan: &'a Plan, options: &Options) -> Database<'a> {
    plan.disarm();
    plan.budget.set(usize::MAX);
    match Db::open(FaultyStorage { file, plan }, FaultyMemory(plan), options) {
        Ok(db) => db,
        Err(e) => panic!("{e:?}"),
    }
}

/// Plays operations up to the next opening; whether the file can be used on, and what it holds then.
fn session<'i>(play: &mut Play, ops: &mut impl Iterator<Item = &'i Op>, page_size: usize) -> Option<Map> {
    let (mut kind, mut flushed) = (Kind::Read, play.map.clone());
    for op in ops {
        match *op {
            Op::Fail(what, after, lasting) => {
                let kinds = [Kind::Read, Kind::ShortRead, Kind::Write, Kind::Sync, Kind::Alloc];
                kind = kinds[usize::from(what) % 5];
                play.plan.arm(kind, usize::from(after), lasting);
            }
            Op::Memory(pages) => play.plan.budget.set(usize::from(pages) * page_size + 4096),
            Op::Crash => {
                play.crashed = true;
                return Some(flushed);
            }
            _ => {}
        }
        let result = play.act(op);
        if matches!(op, Op::Flush | Op::Reopen) && result.is_ok() {
            flushed = play.map.clone();
        }
        let Err(error) = result else {
            if matches!(op, Op::Reopen) {
                return Some(flushed);
            }
            continue;
        };
        let io = play.plan.fired.replace(0) > 0 && kind != Kind::Alloc;
        let expected = match error {
            Error::NoMemory => true,
            Error::Corrupt(reason) => reason == Reason::TooShort && io && kind == Kind::ShortRead,
            error => error == EIO && io,
        };
        assert!(expected, "{error:?} in {op:?}, failing {kind:?}: {io}");
        play.plan.disarm();
        play.plan.budget.set(usize::MAX);
        play.expect_all();
        if error == EIO && matches!(kind, Kind::Write | Kind::Sync) {
            // What the storage holds is unknown now, and no change is kept.
            assert_eq!(play.db.put(b"late", b"", true), Err(EIO));
            assert_eq!(play.db.flush(), Err(EIO));
            play.expect_all();
            return None;
        }
    }
    play.plan.disarm();
    play.plan.budget.set(usize::MAX);
    play.expect_all();
    assert_eq!(play.db.flush(), Ok(()));
    Some(play.map.clone())
}

fuzz_target!(|input: Input| {
    let (options, plan, mut file) = (input.options(), Plan::new(), VecStorage::default());
    let (mut ops, mut map, mut crashed) = (input.ops.iter().take(200).peekable(), Map::new(), false);
    loop {
        let db = open(&mut file, &plan, &options);
        let cursor = Cursor::new(FaultyMemory(&plan));
        let mut play = Play { db, cursor, plan: &plan, map, on: None, crashed };
        play.expect_all();
        let result = session(&mut play, &mut ops, options.page_size as usize);
        crashed = play.crashed;
        drop(play);
        assert_eq!(plan.used.get(), 0, "memory in use at the end");
        match result {
            Some(now) => map = now,
            None => return,
        }
        if ops.peek().is_none() {
            break;
        }
    }
    let mut db = open(&mut file, &plan, &options);
    assert_eq!(expect_sound(&mut db, &plan, map.len(), crashed), Ok(()));
});

//! Random operations against a model (proptest): a `BTreeMap`, or with duplicates a sorted list.
//! Several cursors live through all changes. PROPTEST_CASES and PROPTEST_RNG_SEED explore further.

mod common;

use common::checker::check_ours;
use common::ops::inline_limit;
use common::*;
use modbtree::{Cursor, Db, HeapMemory, Options, Order, VecStorage, Where};
use proptest::prelude::*;
use std::cell::RefCell;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::PathBuf;

const CURSORS: usize = 4;

/// Lengths stand for sizes that depend on the page size, so that every boundary is met.
#[derive(Clone, Copy, Debug)]
enum Len {
    Bytes(usize),
    /// The inline limit and a little.
    Limit(isize),
    /// Full overflow pages and a little.
    Pages(usize, isize),
}

impl Len {
    fn bytes(self, page_size: usize, limit: usize) -> usize {
        match self {
            Len::Bytes(n) => n,
            Len::Limit(by) => limit.saturating_add_signed(by),
            Len::Pages(n, by) => ((page_size - HEADER) * n).saturating_add_signed(by),
        }
    }
}

/// A key: its length, mostly padding shared with others, and a number that tells it from them,
/// in front or at the very end.
#[derive(Clone, Copy, Debug)]
struct Key {
    len: Len,
    number: u8,
    front: bool,
}

impl Key {
    fn bytes(self, page_size: usize, limit: usize) -> Vec<u8> {
        let mut key = vec![b'k'; self.len.bytes(page_size, limit)];
        let at = if self.front { key.first_mut() } else { key.last_mut() };
        if let Some(byte) = at {
            *byte = self.number;
        }
        key
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// A value of this length, or of the limit that the key leaves and a little.
    Put(Key, Len, bool),
    PutAtLimit(Key, isize),
    /// Of the key, or of the first one behind it.
    Delete(Key, bool),
    Get(Key),
    /// So many numbered keys from a start on, rising or falling.
    Fill(u16, u8, bool),
    /// Deletes up to so many keys from this one on.
    DeleteRange(Key, u8),
    Flush,
    Reopen,
    Clear,
    Count,
    Seek(usize, Where, Key),
    Step(usize, bool, u8),
    /// Steps on to the end.
    Walk(usize, bool),
    /// Back before the last item, to be reported again in this direction.
    Again(usize, bool),
    /// A new cursor reads up to so many items.
    Range(Where, Key, bool, u8),
}

fn len() -> impl Strategy<Value = Len> {
    prop_oneof![
        6 => (0usize..30).prop_map(Len::Bytes),
        2 => (30usize..600).prop_map(Len::Bytes),
        2 => (-9isize..=2).prop_map(Len::Limit),
        1 => (1usize..=3, -1isize..=1).prop_map(|(n, by)| Len::Pages(n, by)),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let number = prop_oneof![Just(b'k'), 0u8..4, b'a'..=b'z', any::<u8>()];
    (len(), number, any::<bool>()).prop_map(|(len, number, front)| Key { len, number, front })
}

fn place() -> impl Strategy<Value = Where> {
    prop_oneof![
        Just(Where::First),
        Just(Where::Last),
        Just(Where::Lower),
        Just(Where::Upper),
        Just(Where::PrefixUpper)
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (key(), len(), any::<bool>()).prop_map(|(k, l, o)| Op::Put(k, l, o)),
        3 => (key(), -2isize..=2).prop_map(|(k, by)| Op::PutAtLimit(k, by)),
        5 => (key(), any::<bool>()).prop_map(|(k, next)| Op::Delete(k, next)),
        2 => key().prop_map(Op::Get),
        2 => (0u16..900, 1u8..=150, any::<bool>()).prop_map(|(from, n, down)| Op::Fill(from, n, down)),
        2 => (key(), any::<u8>()).prop_map(|(k, n)| Op::DeleteRange(k, n)),
        1 => Just(Op::Flush),
        1 => Just(Op::Reopen),
        1 => Just(Op::Count),
        1 => (0..CURSORS, place(), key()).prop_map(|(c, at, k)| Op::Seek(c, at, k)),
        8 => (0..CURSORS, any::<bool>(), 1u8..6).prop_map(|(c, back, n)| Op::Step(c, back, n)),
        1 => (0..CURSORS, any::<bool>()).prop_map(|(c, back)| Op::Walk(c, back)),
        1 => (0..CURSORS, any::<bool>()).prop_map(|(c, back)| Op::Again(c, back)),
        2 => (place(), key(), any::<bool>(), 1u8..40).prop_map(|(at, k, back, n)| Op::Range(at, k, back, n)),
    ]
}

/// Mostly without `clear`, which would keep all trees small.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let some = || prop::collection::vec(op(), 1..120);
    prop_oneof![
        4 => some(),
        1 => (some(), some()).prop_map(|(mut a, b)| { a.push(Op::Clear); a.extend(b); a }),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let page_size =
        prop_oneof![5 => Just(512u32), 2 => Just(514), 2 => Just(1024), 1 => Just(4096), 1 => Just(65536)];
    let cache_size = prop_oneof![Just(0u32), 0u32..200_000];
    let min_keys = prop_oneof![4 => Just(0u32), 2 => 2u32..=9, 1 => 2u32..=200];
    let order = prop_oneof![Just(None), Just(Some(Order::Little)), Just(Some(Order::Big))];
    (page_size, cache_size, min_keys, order).prop_map(|(page_size, cache_size, min_keys, order)| Options {
        page_size,
        cache_size,
        min_keys,
        order,
        ..Options::default()
    })
}

/// What a cursor of the model knows: where it was put, or the last key it returned.
#[derive(Clone, Debug)]
enum At {
    Place(Where, Vec<u8>),
    On(Vec<u8>),
}

/// The item that a cursor comes to.
fn next<'a>(map: &'a Map, at: &At, backward: bool) -> Option<(&'a Vec<u8>, &'a Vec<u8>)> {
    let cut = |k: &'a Vec<u8>, prefix: &[u8]| &k[..k.len().min(prefix.len())];
    match (at, backward) {
        (At::Place(Where::First, _), false) => map.iter().next(),
        (At::Place(Where::Last, _), true) => map.iter().next_back(),
        (At::Place(Where::First | Where::Last, _), _) => None,
        (At::Place(Where::Lower, k), false) => map.range(k.clone()..).next(),
        (At::Place(Where::Lower, k), true) => map.range(..k.clone()).next_back(),
        (At::Place(Where::Upper, k), true) => map.range(..=k.clone()).next_back(),
        (At::Place(Where::PrefixUpper, k), false) => map.iter().find(|(x, _)| cut(x, k) > k.as_slice()),
        (At::Place(Where::PrefixUpper, k), true) => map.iter().rev().find(|(x, _)| cut(x, k) <= k.as_slice()),
        (At::Place(Where::Upper, k) | At::On(k), false) => map.range((Excluded(k.clone()), Unbounded)).next(),
        (At::On(k), true) => map.range((Unbounded, Excluded(k.clone()))).next_back(),
    }
}

type Database<'a> = Db<&'a mut VecStorage, HeapMemory>;

/// One step of a cursor and its model must agree; false at the end.
fn step(db: &mut Database, cursor: &mut Cursor<HeapMemory>, map: &Map, at: &mut At, back: bool) -> bool {
    let got =
        db.step(cursor, back).expect("steps").map(|(k, v)| (db.to_vec(&k).unwrap(), db.to_vec(&v).unwrap()));
    let want = next(map, at, back).map(|(k, v)| (k.clone(), v.clone()));
    assert_eq!(got, want, "step backward {back} from {at:?}");
    if let Some((key, _)) = got {
        *at = At::On(key);
        return true;
    }
    false
}

/// Database, model and cursors side by side.
struct Pairing {
    file: VecStorage,
    options: Options,
    map: Map,
    cursors: Vec<(Cursor<HeapMemory>, At)>,
    fill: u8,
}

impl Pairing {
    fn new(options: Options) -> Self {
        let cursor = || (Cursor::new(HeapMemory), At::Place(Where::First, vec![]));
        let cursors = (0..CURSORS).map(|_| cursor()).collect();
        Pairing { file: VecStorage::default(), options, map: Map::new(), cursors, fill: 0 }
    }

    fn limit(&self) -> usize {
        inline_limit(self.options.page_size as usize, self.options.min_keys as usize)
    }

    fn key(&self, key: Key) -> Vec<u8> {
        key.bytes(self.options.page_size as usize, self.limit())
    }

    /// Values differ, so that a wrong one is noticed.
    fn value(&mut self, len: usize) -> Vec<u8> {
        self.fill = self.fill.wrapping_add(1);
        vec![self.fill; len]
    }

    fn put(&mut self, db: &mut Database, key: Vec<u8>, len: usize, overwrite: bool) {
        let value = self.value(len);
        let fresh = !self.map.contains_key(&key);
        assert_eq!(db.put(&key, &value, overwrite), Ok(overwrite || fresh));
        if overwrite || fresh {
            self.map.insert(key, value);
        }
    }

    fn delete(&mut self, db: &mut Database, key: &[u8]) {
        assert_eq!(db.delete(key), Ok(self.map.remove(key).is_some()), "{:?}", db.fault());
    }

    fn apply(&mut self, db: &mut Database, op: &Op) {
        let page_size = self.options.page_size as usize;
        match *op {
            Op::Put(key, len, overwrite) => {
                self.put(db, self.key(key), len.bytes(page_size, self.limit()), overwrite);
            }
            Op::PutAtLimit(key, by) => {
                let key = self.key(key);
                let len = self.limit().saturating_sub(key.len()).saturating_add_signed(by);
                self.put(db, key, len, true);
            }
            Op::Delete(key, next) => {
                let key = self.key(key);
                let behind = self.map.range(key.clone()..).next().filter(|_| next);
                let key = behind.map_or(key, |(k, _)| k.clone());
                self.delete(db, &key);
            }
            Op::Get(key) => {
                let key = self.key(key);
                assert_eq!(db.get_vec(&key), Ok(self.map.get(&key).cloned()));
            }
            Op::Fill(from, n, down) => {
                for i in 0..u16::from(n) {
                    let number = if down { from + 200 - i } else { from + i };
                    self.put(db, format!("{number:05}").into_bytes(), usize::from(number % 30), true);
                }
            }
            Op::DeleteRange(key, n) => {
                let from = self.key(key);
                let keys: Vec<_> = self.map.range(from..).take(n.into()).map(|(k, _)| k.clone()).collect();
                keys.iter().for_each(|k| self.delete(db, k));
            }
            Op::Clear => {
                assert_eq!(db.clear(), Ok(()));
                self.map.clear();
            }
            Op::Count => assert_eq!(db.count(), Ok(self.map.len() as u32)),
            Op::Seek(c, place, key) => {
                let key = self.key(key);
                self.cursors[c].0.seek(place, &key).expect("memory");
                self.cursors[c].1 = At::Place(place, key);
            }
            Op::Step(c, back, n) => {
                let (cursor, at) = &mut self.cursors[c];
                (0..n).all(|_| step(db, cursor, &self.map, at, back));
            }
            Op::Walk(c, back) => {
                let (cursor, at) = &mut self.cursors[c];
                while step(db, cursor, &self.map, at, back) {}
            }
            Op::Again(c, back) => {
                let (cursor, at) = &mut self.cursors[c];
                cursor.again(back);
                if let At::On(key) = at {
                    *at = At::Place(if back { Where::Upper } else { Where::Lower }, key.clone());
                }
            }
            Op::Range(place, key, back, n) => {
                let (mut cursor, key) = (Cursor::new(HeapMemory), self.key(key));
                cursor.seek(place, &key).expect("memory");
                let mut at = At::Place(place, key);
                (0..n).all(|_| step(db, &mut cursor, &self.map, &mut at, back));
            }
            Op::Flush => assert_eq!(db.flush(), Ok(())),
            Op::Reopen => unreachable!("splits the script"),
        }
    }

    /// A session: the operations between two reopenings. Cursors do not outlive it.
    fn session(&mut self, ops: &[Op]) {
        let (mut file, options) = (std::mem::take(&mut self.file), self.options);
        let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
        ops.iter().for_each(|op| self.apply(&mut db, op));
        expect_map(&mut db, &self.map, "end of session");
        db.flush().expect("flushes");
        drop(db);
        self.file = file;
        self.cursors = Pairing::new(options).cursors;
    }
}

/// Files of all cases, checked together: starting Python takes longer than a case.
struct Files {
    dir: PathBuf,
    list: RefCell<Vec<(PathBuf, String)>>,
}

impl Files {
    fn new(name: &str) -> Self {
        Files { dir: work_dir(name), list: RefCell::new(vec![]) }
    }

    fn keep(&self, file: &VecStorage, hash: String) {
        let mut list = self.list.borrow_mut();
        let path = self.dir.join(format!("{}.db", list.len()));
        list.push((write_file(path, &file.bytes), hash));
    }
}

#[test]
fn behaves_like_a_map() {
    let files = Files::new("model");
    proptest!(proptest_config(400), |(options in options(), ops in ops())| {
        let mut pairing = Pairing::new(options);
        for session in ops.split(|op| matches!(op, Op::Reopen)) {
            pairing.session(session);
        }
        files.keep(&pairing.file, map_hash(&pairing.map));
    });
    check_ours(&[], &files.list.into_inner());
}

/// Neither over the whole tree nor over one boundary of pages does a cursor get tired.
#[test]
fn a_cursor_goes_back_and_forth_for_ever() {
    let map: Map = (0..60).map(|i| (format!("{i:04}").into_bytes(), vec![b'v'; 10])).collect();
    let mut file = VecStorage::default();
    let mut db =
        Db::open(&mut file, HeapMemory, &Options { page_size: 512, ..Options::default() }).expect("opens");
    map.iter().for_each(|(k, v)| assert_eq!(db.put(k, v, true), Ok(true)));
    let (mut cursor, mut at) = (Cursor::new(HeapMemory), At::Place(Where::First, vec![]));
    for _ in 0..100 {
        while step(&mut db, &mut cursor, &map, &mut at, false) {}
        while step(&mut db, &mut cursor, &map, &mut at, true) {}
    }
    for i in 0..58 {
        assert!(step(&mut db, &mut cursor, &map, &mut at, false), "item {i}");
        for _ in 0..20 {
            assert!(step(&mut db, &mut cursor, &map, &mut at, false));
            assert!(step(&mut db, &mut cursor, &map, &mut at, true));
        }
    }
}

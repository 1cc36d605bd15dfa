//! Files with duplicate keys against a sorted list (proptest): put adds behind the equal ones,
//! get returns the first, delete removes all, and cursors know which of the equal ones they are on.

mod common;

use common::checker::check_ours;
use common::*;
use modbtree::{Cursor, Db, HeapMemory, Options, Order, VecStorage, Where};
use proptest::prelude::*;
use std::cell::RefCell;

const CURSORS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    /// So many items with one key and values of this length.
    Put(u8, usize, u8),
    Delete(u8),
    Get(u8),
    Flush,
    Clear,
    Seek(usize, Where, u8),
    /// Steps of a cursor, and whether an item with its key is put after each.
    Step(usize, bool, u8, bool),
}

fn op() -> impl Strategy<Value = Op> {
    let number = || prop_oneof![2 => 0u8..4, 1 => any::<u8>()];
    let place = prop_oneof![
        Just(Where::First),
        Just(Where::Last),
        Just(Where::Lower),
        Just(Where::Upper),
        Just(Where::PrefixUpper)
    ];
    prop_oneof![
        10 => (number(), prop_oneof![4 => 4usize..60, 1 => 4usize..1500], 1u8..12)
            .prop_map(|(k, len, n)| Op::Put(k, len, n)),
        2 => number().prop_map(Op::Delete),
        2 => number().prop_map(Op::Get),
        1 => Just(Op::Flush),
        2 => (0..CURSORS, place, number()).prop_map(|(c, at, k)| Op::Seek(c, at, k)),
        10 => (0..CURSORS, any::<bool>(), 1u8..12, prop::bool::weighted(0.2))
            .prop_map(|(c, back, n, put)| Op::Step(c, back, n, put)),
    ]
}

/// Mostly without `clear`, which would keep all trees small.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let some = || prop::collection::vec(op(), 1..150);
    prop_oneof![
        4 => some(),
        1 => (some(), some()).prop_map(|(mut a, b)| { a.push(Op::Clear); a.extend(b); a }),
    ]
}

/// Every third key is long enough for overflow pages, all with the same beginning.
fn key(number: u8) -> Vec<u8> {
    let mut key = vec![b'k'; if number % 3 == 2 { 700 } else { usize::from(number % 5) }];
    key.push(number);
    key
}

/// What a cursor of the model knows: where it was put, or the last item it returned.
#[derive(Clone, Debug)]
enum At {
    Place(Where, Vec<u8>),
    On(Pair),
}

/// Values are all different, so an item is known by its value.
struct Model {
    items: Vec<Pair>,
    count: u32,
}

impl Model {
    fn value(&mut self, len: usize) -> Vec<u8> {
        self.count += 1;
        let mut value = self.count.to_be_bytes().to_vec();
        value.resize(len, b'v');
        value
    }

    /// Number of items before the gap in front of (`behind`: behind) the items with a key.
    fn gap(&self, key: &[u8], behind: bool) -> usize {
        self.items.partition_point(|(k, _)| k.as_slice() < key || (behind && k == key))
    }

    /// What a cursor may return: one item, but if its own was deleted and others with the key
    /// were added, these may lie ahead of it or not.
    fn ahead(&self, at: &At, back: bool) -> Vec<Option<&Pair>> {
        let beyond = |gap: usize| if back { gap.checked_sub(1) } else { Some(gap) };
        let gap = match at {
            At::Place(Where::First, _) => 0,
            At::Place(Where::Last, _) => self.items.len(),
            At::Place(Where::Lower, k) => self.gap(k, false),
            At::Place(Where::Upper, k) => self.gap(k, true),
            At::Place(Where::PrefixUpper, k) => {
                self.items.partition_point(|(x, _)| x[..x.len().min(k.len())] <= k[..])
            }
            At::On(item) => match self.items.iter().position(|i| i == item) {
                Some(i) => i + usize::from(!back),
                None => {
                    let mut possible: Vec<_> = (self.gap(&item.0, false)..self.gap(&item.0, true))
                        .map(|i| self.items.get(i))
                        .collect();
                    possible.push(beyond(self.gap(&item.0, !back)).and_then(|i| self.items.get(i)));
                    return possible;
                }
            },
        };
        vec![beyond(gap).and_then(|i| self.items.get(i))]
    }
}

fn put(db: &mut Db<&mut VecStorage, HeapMemory>, model: &mut Model, key: Vec<u8>, len: usize) {
    let value = model.value(len);
    assert_eq!(db.put(&key, &value, true), Ok(true));
    model.items.insert(model.gap(&key, true), (key, value));
}

fn run(file: &mut VecStorage, options: &Options, ops: &[Op]) -> Vec<Pair> {
    let mut db = Db::open(&mut *file, HeapMemory, options).expect("opens");
    let mut model = Model { items: vec![], count: 0 };
    let cursor = || (Cursor::new(HeapMemory), At::Place(Where::First, vec![]));
    let mut cursors: Vec<_> = (0..CURSORS).map(|_| cursor()).collect();
    for op in ops {
        match *op {
            Op::Put(number, len, n) => (0..n).for_each(|_| put(&mut db, &mut model, key(number), len)),
            Op::Delete(number) => {
                let key = key(number);
                let equal = model.gap(&key, false)..model.gap(&key, true);
                assert_eq!(db.delete(&key), Ok(!equal.is_empty()));
                model.items.drain(equal);
            }
            Op::Get(number) => {
                let key = key(number);
                let first = model.items.get(model.gap(&key, false)).filter(|(k, _)| *k == key);
                assert_eq!(db.get_vec(&key), Ok(first.map(|(_, v)| v.clone())));
            }
            Op::Flush => assert_eq!(db.flush(), Ok(())),
            Op::Clear => {
                assert_eq!(db.clear(), Ok(()));
                model.items.clear();
            }
            Op::Seek(c, place, number) => {
                cursors[c].0.seek(place, &key(number)).expect("memory");
                cursors[c].1 = At::Place(place, key(number));
            }
            Op::Step(c, back, n, put_after) => {
                for _ in 0..n {
                    let (cursor, at) = &mut cursors[c];
                    let got = db.step(cursor, back).expect("steps");
                    let got = got.map(|(k, v)| (db.to_vec(&k).unwrap(), db.to_vec(&v).unwrap()));
                    let ahead = model.ahead(at, back);
                    assert!(
                        ahead.contains(&got.as_ref()),
                        "backward {back}, from {at:?}: {got:?}, not {ahead:?}"
                    );
                    let Some(item) = got else { break };
                    *at = At::On(item.clone());
                    if put_after {
                        put(&mut db, &mut model, item.0, 8);
                    }
                }
            }
        }
    }
    expect_contents(&mut db, &model.items, "end");
    db.flush().expect("flushes");
    drop(db);
    let mut again = Db::open(file, HeapMemory, &Options::default()).expect("opens");
    expect_contents(&mut again, &model.items, "after reopening");
    model.items
}

#[test]
fn behaves_like_a_sorted_list() {
    let (dir, files) = (work_dir("duplicates"), RefCell::new(vec![]));
    let page_size = prop_oneof![4 => Just(512u32), 1 => Just(1024), 1 => Just(4096)];
    proptest!(proptest_config(300), |(page_size in page_size, big in any::<bool>(), ops in ops())| {
        let order = Some(if big { Order::Big } else { Order::Little });
        let options = Options { page_size, duplicates: true, order, ..Options::default() };
        let mut file = VecStorage::default();
        let items = run(&mut file, &options, &ops);
        let mut files = files.borrow_mut();
        let path = write_file(dir.join(format!("{}.db", files.len())), &file.bytes);
        files.push((path, pairs_hash(&items)));
    });
    check_ours(&[], &files.into_inner());
}

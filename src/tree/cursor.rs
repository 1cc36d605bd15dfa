//! Cursors: places in the order of keys that survive any change of the tree.
//!
//! A cursor keeps a copy of the last key it reported. As long as nothing has changed, it
//! goes from entry to entry; after a change it looks its key up again.

use super::chain::Item;
use super::search::{Place, Side};
use super::Db;
use crate::error::inner::Result;
use crate::error::{Error, Reason};
use crate::memory::{Buffer, Memory};
use crate::page::field;
use crate::page::node::BIG_KEY;
use crate::pager::Idx;
use crate::storage::Storage;
use core::cmp::Ordering;

/// Where to put a cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Where {
    /// Forward from the first item.
    First,
    /// Backward from the last item.
    Last,
    /// Before the first key >= the given one; backward: at the last key below it.
    Lower,
    /// Behind the last key <= the given one; forward: at the first key above it.
    Upper,
    /// Behind all keys that start with the given one.
    #[cfg(feature = "extras")]
    PrefixUpper,
}

/// What the cursor's key says about its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing reported yet.
    At(Where),
    /// On the item with the key.
    On,
}

/// A place in the order of keys.
pub struct Cursor<M: Memory> {
    key: Buffer<M>,
    state: State,
    /// Page and entry of the last item, good while the tree's `changes` are the same.
    page: u32,
    index: usize,
    changes: u32,
    /// In a file with duplicates, the item's place among those with its key: 1 is the first.
    /// New ones come behind the others, and all are deleted together, so it stays true.
    ordinal: u32,
    /// Leaves to the right of where the last search ended (negative: to the left). A tree has no
    /// more leaves than pages.
    hops: i32,
}

impl<M: Memory> Cursor<M> {
    /// A cursor before the first item.
    pub fn new(memory: M) -> Self {
        Cursor {
            key: Buffer::new(memory),
            state: State::At(Where::First),
            page: 0,
            index: 0,
            changes: 0,
            ordinal: 0,
            hops: 0,
        }
    }

    /// Goes to a place relative to `key`; the tree is not looked at yet.
    /// The cursor is where it was if there is no memory for the key.
    pub fn seek(&mut self, place: Where, key: &[u8]) -> crate::Result<()> {
        if !self.key.set(key) {
            return Err(Error::NoMemory);
        }
        self.state = State::At(place);
        Ok(())
    }

    /// The key of the last item.
    #[cfg(feature = "check")]
    pub(super) fn key(&self) -> &[u8] {
        self.key.bytes()
    }

    /// Goes back before the last item, so that the next step in the same direction reports it again.
    /// In a file with duplicates that is the first (backward: last) item with its key.
    pub fn again(&mut self, backward: bool) {
        if self.state == State::On {
            self.state = State::At(if backward { Where::Upper } else { Where::Lower });
        }
    }
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// The gap that a cursor stands in, seen in the direction it is to move.
    #[cfg_attr(small, inline(never))]
    fn gap(&mut self, cursor: &mut Cursor<M>, backward: bool) -> Result<Place> {
        if cursor.state == State::On && cursor.changes == self.changes {
            let leaf = self.pager.tree_page(cursor.page)?;
            let index = if backward { cursor.index } else { cursor.index + 1 };
            return Ok(Place { leaf, index, found: false });
        }
        cursor.hops = 0;
        let side = match cursor.state {
            State::At(Where::First) => return self.edge(false),
            State::At(Where::Last) => return self.edge(true),
            State::At(Where::Lower) => Side::Lower,
            State::At(Where::Upper) => Side::Upper,
            #[cfg(feature = "extras")]
            State::At(Where::PrefixUpper) => Side::PrefixUpper,
            State::On if self.pager.duplicates() => return self.gap_among_equals(cursor, backward),
            State::On if backward => Side::Lower,
            State::On => Side::Upper,
        };
        self.search(cursor.key.bytes(), side)
    }

    /// The gap next to the cursor's item among those with its key. If the item is gone and there
    /// are fewer now, the cursor counts as standing behind the last.
    fn gap_among_equals(&mut self, cursor: &mut Cursor<M>, backward: bool) -> Result<Place> {
        let mut place = self.search(cursor.key.bytes(), Side::Lower)?;
        let (mut passed, mut hops) = (0, 0);
        while passed + u32::from(backward) < cursor.ordinal {
            let Some((leaf, i)) = self.equal_at(place, cursor, false, &mut hops)? else { break };
            place = Place { leaf, index: i + 1, found: true };
            passed += 1;
        }
        cursor.ordinal = passed + u32::from(backward);
        Ok(place)
    }

    /// The entry next to a gap if it has the cursor's key.
    fn equal_at(
        &mut self,
        place: Place,
        cursor: &Cursor<M>,
        backward: bool,
        hops: &mut u32,
    ) -> Result<Option<(Idx, usize)>> {
        let Some((leaf, i)) = self.entry_at(place, backward, hops)? else { return Ok(None) };
        let item = self.key_item(leaf, i)?;
        let equal = self.compare_item(item, cursor.key.bytes(), false)? == Ordering::Equal;
        Ok(equal.then_some((leaf, i)))
    }

    /// The number of an entry with the cursor's key among its equals.
    fn count_equals(&mut self, leaf: Idx, index: usize, cursor: &Cursor<M>) -> Result<u32> {
        let (mut place, mut ordinal, mut hops) = (Place { leaf, index, found: true }, 1, 0);
        while let Some((leaf, index)) = self.equal_at(place, cursor, true, &mut hops)? {
            place = Place { leaf, index, found: true };
            ordinal += 1;
        }
        Ok(ordinal)
    }

    /// Moves a cursor past one item and returns its key and value; `None`, and the cursor
    /// stays, at the end. Items are good until the next operation.
    pub(crate) fn try_step(
        &mut self,
        cursor: &mut Cursor<M>,
        backward: bool,
    ) -> Result<Option<(Item, Item)>> {
        self.pager.begin();
        #[cfg(feature = "shortcuts")]
        if let Some(item) = self.step_on_page(cursor, backward) {
            return Ok(Some(item));
        }
        let place = self.gap(cursor, backward)?;
        let mut hops = 0;
        let Some((leaf, i)) = self.entry_at(place, backward, &mut hops)? else { return Ok(None) };
        let hops = cursor.hops + if backward { -(hops as i32) } else { hops as i32 };
        if hops.unsigned_abs() > self.pager.pages() {
            let pgno = self.pager.pgno(leaf);
            return self.pager.corrupt(pgno, field::NEXT as u32, Reason::Sibling);
        }
        let (page, mut leaf) = (self.pager.pgno(leaf), leaf);
        let mut key = self.key_item(leaf, i)?;
        let (mut ordinal, duplicates) = (1, self.pager.duplicates());
        let again = duplicates
            && cursor.state == State::On
            && self.compare_item(key, cursor.key.bytes(), false)? == Ordering::Equal;
        self.remember(cursor, leaf, i, key)?;
        if duplicates {
            ordinal = match (again, backward) {
                (true, true) => cursor.ordinal.saturating_sub(1).max(1),
                (true, false) => cursor.ordinal.saturating_add(1),
                (false, true) => self.count_equals(leaf, i, cursor)?,
                (false, false) => 1,
            };
            // Counting may have taken the page's frame for others.
            leaf = self.pager.tree_page(page)?;
            key = self.key_item(leaf, i)?;
        }
        let value = self.data_item(leaf, i)?;
        cursor.state = State::On;
        cursor.page = page;
        (cursor.index, cursor.changes, cursor.hops) = (i, self.changes, hops);
        cursor.ordinal = ordinal;
        Ok(Some((key, value)))
    }

    #[cfg(feature = "shortcuts")]
    /// The step to an inline entry of the same page, in an unchanged tree without duplicates.
    fn step_on_page(&mut self, cursor: &mut Cursor<M>, backward: bool) -> Option<(Item, Item)> {
        if cursor.state != State::On || cursor.changes != self.changes || self.pager.duplicates() {
            return None;
        }
        let leaf = self.pager.cached_tree_page(cursor.page)?;
        let index = if backward { cursor.index.checked_sub(1)? } else { cursor.index + 1 };
        let node = self.node(leaf);
        if index >= node.len() {
            return None;
        }
        let (at, key, data, flags) = node.lengths(index);
        if flags != 0 || !cursor.key.set(node.bytes.get(at..at.wrapping_add(key))?) {
            return None;
        }
        cursor.index = index;
        Some((Item::inline(leaf, at, key), Item::inline(leaf, at.wrapping_add(key), data)))
    }

    /// Copies the key to the cursor; if that fails the cursor keeps the old one.
    fn remember(&mut self, cursor: &mut Cursor<M>, leaf: Idx, i: usize, key: Item) -> Result<()> {
        let (flags, stored) = self.key(leaf, i);
        let kept = if flags & BIG_KEY == 0 {
            cursor.key.set(stored)
        } else {
            let mut copy = Buffer::new(self.pager.memory());
            let fits = copy.resize(key.len());
            if fits {
                self.try_read(&key, copy.bytes_mut())?;
                cursor.key = copy;
            }
            fits
        };
        if kept {
            Ok(())
        } else {
            self.pager.fail(Error::NoMemory)
        }
    }

    /// The rest of the items in ascending order, as vectors.
    #[cfg(any(test, feature = "std"))]
    pub fn iter<'a>(&'a mut self, cursor: &'a mut Cursor<M>) -> Iter<'a, S, M> {
        Iter { db: self, cursor }
    }
}

/// Items in ascending order; ends after the first error.
#[cfg(any(test, feature = "std"))]
pub struct Iter<'a, S: Storage, M: Memory> {
    db: &'a mut Db<S, M>,
    cursor: &'a mut Cursor<M>,
}

#[cfg(any(test, feature = "std"))]
impl<S: Storage, M: Memory> Iterator for Iter<'_, S, M> {
    type Item = crate::Result<(std::vec::Vec<u8>, std::vec::Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = match self.db.step(self.cursor, false) {
            Ok(item) => item?,
            Err(e) => return Some(Err(e)),
        };
        Some(self.db.to_vec(&key).and_then(|k| Ok((k, self.db.to_vec(&value)?))))
    }
}

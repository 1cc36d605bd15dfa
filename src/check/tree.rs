//! Verification of the tree: pages from left to right, their links, entries, keys and chains.

use super::map::{BY_DATA, BY_KEY, BY_SEPARATOR};
use super::Checker;
use crate::error::inner::Result;
use crate::error::{Error, Failed, Reason};
use crate::memory::Memory;
use crate::page::node::{BIG_DATA, BIG_KEY, ENTRY_FIXED, REF, SLOT};
use crate::page::{field, kind};
use crate::storage::Storage;
use crate::tree::{Db, Item, MAX_DEPTH};
use core::cmp::Ordering;

/// An entry: page and index.
pub(super) type Spot = (u32, usize);
/// No entry: no tree has page 0.
pub(super) const NOWHERE: Spot = (0, 0);

/// The page of a level that was visited last: its number, the right neighbour that it names, its
/// entries, and the one to go down next. Not in an array: stacks of microcontrollers are small.
type Level = [u32; 4];

impl<S: Storage, M: Memory> Checker<'_, S, M> {
    fn keep_level(&mut self, depth: usize, level: &Level) -> Result<()> {
        if self.levels.set(depth, level) {
            return Ok(());
        }
        self.db.pager.fail(Error::NoMemory)
    }

    /// Goes through the whole tree, from left to right.
    pub(super) fn tree(&mut self) -> Result<()> {
        let entered = self.enter(1, (0, 0), 0);
        let mut depth = usize::from(self.noted(entered)?);
        while let Some(above) = depth.checked_sub(1) {
            let [page, next, len, i] = self.levels.get(above);
            if i >= len {
                depth = above;
                continue;
            }
            self.keep_level(above, &[page, next, len, i + 1])?;
            let entered = self.enter_child(page, i as usize, depth);
            depth += usize::from(self.noted(entered)?);
        }
        for i in 0..MAX_DEPTH {
            let [page, next, ..] = self.levels.get(i);
            if next != 0 {
                self.error(page, field::NEXT, Reason::Sibling);
            }
        }
        Ok(())
    }

    fn enter_child(&mut self, pgno: u32, i: usize, depth: usize) -> Result<bool> {
        self.db.pager.begin();
        let f = self.db.pager.tree_page(pgno)?;
        let node = self.db.node(f);
        self.enter(node.child(i), (pgno, node.offset(i) + 4), depth)
    }

    /// Visits a page. True if there is a level below it to go down to.
    fn enter(&mut self, pgno: u32, from: (u32, usize), depth: usize) -> Result<bool> {
        if pgno == 0 || pgno >= self.db.pager.pages() {
            return self.db.pager.corrupt(from.0, from.1 as u32, Reason::PageRange);
        }
        if depth >= MAX_DEPTH {
            return self.db.pager.corrupt(pgno, 0, Reason::Depth);
        }
        self.claim(pgno)?;
        self.db.pager.begin();
        let f = self.db.pager.tree_page(pgno)?;
        let node = self.db.node(f);
        let (prev, next) = (node.field(field::PREV), node.field(field::NEXT));
        let (leaf, len) = (node.is_leaf(), node.len());
        let [left, left_next, ..] = self.levels.get(depth);
        if prev != left {
            self.error(pgno, field::PREV, Reason::Sibling);
        }
        if left != 0 && left_next != pgno {
            self.error(left, field::NEXT, Reason::Sibling);
        }
        self.keep_level(depth, &[pgno, next, len as u32, 0])?;
        if leaf {
            self.report.leaves += 1;
            if *self.leaf_level.get_or_insert(depth) != depth {
                self.error(pgno, 0, Reason::Level);
            }
        } else {
            self.report.internals += 1;
        }
        if len == 0 && !(leaf && pgno == 1) {
            self.error(pgno, field::LOWER, if leaf { Reason::EmptyLeaf } else { Reason::Empty });
        }
        // Entry 0 of an internal page is never compared with.
        let first = usize::from(!leaf);
        for i in 0..len {
            // What lies between the first and the last key is within their bounds if it is in order.
            let low = if i == first { self.bound(depth, false) } else { NOWHERE };
            let high = if i + 1 == len { self.bound(depth, true) } else { NOWHERE };
            let sound = self.entry(pgno, i, low, high);
            self.noted(sound)?;
        }
        Ok(!leaf && len != 0)
    }

    /// The separator above that keys on the page just entered lie below (`high`) or behind.
    fn bound(&self, depth: usize, high: bool) -> Spot {
        for i in (0..depth).rev() {
            let [page, _, len, next] = self.levels.get(i);
            if high && next < len {
                return (page, next as usize);
            }
            if !high && next >= 2 {
                return (page, next as usize - 1);
            }
        }
        NOWHERE
    }

    /// Checks an entry, which has to lie between two others.
    fn entry(&mut self, pgno: u32, i: usize, low: Spot, high: Spot) -> Result<bool> {
        self.db.pager.begin();
        let f = self.db.pager.tree_page(pgno)?;
        let node = self.db.node(f);
        let (leaf, at, size) = (node.is_leaf(), node.offset(i), node.size(i));
        let (flags, key) = self.db.key(f, i);
        let (key_len, like_ref) = (key.len(), self.db.pager.order().u32(key, 0));
        // Two entries of any kind have to fit on a page.
        if size + SLOT > self.db.pager.capacity() / 2 {
            self.error(pgno, at, Reason::Room);
        }
        let place = (pgno, at + ENTRY_FIXED);
        let mut readable = true;
        if flags & BIG_KEY != 0 {
            let key = self.db.key_item(f, i);
            let sound = self.chain(place, key, if leaf { BY_KEY } else { BY_SEPARATOR });
            readable = self.noted(sound)?;
        }
        if flags & BIG_DATA != 0 {
            let data = self.db.data_item(f, i);
            let sound = self.chain((pgno, place.1 + key_len), data, BY_DATA);
            readable &= self.noted(sound)?;
        }
        if !readable || (i == 0 && !leaf) {
            return Ok(true);
        }
        let (here, mut before) = ((pgno, i), NOWHERE);
        if leaf {
            self.report.items = self.report.items.saturating_add(1);
            before = core::mem::replace(&mut self.last_key, here);
        } else {
            if i >= 2 {
                before = (pgno, i - 1);
            }
            // The C library forgets the flag when it splits the root.
            if pgno == 1 && flags == 0 && key_len == REF && like_ref > 1 && like_ref < self.db.pager.pages() {
                let marked = self.header(like_ref).map(|head| head.0 == kind::OVERFLOW | kind::PRESERVE);
                if self.noted(marked)? {
                    self.error(pgno, at + 8, Reason::UnmarkedRef);
                }
            }
        }
        let equal = self.db.pager.duplicates();
        self.ascending(before, here, (pgno, at), equal, Reason::KeyOrder)?;
        self.ascending(low, here, (pgno, at), true, Reason::KeyBound)?;
        self.ascending(here, high, (pgno, at), equal, Reason::KeyBound)?;
        Ok(true)
    }

    /// Finds fault with the entry at `place` unless key `a` is below `b`, or equal where that may be.
    fn ascending(
        &mut self,
        a: Spot,
        b: Spot,
        place: (u32, usize),
        equal: bool,
        reason: Reason,
    ) -> Result<()> {
        if a == NOWHERE || b == NOWHERE || self.effort == 0 {
            return Ok(());
        }
        self.db.pager.begin();
        match compare(self.db, a, b) {
            Ok((order, effort)) => {
                self.effort = self.effort.saturating_sub(effort);
                if self.effort == 0 {
                    self.error(place.0, 0, Reason::Effort);
                }
                if order == Ordering::Greater || (order == Ordering::Equal && !equal) {
                    self.error(place.0, place.1, reason);
                }
                Ok(())
            }
            // What cannot be read is reported elsewhere.
            Err(Failed) if self.db.pager.fault().is_some() => Ok(()),
            Err(Failed) => Err(Failed),
        }
    }

    /// Checks a chain that the entry with the reference at `from` refers to.
    fn chain(&mut self, from: (u32, usize), item: Result<Item>, user: u32) -> Result<bool> {
        let item = item?;
        let (first, len) = (item.page(), item.len() as u32);
        if let Some((size, users)) = self.chains.use_again(first, user) {
            // Separators and one leaf entry may share it.
            if user == BY_DATA || users & user & BY_KEY != 0 {
                return self.db.pager.corrupt(first, 0, Reason::Shared);
            }
            if size != len {
                return self.db.pager.corrupt(from.0, from.1 as u32, Reason::Chain);
            }
            return Ok(true);
        }
        let (mut pgno, mut left, mut preserved) = (first, item.len(), false);
        loop {
            if pgno >= self.db.pager.pages() {
                return self.db.pager.corrupt(from.0, from.1 as u32, Reason::Chain);
            }
            self.claim(pgno)?;
            let f = self.db.pager.overflow_page(pgno)?;
            self.report.overflow += 1;
            let flag = self.db.pager.field(f, field::FLAGS) & kind::PRESERVE != 0;
            if pgno == first {
                preserved = flag;
            }
            if flag && (pgno != first || user == BY_DATA) {
                self.error(pgno, field::FLAGS, Reason::PreserveFlag);
            }
            // With `lower` there is `upper`.
            for at in [field::PREV, field::LOWER] {
                if self.db.pager.field(f, at) != 0 {
                    self.error(pgno, at, Reason::NotZero);
                }
            }
            let next = self.db.pager.field(f, field::NEXT);
            self.db.pager.release(f, true);
            left = left.saturating_sub(self.db.pager.capacity());
            if (left == 0) != (next == 0) {
                return self.db.pager.corrupt(pgno, field::NEXT as u32, Reason::Chain);
            }
            if left == 0 {
                break;
            }
            pgno = next;
        }
        if preserved {
            if user != BY_DATA && !self.chains.add(first, len, user) {
                return self.db.pager.fail(Error::NoMemory);
            }
        } else if user == BY_SEPARATOR {
            self.error(first, field::FLAGS, Reason::PreserveFlag);
        }
        Ok(true)
    }
}

/// How two keys compare, and how many overflow pages had to be read to know.
fn compare<S: Storage, M: Memory>(db: &mut Db<S, M>, a: Spot, b: Spot) -> Result<(Ordering, u32)> {
    let (a, b) = (key(db, a)?, key(db, b)?);
    if let (Some(a), Some(b)) = (db.inline_bytes(&a), db.inline_bytes(&b)) {
        return Ok((a.cmp(b), 0));
    }
    if a.page() == b.page() {
        return Ok((Ordering::Equal, 0));
    }
    let (common, order) = db.common_prefix(a, b)?;
    let pages = common.checked_div(db.pager.capacity()).unwrap_or(0) + 1;
    Ok((order, 2 * pages as u32))
}

fn key<S: Storage, M: Memory>(db: &mut Db<S, M>, (pgno, i): Spot) -> Result<Item> {
    let f = db.pager.tree_page(pgno)?;
    let item = db.key_item(f, i)?;
    if item.frame.is_none() {
        db.pager.release(f, false);
    }
    Ok(item)
}

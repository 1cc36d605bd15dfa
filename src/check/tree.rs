//! Verification of the tree: pages from left to right, their links, entries, keys and chains.

use super::map::{BY_KEY, BY_SEPARATOR, USED};
use super::Checker;
use crate::error::inner::Result;
use crate::error::{Error, Failed, Reason};
use crate::memory::{Buffer, Memory};
use crate::page::node::{BIG_DATA, BIG_KEY, ENTRY_FIXED, REF, SLOT};
use crate::page::{field, kind, Order};
use crate::storage::Storage;
use crate::tree::{Db, Item, MAX_DEPTH};
use core::cmp::Ordering;

/// An entry: page and index.
pub(super) type Spot = (u32, usize);

/// A level of the tree: the page on the way down, and the last page seen from the left.
#[derive(Clone, Copy, Default)]
struct Level {
    page: u32,
    /// Entries of that page, and the one to go down next.
    len: usize,
    next_child: usize,
    last: u32,
    /// Right neighbour that `last` names.
    last_next: u32,
}

/// The levels down to the present page. Not an array: stacks of microcontrollers are small.
pub(super) struct Levels<M: Memory> {
    list: Buffer<M>,
}

impl<M: Memory> Levels<M> {
    /// Bytes of a level in the list.
    const WIDTH: usize = 16;

    pub fn new(memory: M) -> Self {
        Levels { list: Buffer::new(memory) }
    }

    fn get(&self, i: usize) -> Level {
        let Some(bytes) = self.list.bytes().get(i * Self::WIDTH..) else { return Level::default() };
        let order = Order::NATIVE;
        Level {
            page: order.u32(bytes, 0),
            len: order.u16(bytes, 4),
            next_child: order.u16(bytes, 6),
            last: order.u32(bytes, 8),
            last_next: order.u32(bytes, 12),
        }
    }

    /// False if there is no memory.
    fn set(&mut self, i: usize, level: Level) -> bool {
        let (at, end) = (i * Self::WIDTH, (i + 1) * Self::WIDTH);
        if self.list.bytes().len() < end && !self.list.resize(end) {
            return false;
        }
        let bytes = self.list.bytes_mut().get_mut(at..).unwrap_or(&mut []);
        let order = Order::NATIVE;
        order.put_u32(bytes, 0, level.page);
        order.put_u16(bytes, 4, level.len as u16);
        order.put_u16(bytes, 6, level.next_child as u16);
        order.put_u32(bytes, 8, level.last);
        order.put_u32(bytes, 12, level.last_next);
        true
    }
}

/// What refers to a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Key,
    Data,
    Separator,
}

impl<S: Storage, M: Memory> Checker<'_, S, M> {
    fn keep_level(&mut self, depth: usize, level: Level) -> Result<()> {
        if self.levels.set(depth, level) {
            return Ok(());
        }
        self.db.pager.fail(Error::NoMemory)
    }

    /// Goes through the whole tree, from left to right.
    pub(super) fn tree(&mut self) -> Result<()> {
        let mut depth = 0;
        if self.enter(1, (0, 0), 0)? {
            loop {
                let mut level = self.levels.get(depth);
                let i = level.next_child;
                if i >= level.len {
                    if depth == 0 {
                        break;
                    }
                    depth -= 1;
                    continue;
                }
                level.next_child += 1;
                self.keep_level(depth, level)?;
                self.db.pager.begin();
                let page = self.db.pager.tree_page(level.page);
                let Some(f) = self.noted(page)? else { continue };
                let node = self.db.node(f);
                let (child, at) = (node.child(i), node.offset(i) + 4);
                if self.enter(child, (level.page, at), depth + 1)? {
                    depth += 1;
                }
            }
        }
        for i in 0..MAX_DEPTH {
            let level = self.levels.get(i);
            if level.last != 0 && level.last_next != 0 {
                self.error(level.last, field::NEXT, Reason::Sibling);
            }
        }
        Ok(())
    }

    /// Visits a page. True if there is a level below it to go down to.
    fn enter(&mut self, pgno: u32, from: (u32, usize), depth: usize) -> Result<bool> {
        if pgno == 0 || pgno >= self.db.pager.pages() {
            self.error(from.0, from.1, Reason::PageRange);
            return Ok(false);
        }
        if depth >= MAX_DEPTH {
            self.error(pgno, 0, Reason::Depth);
            return Ok(false);
        }
        if !self.claim(pgno) {
            self.error(pgno, 0, Reason::Shared);
            return Ok(false);
        }
        self.db.pager.begin();
        let page = self.db.pager.tree_page(pgno);
        let Some(f) = self.noted(page)? else { return Ok(false) };
        let node = self.db.node(f);
        let (prev, next) = (node.field(field::PREV), node.field(field::NEXT));
        let (leaf, len) = (node.is_leaf(), node.len());
        let mut level = self.levels.get(depth);
        if prev != level.last {
            self.error(pgno, field::PREV, Reason::Sibling);
        }
        if level.last != 0 && level.last_next != pgno {
            self.error(level.last, field::NEXT, Reason::Sibling);
        }
        level = Level { page: pgno, len, next_child: 0, last: pgno, last_next: next };
        self.keep_level(depth, level)?;
        if leaf {
            self.report.leaves += 1;
            if *self.leaf_level.get_or_insert(depth) != depth {
                self.error(pgno, 0, Reason::Level);
            }
            if len == 0 && pgno != 1 {
                self.error(pgno, field::LOWER, Reason::EmptyLeaf);
            }
            let bounds = self.bounds(depth);
            for i in 0..len {
                self.item(pgno, i, len, bounds)?;
            }
            return Ok(false);
        }
        self.report.internals += 1;
        if len == 0 {
            self.error(pgno, field::LOWER, Reason::Empty);
        }
        let bounds = self.bounds(depth);
        for i in 0..len {
            self.separator(pgno, i, len, bounds)?;
        }
        Ok(len != 0)
    }

    /// The separators above that keys on the page just entered lie between.
    fn bounds(&mut self, depth: usize) -> (Option<Spot>, Option<Spot>) {
        let (mut low, mut high) = (None, None);
        for i in (0..depth).rev() {
            let Level { page, len, next_child, .. } = self.levels.get(i);
            if low.is_none() && next_child >= 2 {
                low = Some((page, next_child - 1));
            }
            if high.is_none() && next_child < len {
                high = Some((page, next_child));
            }
        }
        (low, high)
    }

    /// Checks a leaf entry.
    fn item(&mut self, pgno: u32, i: usize, len: usize, bounds: (Option<Spot>, Option<Spot>)) -> Result<()> {
        self.db.pager.begin();
        let page = self.db.pager.tree_page(pgno);
        let Some(f) = self.noted(page)? else { return Ok(()) };
        let node = self.db.node(f);
        let (at, entry) = (node.offset(i), node.entry(i));
        let (flags, size, key_len) = (entry.flags, entry.size(), entry.key.len());
        let (key, data) = if flags != 0 {
            (self.db.key_item(f, i), self.db.data_item(f, i))
        } else {
            (Ok(Item::inline(f, 0, 0)), Ok(Item::inline(f, 0, 0)))
        };
        self.room(pgno, at, size);
        let mut readable = true;
        for (bit, item, at, user) in [
            (BIG_KEY, key, at + ENTRY_FIXED, User::Key),
            (BIG_DATA, data, at + ENTRY_FIXED + key_len, User::Data),
        ] {
            if flags & bit != 0 {
                readable &= match self.reference(item, pgno, at)? {
                    Some(item) => self.chain((pgno, at), item, user)?,
                    None => false,
                };
            }
        }
        if !readable {
            return Ok(());
        }
        self.report.items = self.report.items.saturating_add(1);
        let here = (pgno, i);
        if let Some(last) = self.last_key.replace(here) {
            self.ascending(last, here, at, self.db.pager.duplicates(), Reason::KeyOrder)?;
        }
        // What lies between the first and the last key is within their bounds if it is in order.
        if let Some(low) = bounds.0.filter(|_| i == 0) {
            self.ascending(low, here, at, true, Reason::KeyBound)?;
        }
        if let Some(high) = bounds.1.filter(|_| i + 1 == len) {
            self.descending(high, here, at)?;
        }
        Ok(())
    }

    /// Checks an entry of an internal page.
    fn separator(
        &mut self,
        pgno: u32,
        i: usize,
        len: usize,
        bounds: (Option<Spot>, Option<Spot>),
    ) -> Result<()> {
        self.db.pager.begin();
        let page = self.db.pager.tree_page(pgno);
        let Some(f) = self.noted(page)? else { return Ok(()) };
        let node = self.db.node(f);
        let (at, entry) = (node.offset(i), node.entry(i));
        let (flags, size) = (entry.flags, entry.size());
        let first = self.db.pager.order().u32(entry.key, 0);
        let like_ref = flags == 0 && entry.key.len() == REF;
        let key = if flags != 0 { self.db.key_item(f, i) } else { Ok(Item::inline(f, 0, 0)) };
        self.room(pgno, at, size);
        let key_at = at + ENTRY_FIXED;
        let readable = match self.reference(key, pgno, key_at)? {
            Some(item) => flags & BIG_KEY == 0 || self.chain((pgno, key_at), item, User::Separator)?,
            None => false,
        };
        // Entry 0 is never compared with.
        if i == 0 || !readable {
            return Ok(());
        }
        // The C library forgets the flag when it splits the root.
        if pgno == 1 && like_ref && first > 1 && first < self.db.pager.pages() {
            if let Some((kind, _)) = self.kind_and_next(first)? {
                if kind == kind::OVERFLOW | kind::PRESERVE {
                    self.error(pgno, at + 8, Reason::UnmarkedRef);
                }
            }
        }
        let here = (pgno, i);
        if i >= 2 {
            self.ascending((pgno, i - 1), here, at, self.db.pager.duplicates(), Reason::KeyOrder)?;
        }
        if let Some(low) = bounds.0.filter(|_| i == 1) {
            self.ascending(low, here, at, true, Reason::KeyBound)?;
        }
        if let Some(high) = bounds.1.filter(|_| i + 1 == len) {
            self.descending(high, here, at)?;
        }
        Ok(())
    }

    /// Two entries of any kind have to fit on a page.
    fn room(&mut self, pgno: u32, at: usize, size: usize) {
        if size + SLOT > self.db.pager.capacity() / 2 {
            self.error(pgno, at, Reason::Room);
        }
    }

    /// Damage in a reference becomes a finding there.
    fn reference(&mut self, item: Result<Item>, pgno: u32, at: usize) -> Result<Option<Item>> {
        match item {
            Err(Failed) => match self.db.pager.fault() {
                Some(fault) => {
                    self.error(pgno, at, fault.reason);
                    Ok(None)
                }
                None => Err(Failed),
            },
            Ok(item) => Ok(Some(item)),
        }
    }

    /// Finds fault with the entry at `here` unless it is above `low` (or equal, where that may be).
    fn ascending(&mut self, low: Spot, here: Spot, at: usize, equal: bool, reason: Reason) -> Result<()> {
        match self.compare(low, here)? {
            Some(Ordering::Greater) => self.error(here.0, at, reason),
            Some(Ordering::Equal) if !equal => self.error(here.0, at, reason),
            _ => {}
        }
        Ok(())
    }

    /// The same for the separator behind its page.
    fn descending(&mut self, high: Spot, here: Spot, at: usize) -> Result<()> {
        match self.compare(high, here)? {
            Some(Ordering::Less) => self.error(here.0, at, Reason::KeyBound),
            Some(Ordering::Equal) if !self.db.pager.duplicates() => {
                self.error(here.0, at, Reason::KeyBound);
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares the keys of two entries; `None` if one cannot be read, which is reported elsewhere.
    fn compare(&mut self, a: Spot, b: Spot) -> Result<Option<Ordering>> {
        if self.effort == 0 {
            return Ok(None);
        }
        self.db.pager.begin();
        match compare(self.db, a, b) {
            Ok((order, effort)) => {
                self.effort = self.effort.saturating_sub(effort);
                if self.effort == 0 {
                    self.error(b.0, 0, Reason::Effort);
                }
                Ok(Some(order))
            }
            Err(Failed) if self.db.pager.fault().is_some() => Ok(None),
            Err(Failed) => Err(Failed),
        }
    }

    /// Checks a chain that the entry with the reference at `from` refers to. True if it can be read.
    fn chain(&mut self, from: (u32, usize), item: Item, user: User) -> Result<bool> {
        let (first, len) = (item.page, item.len() as u32);
        let mark = match user {
            User::Key => BY_KEY,
            User::Separator => BY_SEPARATOR,
            User::Data => 0,
        };
        if let Some((size, users)) = self.chains.use_again(first, mark) {
            // Separators and one leaf entry may share it.
            if user == User::Data || users & mark & BY_KEY != 0 {
                self.error(first, 0, Reason::Shared);
                return Ok(false);
            }
            if size != len {
                self.error(from.0, from.1, Reason::Chain);
            }
            return Ok(size == len);
        }
        if first < self.db.pager.pages() && self.map.has(first, USED) {
            self.error(first, 0, Reason::Shared);
            return Ok(false);
        }
        let (mut pgno, mut left, mut preserved) = (first, item.len(), false);
        loop {
            if pgno >= self.db.pager.pages() {
                self.error(from.0, from.1, Reason::Chain);
                return Ok(false);
            }
            if !self.claim(pgno) {
                self.error(pgno, 0, Reason::Shared);
                return Ok(false);
            }
            let page = self.db.pager.overflow_page(pgno);
            let Some(f) = self.noted(page)? else { return Ok(false) };
            self.report.overflow += 1;
            let flag = self.db.pager.field(f, field::FLAGS) & kind::PRESERVE != 0;
            let (prev, next) = (self.db.pager.field(f, field::PREV), self.db.pager.field(f, field::NEXT));
            // `lower` and `upper`, in one.
            let bounds = self.db.pager.field(f, field::LOWER);
            self.db.pager.release(f, true);
            if pgno == first {
                preserved = flag;
            }
            if flag && (pgno != first || user == User::Data) {
                self.error(pgno, field::FLAGS, Reason::PreserveFlag);
            }
            for (at, value) in [(field::PREV, prev), (field::LOWER, bounds)] {
                if value != 0 {
                    self.error(pgno, at, Reason::NotZero);
                }
            }
            left = left.saturating_sub(self.db.pager.capacity());
            if (left == 0) != (next == 0) {
                self.error(pgno, field::NEXT, Reason::Chain);
                return Ok(false);
            }
            if left == 0 {
                break;
            }
            pgno = next;
        }
        if user == User::Separator && !preserved {
            self.error(first, field::FLAGS, Reason::PreserveFlag);
        }
        let listed = preserved && user != User::Data;
        if listed && !self.chains.add(self.db.memory(), first, len, mark) {
            return self.db.pager.fail(Error::NoMemory);
        }
        Ok(true)
    }
}

/// How two keys compare, and how many overflow pages had to be read to know.
fn compare<S: Storage, M: Memory>(db: &mut Db<S, M>, a: Spot, b: Spot) -> Result<(Ordering, u64)> {
    let (a, b) = (key(db, a)?, key(db, b)?);
    if let (Some(a), Some(b)) = (db.inline_bytes(&a), db.inline_bytes(&b)) {
        return Ok((a.cmp(b), 0));
    }
    if a.page == b.page {
        return Ok((Ordering::Equal, 0));
    }
    let (common, order) = db.common_prefix(a, b)?;
    let pages = common.checked_div(db.pager.capacity()).unwrap_or(0) + 1;
    Ok((order, 2 * pages as u64))
}

fn key<S: Storage, M: Memory>(db: &mut Db<S, M>, (pgno, i): Spot) -> Result<Item> {
    let f = db.pager.tree_page(pgno)?;
    let item = db.key_item(f, i)?;
    if item.page != 0 {
        db.pager.release(f, false);
    }
    Ok(item)
}

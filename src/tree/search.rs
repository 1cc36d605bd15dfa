//! From the root to a place in a leaf.

use super::{heads, Db};
use crate::error::inner::Result;
use crate::error::Reason;
use crate::memory::Memory;
use crate::page::node::{Node, BIG_KEY};
use crate::page::{field, kind, Order};
use crate::pager::Idx;
use crate::storage::Storage;
use core::cmp::Ordering;

/// Levels of a tree at the most. A page holds at least two entries, so no tree that was
/// built by insertion comes near; a deeper one is a cycle of child links.
pub(crate) const MAX_DEPTH: usize = if cfg!(target_pointer_width = "32") { 24 } else { 32 };

/// Which gap between entries a search ends in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Before the first key >= the given one.
    Lower,
    /// Behind the last key <= the given one.
    Upper,
    /// Behind the last key that is <= the given one when cut to its length.
    #[cfg(feature = "extras")]
    PrefixUpper,
}

/// Where a descent leads.
#[derive(Clone, Copy)]
pub(super) enum Toward<'k> {
    First,
    Last,
    Key(&'k [u8], Side),
}

/// What a search compares entries with.
struct Target<'k> {
    key: &'k [u8],
    head: u64,
    prefix: bool,
    /// Whether an equal entry lies before the gap.
    right: bool,
}

impl<'k> Target<'k> {
    fn new(key: &'k [u8], side: Side) -> Self {
        let head = if heads::USED { heads::of_key(key) } else { 0 };
        #[cfg(feature = "extras")]
        let prefix = side == Side::PrefixUpper;
        #[cfg(not(feature = "extras"))]
        let prefix = false;
        Target { key, head, prefix, right: side != Side::Lower }
    }
}

/// The way from the root to a leaf: pages, and the entry taken on each.
pub(super) struct Path {
    pub len: usize,
    page: [u32; MAX_DEPTH],
    index: [u16; MAX_DEPTH],
}

impl Path {
    pub fn new() -> Self {
        Path { len: 0, page: [0; MAX_DEPTH], index: [0; MAX_DEPTH] }
    }

    /// Page number and entry at a level, 0 being the root.
    #[cfg_attr(all(small, feature = "repack"), inline(never))]
    pub fn at(&self, level: usize) -> (u32, usize) {
        let page = self.page.get(level).copied().unwrap_or(0);
        (page, usize::from(self.index.get(level).copied().unwrap_or(0)))
    }

    fn set(&mut self, level: usize, page: u32, index: usize) {
        if let (Some(p), Some(i)) = (self.page.get_mut(level), self.index.get_mut(level)) {
            (*p, *i) = (page, index as u16);
        }
    }

    /// Takes note of a new page between the root and what was below it: the root has grown.
    /// False, and no change, if the tree can get no higher.
    pub fn grow(&mut self, page: u32) -> bool {
        if self.len >= MAX_DEPTH {
            return false;
        }
        for level in (0..self.len).rev() {
            let (below, index) = self.at(level);
            self.set(level + 1, below, index);
        }
        let (root, index) = self.at(0);
        self.set(1, page, index);
        self.set(0, root, 0);
        self.len += 1;
        true
    }
}

/// A place in a leaf: the gap before entry `index`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub leaf: Idx,
    pub index: usize,
    /// A key equal to the one looked for is at `index` (`Lower`) or before it (`Upper`).
    pub found: bool,
}

impl<S: Storage, M: Memory> Db<S, M> {
    #[inline]
    pub(crate) fn node(&self, f: Idx) -> Node<'_> {
        Node::new(self.pager.order(), self.pager.page(f))
    }

    /// Entries of a tree page.
    #[cfg_attr(small, inline(never))]
    pub(super) fn len(&self, f: Idx) -> usize {
        self.node(f).len()
    }

    #[cfg_attr(small, inline(never))]
    pub(super) fn is_leaf(&self, f: Idx) -> bool {
        self.node(f).is_leaf()
    }

    /// Bytes taken on a tree page.
    #[cfg(feature = "repack")]
    #[cfg_attr(small, inline(never))]
    pub(super) fn used(&self, f: Idx) -> usize {
        self.node(f).used()
    }

    /// The child of internal entry `i`.
    #[cfg_attr(small, inline(never))]
    pub(super) fn child(&self, f: Idx, i: usize) -> u32 {
        self.node(f).child(i)
    }

    /// Flags and stored key of entry `i`.
    #[cfg_attr(small, inline(never))]
    pub(crate) fn key(&self, f: Idx, i: usize) -> (u8, &[u8]) {
        self.node(f).key(i)
    }

    /// How entry `i` compares with `key`.
    fn compare(&mut self, f: Idx, i: usize, key: &[u8], prefix: bool) -> Result<Ordering> {
        let (flags, stored) = self.key(f, i);
        if flags & BIG_KEY == 0 {
            if heads::USED && !prefix {
                return Ok(heads::compare(stored, key));
            }
            let stored = if prefix { stored.get(..key.len()).unwrap_or(stored) } else { stored };
            return Ok(stored.cmp(key));
        }
        let item = self.key_item(f, i)?;
        self.compare_item(item, key, prefix)
    }

    /// Number of entries from `low` on that lie before the gap, and whether an equal key was met.
    #[inline(always)]
    fn partition(&mut self, f: Idx, order: Order, low: usize, target: &Target) -> Result<(usize, bool)> {
        let node = Node::new(order, self.pager.page(f));
        let (mut low, mut high) = (low, node.len());
        if heads::USED && !target.prefix {
            (low, high) = heads::narrow(node, low, high, target.head);
        }
        if low >= high {
            return Ok((low, false));
        }
        if heads::USED && !target.prefix && high - low == 1 {
            let (flags, stored) = node.key(low);
            if flags & BIG_KEY == 0 {
                let order = heads::compare(stored, target.key);
                let before = order == Ordering::Less || (order == Ordering::Equal && target.right);
                return Ok((low + usize::from(before), order == Ordering::Equal));
            }
        }
        self.bisect(f, low, high, target)
    }

    /// As `partition`, for entries `low..high`, comparing whole keys.
    fn bisect(&mut self, f: Idx, mut low: usize, mut high: usize, target: &Target) -> Result<(usize, bool)> {
        let Target { key, prefix, right, .. } = *target;
        let mut found = false;
        while low < high {
            let middle = (low + high) / 2;
            let order = self.compare(f, middle, key, prefix)?;
            if order == Ordering::Equal && !prefix && !self.pager.duplicates() {
                // There is no other. (In a damaged page, out of order, going on could end elsewhere.)
                return Ok((middle + usize::from(right), true));
            }
            found |= order == Ordering::Equal;
            if order == Ordering::Less || (order == Ordering::Equal && right) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok((low, found))
    }

    /// Goes down from the root to a leaf.
    pub(super) fn descend(&mut self, toward: Toward) -> Result<Place> {
        // A copy of the code for the common order, where code is cheap.
        let order = self.pager.order();
        if heads::USED && order == Order::Little {
            self.descend_in(Order::Little, toward)
        } else {
            self.descend_in(order, toward)
        }
    }

    #[inline(always)]
    fn descend_in(&mut self, order: Order, toward: Toward) -> Result<Place> {
        let mut target = match toward {
            Toward::Key(key, side) => Target::new(key, side),
            _ => Target::new(&[], Side::Lower),
        };
        let last = target.right;
        // Without duplicates a key equal to a separator is behind it.
        target.right |= !self.pager.duplicates();
        let mut pgno = 1;
        for level in 0..MAX_DEPTH {
            let f = self.pager.tree_page(pgno)?;
            let node = Node::new(order, self.pager.page(f));
            let (leaf, len) = (node.field(field::FLAGS) != kind::INTERNAL, node.len());
            if !leaf && len == 0 {
                return self.pager.corrupt(pgno, field::LOWER as u32, Reason::Empty);
            }
            if leaf {
                target.right = last;
            }
            // Entry 0 of an internal page is never compared with: its key means nothing.
            let inner = usize::from(!leaf);
            let (gap, found) = match toward {
                Toward::First => (inner, false),
                Toward::Last => (len, false),
                Toward::Key(..) => self.partition(f, order, inner, &target)?,
            };
            let index = gap.wrapping_sub(inner);
            self.path.set(level, pgno, index);
            self.path.len = level + 1;
            if leaf {
                return Ok(Place { leaf: f, index, found });
            }
            pgno = Node::new(order, self.pager.page(f)).child(index);
            self.pager.release(f, false);
        }
        self.pager.corrupt(pgno, 0, Reason::Depth)
    }

    /// The place of a key.
    pub(super) fn search(&mut self, key: &[u8], side: Side) -> Result<Place> {
        self.descend(Toward::Key(key, side))
    }

    /// Moves a path on to the next leaf, if there is one.
    pub(super) fn advance(&mut self) -> Result<Option<Idx>> {
        let Some(mut level) = self.path.len.checked_sub(2) else { return Ok(None) };
        loop {
            let (pgno, index) = self.path.at(level);
            let f = self.pager.tree_page(pgno)?;
            let more = index + 1 < self.len(f);
            self.pager.release(f, false);
            if more {
                self.path.set(level, pgno, index + 1);
                break;
            }
            if level == 0 {
                return Ok(None);
            }
            level -= 1;
        }
        loop {
            let (pgno, index) = self.path.at(level);
            let f = self.pager.tree_page(pgno)?;
            let (leaf, child) = (self.is_leaf(f), self.child(f, index));
            // All leaves are on one level.
            if leaf != (level + 1 == self.path.len) {
                return self.pager.corrupt(pgno, field::FLAGS as u32, Reason::PageType);
            }
            if leaf {
                return Ok(Some(f));
            }
            self.pager.release(f, false);
            level += 1;
            self.path.set(level, child, 0);
        }
    }

    /// The outer gap of the first (or last) leaf.
    pub(super) fn edge(&mut self, last: bool) -> Result<Place> {
        self.descend(if last { Toward::Last } else { Toward::First })
    }

    /// The page next to `f` on its level, or `None` at the end.
    pub(super) fn neighbour(&mut self, f: Idx, backward: bool) -> Result<Option<Idx>> {
        let (to, from) = if backward { (field::PREV, field::NEXT) } else { (field::NEXT, field::PREV) };
        let (pgno, here) = (self.pager.field(f, to), self.pager.pgno(f));
        if pgno == 0 {
            return Ok(None);
        }
        let next = self.pager.tree_page(pgno)?;
        if self.pager.field(next, from) != here || self.is_leaf(next) != self.is_leaf(f) {
            return self.pager.corrupt(pgno, from as u32, Reason::Sibling);
        }
        Ok(Some(next))
    }

    /// The entry at or behind (`backward`: before) a gap, going on to neighbours.
    /// `None` at the end of the tree. Counts the pages it goes on to in `hops`.
    pub(super) fn entry_at(
        &mut self,
        place: Place,
        backward: bool,
        hops: &mut u32,
    ) -> Result<Option<(Idx, usize)>> {
        let Place { mut leaf, mut index, .. } = place;
        loop {
            let len = self.len(leaf);
            if backward && index > 0 && index <= len {
                return Ok(Some((leaf, index - 1)));
            }
            if !backward && index < len {
                return Ok(Some((leaf, index)));
            }
            let Some(next) = self.neighbour(leaf, backward)? else { return Ok(None) };
            *hops += 1;
            if *hops > self.pager.pages() {
                let pgno = self.pager.pgno(leaf);
                return self.pager.corrupt(pgno, field::NEXT as u32, Reason::Sibling);
            }
            self.pager.release(leaf, false);
            leaf = next;
            index = if backward { self.len(next) } else { 0 };
        }
    }
}

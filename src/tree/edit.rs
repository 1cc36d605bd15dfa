//! Changing the entries of a page, and what follows for the pages above.
//!
//! Every change of the tree is one [`Edit`] of a leaf: a range of entries gives way to new
//! ones. If the result fits, that is all. If not, or if little is left, the page is
//! repacked together with its neighbours (`balance`), and what changes for their parent is
//! the next edit, one level up.

use super::Db;
use crate::error::inner::Result;
use crate::error::{Error, Reason};
use crate::memory::Memory;
#[cfg(feature = "repack")]
use crate::page::node::REF;
use crate::page::node::{self, entry_size, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

/// Where the bytes of a new entry's key or value come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The caller's memory.
    Bytes(&'a [u8]),
    /// A part of a page in the cache.
    Page(Idx, u16, u16),
    /// An overflow reference.
    #[cfg(feature = "repack")]
    Ref([u8; REF]),
}

impl Source<'_> {
    pub const EMPTY: Self = Source::Bytes(&[]);

    pub fn len(&self) -> usize {
        match *self {
            Source::Bytes(b) => b.len(),
            Source::Page(_, _, len) => usize::from(len),
            #[cfg(feature = "repack")]
            Source::Ref(_) => REF,
        }
    }

    #[cfg(feature = "repack")]
    /// The same bytes after page `from` was copied to `to`.
    fn moved(self, from: Idx, to: Idx) -> Self {
        match self {
            Source::Page(f, at, len) if f == from => Source::Page(to, at, len),
            other => other,
        }
    }
}

/// An entry to be written.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub flags: u8,
    /// The child on internal pages, on leaves the length of `data`.
    pub second: u32,
    pub key: Source<'a>,
    /// Empty on internal pages.
    pub data: &'a [u8],
}

impl<'a> Cell<'a> {
    pub const EMPTY: Self = Cell { flags: 0, second: 0, key: Source::EMPTY, data: &[] };

    /// An entry of a leaf: key and value as they are stored.
    pub fn leaf(flags: u8, key: &'a [u8], data: &'a [u8]) -> Self {
        Cell { flags, second: data.len() as u32, key: Source::Bytes(key), data }
    }

    /// Bytes the entry takes on a page, without its slot.
    pub fn size(&self) -> usize {
        entry_size(self.key.len().wrapping_add(self.data.len()))
    }
}

/// New entries of one edit at the most: with `repack`, three pages in the place of one.
const MAX_NEW: usize = if cfg!(feature = "repack") { 2 } else { 1 };

/// A change of one page: entries `from..to` give way to `new`.
#[derive(Clone, Copy)]
pub(super) struct Edit<'a> {
    pub from: usize,
    pub to: usize,
    new: [Cell<'a>; MAX_NEW],
    len: usize,
    /// A new child for the entry before `from`.
    #[cfg(feature = "repack")]
    pub child: Option<u32>,
}

impl<'a> Edit<'a> {
    /// Takes entries out.
    pub fn remove(from: usize, to: usize) -> Self {
        Edit {
            from,
            to,
            new: [Cell::EMPTY; MAX_NEW],
            len: 0,
            #[cfg(feature = "repack")]
            child: None,
        }
    }

    /// Makes it one that takes entries out.
    #[cfg_attr(small, inline(never))]
    pub fn become_removal(&mut self, from: usize, to: usize) {
        (self.from, self.to, self.len) = (from, to, 0);
        #[cfg(feature = "repack")]
        {
            self.child = None;
        }
    }

    /// Adds a new entry. False if there are too many.
    pub fn push(&mut self, cell: Cell<'a>) -> bool {
        match self.new.get_mut(self.len) {
            Some(new) => {
                *new = cell;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// Number of new entries.
    pub fn new_len(&self) -> usize {
        self.len
    }

    #[cfg_attr(all(small, feature = "repack"), inline(never))]
    pub fn new_cells(&self) -> &[Cell<'a>] {
        self.new.get(..self.len).unwrap_or(&[])
    }

    /// The new entry, if there is one.
    #[cfg(not(feature = "repack"))]
    pub fn new_cell(&self) -> Cell<'a> {
        self.new_cells().first().copied().unwrap_or(Cell::EMPTY)
    }

    #[cfg(feature = "repack")]
    /// Adjusts the sources after page `from` was copied to `to`.
    pub fn moved(&mut self, from: Idx, to: Idx) {
        for cell in &mut self.new {
            cell.key = cell.key.moved(from, to);
        }
    }

    #[cfg(feature = "repack")]
    fn reads(&self, f: Idx) -> bool {
        self.new_cells().iter().any(|c| matches!(c.key, Source::Page(frame, ..) if frame == f))
    }
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Writes an entry as number `i`; the caller has made sure that it fits.
    pub(super) fn insert_cell(&mut self, f: Idx, i: usize, cell: &Cell) {
        let order = self.pager.order();
        let mut page = self.pager.page_mut(f);
        let key = match &cell.key {
            Source::Bytes(bytes) => *bytes,
            #[cfg(feature = "repack")]
            Source::Ref(bytes) => bytes,
            Source::Page(from, at, len) => {
                let source;
                (source, page) = self.pager.pair(*from, f);
                let at = usize::from(*at);
                source.get(at..at + usize::from(*len)).unwrap_or(&[])
            }
        };
        let at = node::open_slot(order, page, i, cell.size());
        node::put_entry(order, page, at, cell.second, cell.flags, [key, cell.data]);
    }

    #[cfg(feature = "repack")]
    /// Changes the child of an internal entry.
    pub(super) fn set_child(&mut self, f: Idx, i: usize, child: u32) {
        let at = self.node(f).offset(i).wrapping_add(4);
        self.pager.set_field(f, at, child);
    }

    pub(super) fn remove_entry(&mut self, f: Idx, i: usize) {
        let order = self.pager.order();
        node::remove(order, self.pager.page_mut(f), i);
    }

    /// Bytes that a page, or pages, of `used` bytes would have after an edit of page `f`.
    pub(super) fn after_edit(&self, used: usize, f: Idx, edit: &Edit) -> usize {
        let node = self.node(f);
        let gone: usize = (edit.from..edit.to).map(|i| node.size(i) + SLOT).sum();
        let new: usize = edit.new_cells().iter().map(|c| c.size() + SLOT).sum();
        used.wrapping_add(new).wrapping_sub(gone)
    }

    /// Bytes used on a page if `edit` were done.
    pub(super) fn used_after(&self, f: Idx, edit: &Edit) -> usize {
        self.after_edit(self.node(f).used(), f, edit)
    }

    /// Does an edit of the leaf that `path` leads to, and all that follows above it.
    pub(super) fn edit<'a>(&mut self, edit: &mut Edit<'a>) -> Result<()> {
        let mut level = self.path.len - 1;
        loop {
            let (pgno, _) = self.path.at(level);
            let f = self.pager.tree_page(pgno)?;
            // In a damaged file the page may have been on the free list and be another by now.
            if edit.to > self.len(f) {
                return self.pager.corrupt(pgno, field::LOWER as u32, Reason::Empty);
            }
            #[cfg(feature = "repack")]
            let before = self.used(f);
            let used = self.used_after(f, edit);
            let more = if used <= self.pager.capacity() {
                let fewer = edit.new_len() < edit.to - edit.from;
                let len = self.len(f) - (edit.to - edit.from) + edit.new_len();
                #[cfg(feature = "repack")]
                let merge = if level > 0 && fewer && self.sparse(len, used, before) {
                    self.mergeable(level, used)?
                } else {
                    None
                };
                #[cfg(not(feature = "repack"))]
                let merge: Option<()> = None;
                // What concerns no other page is the last step: nothing can fail after it.
                let last = merge.is_none() && (len > 0 || level == 0) && !(level == 0 && fewer);
                self.apply(f, edit, !last)?;
                if level == 0 && fewer {
                    return self.settle_root(f);
                }
                if last {
                    return Ok(());
                }
                #[cfg(feature = "repack")]
                let more = self.underflow(level, f, merge, edit)?;
                #[cfg(not(feature = "repack"))]
                let more = self.take_out(f, self.path.at(level - 1).1, edit)?;
                more
            } else {
                if level == 0 {
                    self.grow_root(f, edit)?;
                    level = 1;
                }
                self.overflow(level, used, edit)?
            };
            if !more {
                return Ok(());
            }
            // It is that of the parent now.
            level -= 1;
        }
    }

    #[cfg(feature = "repack")]
    /// Whether a page that held `before` bytes and will have `len` entries in `used` bytes has lost
    /// enough to be merged with its neighbours. True again only when another eighth is gone, so
    /// that most deletions read no neighbours. While many deletions follow each other a page may lose
    /// more, as it is likely to lose all.
    pub(super) fn sparse(&self, len: usize, used: usize, before: usize) -> bool {
        let eighth = (self.pager.capacity() / 8).max(1);
        let step = |bytes: usize| bytes.saturating_sub(1).checked_div(eighth).unwrap_or(0);
        let most = if self.churn < 16 { 5 * eighth } else { 3 * eighth };
        len == 0 || (used <= most && step(used) < step(before))
    }

    /// Whether a page that will have `len` entries is to leave the tree.
    #[cfg(all(feature = "shortcuts", not(feature = "repack")))]
    pub(super) fn sparse(&self, len: usize, _used: usize, _before: usize) -> bool {
        len == 0
    }

    /// Does an edit that fits; `undo` tells whether the operation can still fail after it.
    fn apply(&mut self, f: Idx, edit: &mut Edit, undo: bool) -> Result<()> {
        #[cfg(feature = "repack")]
        if edit.reads(f) {
            let copy = self.pager.image(f)?;
            edit.moved(f, copy);
        }
        if undo {
            self.pager.touch(f)?;
        } else {
            self.pager.mark(f);
        }
        #[cfg(feature = "repack")]
        if let Some(child) = edit.child {
            self.set_child(f, edit.from.wrapping_sub(1), child);
        }
        for _ in edit.from..edit.to {
            self.remove_entry(f, edit.from);
        }
        for (i, cell) in edit.new_cells().iter().enumerate() {
            self.insert_cell(f, edit.from + i, cell);
        }
        Ok(())
    }

    /// Moves the root's content to a new page below it, which then has room to split.
    #[cfg_attr(all(small, feature = "repack"), inline(never))]
    #[cfg_attr(not(feature = "repack"), allow(unused_variables))]
    fn grow_root(&mut self, root: Idx, edit: &mut Edit) -> Result<()> {
        let kind = self.pager.field(root, field::FLAGS);
        let below = self.pager.alloc_page(kind)?;
        let child = self.pager.pgno(below);
        if !self.path.grow(child) {
            return self.pager.fail(Error::Full);
        }
        self.pager.touch(root)?;
        self.pager.copy_content(root, below);
        #[cfg(feature = "repack")]
        edit.moved(root, below);
        self.pager.format(root, 1, kind::INTERNAL);
        self.insert_cell(root, 0, &Cell { second: child, ..Cell::EMPTY });
        Ok(())
    }

    /// An internal root without entries becomes an empty leaf; one with a single child
    /// takes over the child's content.
    fn settle_root(&mut self, root: Idx) -> Result<()> {
        loop {
            let node = self.node(root);
            if node.is_leaf() || node.len() > 1 {
                return Ok(());
            }
            if node.len() == 0 {
                self.pager.format(root, 1, kind::LEAF);
                return Ok(());
            }
            let child = self.pager.tree_page(node.child(0))?;
            if child == root {
                return self.pager.corrupt(1, 0, Reason::Depth);
            }
            self.pager.copy_content(child, root);
            self.pager.free_page(child)?;
        }
    }
}

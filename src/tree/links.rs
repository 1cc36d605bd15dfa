//! What a page is to its parent and to its neighbours.

use super::edit::{Cell, Edit, Source};
use super::search::Path;
use super::Db;
use crate::error::inner::Result;
use crate::memory::Memory;
use crate::page::node::{entry_size, BIG_KEY, ENTRY_FIXED, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

impl<S: Storage, M: Memory> Db<S, M> {
    pub(super) fn level_page(&mut self, path: &Path, level: usize) -> Result<Idx> {
        self.pager.tree_page(path.at(level).0)
    }

    /// Entry `i` of a page as a cell.
    pub(super) fn cell(&self, f: Idx, i: usize) -> Cell<'static> {
        let (node, entry) = (self.node(f), self.node(f).entry(i));
        let at = node.offset(i).wrapping_add(ENTRY_FIXED);
        let key = entry.key.len();
        Cell {
            flags: entry.flags,
            child: entry.child,
            key: Source::Page(f, at, key),
            data: Source::Page(f, at.wrapping_add(key), entry.data.len()),
        }
    }

    pub(super) fn relink(&mut self, page: u32, field: usize, to: u32) -> Result<()> {
        if page != 0 {
            let f = self.pager.tree_page(page)?;
            self.pager.touch(f)?;
            self.pager.set_field(f, field, to);
        }
        Ok(())
    }

    /// Takes an empty page out of the tree, all but its entry in the parent.
    pub(super) fn take_out<'a>(&mut self, f: Idx, slot: usize) -> Result<Edit<'a>> {
        let (before, after) = (self.pager.field(f, field::PREV), self.pager.field(f, field::NEXT));
        self.relink(before, field::NEXT, after)?;
        self.relink(after, field::PREV, before)?;
        self.pager.free_page(f)?;
        Ok(Edit::remove(slot, slot + 1))
    }

    #[cfg(feature = "repack")]
    /// The parent's entry for leaf `right`: the shortest key above all keys of `left`.
    pub(super) fn separator(&mut self, left: Idx, right: Idx) -> Result<Cell<'static>> {
        let last = self.len(left).saturating_sub(1);
        let (low, high) = (self.key_item(left, last)?, self.key_item(right, 0)?);
        let len = high.len().min(self.common_prefix(low, high)?.0 + 1);
        let child = self.pager.pgno(right);
        let (flags, key) = if entry_size(len) + SLOT > self.pager.capacity() / 2 {
            (BIG_KEY, Source::Ref(self.write_separator(high, len)?))
        } else {
            // A page of a chain is larger than half a page's entries: the key's start is in one piece.
            let mut pieces = Self::pieces(high);
            match self.piece(&mut pieces)? {
                Some(piece) => (0, Source::Page(piece.frame, piece.at, len)),
                None => (0, Source::Bytes(&[])),
            }
        };
        Ok(Cell { flags, child, key, data: Source::Bytes(&[]) })
    }
}

#[cfg(not(feature = "repack"))]
impl<S: Storage, M: Memory> Db<S, M> {
    /// The parent's entry for leaf `right`: the shortest key above all keys of `left`. A chain is shared
    /// with the leaf, as in the C library, and must not be freed from then on.
    pub(super) fn separator(&mut self, left: Idx, right: Idx) -> Result<Cell<'static>> {
        let mut cell = Cell { data: Source::EMPTY, child: self.pager.pgno(right), ..self.cell(right, 0) };
        cell.flags &= BIG_KEY;
        if cell.flags != 0 {
            let chain = self.key_item(right, 0)?;
            let first = self.pager.overflow_page(chain.page)?;
            self.pager.touch(first)?;
            self.pager.set_field(first, field::FLAGS, kind::OVERFLOW | kind::PRESERVE);
            return Ok(cell);
        }
        let last = self.len(left).saturating_sub(1);
        if let Source::Page(f, at, len) = cell.key {
            // The stored form of a long key will do: it leads to a longer separator than need be.
            let (flags, low) = self.key(left, last);
            if flags & BIG_KEY == 0 {
                let high = self.key(right, 0).1;
                let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
                cell.key = Source::Page(f, at, len.min(common + 1));
            }
        }
        Ok(cell)
    }
}

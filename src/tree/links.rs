//! What a page is to its parent and to its neighbours.

use super::edit::{Cell, Edit, Source};
use super::Db;
use crate::error::inner::Result;
use crate::memory::Memory;
use crate::page::field;
use crate::page::node::ENTRY_FIXED;
use crate::pager::Idx;
use crate::storage::Storage;

impl<S: Storage, M: Memory> Db<S, M> {
    pub(super) fn level_page(&mut self, level: usize) -> Result<Idx> {
        self.pager.tree_page(self.path.at(level).0)
    }

    /// Entry `i` of an internal page as a cell; of a leaf, what its key is in the parent.
    pub(super) fn cell(&self, f: Idx, i: usize) -> Cell<'static> {
        let (flags, key) = self.key(f, i);
        let key_at = self.node(f).offset(i).wrapping_add(ENTRY_FIXED);
        let key = Source::Page(f, key_at as u16, key.len() as u16);
        Cell { flags, second: self.child(f, i), key, data: &[] }
    }

    pub(super) fn relink(&mut self, page: u32, field: usize, to: u32) -> Result<()> {
        if page != 0 {
            let f = self.pager.tree_page(page)?;
            self.pager.touch(f)?;
            self.pager.set_field(f, field, to);
        }
        Ok(())
    }

    /// Takes an empty page out of the tree, all but its entry in the parent: that is the next edit.
    pub(super) fn take_out(&mut self, f: Idx, slot: usize, edit: &mut Edit) -> Result<bool> {
        let (before, after) = (self.pager.field(f, field::PREV), self.pager.field(f, field::NEXT));
        self.relink(before, field::NEXT, after)?;
        self.relink(after, field::PREV, before)?;
        self.pager.free_page(f)?;
        edit.become_removal(slot, slot + 1);
        Ok(true)
    }
}

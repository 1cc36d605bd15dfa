//! Short cuts for what happens most: changes of one page that cannot fail, rising keys, and steps
//! from entry to entry. Without them everything takes the general way, with the same result but for
//! where on a page an entry lies.

use super::edit::{Cell, Edit, Source};
use super::search::{Place, Toward};
use super::Db;
use crate::error::inner::Result;
use crate::memory::Memory;
use crate::page::node::{self, entry_size, BIG_KEY, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

impl<S: Storage, M: Memory> Db<S, M> {
    /// Stores an item inline on its page if it fits: the common case, which cannot fail.
    #[cfg_attr(small, inline(never))]
    pub(super) fn put_inline(&mut self, key: &[u8], value: &[u8], place: Place, replaces: bool) -> bool {
        let body = key.len().saturating_add(value.len());
        let Place { leaf, index, .. } = place;
        if body > self.limit {
            return false;
        }
        let node = self.node(leaf);
        let size = entry_size(body);
        let mut room = node.free();
        if replaces {
            let old = node.entry(index);
            if old.flags != 0 {
                return false;
            }
            if old.size() == size {
                let (at, order) = (node.offset(index), self.pager.order());
                let page = self.pager.page_mut(leaf);
                node::put_entry(order, page, at, value.len() as u32, 0, [key, value]);
                self.changed_inline(leaf);
                return true;
            }
            room += old.size() + SLOT;
        }
        if room < size + SLOT {
            return false;
        }
        if replaces {
            self.remove_entry(leaf, index);
        }
        self.insert_inline(leaf, index, key, value);
        let node = self.node(leaf);
        if index + 1 == node.len() && node.field(field::NEXT) == 0 && !self.pager.duplicates() {
            self.hint = Some((leaf, self.changes));
        }
        true
    }

    /// Writes an entry to a page that has room for it.
    #[inline]
    fn insert_inline(&mut self, leaf: Idx, index: usize, key: &[u8], value: &[u8]) {
        let order = self.pager.order();
        node::insert(order, self.pager.page_mut(leaf), index, key, value);
        self.changed_inline(leaf);
    }

    fn changed_inline(&mut self, leaf: Idx) {
        self.pager.mark(leaf);
        self.changes = self.changes.wrapping_add(1);
    }

    /// Puts rising keys behind the last one without a search.
    #[inline]
    pub(super) fn append(&mut self, key: &[u8], value: &[u8]) -> bool {
        let Some((leaf, changes)) = self.hint else { return false };
        if changes != self.changes || key.len().saturating_add(value.len()) > self.limit {
            return false;
        }
        let order = self.pager.order();
        // A page that was written since is clean, and its frame may hold another.
        let Some(page) = self.pager.changed_page_mut(leaf) else { return false };
        if !node::append_last(order, page, key, value) {
            return false;
        }
        self.changes = self.changes.wrapping_add(1);
        self.hint = Some((leaf, self.changes));
        self.added();
        true
    }

    /// Puts a key behind the last one to a page of its own if the last page is full and was
    /// filled by rising keys. What `put_any` would do, without looking at the full page.
    #[cfg_attr(small, inline(never))]
    pub(super) fn append_page(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let Some((_, changes)) = self.hint else { return Ok(false) };
        if changes != self.changes || key.len().saturating_add(value.len()) > self.limit {
            return Ok(false);
        }
        let last = self.descend(Toward::Last)?.leaf;
        let node = self.node(last);
        let Some(index) = node.len().checked_sub(1) else { return Ok(false) };
        let (flags, low) = node.key(index);
        let room = entry_size(key.len() + value.len()) + SLOT;
        if self.path.len < 2 || flags & BIG_KEY != 0 || low >= key || node.free() >= room {
            return Ok(false);
        }
        let common = low.iter().zip(key).take_while(|(a, b)| a == b).count();
        let separator = key.get(..common + 1).unwrap_or(key);
        let result = self.append_page_with(last, key, value, separator);
        self.end(result)?;
        self.added();
        Ok(true)
    }

    #[cfg_attr(small, inline(never))]
    fn append_page_with(&mut self, last: Idx, key: &[u8], value: &[u8], separator: &[u8]) -> Result<()> {
        let f = self.pager.alloc_page(kind::LEAF)?;
        let before = self.pager.pgno(last);
        let child = self.pager.pgno(f);
        self.pager.set_field(f, field::PREV, before);
        let cell = Cell::leaf(0, key, value);
        self.insert_cell(f, 0, &cell);
        self.path.len -= 1;
        let slot = self.path.at(self.path.len - 1).1 + 1;
        let mut edit = Edit::remove(slot, slot);
        edit.push(Cell { second: child, key: Source::Bytes(separator), ..Cell::EMPTY });
        self.edit(&mut edit)?;
        // Last, as nothing can fail any more and so the full page needs no copy.
        self.pager.mark(last);
        self.pager.set_field(last, field::NEXT, child);
        self.hint = Some((f, self.changes.wrapping_add(1)));
        Ok(())
    }

    /// Removes an entry where nothing else changes: the common case, which cannot fail.
    pub(super) fn delete_inline(&mut self, leaf: Idx, i: usize) -> bool {
        let node = self.node(leaf);
        let (entry, used) = (node.entry(i), node.used());
        let after = used.saturating_sub(entry.size() + SLOT);
        let root = self.pager.pgno(leaf) == 1;
        if entry.flags != 0 || (!root && self.sparse(node.len() - 1, after, used)) {
            return false;
        }
        self.remove_entry(leaf, i);
        self.changed_inline(leaf);
        true
    }
}

//! Splitting a full page in two, as the C library does: what there is without the feature `repack`.

use super::edit::{Cell, Edit, Source};
use super::Db;
use crate::error::inner::Result;
use crate::error::Error;
use crate::memory::Memory;
use crate::page::node::{self, BIG_KEY, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

impl<S: Storage, M: Memory> Db<S, M> {
    /// Which entry of a page is number `i` after an edit; `None`: it is new.
    fn old_entry(edit: &Edit, i: usize) -> Option<usize> {
        let new = edit.new_len();
        if i < edit.from {
            Some(i)
        } else if i < edit.from + new {
            None
        } else {
            Some(i + edit.to - edit.from - new)
        }
    }

    /// How many of `count` entries stay, so that both pages get about half of `total` bytes.
    fn split_at(&self, f: Idx, edit: &Edit, count: usize, total: usize) -> Option<usize> {
        let (room, node, new) = (self.pager.capacity(), self.node(f), edit.new_cell().size());
        let (mut stay, mut left) = (0, 0);
        while stay < count {
            let bytes = Self::old_entry(edit, stay).map_or(new, |i| node.size(i)) + SLOT;
            let right = total.saturating_sub(left);
            if stay > 0 && right <= room && (left + bytes > room || left + bytes / 2 > total / 2) {
                return (left <= room).then_some(stay);
            }
            left += bytes;
            stay += 1;
        }
        None
    }

    /// Does an edit that does not fit its page, as that would have `used` bytes, on two pages, and makes it
    /// that of the parent.
    #[cfg_attr(small, inline(never))]
    pub(super) fn overflow(&mut self, level: usize, used: usize, edit: &mut Edit) -> Result<bool> {
        let (_, slot) = self.path.at(level - 1);
        let f = self.level_page(level)?;
        let next = self.pager.field(f, field::NEXT);
        let (prev, flags) = (self.pager.field(f, field::PREV), self.pager.field(f, field::FLAGS));
        let count = self.len(f) + edit.new_len() + edit.from - edit.to;
        let at = if next == 0 && edit.from + 1 == count {
            // Rising keys leave full pages behind.
            Some(edit.from)
        } else {
            self.split_at(f, edit, count, used)
        };
        let Some(at) = at else { return self.pager.fail(Error::Full) };
        let right = self.pager.alloc_page(flags)?;
        let old = self.pager.image(f)?;
        let (pgno, child) = (self.pager.pgno(f), self.pager.pgno(right));
        self.pager.format(f, pgno, flags);
        self.pager.set_field(f, field::PREV, prev);
        self.pager.set_field(f, field::NEXT, child);
        self.pager.set_field(right, field::PREV, pgno);
        self.pager.set_field(right, field::NEXT, next);
        let mut above = Cell::EMPTY;
        for i in 0..count {
            let (to, place) = if i < at { (f, i) } else { (right, i - at) };
            // The first key of an internal page is in its parent.
            let rises = i == at && flags != kind::LEAF;
            let mut cell = match Self::old_entry(edit, i) {
                Some(i) if !rises => {
                    self.copy_entry(old, i, to, place);
                    continue;
                }
                Some(i) => self.cell(old, i),
                None => edit.new_cell(),
            };
            if rises {
                above = cell;
                (cell.key, cell.flags) = (Source::EMPTY, 0);
            }
            self.insert_cell(to, place, &cell);
        }
        self.relink(next, field::PREV, child)?;
        if flags == kind::LEAF {
            above = self.separator(f, right)?;
        }
        above.second = child;
        edit.become_removal(slot + 1, slot + 1);
        edit.push(above);
        Ok(true)
    }

    /// Copies entry `i` of a page to another one as number `place`.
    fn copy_entry(&mut self, from: Idx, i: usize, to: Idx, place: usize) {
        let (order, node) = (self.pager.order(), self.node(from));
        let (at, size) = (node.offset(i), node.size(i));
        let to_at = node::open_slot(order, self.pager.page_mut(to), place, size);
        self.pager.copy(from, at, to, to_at, size);
    }

    /// The parent's entry for leaf `right`, but for the number of the page: the shortest key above all
    /// keys of `left`. A chain is shared with the leaf, as in the C library, and must not be freed from
    /// then on.
    fn separator(&mut self, left: Idx, right: Idx) -> Result<Cell<'static>> {
        let mut cell = self.cell(right, 0);
        cell.flags &= BIG_KEY;
        if cell.flags != 0 {
            let chain = self.key_item(right, 0)?;
            let first = self.pager.overflow_page(chain.page())?;
            self.pager.touch(first)?;
            self.pager.set_field(first, field::FLAGS, kind::OVERFLOW | kind::PRESERVE);
        } else if let Source::Page(f, at, len) = cell.key {
            // The stored form of a long key will do: it leads to a longer separator than need be.
            let (flags, low) = self.key(left, self.len(left).saturating_sub(1));
            if flags & BIG_KEY == 0 {
                let high = self.key(right, 0).1;
                let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
                cell.key = Source::Page(f, at, len.min((common + 1) as u16));
            }
        }
        Ok(cell)
    }
}

//! Splitting a full page in two, as the C library does: what there is without the feature `repack`.

use super::edit::{Cell, Edit, Source};
use super::Db;
use crate::error::inner::Result;
use crate::error::Error;
use crate::memory::Memory;
use crate::page::node::{BIG_KEY, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

/// Entries that are shared out: those of page `f`, but for `edit`.
struct Split<'e, 'a> {
    f: Idx,
    edit: &'e Edit<'a>,
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Entry `i` of the entries that are shared out.
    fn split_cell<'a>(&self, split: &Split<'_, 'a>, i: usize) -> Cell<'a> {
        let Edit { from, to, .. } = *split.edit;
        match split.edit.new_cells().get(i.wrapping_sub(from)) {
            Some(cell) => *cell,
            None if i < from => self.cell(split.f, i),
            None => self.cell(split.f, i + to - from - split.edit.new_cells().len()),
        }
    }

    /// How many of `count` entries stay, so that both pages get about half of `total` bytes.
    fn split_at(&self, split: &Split, count: usize, total: usize) -> Option<usize> {
        let room = self.pager.capacity();
        let (mut stay, mut left) = (0, 0);
        while stay < count {
            let bytes = self.split_cell(split, stay).size() + SLOT;
            let right = total.saturating_sub(left);
            if stay > 0 && right <= room && (left + bytes > room || left + bytes / 2 > total / 2) {
                return (left <= room).then_some(stay);
            }
            left += bytes;
            stay += 1;
        }
        None
    }

    /// Does an edit that does not fit its page, on two pages, and makes it that of the parent.
    #[cfg_attr(small, inline(never))]
    pub(super) fn overflow(&mut self, level: usize, edit: &mut Edit) -> Result<bool> {
        let (_, slot) = self.path.at(level - 1);
        let f = self.level_page(level)?;
        let (leaf, next) = (self.is_leaf(f), self.pager.field(f, field::NEXT));
        let (prev, flags) = (self.pager.field(f, field::PREV), self.pager.field(f, field::FLAGS));
        let count = self.len(f) + edit.new_cells().len() + edit.from - edit.to;
        let split = Split { f, edit };
        let at = if next == 0 && edit.from + 1 == count {
            // Rising keys leave full pages behind.
            Some(edit.from)
        } else {
            self.split_at(&split, count, self.used_after(f, edit))
        };
        let Some(at) = at else { return self.pager.fail(Error::Full) };
        let right = self.pager.alloc_page(flags)?;
        let split = Split { f: self.pager.image(f)?, edit };
        let (pgno, child) = (self.pager.pgno(f), self.pager.pgno(right));
        self.pager.format(f, pgno, flags);
        self.pager.set_field(f, field::PREV, prev);
        self.pager.set_field(f, field::NEXT, child);
        self.pager.set_field(right, field::PREV, pgno);
        self.pager.set_field(right, field::NEXT, next);
        let mut above = Cell::EMPTY;
        for i in 0..count {
            let mut cell = self.split_cell(&split, i);
            if i == at {
                above = Cell { child, ..cell };
                if !leaf {
                    // The first key of an internal page is in its parent.
                    (cell.key, cell.flags) = (Source::EMPTY, 0);
                }
            }
            if i < at {
                self.insert_cell(f, i, &cell);
            } else {
                self.insert_cell(right, i - at, &cell);
            }
        }
        self.relink(next, field::PREV, child)?;
        if leaf {
            above = self.separator(f, right)?;
        }
        edit.become_removal(slot + 1, slot + 1);
        edit.push(above);
        Ok(true)
    }

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
                cell.key = Source::Page(f, at, len.min((common + 1) as u16));
            }
        }
        Ok(cell)
    }
}

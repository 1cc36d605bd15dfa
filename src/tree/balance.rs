//! When pages are repacked with their neighbours, so that they stay full (a B*-tree).
//!
//! A page that overflows first shares with a neighbour; if both are full, two become
//! three. A page that gets half empty is merged with a neighbour, or three become two.
//! Rising or falling keys at the end of the tree leave full pages behind.
//! The C library only ever splits in two and frees empty pages, but accepts any of this.

use super::edit::Edit;
use super::repack::{Fill, Shape};
use super::Db;
use crate::error::inner::Result;
use crate::error::Error;
use crate::memory::Memory;
use crate::page::field;
use crate::pager::Idx;
use crate::storage::Storage;

/// A merge worth trying: the first page's slot in the parent, and how many pages become one less.
#[derive(Clone, Copy)]
pub(super) struct Merge {
    first: u16,
    from: u8,
}

/// What a page that is not there has in use: more than fits with anything.
const NO_PAGE: usize = usize::MAX / 2;

impl<S: Storage, M: Memory> Db<S, M> {
    /// Finds room for an edit that does not fit its page, as it would have `used` bytes, and makes it that
    /// of the parent.
    pub(super) fn overflow<'a>(&mut self, level: usize, used: usize, edit: &mut Edit<'a>) -> Result<bool> {
        let (_, slot) = self.path.at(level - 1);
        let f = self.level_page(level)?;
        let len = self.len(f);
        let single = edit.from == edit.to && edit.new_len() == 1;
        // On internal pages the first entry stays first: a new page comes second.
        let front = usize::from(!self.is_leaf(f));
        let fill = if single && edit.from == len && self.pager.field(f, field::NEXT) == 0 {
            Fill::Left
        } else if single && edit.from <= front && self.pager.field(f, field::PREV) == 0 {
            Fill::Right
        } else {
            Fill::Even
        };
        if fill != Fill::Even && self.repack(level, slot, Shape { from: 1, to: 2, fill }, edit)? {
            return Ok(true);
        }
        let room = self.pager.capacity();
        // There may be no such slot.
        let before = slot.wrapping_sub(1);
        let left = self.used_at(level, before)?;
        let right = self.used_at(level, slot + 1)?;
        // Sharing lasts longest with the emptier neighbour, three pages are fullest with the fuller one.
        let rightmost = right == NO_PAGE;
        let (emptier, fuller, least) = if rightmost {
            (before, before, left)
        } else if left < right {
            (before, slot, left)
        } else {
            (slot, before, right)
        };
        // While the tree only grows, sharing pays only if it lasts for some time.
        let mut most = 2 * room;
        if self.churn == 0 {
            let free = most.saturating_sub(left.min(room) + right.min(room));
            most = if free * 8 >= room * 5 { most - room / 4 } else { 0 };
        }
        if least + used <= most && self.repack(level, emptier, Shape::even(2, 2), edit)? {
            return Ok(true);
        }
        for (first, from, to) in [(fuller, 2, 3), (emptier, 2, 3), (slot, 1, 2), (slot, 1, 3)] {
            if self.repack(level, first, Shape::even(from, to), edit)? {
                return Ok(true);
            }
        }
        self.pager.fail(Error::Full)
    }

    /// Bytes used on the page under entry `slot` of the parent of `level`, if there is one.
    fn used_at(&mut self, level: usize, slot: usize) -> Result<usize> {
        let parent = self.level_page(level - 1)?;
        let node = self.node(parent);
        if slot >= node.len() {
            return Ok(NO_PAGE);
        }
        let f = self.pager.tree_page(node.child(slot))?;
        Ok(self.used(f))
    }

    /// Neighbours that a page with `own` bytes can be merged with: the first slot of the window, and
    /// how many pages become how many.
    pub(super) fn mergeable(&mut self, level: usize, own: usize) -> Result<Option<Merge>> {
        let (_, slot) = self.path.at(level - 1);
        // There may be no such slot.
        let before = slot.wrapping_sub(1);
        let left = self.used_at(level, before)?;
        let right = self.used_at(level, slot + 1)?;
        let room = self.pager.capacity();
        let (first, from) = if left + own <= room {
            (before, 2)
        } else if own + right <= room {
            (slot, 2)
        } else if left.saturating_add(own + right) <= 2 * room {
            (before, 3)
        } else {
            return Ok(None);
        };
        Ok(Some(Merge { first: first as u16, from }))
    }

    /// Merges a page with its neighbours, and takes an empty one out of the tree. False if nothing is
    /// to be done in the parent; otherwise `edit`, which was done, becomes what is.
    pub(super) fn underflow<'a>(
        &mut self,
        level: usize,
        f: Idx,
        merge: Option<Merge>,
        edit: &mut Edit<'a>,
    ) -> Result<bool> {
        let (_, slot) = self.path.at(level - 1);
        if let Some(Merge { first, from }) = merge {
            edit.become_removal(0, 0);
            if self.repack(level, usize::from(first), Shape::even(from, from - 1), edit)? {
                return Ok(true);
            }
        }
        if self.len(f) > 0 {
            return Ok(false);
        }
        // The only child of its parent.
        self.take_out(f, slot, edit)
    }
}

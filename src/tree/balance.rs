//! When pages are repacked with their neighbours, so that they stay full (a B*-tree).
//!
//! A page that overflows first shares with a neighbour; if both are full, two become
//! three. A page that gets half empty is merged with a neighbour, or three become two.
//! Rising or falling keys at the end of the tree leave full pages behind.
//! The C library only ever splits in two and frees empty pages, but accepts any of this.

use super::edit::Edit;
use super::repack::Fill;
use super::Db;
use crate::error::inner::Result;
use crate::error::Error;
use crate::memory::Memory;
use crate::page::field;
use crate::pager::Idx;
use crate::storage::Storage;

/// A merge worth trying: the first page's slot in the parent, and how many pages become how many.
pub(super) type Merge = (usize, (usize, usize));

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
        let grows = if single && edit.from == len && self.pager.field(f, field::NEXT) == 0 {
            Some(Fill::Left)
        } else if single && edit.from <= front && self.pager.field(f, field::PREV) == 0 {
            Some(Fill::Right)
        } else {
            None
        };
        if let Some(fill) = grows {
            if self.repack(level, Some(slot), (1, 2), fill, edit)? {
                return Ok(true);
            }
        }
        let room = self.pager.capacity();
        let before = slot.checked_sub(1);
        let left = self.used_at(level, before)?;
        let right = self.used_at(level, Some(slot + 1))?;
        // Sharing lasts longest with the emptier neighbour, three pages are fullest with the fuller one.
        let rightmost = right.is_none();
        let (emptier, least) = if rightmost || left.is_some_and(|left| Some(left) < right) {
            (before, left)
        } else {
            (Some(slot), right)
        };
        let lasting = |least: usize| {
            let free = (2 * room).saturating_sub(left.unwrap_or(room) + right.unwrap_or(room));
            least + used <= 2 * room - room / 4 && free * 8 >= room * 5
        };
        // While the tree only grows, sharing pays only if it lasts for some time.
        let share = |least| if self.churn == 0 { lasting(least) } else { least + used <= 2 * room };
        if least.is_some_and(share) && self.repack(level, emptier, (2, 2), Fill::Even, edit)? {
            return Ok(true);
        }
        let fuller = if emptier == before && !rightmost { Some(slot) } else { before };
        for (first, shape) in
            [(fuller, (2, 3)), (emptier, (2, 3)), (Some(slot), (1, 2)), (Some(slot), (1, 3))]
        {
            if self.repack(level, first, shape, Fill::Even, edit)? {
                return Ok(true);
            }
        }
        self.pager.fail(Error::Full)
    }

    /// Bytes used on the page under entry `slot` of the parent of `level`, if there is one.
    fn used_at(&mut self, level: usize, slot: Option<usize>) -> Result<Option<usize>> {
        let parent = self.level_page(level - 1)?;
        let node = self.node(parent);
        let Some(slot) = slot.filter(|&slot| slot < node.len()) else { return Ok(None) };
        let f = self.pager.tree_page(node.child(slot))?;
        Ok(Some(self.used(f)))
    }

    /// Neighbours that a page with `own` bytes can be merged with: the first slot of the window, and
    /// how many pages become how many.
    pub(super) fn mergeable(&mut self, level: usize, own: usize) -> Result<Option<Merge>> {
        let (_, slot) = self.path.at(level - 1);
        let before = slot.checked_sub(1);
        let left = self.used_at(level, before)?;
        let right = self.used_at(level, Some(slot + 1))?;
        let room = self.pager.capacity();
        let fits =
            |a: Option<usize>, b: Option<usize>, most| a.zip(b).is_some_and(|(a, b)| a + own + b <= most);
        Ok(if fits(left, Some(0), room) {
            before.map(|first| (first, (2, 1)))
        } else if fits(Some(0), right, room) {
            Some((slot, (2, 1)))
        } else if fits(left, right, 2 * room) {
            before.map(|first| (first, (3, 2)))
        } else {
            None
        })
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
        if let Some((first, shape)) = merge {
            edit.become_removal(0, 0);
            if self.repack(level, Some(first), shape, Fill::Even, edit)? {
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

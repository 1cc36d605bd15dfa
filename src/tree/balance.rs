//! Repacking a page with its neighbours, so that pages stay full (a B*-tree).
//!
//! A page that overflows first shares with a neighbour; if both are full, two become
//! three. A page that gets half empty is merged with a neighbour, or three become two.
//! Rising or falling keys at the end of the tree leave full pages behind.
//! The C library only ever splits in two and frees empty pages, but accepts any of this.

use super::edit::{Cell, Edit, Source};
use super::search::Path;
use super::Db;
use crate::error::{Error, Reason, Result};
use crate::memory::Memory;
use crate::page::node::{entry_size, BIG_KEY, ENTRY_FIXED, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

/// Neighbouring pages repacked together.
const MAX_PAGES: usize = 3;

/// How to share entries out among pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Even,
    /// All but the last page full.
    Left,
    /// All but the first page full.
    Right,
}

/// Up to three neighbouring pages under one parent and a pending edit of one of them,
/// seen as one sequence of entries.
#[derive(Clone, Copy)]
struct Window<'a> {
    parent: Idx,
    /// The parent's entry for the first page.
    slot: usize,
    pages: [Idx; MAX_PAGES],
    /// Entries of each page, before the edit.
    lens: [usize; MAX_PAGES],
    count: usize,
    leaf: bool,
    edit: Edit<'a>,
    /// The page with the edit.
    edited: usize,
}

impl Window<'_> {
    fn pages(&self) -> &[Idx] {
        self.pages.get(..self.count).unwrap_or(&[])
    }

    fn page(&self, i: usize) -> Option<Idx> {
        self.pages().get(i).copied()
    }

    fn len(&self) -> usize {
        let old: usize = self.lens.iter().take(self.count).sum();
        old + self.edit.new_cells().len() - (self.edit.to - self.edit.from)
    }
}

/// Where one page ends and the next begins: the entries before each boundary.
type Bounds = [usize; MAX_PAGES + 1];

impl<S: Storage, M: Memory> Db<S, M> {
    /// The pages under entries `slot..slot + count` of the parent of `level`, with an edit of
    /// the page that `path` goes through; `None` if the parent has no such entries.
    fn window<'a>(
        &mut self,
        path: &Path,
        level: usize,
        slot: Option<usize>,
        count: usize,
        edit: &Edit<'a>,
    ) -> Result<Option<Window<'a>>> {
        let (pgno, index) = path.at(level - 1);
        let parent = self.pager.tree_page(pgno)?;
        let Some(slot) = slot else { return Ok(None) };
        if slot + count > self.node(parent).len() {
            return Ok(None);
        }
        let leaf = self.level_page(path, level)?;
        let mut window = Window {
            parent,
            slot,
            pages: [leaf; MAX_PAGES],
            lens: [0; MAX_PAGES],
            count,
            leaf: self.node(leaf).is_leaf(),
            edit: *edit,
            edited: index - slot,
        };
        for i in 0..count {
            let child = self.node(parent).child(slot + i);
            let f = self.pager.tree_page(child)?;
            let linked = match window.page(i.wrapping_sub(1)) {
                Some(left) => self.neighbour(left, false)? == Some(f) && f != parent && f != left,
                None => f != parent,
            };
            if !linked || self.node(f).is_leaf() != window.leaf {
                return self.pager.corrupt(child, field::PREV as u32, Reason::Sibling);
            }
            let len = self.node(f).len();
            if let (Some(p), Some(l)) = (window.pages.get_mut(i), window.lens.get_mut(i)) {
                (*p, *l) = (f, len);
            }
        }
        Ok(Some(window))
    }

    fn level_page(&mut self, path: &Path, level: usize) -> Result<Idx> {
        self.pager.tree_page(path.at(level).0)
    }

    /// Entry `i` of a page as a cell.
    fn cell(&self, f: Idx, i: usize) -> Cell<'static> {
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

    /// Entry `k` of the sequence. The first entry of an internal page other than the first
    /// gets its real key, which is in the parent.
    fn window_cell<'a>(&self, window: &Window<'a>, k: usize) -> Cell<'a> {
        let mut k = k;
        for (i, &f) in window.pages().iter().enumerate() {
            let old = window.lens.get(i).copied().unwrap_or(0);
            let edit = &window.edit;
            let (new, gone) =
                if i == window.edited { (edit.new_cells(), edit.to - edit.from) } else { (&[][..], 0) };
            let len = old + new.len() - gone;
            if k >= len {
                k -= len;
                continue;
            }
            let mut cell = match (i == window.edited && k >= edit.from).then(|| new.get(k - edit.from)) {
                Some(Some(cell)) => *cell,
                Some(None) => self.cell(f, k + gone - new.len()),
                None => self.cell(f, k),
            };
            if i == window.edited && k + 1 == edit.from {
                cell.child = edit.child.unwrap_or(cell.child);
            }
            if !window.leaf && i > 0 && k == 0 {
                let up = self.cell(window.parent, window.slot + i);
                (cell.key, cell.flags) = (up.key, up.flags);
            }
            return cell;
        }
        Cell::EMPTY
    }

    /// Shares the sequence out among `count` pages, at least one entry each; `None` if it does not fit.
    fn plan(&self, window: &Window, count: usize, fill: Fill) -> Option<Bounds> {
        let room = self.pager.capacity();
        let len = window.len();
        let size = |k| self.window_cell(window, k).size() + SLOT;
        let mut bounds = [0; MAX_PAGES + 1];
        let mut left: usize = if fill == Fill::Even { (0..len).map(size).sum() } else { 0 };
        if left > room * count {
            return None;
        }
        let mut next = 0;
        for page in 0..count {
            // Filling from the right is filling from the left, mirrored.
            let at = |k| if fill == Fill::Right { len - 1 - k } else { k };
            let pages_left = count - page;
            let target = left.checked_div(pages_left).unwrap_or(0);
            let mut used = 0;
            while next < len && len - next >= pages_left {
                let bytes = size(at(next));
                if used + bytes > room {
                    break;
                }
                if fill == Fill::Even && pages_left > 1 && used > 0 && used + bytes / 2 > target {
                    break;
                }
                used += bytes;
                next += 1;
            }
            if used == 0 && len > 0 {
                return None;
            }
            left = left.saturating_sub(used);
            if let Some(bound) = bounds.get_mut(page + 1) {
                *bound = next;
            }
        }
        if next < len {
            return None;
        }
        if fill == Fill::Right {
            let mirrored = bounds;
            for page in 0..=count {
                let from = mirrored.get(count - page).copied().unwrap_or(0);
                if let Some(bound) = bounds.get_mut(page) {
                    *bound = len - from;
                }
            }
        }
        Some(bounds)
    }

    /// Repacks a window into `count` pages and returns the edit of the parent;
    /// `None`, and nothing has changed, if the entries do not fit.
    fn repack<'a>(&mut self, mut window: Window<'a>, count: usize, fill: Fill) -> Result<Option<Edit<'a>>> {
        let Some(bounds) = self.plan(&window, count, fill).or_else(|| {
            // Even shares can fail where full pages fit: entries are not sand.
            (fill == Fill::Even).then(|| self.plan(&window, count, Fill::Left)).flatten()
        }) else {
            return Ok(None);
        };
        let old = window;
        let (Some(first), Some(last)) = (old.page(0), old.page(old.count - 1)) else { return Ok(None) };
        let (before, after) = (self.pager.field(first, field::PREV), self.pager.field(last, field::NEXT));
        let kind = if window.leaf { kind::LEAF } else { kind::INTERNAL };
        let empty = |i: usize| old.lens.get(i) == Some(&0);
        for (i, &f) in old.pages().iter().enumerate() {
            let copy = self.pager.image(f)?;
            window.edit.moved(f, copy);
            if let Some(page) = window.pages.get_mut(i) {
                *page = copy;
            }
        }
        // Existing pages keep their outer places, so that few links of others change.
        let mut targets = old.pages;
        if count > old.count {
            let mut fresh = [first; MAX_PAGES];
            for f in fresh.iter_mut().take(count - old.count) {
                *f = self.pager.alloc_page(kind)?;
            }
            targets = match (old.count, fill) {
                (1, Fill::Right) => [fresh[0], first, fresh[1]],
                (1, _) => [first, fresh[0], fresh[1]],
                _ => [first, fresh[0], last],
            };
        } else if count == 1 && empty(0) {
            targets = [last; MAX_PAGES];
        }
        let targets = targets.get(..count).unwrap_or(&[]);
        let mut edit = Edit::remove(old.slot + 1, old.slot + old.count);
        for (i, &f) in targets.iter().enumerate() {
            let pgno = self.pager.pgno(f);
            self.pager.format(f, pgno, kind);
            let (from, to) = (bounds.get(i).copied().unwrap_or(0), bounds.get(i + 1).copied().unwrap_or(0));
            for k in from..to {
                let mut cell = self.window_cell(&window, k);
                if !window.leaf && i > 0 && k == from {
                    // The key moves up; an internal page's first entry needs none.
                    edit.push(Cell { child: pgno, ..cell });
                    (cell.key, cell.flags) = (Source::Bytes(&[]), 0);
                }
                self.insert_cell(f, k - from, &cell);
            }
        }
        self.link(targets, before, after, first, last)?;
        for &f in old.pages() {
            if !targets.contains(&f) {
                self.pager.free_page(f)?;
            }
        }
        if window.leaf {
            for pair in targets.windows(2) {
                if let [left, right] = *pair {
                    let cell = self.separator(left, right)?;
                    edit.push(cell);
                }
            }
        }
        if let Some(&target) = targets.first() {
            edit.child = (target != first).then(|| self.pager.pgno(target));
        }
        Ok(Some(edit))
    }

    /// Links pages to each other and to the neighbours `before` and `after` of the old pages
    /// `first` to `last`.
    fn link(&mut self, pages: &[Idx], before: u32, after: u32, first: Idx, last: Idx) -> Result<()> {
        let mut previous = before;
        for (i, &f) in pages.iter().enumerate() {
            let next = pages.get(i + 1).map_or(after, |&n| self.pager.pgno(n));
            self.pager.set_field(f, field::PREV, previous);
            self.pager.set_field(f, field::NEXT, next);
            previous = self.pager.pgno(f);
        }
        let (now_first, now_last) = (pages.first().copied(), pages.last().copied());
        if now_first != Some(first) {
            let pgno = now_first.map_or(after, |f| self.pager.pgno(f));
            self.relink(before, field::NEXT, pgno)?;
        }
        if now_last != Some(last) {
            let pgno = now_last.map_or(before, |f| self.pager.pgno(f));
            self.relink(after, field::PREV, pgno)?;
        }
        Ok(())
    }

    fn relink(&mut self, page: u32, field: usize, to: u32) -> Result<()> {
        if page != 0 {
            let f = self.pager.tree_page(page)?;
            self.pager.touch(f)?;
            self.pager.set_field(f, field, to);
        }
        Ok(())
    }

    /// The parent's entry for leaf `right`: the shortest key above all keys of `left`.
    fn separator(&mut self, left: Idx, right: Idx) -> Result<Cell<'static>> {
        let last = self.node(left).len().saturating_sub(1);
        let low = self.key_item(left, last)?;
        let high = self.key_item(right, 0)?;
        let len = high.len().min(self.common_prefix(low, high)? + 1);
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

    /// Finds room for an edit that does not fit its page.
    pub(super) fn overflow<'a>(
        &mut self,
        path: &Path,
        level: usize,
        edit: &Edit<'a>,
    ) -> Result<Option<Edit<'a>>> {
        let (_, slot) = path.at(level - 1);
        let f = self.level_page(path, level)?;
        let len = self.node(f).len();
        let single = edit.from == edit.to && edit.new_cells().len() == 1;
        // On internal pages the first entry stays first: a new page comes second.
        let front = usize::from(!self.node(f).is_leaf());
        let grows = if single && edit.from == len && self.pager.field(f, field::NEXT) == 0 {
            Some(Fill::Left)
        } else if single && edit.from <= front && self.pager.field(f, field::PREV) == 0 {
            Some(Fill::Right)
        } else {
            None
        };
        if let Some(fill) = grows {
            if let Some(up) = self.try_repack(path, level, Some(slot), (1, 2), fill, edit)? {
                return Ok(Some(up));
            }
        }
        let before = slot.checked_sub(1);
        for (first, shape) in [
            (before, (2, 2)),
            (Some(slot), (2, 2)),
            (before, (2, 3)),
            (Some(slot), (2, 3)),
            (Some(slot), (1, 2)),
            (Some(slot), (1, 3)),
        ] {
            if let Some(up) = self.try_repack(path, level, first, shape, Fill::Even, edit)? {
                return Ok(Some(up));
            }
        }
        Err(Error::Full)
    }

    /// Repacks pages `first..` of a parent if they exist and the entries fit.
    fn try_repack<'a>(
        &mut self,
        path: &Path,
        level: usize,
        first: Option<usize>,
        (from, to): (usize, usize),
        fill: Fill,
        edit: &Edit<'a>,
    ) -> Result<Option<Edit<'a>>> {
        match self.window(path, level, first, from, edit)? {
            Some(window) => self.repack(window, to, fill),
            None => Ok(None),
        }
    }

    /// Merges a page that is half empty with its neighbours if they have room, and takes an
    /// empty one out of the tree.
    pub(super) fn underflow<'a>(&mut self, path: &Path, level: usize, f: Idx) -> Result<Option<Edit<'a>>> {
        let (_, slot) = path.at(level - 1);
        let before = slot.checked_sub(1);
        let none = Edit::remove(0, 0);
        for (first, shape) in [(before, (2, 1)), (Some(slot), (2, 1)), (before, (3, 2))] {
            if let Some(up) = self.try_repack(path, level, first, shape, Fill::Even, &none)? {
                return Ok(Some(up));
            }
        }
        if self.node(f).len() > 0 {
            return Ok(None);
        }
        // The only child of its parent.
        let (before, after) = (self.pager.field(f, field::PREV), self.pager.field(f, field::NEXT));
        self.relink(before, field::NEXT, after)?;
        self.relink(after, field::PREV, before)?;
        self.pager.free_page(f)?;
        Ok(Some(Edit::remove(slot, slot + 1)))
    }
}

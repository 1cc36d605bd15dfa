//! Repacking a page with its neighbours, so that pages stay full (a B*-tree).
//!
//! A page that overflows first shares with a neighbour; if both are full, two become
//! three. A page that gets half empty is merged with a neighbour, or three become two.
//! Rising or falling keys at the end of the tree leave full pages behind.
//! The C library only ever splits in two and frees empty pages, but accepts any of this.

use super::edit::{Cell, Edit, Source};
use super::search::Path;
use super::Db;
use crate::error::inner::Result;
use crate::error::{Error, Reason};
use crate::memory::Memory;
use crate::page::node::SLOT;
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

/// Neighbouring pages repacked together.
const MAX_PAGES: usize = 3;
/// Parts of a sequence at the most: for each page a first entry and the rest, and an edit.
const MAX_PARTS: usize = 2 * MAX_PAGES + 2;

/// How to share entries out among pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Even,
    /// All but the last page as full as possible.
    Full,
    /// The new entry of the edit starts the second of two pages.
    Left,
    /// The new entry of the edit ends the first of two pages.
    Right,
}

/// What the entries of a part are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Entries of a page.
    Old,
    /// Entry 0 of an internal page with its real key, which is in the parent.
    First,
    /// A new entry of the edit.
    New,
}

/// A run of entries in a sequence.
#[derive(Clone, Copy)]
struct Part {
    kind: Kind,
    /// The page in the window.
    page: u8,
    /// The first entry, on the page or in the edit.
    from: u16,
    len: u16,
}

impl Part {
    fn new(kind: Kind, page: usize, from: usize, len: usize) -> Self {
        Part { kind, page: page as u8, from: from as u16, len: len as u16 }
    }

    fn page(self) -> usize {
        usize::from(self.page)
    }

    fn from(self) -> usize {
        usize::from(self.from)
    }

    fn len(self) -> usize {
        usize::from(self.len)
    }
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
    parts: [Part; MAX_PARTS],
    part_count: usize,
}

impl Window<'_> {
    fn pages(&self) -> &[Idx] {
        self.pages.get(..self.count).unwrap_or(&[])
    }

    fn page(&self, i: usize) -> Option<Idx> {
        self.pages().get(i).copied()
    }

    fn parts(&self) -> &[Part] {
        self.parts.get(..self.part_count).unwrap_or(&[])
    }

    fn push(&mut self, part: Part) {
        if let (true, Some(next)) = (part.len > 0, self.parts.get_mut(self.part_count)) {
            *next = part;
            self.part_count += 1;
        }
    }

    /// Lists the parts of the sequence.
    fn list_parts(&mut self) {
        for i in 0..self.count {
            let len = self.lens.get(i).copied().unwrap_or(0);
            let new = self.edit.new_cells().len();
            let here = i == self.edited && (self.edit.from < self.edit.to || new > 0);
            let (from, to) = if here { (self.edit.from, self.edit.to) } else { (len, len) };
            // Where the parent has the real key of entry 0, it is a part of its own.
            let first = usize::from(!self.leaf && i > 0 && len > 0 && from > 0);
            self.push(Part::new(Kind::First, i, 0, first));
            self.push(Part::new(Kind::Old, i, first, from - first));
            self.push(Part::new(Kind::New, i, 0, if here { new } else { 0 }));
            self.push(Part::new(Kind::Old, i, to, len - to));
        }
    }

    fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }
}

/// A merge worth trying: the first page's slot in the parent, and how many pages become how many.
pub(super) type Merge = (usize, (usize, usize));

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
        if slot + count > self.len(parent) {
            return Ok(None);
        }
        let leaf = self.level_page(path, level)?;
        let mut window = Window {
            parent,
            slot,
            pages: [leaf; MAX_PAGES],
            lens: [0; MAX_PAGES],
            count,
            leaf: self.is_leaf(leaf),
            edit: *edit,
            edited: index - slot,
            parts: [Part::new(Kind::New, 0, 0, 0); MAX_PARTS],
            part_count: 0,
        };
        let mut left = None;
        for i in 0..count {
            let child = self.child(parent, slot + i);
            let f = self.pager.tree_page(child)?;
            let linked = match left {
                Some((page, next)) => {
                    next == child && self.pager.field(f, field::PREV) == page && page != child
                }
                None => true,
            };
            if !linked || f == parent || self.is_leaf(f) != window.leaf {
                return self.pager.corrupt(child, field::PREV as u32, Reason::Sibling);
            }
            left = Some((child, self.pager.field(f, field::NEXT)));
            let len = self.len(f);
            if let (Some(p), Some(l)) = (window.pages.get_mut(i), window.lens.get_mut(i)) {
                (*p, *l) = (f, len);
            }
        }
        window.list_parts();
        Ok(Some(window))
    }

    /// Entry `k` of a part as a cell.
    fn part_cell<'a>(&self, window: &Window<'a>, part: Part, k: usize) -> Cell<'a> {
        let page = window.page(part.page()).unwrap_or(window.parent);
        match part.kind {
            Kind::Old => self.cell(page, part.from() + k),
            Kind::New => window.edit.new_cells().get(k).copied().unwrap_or(Cell::EMPTY),
            Kind::First => {
                let up = self.cell(window.parent, window.slot + part.page());
                Cell { child: self.child(page, 0), ..up }
            }
        }
    }

    /// Bytes of entry `i` of a page with its slot.
    #[inline]
    fn old_size(&self, window: &Window, page: usize, i: usize) -> usize {
        let node = self.node(window.page(page).unwrap_or(window.parent));
        SLOT + node.size_at(node.offset(i), window.leaf)
    }

    /// Bytes of entry `k` of a part with its slot.
    #[inline]
    fn part_size(&self, window: &Window, part: Part, k: usize) -> usize {
        match part.kind {
            Kind::Old => self.old_size(window, part.page(), part.from() + k),
            _ => SLOT + self.part_cell(window, part, k).size(),
        }
    }

    /// Bytes of the whole sequence.
    fn total(&self, window: &Window) -> usize {
        let mut total: usize = window.pages().iter().map(|&f| self.used(f)).sum();
        for part in window.parts().iter().filter(|part| part.kind != Kind::Old) {
            total += (0..part.len()).map(|k| self.part_size(window, *part, k)).sum::<usize>();
            if part.kind == Kind::First {
                total = total.saturating_sub(self.old_size(window, part.page(), 0));
            }
        }
        let gone = window.edit.from..window.edit.to;
        total.saturating_sub(gone.map(|i| self.old_size(window, window.edited, i)).sum())
    }

    /// Shares the sequence out among `count` pages, at least one entry each; `None` if it does not fit.
    fn plan(&self, window: &Window, count: usize, total: usize, fill: Fill) -> Option<Bounds> {
        let (room, len) = (self.pager.capacity(), window.len());
        let mut bounds = [0; MAX_PAGES + 1];
        *bounds.get_mut(count)? = len;
        if matches!(fill, Fill::Left | Fill::Right) {
            bounds[1] = window.edit.from + usize::from(fill == Fill::Right);
            return Some(bounds);
        }
        // `left` bytes are for the pages from `page` on, `target` of them for `page`.
        let (mut page, mut used, mut done, mut left) = (0, 0, 0usize, total);
        let share = |left: usize, page: usize| match fill {
            Fill::Even => left.checked_div(count - page).unwrap_or(0),
            _ => room,
        };
        let mut target = share(left, 0);
        for &part in window.parts() {
            let node = self.node(window.page(part.page()).unwrap_or(window.parent));
            let slots = node.slots(part.from(), part.len());
            for k in 0..part.len() {
                if page + 1 == count {
                    return (left <= room).then_some(bounds);
                }
                let bytes = match part.kind {
                    Kind::Old => SLOT + node.size_at(node.order.u16(slots, k * SLOT), window.leaf),
                    _ => self.part_size(window, part, k),
                };
                if used > 0 && (used + bytes / 2 > target || used + bytes > room || len - done < count - page)
                {
                    left = left.saturating_sub(used);
                    page += 1;
                    (used, target) = (0, share(left, page));
                    *bounds.get_mut(page)? = done;
                }
                used += bytes;
                done += 1;
            }
        }
        (page + 1 == count && left <= room && used > 0).then_some(bounds)
    }

    /// Repacks a window into `count` pages and returns the edit of the parent;
    /// `None`, and nothing has changed, if the entries do not fit.
    fn repack<'a>(&mut self, mut window: Window<'a>, count: usize, fill: Fill) -> Result<Option<Edit<'a>>> {
        let total = self.total(&window);
        if total > count * self.pager.capacity() {
            return Ok(None);
        }
        let Some(bounds) = self.plan(&window, count, total, fill).or_else(|| {
            // Even shares can fail where full pages fit: entries are not sand.
            (fill == Fill::Even).then(|| self.plan(&window, count, total, Fill::Full)).flatten()
        }) else {
            return Ok(None);
        };
        let old = window;
        let (Some(first), Some(last)) = (old.page(0), old.page(old.count - 1)) else { return Ok(None) };
        let (before, after) = (self.pager.field(first, field::PREV), self.pager.field(last, field::NEXT));
        let kind = if window.leaf { kind::LEAF } else { kind::INTERNAL };
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
        } else if count == 1 && old.lens.first() == Some(&0) {
            targets = [last; MAX_PAGES];
        }
        let targets = targets.get(..count).unwrap_or(&[]);
        let range = |i: usize| (bounds.get(i).copied().unwrap_or(0), bounds.get(i + 1).copied().unwrap_or(0));
        for (i, &f) in old.pages().iter().enumerate() {
            if Self::stays(&old, targets, i, range) {
                self.pager.touch(f)?;
            } else if targets.contains(&f) {
                let copy = self.pager.image(f)?;
                window.edit.moved(f, copy);
                if let Some(page) = window.pages.get_mut(i) {
                    *page = copy;
                }
            }
        }
        let mut edit = Edit::remove(old.slot + 1, old.slot + old.count);
        for (i, &f) in targets.iter().enumerate() {
            let page = old.pages().iter().position(|&page| page == f);
            let stays = page.filter(|&page| Self::stays(&old, targets, page, range));
            self.fill_page(&window, f, range(i), i > 0, stays, &mut edit);
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

    /// Whether page `i` of a window keeps all its entries where they are, and at most gets more.
    fn stays(window: &Window, targets: &[Idx], i: usize, range: impl Fn(usize) -> (usize, usize)) -> bool {
        let Some(target) = targets.iter().position(|&f| Some(f) == window.page(i)) else { return false };
        let (from, to) = range(target);
        let mut start = 0;
        for part in window.parts() {
            let end = start + part.len();
            if part.kind == Kind::Old && part.page() == i {
                // The first page of an internal level after a boundary loses its first key.
                let whole = window.lens.get(i) == Some(&part.len()) && window.edit.child.is_none();
                return whole && (window.leaf || target == 0) && from <= start && end <= to;
            }
            start = end;
        }
        false
    }

    /// Writes entries `from..to` of a window's sequence to page `f`, of which those of page `stays` are
    /// there already. On an internal page the key of the first entry moves up to the parent if
    /// `right` tells that a page precedes it.
    fn fill_page<'a>(
        &mut self,
        window: &Window<'a>,
        f: Idx,
        (from, to): (usize, usize),
        right: bool,
        stays: Option<usize>,
        up: &mut Edit<'a>,
    ) {
        let pgno = self.pager.pgno(f);
        if stays.is_none() {
            self.pager.format(f, pgno, if window.leaf { kind::LEAF } else { kind::INTERNAL });
        }
        let (mut start, mut written) = (0, 0);
        for &part in window.parts() {
            // The entries of this part that belong to this page.
            let mut low = from.saturating_sub(start).min(part.len());
            let high = to.saturating_sub(start).min(part.len());
            start += part.len();
            if stays == Some(part.page()) && part.kind == Kind::Old {
                written += high - low;
                continue;
            }
            let at = written;
            while low < high && (part.kind != Kind::Old || (right && !window.leaf && written == 0)) {
                let mut cell = self.part_cell(window, part, low);
                if right && !window.leaf && written == 0 {
                    up.push(Cell { child: pgno, ..cell });
                    (cell.key, cell.flags) = (Source::Bytes(&[]), 0);
                }
                self.insert_cell(f, written, &cell);
                low += 1;
                written += 1;
            }
            if low < high {
                let page = window.page(part.page()).unwrap_or(f);
                self.pager.insert_entries(page, part.from() + low..part.from() + high, f, written);
                written += high - low;
            }
            // The entry before the edit may have a new child.
            if let (Some(child), true) = (window.edit.child, part.kind != Kind::New) {
                let (before, end) = (window.edit.from.wrapping_sub(1), part.from() + high);
                if part.page() == window.edited && before < end && before >= end - (written - at) {
                    self.set_child(f, written + before - end, child);
                }
            }
        }
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

    /// Finds room for an edit that does not fit its page.
    pub(super) fn overflow<'a>(
        &mut self,
        path: &Path,
        level: usize,
        edit: &Edit<'a>,
    ) -> Result<Option<Edit<'a>>> {
        let (_, slot) = path.at(level - 1);
        let f = self.level_page(path, level)?;
        let len = self.len(f);
        let single = edit.from == edit.to && edit.new_cells().len() == 1;
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
            if let Some(up) = self.try_repack(path, level, Some(slot), (1, 2), fill, edit)? {
                return Ok(Some(up));
            }
        }
        let used = self.used_after(f, edit);
        let mut most = 2 * self.pager.capacity();
        if self.churn == 0 {
            // While the tree only grows, sharing pays only if it lasts for some time.
            most -= most / 8;
        }
        let before = slot.checked_sub(1);
        for (first, other) in [(before, before), (Some(slot), Some(slot + 1))] {
            if self.used_at(path, level, other)?.is_some_and(|other| other + used <= most) {
                if let Some(up) = self.try_repack(path, level, first, (2, 2), Fill::Even, edit)? {
                    return Ok(Some(up));
                }
            }
        }
        for (first, shape) in
            [(before, (2, 3)), (Some(slot), (2, 3)), (Some(slot), (1, 2)), (Some(slot), (1, 3))]
        {
            if let Some(up) = self.try_repack(path, level, first, shape, Fill::Even, edit)? {
                return Ok(Some(up));
            }
        }
        self.pager.fail(Error::Full)
    }

    /// Bytes used on the page under entry `slot` of the parent of `level`, if there is one.
    fn used_at(&mut self, path: &Path, level: usize, slot: Option<usize>) -> Result<Option<usize>> {
        let parent = self.level_page(path, level - 1)?;
        let node = self.node(parent);
        let Some(slot) = slot.filter(|&slot| slot < node.len()) else { return Ok(None) };
        let f = self.pager.tree_page(node.child(slot))?;
        Ok(Some(self.used(f)))
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

    /// Neighbours that a page with `own` bytes can be merged with: the first slot of the window, and
    /// how many pages become how many.
    pub(super) fn mergeable(&mut self, path: &Path, level: usize, own: usize) -> Result<Option<Merge>> {
        let (_, slot) = path.at(level - 1);
        let before = slot.checked_sub(1);
        let left = self.used_at(path, level, before)?;
        let right = self.used_at(path, level, Some(slot + 1))?;
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

    /// Merges a page with its neighbours, and takes an empty one out of the tree.
    pub(super) fn underflow<'a>(
        &mut self,
        path: &Path,
        level: usize,
        f: Idx,
        merge: Option<Merge>,
    ) -> Result<Option<Edit<'a>>> {
        let (_, slot) = path.at(level - 1);
        if let Some((first, shape)) = merge {
            let none = Edit::remove(0, 0);
            if let Some(up) = self.try_repack(path, level, Some(first), shape, Fill::Even, &none)? {
                return Ok(Some(up));
            }
        }
        if self.len(f) > 0 {
            return Ok(None);
        }
        // The only child of its parent.
        self.take_out(f, slot).map(Some)
    }
}

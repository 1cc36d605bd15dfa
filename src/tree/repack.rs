//! Sharing the entries of neighbouring pages out anew.

use super::edit::{Cell, Edit, Source};
use super::heads;
use super::Db;
use crate::error::inner::Result;
use crate::error::Reason;
use crate::memory::Memory;
use crate::page::node::{entry_size, BIG_KEY, ENTRY_FIXED, SLOT};
use crate::page::{field, kind};
use crate::pager::Idx;
use crate::storage::Storage;

/// Neighbouring pages repacked together, and pages they become.
const MAX_PAGES: usize = 3;
/// Runs of a sequence at the most: for each page a first entry and the rest, and an edit.
const MAX_RUNS: usize = 2 * MAX_PAGES + 2;

/// How to share entries out among pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Even,
    /// The new entry of the edit starts the second of two pages.
    Left,
    /// The new entry of the edit ends the first of two pages.
    Right,
}

/// How many pages become how many, and how they are filled.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub from: u8,
    pub to: u8,
    pub fill: Fill,
}

impl Shape {
    pub fn even(from: u8, to: u8) -> Self {
        Shape { from, to, fill: Fill::Even }
    }
}

/// What the entries of a run are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Entries of a page.
    Old,
    /// Entry 0 of an internal page with its real key, which is in the parent.
    First,
    /// New entries of the edit.
    New,
}

/// A run of entries in a sequence.
#[derive(Clone, Copy)]
struct Run {
    kind: Kind,
    /// The page in the window.
    page: usize,
    /// The first entry, on the page or in the edit.
    from: usize,
    len: usize,
}

/// A run as a window keeps it: the stack of a microcontroller is small.
type Packed = (Kind, u8, u16, u16);
const NO_RUN: Packed = (Kind::New, 0, 0, 0);

/// Up to three neighbouring pages under one parent and a pending edit of one of them,
/// seen as one sequence of entries.
struct Window {
    parent: Idx,
    /// The parent's entry for the first page.
    slot: usize,
    pages: [Idx; MAX_PAGES],
    leaf: bool,
    /// The page with the edit.
    edited: usize,
    runs: [Packed; MAX_RUNS],
    run_count: usize,
    /// Entries and bytes of the sequence.
    len: usize,
    total: usize,
}

impl Window {
    #[cfg_attr(small, inline(never))]
    fn page(&self, i: usize) -> Idx {
        self.pages.get(i).copied().unwrap_or(self.parent)
    }

    /// Run `i`, without entries behind the last one.
    fn run(&self, i: usize) -> Run {
        let (kind, page, from, len) = self.runs.get(i).copied().unwrap_or(NO_RUN);
        Run { kind, page: usize::from(page), from: usize::from(from), len: usize::from(len) }
    }

    fn push(&mut self, kind: Kind, page: usize, from: usize, len: usize) {
        if let (true, Some(next)) = (len > 0, self.runs.get_mut(self.run_count)) {
            *next = (kind, page as u8, from as u16, len as u16);
            self.run_count += 1;
            self.len += len;
        }
    }
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Reads the first `count` pages of a window, with an edit of one of them.
    #[cfg_attr(small, inline(never))]
    fn window(&mut self, window: &mut Window, count: usize, edit: &Edit) -> Result<()> {
        let (parent, slot) = (window.parent, window.slot);
        let (mut left, mut next) = (0, 0);
        for i in 0..count {
            let child = self.child(parent, slot + i);
            let f = self.pager.tree_page(child)?;
            let node = self.node(f);
            let (leaf, len) = (node.is_leaf(), node.len());
            let linked = i == 0 || (next == child && node.field(field::PREV) == left && leaf == window.leaf);
            if !linked || f == parent || window.pages.iter().take(i).any(|&page| page == f) {
                return self.pager.corrupt(child, field::PREV as u32, Reason::Sibling);
            }
            (left, next, window.leaf) = (child, node.field(field::NEXT), leaf);
            window.total += node.used();
            let (from, to, new) = if i == window.edited {
                window.total = self.after_edit(window.total, f, edit);
                (edit.from, edit.to, edit.new_len())
            } else {
                (len, len, 0)
            };
            // Where the parent has the real key of entry 0, it is a run of its own.
            let first = usize::from(!leaf && i > 0 && len > 0 && (from > 0 || to == 0));
            if first > 0 {
                let (real, stored) = (self.node(parent).size(slot + i), self.node(f).size(0));
                window.total = (window.total + real).saturating_sub(stored);
            }
            if let Some(page) = window.pages.get_mut(i) {
                *page = f;
            }
            window.push(Kind::First, i, 0, first);
            window.push(Kind::Old, i, first, from.saturating_sub(first));
            window.push(Kind::New, i, 0, new);
            window.push(Kind::Old, i, to.max(first), len.saturating_sub(to.max(first)));
        }
        Ok(())
    }

    /// The first entry of a run as a cell.
    fn run_cell<'a>(&self, window: &Window, run: &Run, edit: &Edit<'a>) -> Cell<'a> {
        let page = window.page(run.page);
        match run.kind {
            Kind::Old => self.cell(page, run.from),
            Kind::New => edit.new_cells().get(run.from).copied().unwrap_or(Cell::EMPTY),
            Kind::First => {
                let up = self.cell(window.parent, window.slot + run.page);
                Cell { second: self.child(page, 0), ..up }
            }
        }
    }

    /// Shares the sequence out among `count` pages, at least one entry each, and returns how many each
    /// gets; `None` if it does not fit.
    #[cfg_attr(small, inline(never))]
    fn plan(&self, window: &Window, edit: &Edit, count: usize, full: bool) -> Option<[usize; MAX_PAGES]> {
        let room = self.pager.capacity();
        let mut counts = [0; MAX_PAGES];
        // `left` bytes in `entries` entries are for the pages from `page` on, about `target` of them
        // for `page`, which has `used` bytes in `n` entries so far.
        let (mut page, mut n, mut used, mut left, mut entries) = (0, 0, 0, window.total, window.len);
        let share = |left: usize, page| {
            let even = left.checked_div(count - page).unwrap_or(0);
            if full || even > room {
                room
            } else {
                even
            }
        };
        let mut target = share(left, 0);
        for i in 0..window.run_count {
            let mut run = window.run(i);
            let node = self.node(window.page(run.page));
            while page + 1 < count {
                // One entry at least remains for each other page.
                let spare = |n: usize| (entries + page + 1).saturating_sub(count + n);
                if run.kind == Kind::Old {
                    let range = run.from..run.from + run.len.min(spare(n));
                    let (passed, bytes) = node.fitting(range, target.saturating_sub(used));
                    (n, used) = (n + passed, used + bytes);
                    (run.from, run.len) = (run.from + passed, run.len - passed);
                }
                if run.len == 0 {
                    break;
                }
                let bytes = SLOT
                    + match run.kind {
                        Kind::Old => node.size(run.from),
                        _ => self.run_cell(window, &run, edit).size(),
                    };
                if n > 0 && (used + bytes / 2 > target || used + bytes > room || spare(n) == 0) {
                    *counts.get_mut(page)? = n;
                    (page, left, entries) = (page + 1, left.saturating_sub(used), entries - n);
                    (n, used, target) = (0, 0, share(left, page));
                } else {
                    (n, used) = (n + 1, used + bytes);
                    (run.from, run.len) = (run.from + 1, run.len - 1);
                }
            }
        }
        *counts.get_mut(page)? = entries;
        (page + 1 == count && left <= room && entries > 0).then_some(counts)
    }

    /// Repacks pages of a parent from entry `slot` on and makes `edit` that of the parent. False, and
    /// nothing has changed, if there are no such pages or the entries do not fit.
    pub(super) fn repack<'a>(
        &mut self,
        level: usize,
        slot: usize,
        shape: Shape,
        edit: &mut Edit<'a>,
    ) -> Result<bool> {
        let (from, to) = (usize::from(shape.from), usize::from(shape.to));
        let (pgno, index) = self.path.at(level - 1);
        let parent = self.pager.tree_page(pgno)?;
        if slot.saturating_add(from) > self.len(parent) {
            return Ok(false);
        }
        let mut window = Window {
            parent,
            slot,
            pages: [parent; MAX_PAGES],
            leaf: true,
            edited: index - slot,
            runs: [NO_RUN; MAX_RUNS],
            run_count: 0,
            len: 0,
            total: 0,
        };
        self.window(&mut window, from, edit)?;
        if window.total > to * self.pager.capacity() {
            return Ok(false);
        }
        let counts = match shape.fill {
            Fill::Left => Some([edit.from, window.len - edit.from, 0]),
            Fill::Right => Some([edit.from + 1, window.len - edit.from - 1, 0]),
            // Even shares can fail where full pages fit: entries are not sand.
            Fill::Even => self.plan(&window, edit, to, false).or_else(|| self.plan(&window, edit, to, true)),
        };
        let Some(counts) = counts else { return Ok(false) };
        let (leaf, old) = (window.leaf, window.pages);
        let (first, last) = (window.page(0), window.page(from - 1));
        let (before, after) = (self.pager.field(first, field::PREV), self.pager.field(last, field::NEXT));
        let kind = if leaf { kind::LEAF } else { kind::INTERNAL };
        // Existing pages keep their outer places, so that few links of others change.
        let mut targets = old;
        if to > from {
            let mut fresh = [first; MAX_PAGES];
            for f in fresh.iter_mut().take(to - from) {
                *f = self.pager.alloc_page(kind)?;
            }
            targets = match (from, shape.fill) {
                (1, Fill::Right) => [fresh[0], first, fresh[1]],
                (1, _) => [first, fresh[0], fresh[1]],
                _ => [first, fresh[0], last],
            };
        } else if to == 1 && self.len(first) == 0 {
            targets = [last; MAX_PAGES];
        }
        let targets = targets.get(..to).unwrap_or(&[]);
        for (page, f) in window.pages.iter_mut().zip(old).take(from) {
            if targets.contains(&f) {
                *page = self.pager.image(f)?;
                edit.moved(f, *page);
            }
        }
        self.fill_pages(&window, targets, counts, old, edit);
        (edit.from, edit.to) = (slot + 1, slot + from);
        self.link(targets, before, after, first, last)?;
        for &f in old.iter().take(from) {
            if !targets.contains(&f) {
                self.pager.free_page(f)?;
            }
        }
        if leaf {
            for pair in targets.windows(2) {
                if let [left, right] = *pair {
                    self.push_separator(left, right, edit)?;
                }
            }
        }
        if let Some(&target) = targets.first() {
            edit.child = (target != first).then(|| self.pager.pgno(target));
        }
        Ok(true)
    }

    /// Writes the sequence to `targets`, of which those of `old` are emptied before. `edit` becomes the
    /// new entries of the parent, as far as they come from the sequence.
    #[cfg_attr(small, inline(never))]
    fn fill_pages<'a>(
        &mut self,
        window: &Window,
        targets: &[Idx],
        counts: [usize; MAX_PAGES],
        old: [Idx; MAX_PAGES],
        edit: &mut Edit<'a>,
    ) {
        let kind = if window.leaf { kind::LEAF } else { kind::INTERNAL };
        let mut up = Edit::remove(0, 0);
        let mut runs = Runs { window, next: 1, run: window.run(0) };
        for (t, (&f, count)) in targets.iter().zip(counts).enumerate() {
            if old.contains(&f) {
                let pgno = self.pager.pgno(f);
                self.pager.format(f, pgno, kind);
            }
            self.fill_page(&mut runs, f, count, t > 0, edit, &mut up);
        }
        *edit = up;
    }

    /// Writes the next `count` entries to an empty page. On an internal page the key of the first entry
    /// moves up to the parent if `right` tells that a page precedes it.
    #[cfg_attr(small, inline(never))]
    fn fill_page<'a>(
        &mut self,
        runs: &mut Runs,
        f: Idx,
        count: usize,
        right: bool,
        edit: &Edit<'a>,
        up: &mut Edit<'a>,
    ) {
        let window = runs.window;
        let mut filled = 0;
        while filled < count && runs.more() {
            let run = &runs.run;
            let mut n = run.len.min(count - filled);
            let rises = right && !window.leaf && filled == 0;
            if rises || run.kind != Kind::Old {
                n = 1;
                let mut cell = self.run_cell(window, run, edit);
                if rises {
                    up.push(Cell { second: self.pager.pgno(f), ..cell });
                    (cell.key, cell.flags) = (Source::EMPTY, 0);
                }
                self.insert_cell(f, filled, &cell);
            } else {
                self.pager.append_entries(window.page(run.page), run.from..run.from + n, f);
            }
            filled += n;
            // The entry before the edit may have a new child.
            if let Some(child) = edit.child {
                if run.kind != Kind::New && run.page == window.edited && run.from + n == edit.from {
                    self.set_child(f, filled - 1, child);
                }
            }
            runs.pass(n);
        }
    }

    /// Links pages to each other and to the neighbours `before` and `after` of the old pages
    /// `first` to `last`.
    #[cfg_attr(small, inline(never))]
    fn link(&mut self, pages: &[Idx], before: u32, after: u32, first: Idx, last: Idx) -> Result<()> {
        let mut previous = before;
        for (i, &f) in pages.iter().enumerate() {
            let next = pages.get(i + 1).map_or(after, |&n| self.pager.pgno(n));
            self.pager.set_field(f, field::PREV, previous);
            self.pager.set_field(f, field::NEXT, next);
            previous = self.pager.pgno(f);
        }
        if let (Some(&now_first), Some(&now_last)) = (pages.first(), pages.last()) {
            if now_first != first {
                self.relink(before, field::NEXT, self.pager.pgno(now_first))?;
            }
            if now_last != last {
                self.relink(after, field::PREV, previous)?;
            }
        }
        Ok(())
    }

    /// Adds the parent's entry for leaf `right` to its edit: the shortest key above all keys of `left`.
    #[cfg_attr(small, inline(never))]
    fn push_separator(&mut self, left: Idx, right: Idx, edit: &mut Edit) -> Result<()> {
        let last = self.len(left).saturating_sub(1);
        if heads::USED {
            // Without overflow pages, where code is cheap.
            let ((low_flags, low), (high_flags, high)) = (self.node(left).key(last), self.node(right).key(0));
            let len = high.len().min(low.iter().zip(high).take_while(|(a, b)| a == b).count() + 1);
            if (low_flags | high_flags) & BIG_KEY == 0 && entry_size(len) + SLOT <= self.pager.capacity() / 2
            {
                let at = self.node(right).offset(0).wrapping_add(ENTRY_FIXED);
                let key = Source::Page(right, at as u16, len as u16);
                edit.push(Cell { second: self.pager.pgno(right), key, ..Cell::EMPTY });
                return Ok(());
            }
        }
        let (low, high) = (self.key_item(left, last)?, self.key_item(right, 0)?);
        let len = high.len().min(self.common_prefix(low, high)?.0 + 1);
        let second = self.pager.pgno(right);
        let (flags, key) = if entry_size(len) + SLOT > self.pager.capacity() / 2 {
            (BIG_KEY, Source::Ref(self.write_separator(high, len)?))
        } else {
            // A page of a chain is larger than half a page's entries: the key's start is in one piece.
            let mut rest = high;
            match self.piece(&mut rest)? {
                Some(piece) => (0, Source::Page(piece.frame, piece.at as u16, len as u16)),
                None => (0, Source::EMPTY),
            }
        };
        edit.push(Cell { flags, second, key, data: &[] });
        Ok(())
    }
}

/// What is left of a sequence.
struct Runs<'w> {
    window: &'w Window,
    /// The run after `run`.
    next: usize,
    run: Run,
}

impl Runs<'_> {
    /// Goes to the next run if nothing is left of the one in front. False at the end.
    fn more(&mut self) -> bool {
        if self.run.len == 0 {
            self.run = self.window.run(self.next);
            self.next += 1;
        }
        self.run.len > 0
    }

    /// Goes on by `n` entries of the run in front.
    fn pass(&mut self, n: usize) {
        (self.run.from, self.run.len) = (self.run.from + n, self.run.len - n);
    }
}

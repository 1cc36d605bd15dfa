//! Flushing to a log behind the end of the file instead of to the pages' places, so that a
//! flush happens as a whole or not at all on any medium (FORMAT.md, "Journal").
//!
//! A flush appends new pages, which have their place there, copies of changed pages, and a
//! descriptor with the checksums of all of them, and syncs once. `moved` tells where the last copy of
//! a page is; `checkpoint` brings the copies home; `recover` finds them again after a power cut.

use super::{Idx, Pager};
use crate::error::inner::Result;
use crate::error::Error;
use crate::memory::{copy, Memory};
use crate::page::log::{Commit, Crc, Mark, State, ENTRY, HOME_SUM, MARKS, MARK_LEN, STATE, SUM};
use crate::page::meta::{self, Meta};
use crate::page::{kind, HEADER};
use crate::storage::Storage;

/// Pages of a log that are always allowed; more are if the file itself is large.
const LOG_PAGES: u32 = 64;
/// Pages that are at most left free before a log for the tree to grow.
const GROWTH: u32 = 256;
/// Bytes that littlefs usually writes again when it appends to the last of them.
const BLOCK: usize = 4096;
/// Bytes of the list of pages in the log that are always allowed; more are if the cache is large.
const LIST_BYTES: usize = 4096;

/// The log of a file. The default: there is none, and none is to be written.
#[derive(Default)]
pub(super) struct Log {
    /// Whether flushes go to the log.
    pub on: bool,
    /// Whether an earlier session has left something to do before the first change: a log, a mark.
    pub old: bool,
    /// Whether what it has left is to be thrown away.
    pub discard: bool,
    /// Whether page 0 says that a checkpoint is under way.
    pub checkpoint: bool,
    /// What the mark on page 0 says, if there is one.
    pub state: Option<State>,
    /// Which of the two marks counts, and whether there is something in the place of the other.
    pub slot: usize,
    pub other: bool,
    /// As in the mark; 0: not chosen yet.
    pub gen: u32,
    /// Pages of the file without the log. Behind them are pages for the tree to grow into, then the
    /// log, then the tree again if that was not enough.
    pub base: u32,
    /// Page of the first descriptor.
    pub first: u32,
    /// First page of the free list as page 0 has it.
    pub free: u32,
    /// Page 0 does not yet have it, but the free pages at the end of the file, too.
    pub tail: bool,
    /// Page of the next descriptor.
    pub next: u32,
    /// Commits in the log.
    pub seq: u32,
    /// Pages of the log, new pages of the tree not counted.
    pub pages: u32,
}

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Begins a log behind the file, on the storage with the next flush.
    pub(super) fn start_log(&mut self) {
        let base = self.pages;
        self.log.base = base;
        self.log.first = self.log_start(base);
        self.log.next = self.log.first;
        if self.promised != 0 {
            self.promised = base;
        }
    }

    /// The first page of a log for a file of so many pages.
    pub(super) fn log_start(&self, base: u32) -> u32 {
        // Where a log can be cut off, pages of the tree behind it would keep it there.
        if !self.storage.atomic() {
            return base;
        }
        let first = base.saturating_add((base / 2).min(GROWTH));
        // Commits of two pages do not cross the usual blocks of flash then.
        let block = BLOCK.checked_div(self.page_size()).unwrap_or(0).max(1) as u32;
        first.checked_next_multiple_of(block).unwrap_or(first)
    }

    /// The number for a new page: not one of the log.
    pub(super) fn beside_log(&self, pgno: u32) -> u32 {
        let Log { on, first, next, .. } = self.log;
        if on && first <= pgno && pgno <= next {
            return next.saturating_add(1);
        }
        pgno
    }

    /// Whether a page is one that has no place yet but behind the end of the file and before the log,
    /// where it is to be written only when the log ends, because that is no place to append to.
    pub(super) fn is_homeless(&self, pgno: u32) -> bool {
        (self.log.on || self.log.old) && self.log.base <= pgno && pgno < self.log.first
    }

    /// Where nothing is yet.
    pub(super) fn vacant(&self) -> u32 {
        let behind = if self.log.on { self.log.next.saturating_add(1) } else { 0 };
        self.pages.max(self.slots_end).max(behind)
    }

    /// Whether a page in the list was written since the last flush.
    pub(super) fn is_early(&self, pgno: u32, at: u32) -> bool {
        !self.log.on || if at == pgno { pgno >= self.promised } else { at >= self.log.next }
    }

    /// Whether a page below the end of the file belongs to the log.
    #[cfg(any(feature = "extras", feature = "check"))]
    pub(super) fn is_log(&self, pgno: u32) -> bool {
        let Log { on, old, base, first, next, .. } = self.log;
        // New pages of the tree lie between those of the log, and all of them are listed. Those before
        // it are the tree's, too, unless it was an earlier session that left room there.
        let from = if old { base } else { first };
        (on || old) && (from <= pgno && pgno < next && self.moved.search(pgno).is_err() || pgno == next)
    }

    /// The checksum of what is in a frame.
    pub(super) fn page_sum(&self, f: Idx) -> u32 {
        Crc::START.with(self.pool.page(f)).sum()
    }

    /// Notes that a page's next state is to be at page `to`. False, and no change, if there is no memory.
    pub(super) fn note_moved(&mut self, f: Idx, to: u32) -> bool {
        let pgno = self.pool.pgno(f);
        // One that was spilled twice still has no sum of what is at home.
        let known = self.moved.search(pgno).is_ok_and(|i| !self.lacks_home(i));
        let homeless = self.is_homeless(pgno);
        let Some(i) = self.moved.set(pgno, to) else { return false };
        let order = self.meta.order;
        let page = self.pool.page(f);
        let entry = self.moved.entry_mut(i);
        copy(entry, page.get(..HEADER).unwrap_or(&[]));
        order.put_u32(entry, 0, pgno);
        if self.log.on {
            let sum = Crc::START.with(page).sum();
            order.put_u32(entry, SUM, sum);
            if pgno >= self.promised || homeless {
                // A new page has no other state at home than this.
                order.put_u32(entry, HOME_SUM, sum);
            } else if !known {
                order.put_u32(entry, HOME_SUM, !sum);
            }
        }
        true
    }

    /// Lists page `pgno` with its checksum at home before it is first written to the log.
    fn note_home(&mut self, f: Idx, pgno: u32) -> Result<()> {
        if pgno >= self.promised || self.is_homeless(pgno) {
            return Ok(());
        }
        let mut place = pgno;
        if let Ok(i) = self.moved.search(pgno) {
            // Or one that was spilled, when there was no memory to read this.
            if !self.lacks_home(i) {
                return Ok(());
            }
            place = self.moved.pair(i).map_or(pgno, |pair| pair.1);
        }
        self.read_page(f, pgno)?;
        let sum = self.page_sum(f);
        let Some(i) = self.moved.set(pgno, place) else { return self.fail(Error::NoMemory) };
        let (order, page) = (self.meta.order, self.pool.page(f));
        let entry = self.moved.entry_mut(i);
        order.put_u32(entry, HOME_SUM, sum);
        if place == pgno {
            copy(entry, page.get(..HEADER).unwrap_or(&[]));
            order.put_u32(entry, 0, pgno);
            order.put_u32(entry, SUM, sum);
        }
        Ok(())
    }

    /// Writes a few bytes of page 0.
    pub(super) fn poke(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        self.write_at(0, at as u32, bytes)?;
        if let Some(f) = self.pool.find(0) {
            copy(self.pool.page_mut(f).get_mut(at..).unwrap_or(&mut []), bytes);
        }
        Ok(())
    }

    /// Writes a field of the meta page.
    pub(super) fn poke_meta(&mut self, at: usize, meta: &Meta) -> Result<()> {
        let mut head = [0; meta::LEN];
        meta.store(&mut head);
        self.poke(at, head.get(at..at + 4).unwrap_or(&[]))
    }

    /// Where one of the two marks is.
    pub(super) fn mark_at(slot: usize) -> usize {
        MARKS.get(slot & 1).copied().unwrap_or(0)
    }

    /// Writes a mark in the place of the one that does not count, which it does from then on.
    pub(super) fn write_mark(&mut self, mark: Mark) -> Result<()> {
        let slot = if self.log.state.is_some() { self.log.slot ^ 1 } else { self.log.slot };
        self.poke(Self::mark_at(slot), &mark.bytes(self.meta.order))?;
        self.log.other |= slot != self.log.slot;
        (self.log.slot, self.log.state) = (slot, Some(mark.state));
        Ok(())
    }

    /// Takes the marks away. The log of the older one is void, and must not come back.
    pub(super) fn clear_marks(&mut self) -> Result<()> {
        if self.log.other {
            self.poke(Self::mark_at(self.log.slot ^ 1), &[0; MARK_LEN])?;
            self.sync()?;
        }
        self.poke(Self::mark_at(self.log.slot), &[0; MARK_LEN])?;
        (self.log.other, self.log.state) = (false, None);
        Ok(())
    }

    /// A flush to the log.
    pub(super) fn commit_log(&mut self) -> Result<()> {
        if self.promised == 0 {
            self.found()?;
        }
        if self.storage.atomic() {
            self.choose_gen()?;
        } else {
            self.begin_log()?;
        }
        // All that reads or needs memory comes first, so that a failure leaves things as they were,
        // and because littlefs is slow where reads and writes alternate.
        self.make_room()?;
        let f = self.acquire()?;
        let first = self.sorted();
        let result = self.prepare(f, first).and_then(|n| self.append(f, first, n));
        self.drop_frame(f);
        if result.is_err() {
            self.unchain(first, 0);
        }
        let Some(commit) = result? else {
            self.changed = false;
            return Ok(());
        };
        let listed = |pgno| self.moved.search(pgno).unwrap_or_else(|i| i);
        let beside = self.moved.len().saturating_sub(listed(self.log.first)) as u32;
        let new = self.moved.len().saturating_sub(listed(self.log.base)) as u32;
        let tree = self.log.base.saturating_add(new);
        self.log.pages = commit.next.saturating_sub(self.log.first).saturating_sub(beside);
        self.log.seq = commit.seq;
        self.log.next = commit.next;
        self.pages = self.beside_log(self.pages);
        self.promised = self.pages;
        self.slots_end = 0;
        self.changed = false;
        self.clean(first);
        if self.log_is_long(tree) {
            // What has been promised is safe, so that this can wait for more memory.
            match self.checkpoint(false) {
                Err(e) if self.failed.is_some() => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn log_is_long(&self, tree: u32) -> bool {
        // Bringing pages home costs littlefs as much as the file is long.
        let tree = if self.storage.atomic() { tree.saturating_mul(2) } else { tree / 2 };
        let cache = self.limit.saturating_mul(self.page_size()) / 2;
        self.log.pages > tree.max(LOG_PAGES) || self.moved.len() * ENTRY > cache.max(LIST_BYTES)
    }

    /// Gets memory for the list of changed pages, from that of pages if need be.
    fn make_room(&mut self) -> Result<()> {
        self.pool.unpin_all();
        // One more, as a page may be spilled to have a frame.
        while !self.moved.reserve(self.moved.len() + self.pool.listed(true) + 1) {
            let f = match self.victim(false, None) {
                Some(f) => f,
                None => self.spill_one()?,
            };
            self.pool.free(f);
        }
        Ok(())
    }

    /// Lists what changed pages are at home, and returns the number of those spilled.
    fn prepare(&mut self, f: Idx, first: Option<Idx>) -> Result<usize> {
        let mut next = first;
        while let Some(frame) = next {
            self.note_home(f, self.pool.pgno(frame))?;
            next = self.pool.chain(frame);
        }
        let mut spilled = 0;
        for i in 0..self.moved.len() {
            if let Some((pgno, _)) = self.moved.pair(i).filter(|_| self.is_fresh(i)) {
                spilled += 1;
                self.note_home(f, pgno)?;
            }
        }
        Ok(spilled)
    }

    /// Whether entry `i` is of the time since the last flush.
    fn is_fresh(&self, i: usize) -> bool {
        // Operations that were undone may have left entries of pages that do not exist any more.
        self.moved.pair(i).is_some_and(|(pgno, at)| self.is_early(pgno, at) && pgno < self.pages)
    }

    /// Number of entries since the last flush.
    fn fresh_entries(&self) -> usize {
        (0..self.moved.len()).filter(|&i| self.is_fresh(i)).count()
    }

    /// Writes the commit of the changed pages from `first` on and of `spilled` ones; `None` if there
    /// are none.
    fn append(&mut self, f: Idx, first: Option<Idx>, spilled: usize) -> Result<Option<Commit>> {
        let body = self.vacant();
        // Those spilled and changed again are counted twice; that costs a page at most.
        let count = spilled + self.pool.listed(true);
        if count == 0 {
            return Ok(None);
        }
        let more = Commit::more_pages(count, self.page_size()) as u32;
        let mut place = body.saturating_add(more);
        if place.saturating_add(count as u32) > super::free::MAX_PAGES {
            return self.fail(Error::Full);
        }
        let mut next = first;
        while let Some(frame) = next {
            let pgno = self.pool.pgno(frame);
            let to = match self.moved.place(pgno) {
                Some(at) if self.is_early(pgno, at) => at,
                _ if pgno >= self.promised && !self.is_homeless(pgno) => pgno,
                _ => {
                    place += 1;
                    place - 1
                }
            };
            if !self.note_moved(frame, to) {
                return self.fail(Error::NoMemory);
            }
            next = self.pool.chain(frame);
        }
        let commit = Commit {
            gen: self.log.gen,
            seq: self.log.seq + 1,
            free: self.meta.free,
            next: place,
            pages: self.stored.max(place),
            count: self.fresh_entries() as u32,
            more: body,
        };
        if self.storage.atomic() {
            // Not before all has been read.
            self.begin_log()?;
        }
        self.write_commit(f, &commit, first)?;
        self.sync()?;
        Ok(Some(commit))
    }

    fn choose_gen(&mut self) -> Result<()> {
        if self.log.gen == 0 {
            // Any number will do that a log at the same place is unlikely to have had. What the last
            // one has left there is not what it found.
            let mut crc = Crc::START;
            for pgno in [1, self.log.first] {
                // In parts: the stack of a microcontroller is small.
                for part in 0..4 {
                    let mut bytes = [0; 32];
                    let got = self.read_at(pgno, part * 32, &mut bytes)?;
                    crc = crc.with(bytes.get(..got).unwrap_or(&[]));
                }
            }
            self.log.gen = crc.sum().wrapping_add(self.stored).max(1);
        }
        Ok(())
    }

    /// Sees to it that the mark is there before anything else is written behind the end of the file.
    pub(super) fn begin_log(&mut self) -> Result<()> {
        self.choose_gen()?;
        if self.log.state.is_some() {
            return self.confirm_log();
        }
        let atomic = self.storage.atomic();
        let Log { gen, first, free, base, .. } = self.log;
        let state = if atomic { State::Atomic } else { State::Open };
        self.write_mark(Mark { gen, first, free, base, state })?;
        if atomic {
            return Ok(());
        }
        // It says that what is there is ours.
        self.sync()?;
        if self.log.tail {
            // Until then the mark is one of a file that another program has gone on with.
            self.poke_meta(meta::FREE, &Meta { free, ..self.meta })?;
            self.sync()?;
            (self.log.tail, self.stored_free) = (false, Some(free));
        }
        Ok(())
    }

    /// Says in the mark that the first commit is there, if it is.
    pub(super) fn confirm_log(&mut self) -> Result<()> {
        if self.log.state == Some(State::Open) && self.log.seq > 0 {
            // One byte, which cannot be torn.
            let at = Self::mark_at(self.log.slot) + STATE;
            self.poke(at, &[State::Begun.byte(self.log.gen)])?;
            self.log.state = Some(State::Begun);
        }
        Ok(())
    }

    /// Writes a commit in ascending order: descriptor, new pages, further entries, copies.
    fn write_commit(&mut self, f: Idx, commit: &Commit, first: Option<Idx>) -> Result<()> {
        let (order, size, at) = (self.meta.order, self.page_size(), self.log.next);
        let mut crc = commit.crc(order);
        for i in (0..self.moved.len()).filter(|&i| self.is_fresh(i)) {
            crc = crc.with(self.moved.entry(i));
        }
        let mut to = at;
        self.format(f, to, kind::OVERFLOW);
        commit.store(order, self.pool.page_mut(f));
        Commit::seal(order, self.pool.page_mut(f), crc);
        let mut done = 0;
        for i in 0..self.moved.len() {
            if !self.is_fresh(i) {
                continue;
            }
            let (page, offset) = commit.entry_at(at, done, size);
            done += 1;
            if page != to {
                self.write_entries(f, to, commit, first)?;
                to = page;
                self.format(f, to, kind::OVERFLOW);
            }
            let entry = self.moved.entry(i);
            copy(self.pool.page_mut(f).get_mut(offset..).unwrap_or(&mut []), entry);
        }
        self.write_entries(f, to, commit, first)?;
        self.write_list(first, commit.more, u32::MAX)
    }

    /// Writes a page of entries, and behind the descriptor those pages that come before the others.
    fn write_entries(&mut self, f: Idx, to: u32, commit: &Commit, first: Option<Idx>) -> Result<()> {
        self.write_page(f, to)?;
        if to < commit.more {
            self.write_list(first, 0, commit.more)?;
        }
        Ok(())
    }

    /// Writes those changed pages whose places are in a range.
    fn write_list(&mut self, first: Option<Idx>, from: u32, end: u32) -> Result<()> {
        let mut next = first;
        while let Some(f) = next {
            let place = self.moved.place(self.pool.pgno(f));
            if let Some(to) = place.filter(|&to| from <= to && to < end) {
                self.write_page(f, to)?;
            }
            next = self.pool.chain(f);
        }
        Ok(())
    }

    /// One of the checksums in entry `i`.
    pub(super) fn sum(&self, i: usize, at: usize) -> u32 {
        self.meta.order.u32(self.moved.entry(i), at)
    }

    /// Whether entry `i` says that the checksum of what is at home is not known.
    fn lacks_home(&self, i: usize) -> bool {
        self.sum(i, SUM) == !self.sum(i, HOME_SUM)
    }
}

//! Finding the log of an earlier session when a file is opened. Writes nothing: what the log says
//! goes to `moved`, and the pages come home before the first change.

use super::journal::Log;
use super::spill::foundation;
use super::{Idx, Journal, Pager};
use crate::error::inner::Result;
use crate::error::{Error, Reason};
use crate::memory::{copy, Memory};
use crate::page::log::{
    free_header, header, Commit, Mark, State, AT, ENTRY, HEAD, HOME_SUM, MARKS, MARK_LEN, SUM,
};
use crate::page::meta;
use crate::page::node::{Node, BIG_DATA, BIG_KEY, REF};
use crate::page::{field, kind, verify_tree_page, HEADER};
use crate::storage::Storage;

/// Bytes of a page that are looked at together: the stack of a microcontroller is small.
const PART: usize = 32;

/// A commit and its entries, which are read one after another.
struct Found {
    /// Page of the descriptor.
    at: u32,
    commit: Commit,
    /// Entries read so far.
    done: usize,
    /// The page in the frame.
    loaded: u32,
    /// The entry read last.
    entry: [u8; ENTRY],
}

/// Free pages at the end of the file that are at most looked at when it is opened.
const TAIL: usize = 2048;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Sets up the log when a file is opened that begins with `head`.
    #[cfg_attr(small, inline(never))]
    pub(super) fn recover(&mut self, head: &[u8; HEAD], journal: Journal) -> Result<()> {
        if self.storage.volatile() {
            return Ok(());
        }
        let checkpoint = core::mem::take(&mut self.meta.checkpoint);
        self.log = Log {
            on: journal == Journal::On,
            checkpoint,
            base: self.pages,
            free: self.meta.free,
            next: u32::MAX,
            ..Log::default()
        };
        let mark = if self.stored == 0 { None } else { Mark::find(self.meta.order, head) };
        self.moved.set_wide(self.log.on || mark.is_some(), self.meta.order);
        if let Some((mark, slot)) = mark {
            self.log.state = Some(mark.state);
            self.log.slot = slot;
            let other = head.iter().skip(Self::mark_at(slot ^ 1)).take(MARK_LEN);
            self.log.other = other.into_iter().any(|&byte| byte != 0);
            self.log.old = true;
            self.log.discard = journal == Journal::Discard;
            if self.log.discard && checkpoint {
                // Without its log the tree is torn.
                return self.corrupt(0, meta::FLAGS as u32, Reason::Journal);
            }
            self.follow(mark)?;
        } else if checkpoint {
            return self.corrupt(0, MARKS[0] as u32, Reason::Journal);
        } else if self.log.on && self.stored != 0 && head.iter().skip(MARKS[0]).any(|&byte| byte != 0) {
            // A mark that was torn, before there was a log or when it was no more needed.
            (self.log.state, self.log.old, self.log.other) = (Some(State::Open), true, true);
        }
        if self.log.on && !self.log.old {
            self.take_tail()?;
            self.start_log();
        }
        Ok(())
    }

    /// Whether a file is one that was being made when the power failed: nothing but parts of an empty
    /// one without a whole header, and zeroes.
    #[cfg_attr(small, inline(never))]
    pub(super) fn is_unfinished(&mut self, size: u64) -> Result<bool> {
        if size == 0 || size > self.position(2, 0) {
            return Ok(false);
        }
        let (head, root) = foundation(&self.meta);
        for page in 0..2 {
            let mut known = if page == 0 { head.as_slice() } else { &root };
            let mut from = 0;
            while from < self.page_size() {
                let mut part = [0; PART];
                let len = PART.min(self.page_size() - from);
                self.read_at(page, from as u32, part.get_mut(..len).unwrap_or(&mut []))?;
                let strange = |(i, byte): (usize, &u8)| *byte != 0 && known.get(i) != Some(byte);
                if part.iter().enumerate().any(strange) || part.starts_with(&head) {
                    return Ok(false);
                }
                known = &[];
                from += PART;
            }
        }
        Ok(true)
    }

    /// Leaves the free pages at the end of the file, which the log of an earlier session was, to the
    /// next one, or each would make the file longer. Page 0 says so with the mark.
    fn take_tail(&mut self) -> Result<()> {
        if self.storage.atomic() || self.stored == 0 {
            return Ok(());
        }
        let order = self.meta.order;
        for _ in 0..TAIL {
            let last = self.pages.saturating_sub(1);
            if last < 2 || self.meta.free != last {
                break;
            }
            let mut head = [0; HEADER];
            self.read_at(last, 0, &mut head)?;
            let next = order.u32(&head, field::NEXT);
            if head != free_header(order, last, next) {
                break;
            }
            (self.meta.free, self.pages, self.log.tail) = (next, last, true);
        }
        self.log.free = self.meta.free;
        self.before = (self.meta.free, self.pages);
        Ok(())
    }

    fn follow(&mut self, mark: Mark) -> Result<()> {
        (self.log.gen, self.log.free) = (mark.gen, mark.free);
        (self.log.first, self.log.base) = (mark.first, mark.base);
        if mark.base < 2 || mark.base > self.stored || mark.first < mark.base {
            if self.log.discard {
                self.log.base = self.pages;
                return Ok(());
            }
            let at = Self::mark_at(self.log.slot) as u32;
            return self.corrupt(0, at + 8, Reason::Journal);
        }
        let home_free = self.meta.free;
        let f = self.acquire()?;
        let result = self.follow_with(f, mark, home_free);
        self.drop_frame(f);
        result?;
        self.promised = self.pages;
        self.log.next = self.pages;
        Ok(())
    }

    fn follow_with(&mut self, f: Idx, mark: Mark, home_free: u32) -> Result<()> {
        let extent = if self.log.discard {
            self.pages = mark.base;
            mark.base
        } else {
            self.read_log(f, mark)?
        };
        if self.log.seq > 0 {
            self.check_homes(f, home_free)?;
        }
        if self.stored > extent && self.leads_beyond(f, extent)? {
            if self.log.seq > 0 {
                return self.corrupt(extent, 0, Reason::Stale);
            }
            // Another program has gone on with the file, and nothing is lost.
            (self.pages, self.log.base) = (self.stored, self.stored);
        }
        Ok(())
    }

    /// Reads the log and returns how many pages the file has with it.
    fn read_log(&mut self, f: Idx, mark: Mark) -> Result<u32> {
        let mut extent = 0;
        let mut found = self.read_commit(f, mark.first, 1)?;
        while let Some(mut last) = found {
            let Commit { seq, free, next, pages, .. } = last.commit;
            found = self.read_commit(f, next, seq + 1)?;
            // All commits but the last were synced before the next was written. The last may be of a flush
            // that was cut off, even if a checkpoint of those before was, too.
            if found.is_none() && !self.is_whole(f, &mut last)? {
                break;
            }
            self.list(f, &mut last)?;
            (self.log.seq, self.meta.free, self.pages, extent) = (seq, free, next, pages);
        }
        if self.log.seq != 0 {
            return Ok(extent);
        }
        let lost = match mark.state {
            State::Open => false,
            State::Begun => true,
            State::Atomic => self.stored > mark.first,
        };
        if lost {
            return self.corrupt(mark.first, 0, Reason::Journal);
        }
        self.pages = mark.base;
        if self.log.checkpoint {
            // The pages of the log may not yet be what the free list takes them for.
            self.meta.free = mark.free;
        }
        Ok(mark.base)
    }

    /// The commit with this number if its descriptor is page `at`.
    fn read_commit(&mut self, f: Idx, at: u32, seq: u32) -> Result<Option<Found>> {
        if at >= self.stored {
            return Ok(None);
        }
        self.read_page(f, at)?;
        let order = self.meta.order;
        let Some((commit, sum)) = Commit::parse(order, self.pool.page(f), self.log.gen, seq) else {
            return Ok(None);
        };
        let more = Commit::more_pages(commit.count as usize, self.page_size()) as u32;
        let sane = at < commit.next
            && commit.next <= commit.pages
            && commit.next <= self.stored
            && commit.count <= self.stored
            && commit.more <= commit.next
            && commit.more.saturating_add(more) <= self.stored;
        let mut found = Found { at, commit, done: 0, loaded: at, entry: [0; ENTRY] };
        let mut crc = commit.crc(order);
        while sane && self.next_entry(f, &mut found)? {
            crc = crc.with(&found.entry);
        }
        Ok((sane && crc.sum() == sum).then_some(found))
    }

    /// Reads the next entry of a commit. False, and it begins with the first one again, if there are no more.
    fn next_entry(&mut self, f: Idx, found: &mut Found) -> Result<bool> {
        if found.done >= found.commit.count as usize {
            (found.done, found.loaded) = (0, u32::MAX);
            return Ok(false);
        }
        let (page, offset) = found.commit.entry_at(found.at, found.done, self.page_size());
        if page != found.loaded {
            self.read_page(f, page)?;
        }
        (found.done, found.loaded) = (found.done + 1, page);
        copy(&mut found.entry, self.pool.page(f).get(offset..).unwrap_or(&[]));
        Ok(true)
    }

    /// Whether all pages of a commit are what its entries say.
    fn is_whole(&mut self, f: Idx, found: &mut Found) -> Result<bool> {
        let order = self.meta.order;
        while self.next_entry(f, found)? {
            let place = order.u32(&found.entry, AT);
            // A page of the log has no header of its own.
            let copied = place != order.u32(&found.entry, 0);
            if place >= self.stored {
                return Ok(false);
            }
            self.read_page(f, place)?;
            if copied {
                copy(self.pool.page_mut(f), &header(&found.entry));
            }
            if self.page_sum(f) != order.u32(&found.entry, SUM) {
                return Ok(false);
            }
            found.loaded = u32::MAX;
        }
        Ok(true)
    }

    /// Notes where the pages of a commit are.
    fn list(&mut self, f: Idx, found: &mut Found) -> Result<()> {
        let order = self.meta.order;
        while self.next_entry(f, found)? {
            let (pgno, place) = (order.u32(&found.entry, 0), order.u32(&found.entry, AT));
            let fits = if place == pgno { pgno >= self.log.base } else { place >= self.log.first };
            if pgno == 0 || pgno >= found.commit.next || !fits {
                return self.corrupt(found.at, 0, Reason::Journal);
            }
            let Some(i) = self.moved.set(pgno, place) else { return self.fail(Error::NoMemory) };
            copy(self.moved.entry_mut(i), &found.entry);
        }
        Ok(())
    }

    /// Refuses a file that was changed without its log: each page at home has to be what it
    /// was when the log was begun, or all have to be what the log makes of them, because the log had
    /// been brought home and was not yet declared void.
    fn check_homes(&mut self, f: Idx, home_free: u32) -> Result<()> {
        let (mut before, mut after) = (home_free == self.log.free, true);
        let mut odd = 0;
        for i in 0..self.moved.len() {
            let Some((pgno, place)) = self.moved.pair(i) else { break };
            let (sum, home_sum) = (self.sum(i, SUM), self.sum(i, HOME_SUM));
            self.read_present(f, pgno)?;
            if self.page_sum(f) != sum {
                return self.corrupt(place, 0, Reason::Journal);
            }
            if place != pgno && !self.is_homeless(pgno) {
                self.read_page(f, pgno)?;
                let found = self.page_sum(f);
                if found != home_sum {
                    before = false;
                    odd = pgno;
                }
                after &= found == sum;
            }
        }
        if !(before || after || self.log.checkpoint) {
            return self.corrupt(odd, 0, Reason::Stale);
        }
        Ok(())
    }

    /// Whether a page below `end` refers to one at or behind it. A power cut during a flush leaves
    /// pages there that nothing refers to; another program that has added pages refers to them.
    fn leads_beyond(&mut self, f: Idx, end: u32) -> Result<bool> {
        if self.meta.free >= end {
            return Ok(true);
        }
        for pgno in 1..end {
            if pgno < self.log.base || self.moved.search(pgno).is_ok() {
                self.read_present(f, pgno)?;
                if self.page_leads_beyond(f, pgno, end) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn page_leads_beyond(&self, f: Idx, pgno: u32, end: u32) -> bool {
        let order = self.meta.order;
        let node = Node::new(order, self.pool.page(f));
        if node.field(field::NEXT) >= end {
            return true;
        }
        let overflow = node.field(field::FLAGS) & kind::OVERFLOW != 0;
        if overflow || verify_tree_page(order, self.pool.page(f), pgno).is_err() {
            return false;
        }
        let leaf = node.field(field::FLAGS) == kind::LEAF;
        (0..node.len()).any(|i| {
            let entry = node.entry(i);
            let child = !leaf && node.child(i) >= end;
            let far = |bytes: &[u8]| bytes.len() == REF && order.u32(bytes, 0) >= end;
            child
                || (entry.flags & BIG_KEY != 0 && far(entry.key))
                || (entry.flags & BIG_DATA != 0 && far(entry.data))
        })
    }
}

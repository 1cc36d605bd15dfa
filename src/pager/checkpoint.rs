//! Bringing the pages of a log home, after which the file is a plain one again.
//!
//! On a medium where a power cut can tear what was not synced there are four steps, each of
//! them synced: page 0 is marked, so that other programs refuse the file; pages go to their places, the
//! free list gets what the log does not need any more; the mark goes; the log is declared void. A
//! cut after the first finds the log whole and does it all again.

use super::{Idx, Pager};
use crate::error::inner::Result;
use crate::error::{Error, Failed};
use crate::memory::{copy, Memory};
use crate::page::log::{free_header, Mark, State, HEAD, MARKS};
use crate::page::meta::{self, Meta};
use crate::page::{field, kind};
use crate::storage::Storage;

/// A checkpoint on an atomic medium.
struct Whole {
    /// Pages that the file is to have.
    end: u32,
    /// How page 0 is to begin, if that changes.
    head: Option<[u8; HEAD]>,
}

/// Pages in memory, linked by ascending number, that are to be written.
struct Batch {
    first: Option<Idx>,
    /// Where the next one is put behind.
    last: Option<Idx>,
    count: usize,
}

fn next_gen(gen: u32) -> u32 {
    gen.wrapping_add(1).max(1)
}

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Flushes and, if there is a journal, brings its pages home and leaves a file without one.
    /// One of an earlier session stays if the journal was not asked for and nothing was changed.
    pub fn close(&mut self) -> Result<()> {
        self.flush()?;
        if self.log.on && self.log.state.is_some() {
            self.checkpoint(true)?;
        }
        Ok(())
    }

    /// Flushes and brings the pages of the journal home; it goes on empty.
    pub fn flush_home(&mut self) -> Result<()> {
        self.flush()?;
        if self.log.on && (self.log.seq > 0 || self.log.checkpoint) {
            self.checkpoint(false)?;
        }
        Ok(())
    }

    /// Brings home what an earlier session has left in the log, before the first change.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.checkpoint(!self.log.on)
    }

    /// Brings the pages of the log home. There are no changes since the last flush.
    /// With `release` the file loses its mark, and all pages of the log become free.
    pub(super) fn checkpoint(&mut self, release: bool) -> Result<()> {
        if let Some(e) = self.failed {
            return self.fail(e);
        }
        let atomic = self.storage.atomic();
        // Behind the last page of the tree there is nothing but the log.
        let mut end = self.log.base;
        if let Some((last, _)) = self.moved.len().checked_sub(1).and_then(|i| self.moved.pair(i)) {
            end = end.max(last.saturating_add(1));
        }
        let mut freed = end;
        if release && !atomic {
            // A power cut may have left a page unfinished at the end.
            freed = self.stored.saturating_add(u32::from(self.is_ragged()?));
        }
        let mut log = (self.log.base..freed).rev();
        let free = log.find(|&pgno| self.moved.search(pgno).is_err()).unwrap_or(self.meta.free);
        let state = if atomic { State::Atomic } else { State::Open };
        let (gen, first) = (next_gen(self.log.gen), self.log_start(end));
        let mark = (!release).then_some(Mark { gen, first, free, base: end, state });
        // With the log gone for good, the next one may have the mark of this one.
        let same = atomic && !release && self.log.state == Some(State::Atomic) && !self.log.checkpoint;
        let same = same && (end, free) == (self.log.base, self.log.free);
        if atomic {
            let mut head = [0; HEAD];
            Meta { free, ..self.meta }.store(&mut head);
            if let Some(mark) = mark {
                copy(head.get_mut(MARKS[0]..).unwrap_or(&mut []), &mark.bytes(self.meta.order));
            }
            self.bring_home(Some(&Whole { end, head: (!same).then_some(head) }))?;
            if !same {
                (self.log.slot, self.log.other) = (0, false);
            }
            self.log.state = mark.map(|mark| mark.state);
            self.log.checkpoint = false;
        } else {
            // Or there is nothing but the mark.
            if self.log.discard {
                // First of all, or what it says would come back with a power cut.
                self.clear_marks()?;
                self.sync()?;
            }
            if self.log.seq > 0 || freed > self.log.base || self.log.checkpoint {
                if !self.log.checkpoint && !self.log.discard {
                    // Or a log whose first commit is damaged would be taken for an empty one.
                    self.confirm_log()?;
                    self.poke_flags(true)?;
                    self.sync()?;
                    self.log.checkpoint = true;
                }
                self.bring_home(None)?;
                self.free_log(freed)?;
                if self.log.discard {
                    self.sync()?;
                }
                self.poke_meta(meta::FREE, &Meta { free, ..self.meta })?;
                self.sync()?;
                if self.log.checkpoint {
                    self.poke_flags(false)?;
                    self.sync()?;
                    self.log.checkpoint = false;
                }
            }
            // The log is void from here on. Its pages may be used again once this is synced.
            match mark {
                Some(mark) => self.write_mark(mark)?,
                None if self.log.discard => {}
                None => self.clear_marks()?,
            }
        }
        self.sync()?;
        while self.moved.pop().is_some() {}
        self.moved.set_wide(self.log.on, self.meta.order);
        if !same {
            self.log.gen = gen;
        }
        self.log.free = free;
        (self.log.seq, self.log.pages, self.log.old) = (0, 0, false);
        self.log.discard = false;
        (self.meta.free, self.stored_free) = (free, Some(free));
        self.pages = freed.max(end);
        self.promised = self.pages;
        self.start_log();
        self.shrink();
        Ok(())
    }

    /// Sets or clears the flag of page 0 that keeps other programs out: one byte changes.
    fn poke_flags(&mut self, checkpoint: bool) -> Result<()> {
        self.poke_meta(meta::FLAGS, &Meta { checkpoint, ..self.meta })
    }

    /// Writes the pages of the log to their places, as many at a time as there is memory for,
    /// because littlefs copies the rest of a file for each change from reading to writing.
    /// `whole`: do all that there is to do, because the medium is atomic.
    fn bring_home(&mut self, whole: Option<&Whole>) -> Result<()> {
        let most = if whole.is_some() { usize::MAX } else { self.limit };
        let (mut from, mut vacant, mut done) = (0, self.log.base, false);
        let mut free = self.meta.free;
        while !done {
            self.pool.unpin_all();
            let mut batch = Batch { first: None, last: None, count: 0 };
            // Free pages come last, as they may be where copies are that are still to be read.
            while let Some(pgno) = self.next_copy(from, whole).filter(|_| batch.count < most) {
                let Some(f) = self.batch_page(&batch, pgno, false)? else { break };
                if let Some(head) = whole.and_then(|w| w.head.as_ref()).filter(|_| pgno == 0) {
                    copy(self.pool.page_mut(f), head);
                }
                self.add_to(&mut batch, f);
                from = pgno.saturating_add(1);
            }
            if self.next_copy(from, whole).is_none() {
                batch.last = None;
                done = true;
                while let Some(pgno) = self.next_free(vacant, whole) {
                    let Some(f) = self.batch_page(&batch, pgno, true)? else {
                        done = false;
                        break;
                    };
                    self.set_field(f, field::NEXT, free);
                    self.add_to(&mut batch, f);
                    (free, vacant) = (pgno, pgno.saturating_add(1));
                }
            }
            self.fill_gaps(batch.first);
            if let Some(whole) = whole.filter(|_| done) {
                let size = u64::from(whole.end) * u64::from(self.meta.page_size);
                let now = self.storage.size();
                if size < self.known(now)? {
                    let cut = self.storage.truncate(size);
                    self.latch(cut)?;
                    self.stored = self.stored.min(whole.end);
                }
            }
            let written = self.write_all(batch.first);
            self.unchain(batch.first, 0);
            written?;
        }
        Ok(())
    }

    /// The next page from `from` on that is not at home, or page 0 if it changes.
    fn next_copy(&self, from: u32, whole: Option<&Whole>) -> Option<u32> {
        if from == 0 && whole.is_some_and(|w| w.head.is_some()) {
            return Some(0);
        }
        let mut i = self.moved.search(from).unwrap_or_else(|i| i);
        loop {
            match self.moved.pair(i) {
                Some((pgno, at)) if pgno == at => i += 1,
                pair => return pair.map(|pair| pair.0),
            }
        }
    }

    /// The next page from `from` on that becomes free.
    fn next_free(&self, from: u32, whole: Option<&Whole>) -> Option<u32> {
        (from..whole.map_or(0, |w| w.end)).find(|&pgno| self.moved.search(pgno).is_err())
    }

    /// A page as it is to be written; `None` if it has to wait for memory. The caller links a free one.
    fn batch_page(&mut self, batch: &Batch, pgno: u32, is_free: bool) -> Result<Option<Idx>> {
        let page = if is_free { self.acquire() } else { self.load(pgno) };
        let f = match page {
            Err(Failed) if batch.count > 0 && self.error == Error::NoMemory => return Ok(None),
            page => page?,
        };
        if is_free {
            if let Some(old) = self.pool.find(pgno) {
                self.drop_frame(old);
            }
            self.format(f, pgno, kind::OVERFLOW);
            self.pool.name(f, pgno);
            self.pool.enlist(f, true);
            self.pool.pin(f);
        }
        Ok(Some(f))
    }

    /// Adds a page to a batch behind the last one added, in ascending order.
    fn add_to(&mut self, batch: &mut Batch, f: Idx) {
        let next = |this: &Self, at: Option<Idx>| at.map_or(batch.first, |at| this.pool.chain(at));
        let mut at = batch.last;
        while let Some(after) = next(self, at).filter(|&after| self.pool.pgno(after) < self.pool.pgno(f)) {
            at = Some(after);
        }
        let after = next(self, at);
        self.pool.set_chain(f, after);
        match at {
            Some(at) => self.pool.set_chain(at, Some(f)),
            None => batch.first = Some(f),
        }
        (batch.last, batch.count) = (Some(f), batch.count + 1);
    }

    /// Makes the pages of the log below `end` free. Their headers are not part of the log, which
    /// stays whole.
    fn free_log(&mut self, end: u32) -> Result<()> {
        let mut free = self.meta.free;
        for pgno in self.log.base..end {
            if self.moved.search(pgno).is_err() {
                let header = free_header(self.meta.order, pgno, free);
                self.write_at(pgno, 0, &header)?;
                if pgno >= self.stored {
                    self.write_at(pgno, self.meta.page_size - 1, &[0])?;
                    self.stored = pgno.saturating_add(1);
                }
                free = pgno;
            }
        }
        Ok(())
    }
}

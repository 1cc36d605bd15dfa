//! Bringing the pages of a log home, after which the file is a plain one again.
//!
//! On a medium where a power cut can tear what was not synced there are four steps, each of
//! them synced: page 0 is marked, so that other programs refuse the file; pages go to their places, the
//! free list gets what the log does not need any more; the mark goes; the log is declared void. A
//! cut after the first finds the log whole and does it all again.

use super::{Idx, Pager};
use crate::error::{Error, Result};
use crate::memory::{copy, Memory};
use crate::page::log::{free_header, Mark, State, HEAD, MARK};
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
            return Err(e);
        }
        let atomic = self.storage.atomic();
        // Behind the last page of the tree there is nothing but the log.
        let mut end = self.log.first;
        if let Some((last, _)) = self.moved.len().checked_sub(1).and_then(|i| self.moved.pair(i)) {
            end = end.max(last.saturating_add(1));
        }
        let freed = if release && !atomic { self.all_pages()? } else { end };
        let (free, bytes) = self.final_head(release, end, freed);
        // With the log gone for good, the next one may have the mark of this one.
        let same = atomic && !release && self.log.state == Some(State::Atomic) && !self.log.checkpoint;
        let same = same && (end, free) == (self.log.first, self.log.free);
        if atomic {
            self.bring_home(Some(&Whole { end, head: (!same).then_some(bytes) }))?;
            self.log.checkpoint = false;
        } else {
            // Or there is nothing but the mark.
            if self.log.seq > 0 || freed > self.log.first || self.log.checkpoint {
                if !self.log.checkpoint {
                    self.poke_flags(true)?;
                    self.sync()?;
                    self.log.checkpoint = true;
                }
                self.bring_home(None)?;
                self.free_log(freed)?;
                self.poke(meta::FREE, bytes.get(meta::FREE..meta::FREE + 4).unwrap_or(&[]))?;
                self.sync()?;
                self.poke_flags(false)?;
                self.sync()?;
                self.log.checkpoint = false;
            }
            // The log is void from here on. Its pages may be used again once this is synced.
            self.poke(MARK, bytes.get(MARK..).unwrap_or(&[]))?;
        }
        self.sync()?;
        while self.moved.pop().is_some() {}
        self.log.state = match (release, atomic) {
            (true, _) => None,
            (false, true) => Some(State::Atomic),
            (false, false) => Some(State::Open),
        };
        if !same {
            self.log.gen = next_gen(self.log.gen);
        }
        (self.log.first, self.log.free) = (end, free);
        (self.log.seq, self.log.pages, self.log.old) = (0, 0, false);
        (self.meta.free, self.stored_free) = (free, Some(free));
        self.pages = freed.max(end);
        self.promised = self.pages;
        if self.log.on && !release {
            self.reserve_descriptor();
        }
        self.shrink();
        Ok(())
    }

    /// The head of the free list after a checkpoint, and the beginning of page 0.
    fn final_head(&self, release: bool, end: u32, freed: u32) -> (u32, [u8; HEAD]) {
        let mut log = (self.log.first..freed).rev();
        let free = log.find(|&pgno| self.moved.search(pgno).is_err()).unwrap_or(self.meta.free);
        let mut bytes = [0; HEAD];
        Meta { free, ..self.meta }.store(&mut bytes);
        if !release {
            let state = if self.storage.atomic() { State::Atomic } else { State::Open };
            let mark = Mark { gen: next_gen(self.log.gen), first: end, free, state };
            mark.store(self.meta.order, &mut bytes);
        }
        (free, bytes)
    }

    /// Sets or clears the flag of page 0 that keeps other programs out: one byte changes.
    fn poke_flags(&mut self, checkpoint: bool) -> Result<()> {
        let mut head = [0; meta::LEN];
        Meta { checkpoint, ..self.meta }.store(&mut head);
        self.poke(meta::FLAGS, head.get(meta::FLAGS..).unwrap_or(&[]))
    }

    /// Writes the pages of the log to their places, as many at a time as there is memory for,
    /// because littlefs copies the rest of a file for each change from reading to writing.
    /// `whole`: do all that there is to do, because the medium is atomic.
    fn bring_home(&mut self, whole: Option<&Whole>) -> Result<()> {
        let most = if whole.is_some() { usize::MAX } else { self.limit };
        let (mut from, mut done, mut free) = (0, false, self.meta.free);
        while !done {
            self.pool.unpin_all();
            let (mut first, mut last, mut count): (Option<Idx>, Option<Idx>, usize) = (None, None, 0);
            loop {
                let Some((pgno, is_free)) = self.next_home(from, whole) else {
                    done = true;
                    break;
                };
                if count == most {
                    break;
                }
                let f = match self.home_page(pgno, is_free) {
                    Err(Error::NoMemory) if count > 0 => break,
                    other => other?,
                };
                if is_free {
                    self.set_field(f, field::NEXT, free);
                    free = pgno;
                } else if let Some(head) = whole.and_then(|w| w.head.as_ref()).filter(|_| pgno == 0) {
                    copy(self.pool.page_mut(f), head);
                }
                match last {
                    Some(last) => self.pool.set_chain(last, Some(f)),
                    None => first = Some(f),
                }
                (last, count, from) = (Some(f), count + 1, pgno.saturating_add(1));
            }
            self.fill_gaps(first);
            if let Some(whole) = whole.filter(|_| done) {
                let size = u64::from(whole.end) * u64::from(self.meta.page_size);
                if size < self.storage.size()? {
                    let cut = self.storage.truncate(size);
                    self.latch(cut)?;
                    self.stored = self.stored.min(whole.end);
                }
            }
            let mut result = Ok(());
            while let Some(f) = first {
                first = self.pool.chain(f);
                self.pool.set_chain(f, None);
                if result.is_ok() {
                    result = self.write_page(f, self.pool.pgno(f));
                }
            }
            result?;
        }
        Ok(())
    }

    /// The next page from `from` on that is to be written, and whether as a free one.
    fn next_home(&self, from: u32, whole: Option<&Whole>) -> Option<(u32, bool)> {
        if from == 0 && whole.is_some_and(|w| w.head.is_some()) {
            return Some((0, false));
        }
        let mut i = self.moved.search(from).unwrap_or_else(|i| i);
        let copy = loop {
            match self.moved.pair(i) {
                Some((pgno, at)) if pgno == at => i += 1,
                pair => break pair.map(|pair| pair.0),
            }
        };
        let end = whole.map_or(0, |w| w.end);
        let free = (from.max(self.log.first)..end).find(|&pgno| self.moved.search(pgno).is_err());
        match (copy, free) {
            (Some(copy), Some(free)) if free < copy => Some((free, true)),
            (Some(copy), _) => Some((copy, false)),
            (None, free) => free.map(|pgno| (pgno, true)),
        }
    }

    /// A page as it is to be written; the caller links a free one.
    fn home_page(&mut self, pgno: u32, is_free: bool) -> Result<Idx> {
        if !is_free {
            return self.load(pgno);
        }
        let f = self.acquire()?;
        self.format(f, pgno, kind::OVERFLOW);
        self.pool.name(f, pgno);
        self.pool.enlist(f, true);
        self.pool.pin(f);
        Ok(f)
    }

    /// Pages of the file with one that a power cut has left unfinished at its end.
    fn all_pages(&mut self) -> Result<u32> {
        let whole = u64::from(self.stored) * u64::from(self.meta.page_size);
        Ok(self.stored.saturating_add(u32::from(self.storage.size()? > whole)))
    }

    /// Makes the pages of the log below `end` free. Their headers are not part of the log, which
    /// stays whole.
    fn free_log(&mut self, end: u32) -> Result<()> {
        let mut free = self.meta.free;
        for pgno in self.log.first..end {
            if self.moved.search(pgno).is_err() {
                let header = free_header(self.meta.order, pgno, free);
                let at = u64::from(pgno) * u64::from(self.meta.page_size);
                let written = self.storage.write(at, &header);
                self.latch(written)?;
                if pgno >= self.stored {
                    let written = self.storage.write(at + u64::from(self.meta.page_size) - 1, &[0]);
                    self.latch(written)?;
                    self.stored = pgno.saturating_add(1);
                }
                free = pgno;
            }
        }
        Ok(())
    }
}

//! Writing changed pages: in ascending order, so that neighbours go out as one run.

use super::pool::DIRTY;
use super::{Idx, Pager};
use crate::error::inner::Result;
use crate::memory::Memory;
use crate::storage::Storage;

/// Unchanged pages between two changed ones that are written, too, where that saves writing.
const GAP: u32 = 64;
/// Lists of 2^i frames each; frames are numbered with 15 bits.
const BINS: usize = 16;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Writes to a page of the file, from offset `from` on.
    pub(super) fn write_at(&mut self, page: u32, from: u32, bytes: &[u8]) -> Result<()> {
        let written = self.storage.write(self.position(page, from), bytes);
        self.latch(written)
    }

    /// Makes sure that what was written survives a power cut.
    pub(super) fn sync(&mut self) -> Result<()> {
        let synced = self.storage.sync();
        self.latch(synced)
    }

    /// Writes a frame to page `to` of the file.
    pub(super) fn write_page(&mut self, f: Idx, to: u32) -> Result<()> {
        let written = self.storage.write(self.position(to, 0), self.pool.page(f));
        self.latch(written)?;
        self.stored = self.stored.max(to.saturating_add(1));
        Ok(())
    }

    /// Remembers a failed write. A stream may drop what it was given and report success from
    /// then on.
    pub(super) fn latch(&mut self, result: crate::Result<()>) -> Result<()> {
        if let Err(e) = result {
            self.failed = Some(e);
        }
        self.known(result)
    }

    /// Brings every change to the storage. After an error nothing is known of the storage:
    /// all pages stay in memory, and every later flush fails the same way.
    pub fn flush(&mut self) -> Result<()> {
        if let Some(e) = self.failed {
            return self.fail(e);
        }
        if !self.changed || self.storage.volatile() {
            return Ok(());
        }
        #[cfg(feature = "journal")]
        if self.log.on {
            return self.commit_log();
        }
        self.begin();
        let meta = self.meta_page();
        if meta.is_err() {
            self.rollback();
        } else {
            self.commit();
        }
        let meta = meta?;
        self.unspill()?;
        if let Some(f) = meta {
            self.meta.store(self.pool.page_mut(f));
        }
        let first = self.sorted();
        self.fill_gaps(first);
        self.write_all(first)?;
        self.sync()?;
        self.changed = false;
        self.stored_free = Some(self.meta.free);
        self.promised = self.pages;
        self.clean(first);
        Ok(())
    }

    /// Flushes for the last time.
    #[cfg(not(feature = "journal"))]
    pub fn close(&mut self) -> Result<()> {
        self.flush()
    }

    /// Writes the pages of a list to their places.
    pub(super) fn write_all(&mut self, first: Option<Idx>) -> Result<()> {
        let mut next = first;
        while let Some(f) = next {
            self.write_page(f, self.pool.pgno(f))?;
            next = self.pool.chain(f);
        }
        Ok(())
    }

    /// Ends a flush: the pages of this list are on the storage.
    pub(super) fn clean(&mut self, first: Option<Idx>) {
        self.unchain(first, DIRTY);
        self.shrink();
    }

    /// Takes a list apart, and flags off its pages.
    pub(super) fn unchain(&mut self, first: Option<Idx>, flags: u8) {
        let mut next = first;
        while let Some(f) = next {
            next = self.pool.chain(f);
            self.pool.set_chain(f, None);
            self.pool.set_flags(f, 0, flags);
        }
    }

    /// Page 0 in memory, marked as changed, if it is to be written.
    fn meta_page(&mut self) -> Result<Option<Idx>> {
        if self.stored_free == Some(self.meta.free) && !self.spilled() {
            return Ok(None);
        }
        let f = if self.stored_free.is_none() && self.pool.find(0).is_none() {
            let f = self.fresh_touched(0)?;
            self.pool.page_mut(f).fill(0);
            f
        } else {
            self.load(0)?
        };
        self.touch(f)?;
        Ok(Some(f))
    }

    /// A page whose old content does not matter, to be written anew.
    #[cfg(feature = "extras")]
    pub(super) fn blank(&mut self, pgno: u32) -> Result<Idx> {
        match self.pool.find(pgno) {
            Some(f) => {
                // Or its frame might be the one to be spilled for the copy.
                self.pool.pin(f);
                self.touch(f)?;
                Ok(f)
            }
            None => self.fresh_touched(pgno),
        }
    }

    /// Puts the pages between those of a list into it, so that they are written in one go: littlefs copies
    /// all that is behind a page for each run of pages. As far as there is memory.
    pub(super) fn fill_gaps(&mut self, first: Option<Idx>) {
        if !self.storage.atomic() {
            return;
        }
        let mut at = first;
        while let Some(f) = at {
            at = self.pool.chain(f);
            let Some(next) = at else { break };
            let (mut last, end) = (f, self.pool.pgno(next));
            let (from, behind) = (self.pool.pgno(f) + 1, self.stored.saturating_sub(end));
            if end.saturating_sub(from) > behind.min(GAP) {
                continue;
            }
            for pgno in from..end {
                let Some(page) = self.spare_page(pgno) else { return };
                self.pool.set_chain(last, Some(page));
                self.pool.set_chain(page, Some(next));
                last = page;
            }
        }
    }

    /// A page as it is, read if need be and if that takes the memory of no changed page.
    fn spare_page(&mut self, pgno: u32) -> Option<Idx> {
        if let Some(f) = self.pool.find(pgno) {
            self.pool.pin(f);
            return Some(f);
        }
        let f = self.victim(false, None).or_else(|| self.pool.alloc())?;
        self.vacate(f);
        if pgno >= self.stored || self.read_present(f, pgno).is_err() {
            self.drop_frame(f);
            return None;
        }
        self.pool.name(f, pgno);
        self.pool.enlist(f, true);
        self.pool.pin(f);
        Some(f)
    }

    /// Links all changed pages by ascending number (a merge sort) and returns the first.
    #[cfg_attr(small, inline(never))]
    pub(super) fn sorted(&mut self) -> Option<Idx> {
        let mut bins: [Option<Idx>; BINS] = [None; BINS];
        let mut at = self.pool.oldest(true, None);
        while let Some(f) = at {
            at = self.pool.oldest(true, at);
            self.pool.set_chain(f, None);
            let mut run = Some(f);
            for bin in &mut bins {
                match bin.take() {
                    Some(other) => run = self.merge(Some(other), run),
                    None => {
                        *bin = run.take();
                        break;
                    }
                }
            }
        }
        let mut all = None;
        for bin in bins {
            all = self.merge(bin, all);
        }
        all
    }

    fn merge(&mut self, mut a: Option<Idx>, mut b: Option<Idx>) -> Option<Idx> {
        let (mut first, mut last): (Option<Idx>, Option<Idx>) = (None, None);
        while let Some(x) = a.or(b) {
            let take_b = match (a, b) {
                (Some(x), Some(y)) => self.pool.pgno(y) < self.pool.pgno(x),
                (None, _) => true,
                _ => false,
            };
            let f = if take_b { b.unwrap_or(x) } else { x };
            let next = self.pool.chain(f);
            *(if take_b { &mut b } else { &mut a }) = next;
            match last {
                Some(l) => self.pool.set_chain(l, Some(f)),
                None => first = Some(f),
            }
            last = Some(f);
        }
        first
    }

    /// Gives frames beyond the cache size back.
    pub(super) fn shrink(&mut self) {
        self.pool.unpin_all();
        while usize::from(self.pool.frames) > self.limit {
            match self.pool.oldest(false, None) {
                Some(f) => self.pool.free(f),
                None => break,
            }
        }
    }
}

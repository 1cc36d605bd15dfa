//! Writing changed pages: in ascending order, so that neighbours go out as one run.

use super::pool::DIRTY;
use super::{Idx, Pager};
use crate::error::Result;
use crate::memory::Memory;
use crate::page::kind;
use crate::storage::Storage;

/// Lists of 2^i frames each; frames are numbered with 15 bits.
const BINS: usize = 16;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Writes one page in place.
    pub(super) fn write_page(&mut self, f: Idx) -> Result<()> {
        let pgno = self.pool.pgno(f);
        let at = u64::from(pgno) * u64::from(self.meta.page_size);
        if let Err(e) = self.storage.write(at, self.pool.page(f)) {
            // A stream may drop what it was given and report success from now on.
            self.failed = Some(e);
            return Err(e);
        }
        self.stored = self.stored.max(pgno.saturating_add(1));
        Ok(())
    }

    /// Brings every change to the storage. After an error nothing is known of the storage:
    /// all pages stay in memory, and every later flush fails the same way.
    pub fn flush(&mut self) -> Result<()> {
        if let Some(e) = self.failed {
            return Err(e);
        }
        if !self.changed || self.storage.volatile() {
            return Ok(());
        }
        self.begin();
        let result = self.settle();
        if let Err(e) = result {
            self.rollback();
            return Err(e);
        }
        self.commit();
        let first = self.sorted();
        let mut next = first;
        while let Some(f) = next {
            self.write_page(f)?;
            next = self.pool.chain(f);
        }
        if let Err(e) = self.storage.sync() {
            self.failed = Some(e);
            return Err(e);
        }
        self.changed = false;
        self.stored_free = Some(self.meta.free);
        let mut next = first;
        while let Some(f) = next {
            next = self.pool.chain(f);
            self.pool.set_chain(f, None);
            self.pool.set_flags(f, 0, DIRTY);
        }
        self.shrink();
        Ok(())
    }

    /// Makes page 0 and the number of pages right before they are written.
    fn settle(&mut self) -> Result<()> {
        // Pages written by an operation that then failed: the file cannot shrink, so they become free.
        while self.pages < self.stored {
            let f = self.alloc_at_end()?;
            self.free_page(f)?;
        }
        if self.stored_free == Some(self.meta.free) {
            return Ok(());
        }
        let f = if self.stored_free.is_none() && self.pool.find(0).is_none() {
            let f = self.fresh_touched(0)?;
            self.pool.page_mut(f).fill(0);
            f
        } else {
            self.load(0)?
        };
        self.touch(f)?;
        self.meta.store(self.pool.page_mut(f));
        Ok(())
    }

    fn alloc_at_end(&mut self) -> Result<Idx> {
        let pgno = self.pages;
        let f = self.blank(pgno)?;
        self.format(f, pgno, kind::LEAF);
        self.pages = pgno + 1;
        Ok(f)
    }

    /// A page whose old content does not matter, to be written anew.
    pub(super) fn blank(&mut self, pgno: u32) -> Result<Idx> {
        match self.pool.find(pgno) {
            Some(f) => {
                self.touch(f)?;
                Ok(f)
            }
            None => self.fresh_touched(pgno),
        }
    }

    /// Links all changed pages by ascending number (a merge sort) and returns the first.
    fn sorted(&mut self) -> Option<Idx> {
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
    fn shrink(&mut self) {
        self.pool.unpin_all();
        while usize::from(self.pool.frames) > self.limit {
            match self.pool.oldest(false, None) {
                Some(f) => self.pool.free(f),
                None => break,
            }
        }
    }
}

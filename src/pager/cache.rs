//! Getting pages into memory, and operations that can be undone.

use super::pool::{DIRTY, NO_PAGE, TOUCHED, VERIFIED, WAS_DIRTY};
use super::{Idx, Pager};
use crate::error::inner::Result;
use crate::error::{Failed, Reason};
use crate::memory::Memory;
use crate::page::{field, kind, verify_tree_page};
use crate::storage::Storage;

/// Frames kept beyond the limit, so that not every operation asks for memory anew.
const SPARE: usize = 4;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// An unused frame, in no list: a spare one, a new one, or that of the clean page least
    /// recently used; when memory is short, that of a changed page, which is spilled.
    pub(super) fn acquire(&mut self) -> Result<Idx> {
        let victim = self.victim(false, None);
        let spare = victim.is_some_and(|f| self.pool.pgno(f) == NO_PAGE);
        // Changed pages wait for a flush beside the cache, so that they do not cost reads.
        let room = self.pool.listed(false) < self.limit;
        let new = if victim.is_none() || (room && !spare) { self.pool.alloc() } else { None };
        let f = match new.or(victim) {
            Some(f) => f,
            None => self.spill()?,
        };
        if usize::from(self.pool.frames) > self.limit {
            self.reserve_slots();
        }
        self.vacate(f);
        Ok(f)
    }

    /// Makes a frame one without a page, in no list.
    pub(super) fn vacate(&mut self, f: Idx) {
        self.pool.forget(f);
        self.pool.unlist(f);
        self.pool.set_flags(f, 0, u8::MAX);
        self.pool.set_undo(f, None);
    }

    /// The frame to reuse next among the clean or the changed ones, after `not` if that will not do.
    pub(super) fn victim(&self, dirty: bool, not: Option<Idx>) -> Option<Idx> {
        let mut f = self.pool.oldest(dirty, not);
        while let Some(frame) = f {
            // Of an operation's own pages only new ones may leave: the storage has nothing older there.
            let kept = self.pool.flags(frame) & TOUCHED != 0 && self.pool.pgno(frame) < self.before.1;
            if !kept && !self.pool.pinned(frame) {
                break;
            }
            f = self.pool.oldest(dirty, f);
        }
        f
    }

    /// Takes a frame out of the list of touched ones.
    pub(super) fn untouch(&mut self, f: Idx) {
        let next = self.pool.chain(f);
        self.pool.set_chain(f, None);
        if self.touched == Some(f) {
            self.touched = next;
            return;
        }
        let mut at = self.touched;
        while let Some(frame) = at {
            let after = self.pool.chain(frame);
            if after == Some(f) {
                self.pool.set_chain(frame, next);
                return;
            }
            at = after;
        }
    }

    /// Gives a frame without a page back, or keeps it as a spare.
    pub(super) fn drop_frame(&mut self, f: Idx) {
        if usize::from(self.pool.frames) > self.limit && self.pool.listed(false) >= SPARE {
            self.pool.free(f);
        } else {
            self.vacate(f);
            self.pool.unpin(f);
            self.pool.enlist(f, false);
        }
    }

    /// Reads page `from` of the file into a frame.
    pub(super) fn read_page(&mut self, f: Idx, from: u32) -> Result<()> {
        let at = self.position(from, 0);
        let page = self.pool.page_mut(f);
        let want = page.len();
        let got = self.storage.read(at, page);
        let got = self.known(got)?;
        if got < want {
            return self.corrupt(from, got as u32, Reason::TooShort);
        }
        Ok(())
    }

    /// Reads a page into a frame from wherever it is.
    pub(super) fn read_present(&mut self, f: Idx, pgno: u32) -> Result<()> {
        let Ok(i) = self.moved.search(pgno) else { return self.read_page(f, pgno) };
        let from = self.moved.pair(i).map_or(pgno, |pair| pair.1);
        self.read_page(f, from)?;
        // In the log the header's place belongs to the page of the log.
        #[cfg(feature = "journal")]
        if self.moved.is_wide() {
            let header = crate::page::log::header(self.moved.entry(i));
            crate::memory::copy(self.pool.page_mut(f), &header);
        }
        Ok(())
    }

    /// Whether a page is in memory and differs from the storage.
    pub(super) fn is_changed(&self, pgno: u32) -> bool {
        self.pool.find(pgno).is_some_and(|f| self.pool.flags(f) & DIRTY != 0)
    }

    /// The page's frame, read from the storage if need be, whatever the page holds.
    pub fn load(&mut self, pgno: u32) -> Result<Idx> {
        if let Some(f) = self.pool.find(pgno) {
            self.pool.used(f);
            self.pool.pin(f);
            return Ok(f);
        }
        if pgno >= self.stored || self.storage.volatile() {
            return self.corrupt(pgno, 0, Reason::PageRange);
        }
        let f = self.acquire()?;
        if self.read_present(f, pgno).is_err() {
            self.drop_frame(f);
            return Err(Failed);
        }
        self.pool.name(f, pgno);
        self.pool.enlist(f, true);
        self.pool.pin(f);
        Ok(f)
    }

    /// A leaf or internal page.
    #[inline]
    pub fn tree_page(&mut self, pgno: u32) -> Result<Idx> {
        // Mostly it is there; for that alone small machines have no code.
        match (!cfg!(small)).then(|| self.cached_tree_page(pgno)).flatten() {
            Some(f) => Ok(f),
            None => self.verified_page(pgno),
        }
    }

    /// A leaf or internal page if it is in the cache.
    #[inline]
    pub fn cached_tree_page(&mut self, pgno: u32) -> Option<Idx> {
        let f = self.pool.find(pgno)?;
        if self.pool.flags(f) & VERIFIED == 0 {
            return None;
        }
        self.pool.used(f);
        self.pool.pin(f);
        Some(f)
    }

    fn verified_page(&mut self, pgno: u32) -> Result<Idx> {
        if pgno == 0 || pgno >= self.pages {
            return self.corrupt(pgno, 0, Reason::PageRange);
        }
        let f = self.load(pgno)?;
        if self.pool.flags(f) & VERIFIED == 0 {
            if let Err((offset, reason)) = verify_tree_page(self.meta.order, self.pool.page(f), pgno) {
                return self.corrupt(pgno, offset, reason);
            }
            self.pool.set_flags(f, VERIFIED, 0);
        }
        Ok(f)
    }

    /// A page of an overflow chain.
    pub fn overflow_page(&mut self, pgno: u32) -> Result<Idx> {
        if pgno < 2 || pgno >= self.pages {
            return self.corrupt(pgno, 0, Reason::Chain);
        }
        let f = self.load(pgno)?;
        if self.field(f, field::PGNO) != pgno {
            return self.corrupt(pgno, field::PGNO as u32, Reason::PageNumber);
        }
        if self.field(f, field::FLAGS) & !kind::PRESERVE != kind::OVERFLOW {
            return self.corrupt(pgno, field::FLAGS as u32, Reason::PageType);
        }
        Ok(f)
    }

    /// Lets a page go before the operation ends; as an overflow page that was read once it
    /// is the first to be replaced.
    pub fn release(&mut self, f: Idx, cold: bool) {
        self.pool.unpin(f);
        if cold {
            self.pool.enlist(f, false);
        }
    }

    /// Refuses changes once a write has failed: they could never be kept.
    pub fn writable(&mut self) -> Result<()> {
        if let Some(e) = self.failed {
            return self.fail(e);
        }
        #[cfg(feature = "journal")]
        if self.log.old {
            return self.settle();
        }
        Ok(())
    }

    /// Starts an operation: pages handed out before may move now.
    #[inline]
    pub fn begin(&mut self) {
        self.pool.unpin_all();
        self.before = (self.meta.free, self.pages);
    }

    /// Marks a page as changed, for a change that cannot fail any more.
    pub fn mark(&mut self, f: Idx) {
        self.changed = true;
        self.pool.set_flags(f, DIRTY, 0);
    }

    /// The bytes of a page for a change that cannot fail, if it has been changed since the last
    /// flush and so is still what it was in this frame.
    #[cfg(feature = "shortcuts")]
    #[inline]
    pub fn changed_page_mut(&mut self, f: Idx) -> Option<&mut [u8]> {
        let usable = self.pool.flags(f) & DIRTY != 0 && self.failed.is_none();
        usable.then(|| self.pool.page_mut(f))
    }

    fn note(&mut self, f: Idx) {
        let was = if self.pool.flags(f) & DIRTY != 0 { WAS_DIRTY } else { 0 };
        self.pool.set_flags(f, TOUCHED | DIRTY | was, 0);
        let first = self.touched;
        self.pool.set_chain(f, first);
        self.touched = Some(f);
    }

    /// Prepares a page for a change that can still be undone.
    pub fn touch(&mut self, f: Idx) -> Result<()> {
        let flags = self.pool.flags(f);
        if flags & TOUCHED == 0 {
            // What is clean can be read again; what is not must be copied.
            if flags & DIRTY != 0 {
                self.image(f)?;
            } else {
                self.note(f);
            }
        }
        Ok(())
    }

    /// Prepares a page for a change, and returns a frame with what it holds now, good until
    /// the end of the operation.
    pub fn image(&mut self, f: Idx) -> Result<Idx> {
        let copy = self.acquire()?;
        self.pool.copy_page(f, copy);
        if self.pool.flags(f) & TOUCHED == 0 {
            self.note(f);
            self.pool.set_undo(f, Some(copy));
        } else {
            // Changed before in this operation: a mere copy, dropped with the others.
            self.pool.set_flags(copy, TOUCHED, 0);
            let first = self.touched;
            self.pool.set_chain(copy, first);
            self.touched = Some(copy);
        }
        Ok(copy)
    }

    /// A frame for a new page, which the caller formats.
    pub(super) fn fresh(&mut self, pgno: u32) -> Result<Idx> {
        let f = self.acquire()?;
        // Left by an operation that failed after it had spilled this page and read it again.
        if let Some(old) = self.pool.find(pgno) {
            self.drop_frame(old);
        }
        self.pool.name(f, pgno);
        self.pool.set_flags(f, DIRTY, 0);
        self.pool.enlist(f, true);
        self.pool.pin(f);
        Ok(f)
    }

    /// As `fresh`, for a page of the running operation: rollback forgets it.
    pub(super) fn fresh_touched(&mut self, pgno: u32) -> Result<Idx> {
        let f = self.fresh(pgno)?;
        self.pool.set_flags(f, 0, DIRTY);
        self.note(f);
        Ok(f)
    }

    fn take_touched(&mut self) -> Option<Idx> {
        let f = self.touched?;
        self.touched = self.pool.chain(f);
        self.pool.set_chain(f, None);
        Some(f)
    }

    /// Ends an operation that has succeeded.
    pub fn commit(&mut self) {
        self.changed = true;
        while let Some(f) = self.take_touched() {
            if let Some(copy) = self.pool.undo(f) {
                self.pool.set_undo(f, None);
                self.drop_frame(copy);
            }
            self.pool.set_flags(f, 0, TOUCHED | WAS_DIRTY);
            if self.pool.pgno(f) == NO_PAGE {
                self.drop_frame(f);
            }
        }
    }

    /// Ends an operation that has failed: everything is as it was before `begin`.
    pub fn rollback(&mut self) {
        (self.meta.free, self.pages) = self.before;
        while let Some(f) = self.take_touched() {
            let flags = self.pool.flags(f);
            if let Some(copy) = self.pool.undo(f) {
                self.pool.copy_page(copy, f);
                self.pool.set_undo(f, None);
                self.drop_frame(copy);
                let clean = if flags & WAS_DIRTY != 0 { 0 } else { DIRTY };
                self.pool.set_flags(f, 0, TOUCHED | WAS_DIRTY | VERIFIED | clean);
            } else {
                self.drop_frame(f);
            }
        }
    }
}

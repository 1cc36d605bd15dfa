//! Writing changed pages before a flush, when memory runs out, without touching anything that
//! the last flush has promised.
//!
//! A page beyond the flushed file goes to its place. Any other goes to a *slot*, a page behind
//! the end of the file, and is read from there until the next flush brings it home. Slots then
//! become free pages, because a file cannot shrink. After a power cut they are pages that nothing
//! refers to.

use super::pool::TOUCHED;
use super::{Idx, Pager};
use crate::error::inner::Result;
use crate::error::{Error, Failed};
use crate::memory::Memory;
use crate::page::meta::{self, Meta};
use crate::page::{init, kind, HEADER};
use crate::storage::Storage;

/// Frames not given to the list of slots.
const KEPT: usize = 12;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Makes room in the list of slots for all pages in memory, while there is memory.
    pub(super) fn reserve_slots(&mut self) {
        let wanted = self.moved.len() + usize::from(self.pool.frames) + 1;
        if !self.storage.volatile() && self.moved.capacity() < wanted {
            // If this fails, spilling fails later and so does the operation that needs memory.
            let _ = self.moved.reserve(wanted + usize::from(self.pool.frames));
        }
    }

    /// Whether a page behind the end of the file is taken.
    pub(super) fn is_slot(&self, pgno: u32) -> bool {
        pgno < self.slots_end && self.moved.is_taken(pgno)
    }

    /// Writes changed pages to have a frame.
    pub(super) fn spill(&mut self) -> Result<Idx> {
        let mut given = 0;
        loop {
            let spilled = self.spill_one();
            let (len, capacity) = (self.moved.len(), self.moved.capacity());
            match spilled {
                Err(Failed) if given > 0 && self.error == Error::NoMemory => {
                    return self.pool.alloc().ok_or(Failed);
                }
                Ok(f) if len * 4 > capacity * 3 && usize::from(self.pool.frames) > KEPT => self.pool.free(f),
                other => return other,
            }
            // The list is getting full: it has this frame's memory first. As it needs a block in
            // one piece, that can take more than one.
            given += 1;
            if self.moved.reserve(capacity + capacity / 2) {
                if let Some(f) = self.pool.alloc() {
                    return Ok(f);
                }
            }
        }
    }

    pub(super) fn spill_one(&mut self) -> Result<Idx> {
        if self.storage.volatile() || self.failed.is_some() {
            return self.fail(Error::NoMemory);
        }
        if self.promised == 0 {
            self.found()?;
        }
        #[cfg(feature = "journal")]
        if self.log.on && !self.storage.atomic() {
            self.begin_log()?;
        }
        let mut victim = self.victim(true, None);
        while let Some(f) = victim {
            if let Some(to) = self.slot_for(f) {
                self.write_page(f, to)?;
                if self.pool.flags(f) & TOUCHED != 0 {
                    self.untouch(f);
                }
                return Ok(f);
            }
            victim = self.victim(true, victim);
        }
        self.fail(Error::NoMemory)
    }

    /// Where to spill a page to; `None` if the list of slots is full.
    #[cfg_attr(all(small, feature = "journal"), inline(never))]
    fn slot_for(&mut self, f: Idx) -> Option<u32> {
        let pgno = self.pool.pgno(f);
        let known = self.moved.place(pgno);
        #[cfg(feature = "journal")]
        let (known, homeless) =
            (known.filter(|&at| self.is_early(pgno, at)), self.log.on && self.is_homeless(pgno));
        #[cfg(not(feature = "journal"))]
        let homeless = false;
        let slot = match known {
            // What was written since the last flush may be written again.
            Some(slot) => slot,
            None if pgno >= self.promised && !homeless => pgno,
            None => self.vacant(),
        };
        #[cfg(feature = "journal")]
        let noted = if self.log.on { self.note_moved(f, slot) } else { self.note_slot(pgno, slot) };
        #[cfg(not(feature = "journal"))]
        let noted = self.note_slot(pgno, slot);
        if noted && slot != pgno {
            self.slots_end = self.slots_end.max(slot + 1);
        }
        noted.then_some(slot)
    }

    /// Where nothing is yet.
    #[cfg(not(feature = "journal"))]
    fn vacant(&self) -> u32 {
        self.pages.max(self.slots_end)
    }

    fn note_slot(&mut self, pgno: u32, slot: u32) -> bool {
        slot == pgno || self.moved.set(pgno, slot).is_some()
    }

    /// Makes a new file a sound, empty one before anything else is written to it.
    pub(super) fn found(&mut self) -> Result<()> {
        let (meta, root) = foundation(&self.meta);
        self.write_at(1, 0, &root)?;
        self.write_at(1, self.meta.page_size - 1, &[0])?;
        if !self.storage.atomic() {
            self.sync()?;
        }
        // The header comes last, so that what has one is whole.
        self.write_at(0, 0, &meta)?;
        self.sync()?;
        (self.promised, self.stored) = (2, self.stored.max(2));
        Ok(())
    }

    /// Whether something lies where it cannot stay after a flush.
    pub(super) fn spilled(&self) -> bool {
        self.moved.len() != 0 || self.pages < self.stored
    }

    /// Brings spilled pages home and makes their slots, and whatever else lies behind the end of
    /// the file, free pages. Only a flush may do this.
    pub(super) fn unspill(&mut self) -> Result<()> {
        if !self.spilled() {
            return Ok(());
        }
        // One frame serves for all: memory is short.
        let f = self.acquire()?;
        let result = self.unspill_with(f);
        self.drop_frame(f);
        result
    }

    fn unspill_with(&mut self, f: Idx) -> Result<()> {
        let mut i = 0;
        while let Some((pgno, slot)) = self.moved.pair(i) {
            // A page that is in memory with changes is written from there.
            if !self.is_changed(pgno) {
                self.read_page(f, slot)?;
                self.write_page(f, pgno)?;
            }
            i += 1;
        }
        // All pages are at home now, so a slot may leave the list and lose its content.
        let mut free = self.meta.free;
        while let Some((_, slot)) = self.moved.pop() {
            if slot < self.pages {
                self.write_free(f, slot, free)?;
                free = slot;
            }
        }
        self.slots_end = 0;
        while self.pages < self.stored {
            let pgno = self.pages;
            self.write_free(f, pgno, free)?;
            free = pgno;
            self.pages += 1;
        }
        self.meta.free = free;
        Ok(())
    }

    fn write_free(&mut self, f: Idx, pgno: u32, next: u32) -> Result<()> {
        self.format(f, pgno, kind::LEAF);
        self.set_field(f, crate::page::field::NEXT, next);
        self.write_page(f, pgno)
    }
}

/// How page 0 and page 1 of an empty file begin; all else is zero.
pub(super) fn foundation(meta: &Meta) -> ([u8; meta::LEN], [u8; HEADER]) {
    let (mut head, mut root) = ([0; meta::LEN], [0; HEADER]);
    // The free list of now may lead to pages that are not written yet.
    Meta { free: 0, ..*meta }.store(&mut head);
    init(meta.order, &mut root, 1, kind::LEAF);
    // `init` took the header for a whole page.
    meta.order.put_u16(&mut root, crate::page::field::UPPER, meta.page_size as u16);
    (head, root)
}

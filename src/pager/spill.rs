//! Writing changed pages before a flush, when memory runs out, without touching anything that
//! the last flush has promised.
//!
//! A page beyond the flushed file goes to its place. Any other goes to a *slot*, a page behind
//! the end of the file, and is read from there until the next flush brings it home. Slots then
//! become free pages, because a file cannot shrink. After a power cut they are pages that nothing
//! refers to.

use super::pool::TOUCHED;
use super::{Idx, Pager};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::page::meta::{self, Meta};
use crate::page::{init, kind, Order, HEADER};
use crate::storage::Storage;

/// Bytes of an entry of the list of slots: page and slot, both 32 bits.
const PAIR: usize = 8;
/// Frames not given to the list of slots.
const KEPT: usize = 12;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Makes room in the list of slots for all pages in memory, while there is memory.
    pub(super) fn reserve_slots(&mut self) {
        let wanted = (usize::from(self.pool.frames) + 1) * PAIR;
        if !self.storage.volatile() && self.slots.capacity() < wanted {
            // If this fails, spilling fails later and so does the operation that needs memory.
            let _ = self.slots.reserve(wanted * 2);
        }
    }

    fn slot_pair(&self, i: usize) -> Option<(u32, u32)> {
        let pair = self.slots.bytes().get(i * PAIR..(i + 1) * PAIR)?;
        Some((Order::NATIVE.u32(pair, 0), Order::NATIVE.u32(pair, 4)))
    }

    /// Where a page was spilled to.
    pub(super) fn slot_of(&self, pgno: u32) -> Option<u32> {
        (0..).map_while(|i| self.slot_pair(i)).find(|pair| pair.0 == pgno).map(|pair| pair.1)
    }

    /// Whether a page behind the end of the file is taken.
    pub(super) fn is_slot(&self, pgno: u32) -> bool {
        (0..).map_while(|i| self.slot_pair(i)).any(|pair| pair.1 == pgno)
    }

    /// Writes changed pages to have a frame.
    pub(super) fn spill(&mut self) -> Result<Idx> {
        let mut given = 0;
        loop {
            let spilled = self.spill_one();
            let (len, capacity) = (self.slots.bytes().len(), self.slots.capacity());
            match spilled {
                Err(Error::NoMemory) if given > 0 => return self.pool.alloc().ok_or(Error::NoMemory),
                Ok(f) if len * 4 > capacity * 3 && usize::from(self.pool.frames) > KEPT => self.pool.free(f),
                other => return other,
            }
            // The list is getting full: it has this frame's memory first. As it needs a block in
            // one piece, that can take more than one.
            given += 1;
            if self.slots.reserve(capacity + capacity / 2) {
                if let Some(f) = self.pool.alloc() {
                    return Ok(f);
                }
            }
        }
    }

    fn spill_one(&mut self) -> Result<Idx> {
        if self.storage.volatile() || self.failed.is_some() {
            return Err(Error::NoMemory);
        }
        if self.promised == 0 {
            self.found()?;
        }
        let mut victim = self.victim(true, None);
        while let Some(f) = victim {
            let pgno = self.pool.pgno(f);
            let to = if pgno >= self.promised { Some(pgno) } else { self.slot_for(pgno) };
            if let Some(to) = to {
                self.write_page(f, to)?;
                if self.pool.flags(f) & TOUCHED != 0 {
                    self.untouch(f);
                }
                return Ok(f);
            }
            victim = self.victim(true, victim);
        }
        Err(Error::NoMemory)
    }

    /// The slot of a page, a new one if it has none; `None` if the list is full.
    fn slot_for(&mut self, pgno: u32) -> Option<u32> {
        if let Some(slot) = self.slot_of(pgno) {
            return Some(slot);
        }
        let slot = self.pages.max(self.stored);
        let len = self.slots.bytes().len();
        if !self.slots.resize(len + PAIR) {
            return None;
        }
        let pairs = self.slots.bytes_mut();
        Order::NATIVE.put_u32(pairs, len, pgno);
        Order::NATIVE.put_u32(pairs, len + 4, slot);
        Some(slot)
    }

    /// Makes a new file a sound, empty one before anything else is written to it.
    fn found(&mut self) -> Result<()> {
        let size = self.page_size();
        let (mut meta, mut root) = ([0; meta::LEN], [0; HEADER]);
        // The free list of now may lead to pages that are not written yet.
        Meta { free: 0, ..self.meta }.store(&mut meta);
        init(self.meta.order, &mut root, 1, kind::LEAF);
        // `init` took the header for a whole page.
        let upper = size as u16;
        self.meta.order.put_u16(&mut root, crate::page::field::UPPER, upper);
        let end = 2 * size as u64 - 1;
        let written = self
            .storage
            .write(0, &meta)
            .and_then(|()| self.storage.write(size as u64, &root))
            .and_then(|()| self.storage.write(end, &[0]))
            .and_then(|()| self.storage.sync());
        self.latch(written)?;
        (self.promised, self.stored) = (2, self.stored.max(2));
        Ok(())
    }

    /// Brings spilled pages home and makes their slots, and whatever else lies behind the end of
    /// the file, free pages. Only a flush may do this.
    pub(super) fn unspill(&mut self) -> Result<()> {
        if self.slots.bytes().is_empty() && self.pages >= self.stored {
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
        while let Some((pgno, slot)) = self.slot_pair(i) {
            // A page that is in memory with changes is written from there.
            if !self.is_changed(pgno) {
                self.read_page(f, slot)?;
                self.write_page(f, pgno)?;
            }
            i += 1;
        }
        // All pages are at home now, so a slot may leave the list and lose its content.
        let mut free = self.meta.free;
        while let Some(last) = (self.slots.bytes().len() / PAIR).checked_sub(1) {
            let slot = self.slot_pair(last).map_or(0, |pair| pair.1);
            self.slots.resize(last * PAIR);
            if slot < self.pages {
                self.write_free(f, slot, free)?;
                free = slot;
            }
        }
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

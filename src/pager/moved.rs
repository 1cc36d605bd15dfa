//! Pages that are elsewhere than at home: spilled, or in the log. A list sorted by page number.

use crate::memory::{shift, Buffer, Memory};
use crate::page::Order;

/// Bytes of an entry, which begins with the number of the page. With a journal it is what the
/// log says of the page (`page/log.rs`).
#[cfg(feature = "journal")]
pub(super) use crate::page::log::{AT, ENTRY};
#[cfg(not(feature = "journal"))]
pub(super) const ENTRY: usize = 8;
/// Offset of the number of the page where it is.
#[cfg(not(feature = "journal"))]
pub(super) const AT: usize = 4;

pub(super) struct Moved<M: Memory> {
    entries: Buffer<M>,
    order: Order,
}

impl<M: Memory> Moved<M> {
    pub fn new(memory: M, order: Order) -> Self {
        Moved { entries: Buffer::new(memory), order }
    }

    pub fn len(&self) -> usize {
        self.entries.bytes().len() / ENTRY
    }

    /// Entries there is memory for.
    pub fn capacity(&self) -> usize {
        self.entries.capacity() / ENTRY
    }

    /// Gets memory for so many entries; false if there is none.
    pub fn reserve(&mut self, entries: usize) -> bool {
        entries.checked_mul(ENTRY).is_some_and(|bytes| self.entries.reserve(bytes))
    }

    /// The bytes of entry `i`.
    pub fn entry(&self, i: usize) -> Option<&[u8]> {
        self.entries.bytes().get(i * ENTRY..)?.get(..ENTRY)
    }

    pub fn entry_mut(&mut self, i: usize) -> &mut [u8] {
        let bytes = self.entries.bytes_mut().get_mut(i * ENTRY..).unwrap_or(&mut []);
        bytes.get_mut(..ENTRY).unwrap_or(&mut [])
    }

    /// Page `.0` is where page `.1` says.
    pub fn pair(&self, i: usize) -> Option<(u32, u32)> {
        let entry = self.entry(i)?;
        Some((self.order.u32(entry, 0), self.order.u32(entry, AT)))
    }

    /// The index of a page's entry, or where it would be.
    pub fn search(&self, pgno: u32) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = (low + high) / 2;
            match self.pair(mid) {
                Some((at, _)) if at == pgno => return Ok(mid),
                Some((at, _)) if at < pgno => low = mid + 1,
                _ => high = mid,
            }
        }
        Err(low)
    }

    /// Sets where a page is; `None`, and no change, if there is no memory. Returns its index.
    pub fn set(&mut self, pgno: u32, place: u32) -> Option<usize> {
        let i = match self.search(pgno) {
            Ok(i) => i,
            Err(i) => {
                let len = self.entries.bytes().len();
                if !self.entries.resize(len + ENTRY) {
                    return None;
                }
                let at = i * ENTRY;
                shift(self.entries.bytes_mut(), at, at + ENTRY, len.saturating_sub(at));
                i
            }
        };
        let order = self.order;
        let entry = self.entry_mut(i);
        order.put_u32(entry, 0, pgno);
        order.put_u32(entry, AT, place);
        Some(i)
    }

    /// Forgets the last entry.
    pub fn pop(&mut self) -> Option<(u32, u32)> {
        let last = self.len().checked_sub(1)?;
        let pair = self.pair(last);
        self.entries.resize(last * ENTRY);
        pair
    }

    /// Whether a page was moved to page `place`.
    pub fn is_taken(&self, place: u32) -> bool {
        (0..).map_while(|i| self.pair(i)).any(|pair| pair.1 == place)
    }
}

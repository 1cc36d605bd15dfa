//! Pages that are elsewhere than at home: spilled, or in the log. A list sorted by page number.

use crate::memory::{shift, Buffer, Memory};
#[cfg(feature = "journal")]
use crate::page::log::{AT, ENTRY};
use crate::page::Order;

/// Bytes of an entry, which begins with the number of the page, as a power of two; and offset of that of
/// the page where it is.
const NARROW: (u8, u8) = (3, 4);
/// With a log an entry is what the log says of the page (`page/log.rs`).
#[cfg(feature = "journal")]
const WIDE: (u8, u8) = (ENTRY.ilog2() as u8, AT as u8);
#[cfg(feature = "journal")]
const _: () = assert!(ENTRY.is_power_of_two());

pub(super) struct Moved<M: Memory> {
    entries: Buffer<M>,
    /// Byte order of the entries: that of the file, as the log has them.
    #[cfg(feature = "journal")]
    order: Order,
    #[cfg(feature = "journal")]
    layout: (u8, u8),
}

impl<M: Memory> Moved<M> {
    pub fn new(memory: M) -> Self {
        Moved {
            entries: Buffer::new(memory),
            #[cfg(feature = "journal")]
            order: Order::NATIVE,
            #[cfg(feature = "journal")]
            layout: NARROW,
        }
    }

    fn order(&self) -> Order {
        #[cfg(feature = "journal")]
        return self.order;
        #[cfg(not(feature = "journal"))]
        Order::NATIVE
    }

    /// Chooses whether entries are those of a log, in the byte order of its file. The list is empty.
    #[cfg(feature = "journal")]
    pub fn set_wide(&mut self, wide: bool, order: Order) {
        (self.layout, self.order) = (if wide { WIDE } else { NARROW }, order);
    }

    /// Whether entries are those of a log.
    #[cfg(feature = "journal")]
    pub fn is_wide(&self) -> bool {
        self.layout == WIDE
    }

    fn layout(&self) -> (u8, u8) {
        #[cfg(feature = "journal")]
        return self.layout;
        #[cfg(not(feature = "journal"))]
        NARROW
    }

    /// Bytes of so many entries.
    fn size(&self, entries: usize) -> usize {
        entries << self.layout().0
    }

    #[cfg_attr(all(small, feature = "journal"), inline(never))]
    pub fn len(&self) -> usize {
        self.entries.bytes().len() >> self.layout().0
    }

    /// Entries there is memory for.
    pub fn capacity(&self) -> usize {
        self.entries.capacity() >> self.layout().0
    }

    /// Gets memory for so many entries; false if there is none.
    pub fn reserve(&mut self, entries: usize) -> bool {
        entries.checked_mul(self.size(1)).is_some_and(|bytes| self.entries.reserve(bytes))
    }

    /// The bytes of entry `i`.
    #[cfg(feature = "journal")]
    pub fn entry(&self, i: usize) -> &[u8] {
        let bytes = self.entries.bytes().get(self.size(i)..);
        bytes.and_then(|bytes| bytes.get(..self.size(1))).unwrap_or(&[])
    }

    pub fn entry_mut(&mut self, i: usize) -> &mut [u8] {
        let (at, size) = (self.size(i), self.size(1));
        self.entries.bytes_mut().get_mut(at..).and_then(|bytes| bytes.get_mut(..size)).unwrap_or(&mut [])
    }

    /// The page number at offset `at` of entry `i`.
    fn number(&self, i: usize, at: u8) -> u32 {
        self.order().u32(self.entries.bytes(), self.size(i) + usize::from(at))
    }

    /// Page `.0` is where page `.1` says.
    pub fn pair(&self, i: usize) -> Option<(u32, u32)> {
        (i < self.len()).then(|| (self.number(i, 0), self.number(i, self.layout().1)))
    }

    /// The index of a page's entry, or where it would be.
    pub fn search(&self, pgno: u32) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = (low + high) / 2;
            match self.number(mid, 0) {
                at if at == pgno => return Ok(mid),
                at if at < pgno => low = mid + 1,
                _ => high = mid,
            }
        }
        Err(low)
    }

    /// Where a page is, if it is not at home.
    pub fn place(&self, pgno: u32) -> Option<u32> {
        self.search(pgno).ok().map(|i| self.number(i, self.layout().1))
    }

    /// Sets where a page is; `None`, and no change, if there is no memory. Returns its index.
    pub fn set(&mut self, pgno: u32, place: u32) -> Option<usize> {
        let i = match self.search(pgno) {
            Ok(i) => i,
            Err(i) => {
                let len = self.entries.bytes().len();
                let (size, at) = (self.size(1), self.size(i));
                if !self.entries.resize(len + size) {
                    return None;
                }
                shift(self.entries.bytes_mut(), at, at + size, len.saturating_sub(at));
                i
            }
        };
        let (order, (_, at)) = (self.order(), self.layout());
        let entry = self.entry_mut(i);
        order.put_u32(entry, 0, pgno);
        order.put_u32(entry, usize::from(at), place);
        Some(i)
    }

    /// Forgets the last entry.
    pub fn pop(&mut self) -> Option<(u32, u32)> {
        let last = self.len().checked_sub(1)?;
        let pair = self.pair(last);
        self.entries.resize(self.size(last));
        pair
    }

    /// Whether a page was moved to page `place`.
    pub fn is_taken(&self, place: u32) -> bool {
        (0..self.len()).any(|i| self.number(i, self.layout().1) == place)
    }
}

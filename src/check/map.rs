//! What is known of the pages of a file: two bits for each, and a list of the few chains that
//! may be used more than once.

use crate::memory::{shift, Buffer, Memory};
use crate::page::Order;

/// Something uses the page.
pub(super) const USED: u8 = 1;
/// The page is part of a chain that was preserved and has lost its last user.
pub(super) const EXPLAINED: u8 = 2;

/// Two bits for each page.
pub(super) struct PageMap<M: Memory> {
    bits: Buffer<M>,
}

impl<M: Memory> PageMap<M> {
    /// `None` if there is no memory.
    pub fn new(memory: M, pages: u32) -> Option<Self> {
        let mut bits = Buffer::new(memory);
        if !bits.resize((pages as usize).div_ceil(4)) {
            return None;
        }
        let mut map = PageMap { bits };
        map.clear();
        Some(map)
    }

    pub fn clear(&mut self) {
        self.bits.bytes_mut().fill(0);
    }

    /// A page beyond the file counts as used.
    #[cfg_attr(small, inline(never))]
    pub fn has(&self, page: u32, flag: u8) -> bool {
        let byte = self.bits.bytes().get(page as usize / 4).copied().unwrap_or(u8::MAX);
        byte >> (page % 4 * 2) & flag != 0
    }

    /// Marks a page. False if it has one of the flags already.
    #[cfg_attr(small, inline(never))]
    pub fn mark(&mut self, page: u32, flag: u8) -> bool {
        let new = !self.has(page, USED | flag);
        if let Some(byte) = self.bits.bytes_mut().get_mut(page as usize / 4) {
            *byte |= flag << (page % 4 * 2);
        }
        new
    }
}

/// A leaf entry has the chain as its value.
pub(super) const BY_DATA: u32 = 0;
/// A leaf entry has it as its key.
pub(super) const BY_KEY: u32 = 1;
/// A separator has it.
pub(super) const BY_SEPARATOR: u32 = 2;

/// A list of records of four numbers.
pub(super) struct Records<M: Memory> {
    bytes: Buffer<M>,
}

impl<M: Memory> Records<M> {
    /// Bytes of a record.
    const WIDTH: usize = 16;

    pub fn new(memory: M) -> Self {
        Records { bytes: Buffer::new(memory) }
    }

    pub fn len(&self) -> usize {
        self.bytes.bytes().len() / Self::WIDTH
    }

    /// Record `i`: zeroes behind the last one.
    pub fn get(&self, i: usize) -> [u32; 4] {
        let mut record = [0; 4];
        Order::NATIVE.u32s(self.bytes.bytes(), i * Self::WIDTH, &mut record);
        record
    }

    /// Puts a record in the place of another, or behind the last one. False if there is no memory.
    pub fn set(&mut self, i: usize, record: &[u32; 4]) -> bool {
        let room = i < self.len() || self.insert(i);
        Order::NATIVE.put_u32s(self.bytes.bytes_mut(), i * Self::WIDTH, record);
        room
    }

    /// Makes room for a record. False if there is no memory.
    fn insert(&mut self, i: usize) -> bool {
        let (at, used) = (i * Self::WIDTH, self.bytes.bytes().len());
        let len = used + Self::WIDTH;
        if len > self.bytes.capacity() && !self.bytes.reserve(used + len) {
            return false;
        }
        self.bytes.resize(len);
        shift(self.bytes.bytes_mut(), at, at + Self::WIDTH, used.saturating_sub(at));
        true
    }
}

/// Chains with the preserve flag in use, by ascending first page.
pub(super) struct Chains<M: Memory> {
    list: Records<M>,
}

impl<M: Memory> Chains<M> {
    pub fn new(memory: M) -> Self {
        Chains { list: Records::new(memory) }
    }

    /// First page, size in bytes and users of chain `i`. No chain starts on page 0.
    pub fn get(&self, i: usize) -> (u32, u32, u32) {
        let [page, size, users, _] = self.list.get(i);
        (page, size, users)
    }

    /// Number of chains with a smaller first page: where this one is, or would be.
    fn place(&self, page: u32) -> usize {
        let (mut low, mut high) = (0, self.list.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.get(middle).0 < page {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Adds a user to a chain and returns its size and the users before; `None`: not in the list.
    pub fn use_again(&mut self, page: u32, user: u32) -> Option<(u32, u32)> {
        let i = self.place(page);
        let (first, size, users) = self.get(i);
        if first != page {
            return None;
        }
        self.list.set(i, &[page, size, users | user, 0]);
        Some((size, users))
    }

    /// False if there is no memory.
    pub fn add(&mut self, page: u32, size: u32, user: u32) -> bool {
        let i = self.place(page);
        self.list.insert(i) && self.list.set(i, &[page, size, user, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::HeapMemory;

    #[test]
    fn bits_of_pages() {
        let mut map = PageMap::new(HeapMemory, 9).unwrap();
        for page in [0, 3, 4, 8] {
            assert!(!map.has(page, USED | EXPLAINED));
            assert!(map.mark(page, USED) && !map.mark(page, USED));
            assert!(map.has(page, USED) && !map.has(page, EXPLAINED));
        }
        assert!(!map.mark(3, EXPLAINED));
        assert!(map.has(3, USED) && map.has(3, EXPLAINED) && !map.has(2, USED) && !map.has(5, USED));
        assert!(!map.mark(1000, USED));
        assert!(map.has(1000, USED) && map.has(u32::MAX, EXPLAINED));
    }

    #[test]
    fn chains_in_order() {
        let mut chains = Chains::new(HeapMemory);
        for i in 0..100u32 {
            let page = i * 37 % 101 + 1;
            assert_eq!(chains.use_again(page, BY_KEY), None);
            assert!(chains.add(page, page + 1000, BY_SEPARATOR));
        }
        for i in 0..100u32 {
            let page = i * 37 % 101 + 1;
            assert_eq!(chains.use_again(page, BY_KEY), Some((page + 1000, BY_SEPARATOR)));
            assert_eq!(chains.use_again(page, 0), Some((page + 1000, BY_KEY | BY_SEPARATOR)));
        }
        let pages: Vec<u32> = (0..).map(|i| chains.get(i).0).take_while(|&page| page != 0).collect();
        assert!(pages.len() == 100 && pages.windows(2).all(|p| p[0] < p[1]));
    }
}

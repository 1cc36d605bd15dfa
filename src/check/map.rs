//! What is known of the pages of a file: two bits for each, and a list of the few chains that
//! may be used more than once.

use crate::memory::{copy, shift, Buffer, Memory};
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
        bits.bytes_mut().fill(0);
        Some(PageMap { bits })
    }

    /// A page beyond the file counts as used.
    pub fn has(&self, page: u32, flag: u8) -> bool {
        let byte = self.bits.bytes().get(page as usize / 4).copied().unwrap_or(u8::MAX);
        byte >> (page % 4 * 2) & flag != 0
    }

    pub fn set(&mut self, page: u32, flag: u8) {
        if let Some(byte) = self.bits.bytes_mut().get_mut(page as usize / 4) {
            *byte |= flag << (page % 4 * 2);
        }
    }
}

/// A leaf entry has the chain as its key.
pub(super) const BY_KEY: u32 = 1;
/// A separator has it.
pub(super) const BY_SEPARATOR: u32 = 2;

/// Bytes of a chain in the list: first page, size, users.
const WIDTH: usize = 12;

/// Chains with the preserve flag in use, by ascending first page.
pub(super) struct Chains<M: Memory> {
    list: Buffer<M>,
    len: usize,
}

impl<M: Memory> Chains<M> {
    pub fn new(memory: M) -> Self {
        Chains { list: Buffer::new(memory), len: 0 }
    }

    /// First page, size in bytes and users of chain `i`.
    pub fn get(&self, i: usize) -> Option<(u32, u32, u32)> {
        let bytes = self.list.bytes().get(i * WIDTH..).filter(|_| i < self.len)?;
        let field = |at| Order::NATIVE.u32(bytes, at);
        Some((field(0), field(4), field(8)))
    }

    fn set(&mut self, i: usize, (page, size, users): (u32, u32, u32)) {
        let bytes = self.list.bytes_mut().get_mut(i * WIDTH..).unwrap_or(&mut []);
        Order::NATIVE.put_u32(bytes, 0, page);
        Order::NATIVE.put_u32(bytes, 4, size);
        Order::NATIVE.put_u32(bytes, 8, users);
    }

    /// Number of chains with a smaller first page: where this one is, or would be.
    fn place(&self, page: u32) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = (low + high) / 2;
            if self.get(middle).is_some_and(|(first, ..)| first < page) {
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
        let (first, size, users) = self.get(i)?;
        if first != page {
            return None;
        }
        self.set(i, (page, size, users | user));
        Some((size, users))
    }

    /// False if there is no memory.
    pub fn add(&mut self, memory: M, page: u32, size: u32, user: u32) -> bool {
        let (i, used) = (self.place(page), self.len * WIDTH);
        if self.list.bytes().len() < used + WIDTH {
            let mut larger = Buffer::new(memory);
            if !larger.resize((used * 2).max(8 * WIDTH)) {
                return false;
            }
            copy(larger.bytes_mut(), self.list.bytes());
            self.list = larger;
        }
        shift(self.list.bytes_mut(), i * WIDTH, (i + 1) * WIDTH, used.saturating_sub(i * WIDTH));
        self.len += 1;
        self.set(i, (page, size, user));
        true
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
            map.set(page, USED);
            assert!(map.has(page, USED) && !map.has(page, EXPLAINED));
        }
        map.set(3, EXPLAINED);
        assert!(map.has(3, USED) && map.has(3, EXPLAINED) && !map.has(2, USED) && !map.has(5, USED));
        map.set(1000, USED);
        assert!(map.has(1000, USED) && map.has(u32::MAX, EXPLAINED));
    }

    #[test]
    fn chains_in_order() {
        let mut chains = Chains::new(HeapMemory);
        for i in 0..100u32 {
            let page = i * 37 % 101;
            assert_eq!(chains.use_again(page, BY_KEY), None);
            assert!(chains.add(HeapMemory, page, page + 1000, BY_SEPARATOR));
        }
        for i in 0..100u32 {
            let page = i * 37 % 101;
            assert_eq!(chains.use_again(page, BY_KEY), Some((page + 1000, BY_SEPARATOR)));
            assert_eq!(chains.use_again(page, 0), Some((page + 1000, BY_KEY | BY_SEPARATOR)));
        }
        let pages: Vec<u32> = (0..).map_while(|i| chains.get(i)).map(|c| c.0).collect();
        assert!(pages.len() == 100 && pages.windows(2).all(|p| p[0] < p[1]));
    }
}

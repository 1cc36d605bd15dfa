//! Damage to files: what a random number generator, a bad block, and somebody with a grudge do.

use crate::common::Rng;
use crate::exercise::Items;

/// A file that is sound.
pub struct Original {
    pub name: String,
    pub bytes: Vec<u8>,
    pub page_size: usize,
    pub big_endian: bool,
    pub unique: bool,
    pub items: Items,
}

/// Kinds of damage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Damage {
    Byte,
    Word,
    Long,
    Meta,
    Header,
    Entry,
    Child,
    Sibling,
    Overflow,
    FreeList,
    Swap,
    Copy,
    Zero,
    Empty,
    Cut,
    Graph,
}

use Damage::*;

impl Damage {
    pub const ALL: [Damage; 16] = [
        Byte, Word, Long, Meta, Header, Entry, Child, Sibling, Overflow, FreeList, Swap, Copy, Zero, Empty,
        Cut, Graph,
    ];
}

const INTERNAL: u32 = 1;
const LEAF: u32 = 2;
const OVERFLOW: u32 = 4;

/// A file under treatment.
struct Patient<'a> {
    bytes: Vec<u8>,
    page_size: usize,
    big_endian: bool,
    rng: &'a mut Rng,
}

/// A file with damage of one kind, sometimes with more; the kind that came first.
pub fn mutant(original: &Original, rng: &mut Rng) -> (Damage, Vec<u8>) {
    let Original { page_size, big_endian, .. } = *original;
    let mut patient = Patient { bytes: original.bytes.clone(), page_size, big_endian, rng };
    let mut first = patient.rng.pick(&Damage::ALL);
    while !patient.treat(first) {
        first = patient.rng.pick(&Damage::ALL);
    }
    while patient.rng.once_in(3) {
        let damage = patient.rng.pick(&Damage::ALL);
        patient.treat(damage);
    }
    (first, patient.bytes)
}

impl Patient<'_> {
    fn u16(&self, at: usize) -> usize {
        let bytes = self.bytes.get(at..at + 2).map_or([0; 2], |b| [b[0], b[1]]);
        usize::from(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..at + 4).map_or([0; 4], |b| [b[0], b[1], b[2], b[3]]);
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    fn put_u16(&mut self, at: usize, value: usize) {
        let value = value as u16;
        self.put(at, &if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn put_u32(&mut self, at: usize, value: u32) {
        self.put(at, &if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn pages(&self) -> usize {
        self.bytes.len() / self.page_size
    }

    /// The number of a page, sometimes the last or one that is not there.
    fn any_page(&mut self) -> u32 {
        let pages = self.pages() as u32;
        match self.rng.below(16) {
            0 => self.rng.pick(&[0, 1, 2, pages - 1, pages, pages + 1, u32::MAX, u32::MAX - 1]),
            _ => self.rng.below(pages as usize) as u32,
        }
    }

    /// Where a page of these types starts, if there is one: tree pages are found easily.
    fn page_of(&mut self, kinds: &[u32]) -> Option<usize> {
        let (pages, start) = (self.pages(), self.rng.below(self.pages()));
        let found = (0..pages).map(|i| (start + i) % pages).find(|&page| {
            let kind = self.u32(page * self.page_size + 12) & 7;
            page > 0 && kinds.contains(&kind)
        });
        found.map(|page| page * self.page_size)
    }

    /// Offsets of the entries of a page.
    fn entries(&self, page: usize) -> Vec<usize> {
        let count = self.u16(page + 16).min(self.page_size).saturating_sub(20) / 2;
        (0..count).map(|i| page + self.u16(page + 20 + 2 * i)).collect()
    }

    fn entry(&mut self, kinds: &[u32]) -> Option<usize> {
        let page = self.page_of(kinds)?;
        let entries = self.entries(page);
        (!entries.is_empty()).then(|| entries[self.rng.below(entries.len())])
    }

    /// Where there is an overflow reference.
    fn reference(&mut self) -> Option<usize> {
        for _ in 0..20 {
            let at = self.entry(&[INTERNAL, LEAF])?;
            let (flags, key) = (self.bytes.get(at + 8).copied().unwrap_or(0), self.u32(at) as usize);
            match flags & 3 {
                0 => {}
                1 => return Some(at + 9 + key),
                3 if self.rng.once_in(2) => return Some(at + 17),
                _ => return Some(at + 9),
            }
        }
        None
    }

    /// A place where the format has something to say, or any.
    fn place(&mut self) -> usize {
        let page = self.rng.below(self.pages()) * self.page_size;
        let at = match self.rng.below(5) {
            0 => self.rng.below(24),
            1 => self.rng.below(80),
            2 => self.page_size - 1 - self.rng.below(self.page_size / 4),
            3 => return self.entry(&[INTERNAL, LEAF]).map_or(page, |at| at + self.rng.below(20)),
            _ => self.rng.below(self.page_size),
        };
        page + at
    }

    /// A number that is somehow special.
    fn number(&mut self, old: u32) -> u32 {
        let (size, pages) = (self.page_size as u32, self.pages() as u32);
        match self.rng.below(6) {
            0 => self.rng.below(40) as u32,
            1 => {
                let by = self.rng.pick(&[1, 2, 4, 8, 0x20, 0x100]);
                if self.rng.once_in(2) {
                    old.wrapping_add(by)
                } else {
                    old.wrapping_sub(by)
                }
            }
            2 => 1 << self.rng.below(32),
            3 => (1 << self.rng.below(32)) - 1,
            4 => {
                let special =
                    [size, size - 1, size - 4, size - 20, size / 2, pages, pages - 1, u32::MAX, 0xffff, !old];
                self.rng.pick(&special)
            }
            _ => self.rng.next() as u32,
        }
    }

    fn long(&mut self, at: usize) {
        let value = self.number(self.u32(at));
        self.put_u32(at, value);
    }

    fn word(&mut self, at: usize) {
        let value = self.number(self.u16(at) as u32);
        self.put_u16(at, value as usize);
    }

    /// Does some damage; false if there is nothing that it could be done to.
    fn treat(&mut self, damage: Damage) -> bool {
        if self.pages() < 2 {
            return false;
        }
        self.harm(damage).is_some()
    }

    fn harm(&mut self, damage: Damage) -> Option<()> {
        let size = self.page_size;
        match damage {
            Byte => {
                let at = self.place();
                let value = if self.rng.once_in(2) { 1 << self.rng.below(8) } else { self.rng.next() as u8 };
                let old = self.bytes.get(at).copied().unwrap_or(0);
                self.put(at, &[old ^ value]);
            }
            Word => {
                let at = self.place();
                self.word(at & !1);
            }
            Long => {
                let at = self.place();
                self.long(at & !3);
            }
            Meta => {
                // Mostly what does not make it another file altogether.
                let field = self.rng.pick(&[0, 4, 8, 12, 12, 12, 16, 20, 20]);
                match field {
                    20 => {
                        let flags = self.rng.pick(&[0x20, 0x20, 0x20, 0x80]);
                        self.put_u32(20, self.u32(20) ^ flags);
                    }
                    _ => self.long(field),
                }
            }
            Header => {
                let page = self.rng.below(self.pages()) * size;
                match self.rng.pick(&[0, 4, 8, 12, 16, 18]) {
                    at @ (16 | 18) => self.word(page + at),
                    12 => {
                        let kind = self.rng.pick(&[0, 1, 2, 4, 0x24, 0x21, 0x22, 3, 8]);
                        self.put_u32(page + 12, kind);
                    }
                    at => self.long(page + at),
                }
            }
            Entry => self.harm_entry()?,
            Child => {
                let at = self.entry(&[INTERNAL])?;
                let page = self.any_page();
                self.put_u32(at + 4, page);
            }
            Sibling => {
                let page = self.page_of(&[INTERNAL, LEAF])?;
                let (to, field) = (self.any_page(), self.rng.pick(&[4, 8]));
                self.put_u32(page + field, to);
                if self.rng.once_in(2) {
                    // The other side agrees.
                    self.put_u32(to as usize * size + 12 - field, (page / size) as u32);
                }
            }
            Overflow => match self.rng.below(3) {
                0 => {
                    let at = self.reference()?;
                    let page = self.any_page();
                    self.put_u32(at, page);
                }
                1 => {
                    let at = self.reference()?;
                    self.long(at + 4);
                }
                _ => {
                    let page = self.page_of(&[OVERFLOW])?;
                    let to = self.any_page();
                    self.put_u32(page + 8, to);
                }
            },
            FreeList => {
                let to = self.any_page();
                let mut at = 12;
                // Along the list for a while.
                for _ in 0..self.rng.below(4) {
                    let free = self.u32(at) as usize;
                    if free > 1 && free < self.pages() {
                        at = free * size + 8;
                    }
                }
                self.put_u32(at, to);
            }
            Swap | Copy => {
                let (from, to) = (self.rng.below(self.pages()), self.rng.below(self.pages()));
                let (one, other) = (self.page(from), self.page(to));
                self.put(to * size, &one);
                if damage == Swap {
                    self.put(from * size, &other);
                }
                // Otherwise the wrong number tells.
                if self.rng.below(4) > 0 && to > 0 && from > 0 {
                    self.put_u32(to * size, to as u32);
                    self.put_u32(from * size, from as u32);
                }
                if self.rng.once_in(2) && to > 0 {
                    self.put(to * size + 4, &other[4..12]);
                }
            }
            Zero => {
                let page = self.rng.below(self.pages()) * size;
                let from = self.rng.pick(&[0, 0, 20, 512, size / 2]);
                self.put(page + from, &vec![0; size - from]);
            }
            Empty => {
                let page = self.page_of(&[INTERNAL, LEAF])?;
                self.empty(page);
            }
            Cut => {
                let len = match self.rng.below(3) {
                    0 => self.rng.below(self.pages()) * size,
                    1 => self.rng.below(self.bytes.len()),
                    _ => self.bytes.len() - 1 - self.rng.below(size),
                };
                self.bytes.truncate(len);
            }
            Graph => self.harm_graph()?,
        }
        Some(())
    }

    fn page(&self, page: usize) -> Vec<u8> {
        self.bytes[page * self.page_size..][..self.page_size].to_vec()
    }

    fn empty(&mut self, page: usize) {
        self.put_u16(page + 16, 20);
        self.put_u16(page + 18, self.page_size);
    }

    /// Index, sizes, flags, or the order of keys.
    fn harm_entry(&mut self) -> Option<()> {
        let at = self.entry(&[INTERNAL, LEAF])?;
        let page = at / self.page_size * self.page_size;
        let count = self.entries(page).len();
        let (one, other) = (page + 20 + 2 * self.rng.below(count), page + 20 + 2 * self.rng.below(count));
        match self.rng.below(7) {
            0 => self.word(one),
            1 => self.long(at),
            2 => self.long(at + 4),
            3 => {
                let flags = self.rng.pick(&[1, 2, 3, 4, 0x80]);
                self.put(at + 8, &[flags]);
            }
            4 => {
                let (a, b) = (self.u16(one), self.u16(other));
                self.put_u16(one, b);
                self.put_u16(other, a);
            }
            5 => self.put_u16(one, self.u16(other)),
            _ => {
                // One byte from key to value.
                let (key, value) = (self.u32(at), self.u32(at + 4));
                self.put_u32(at, key.wrapping_sub(1));
                self.put_u32(at + 4, value.wrapping_add(1));
            }
        }
        Some(())
    }

    /// Trees that are none.
    fn harm_graph(&mut self) -> Option<()> {
        let size = self.page_size;
        match self.rng.below(4) {
            0 => {
                // All children are one.
                let page = self.page_of(&[INTERNAL])?;
                let to = self.any_page();
                for at in self.entries(page) {
                    self.put_u32(at + 4, to);
                }
            }
            1 => {
                // A reference to a chain from many entries.
                let from = self.reference()?;
                let bytes = self.bytes.get(from..from + 8)?.to_vec();
                for _ in 0..5 {
                    let to = self.reference()?;
                    self.put(to, &bytes);
                }
            }
            2 => {
                // The free list is a chain in use, or the other way round.
                let (page, free) = (self.page_of(&[OVERFLOW])?, self.u32(12));
                if self.rng.once_in(2) || free == 0 {
                    self.put_u32(12, (page / size) as u32);
                } else {
                    self.put_u32(page + 8, free);
                }
            }
            _ => {
                // A ladder: each page many times the parent of the next one, the last one empty.
                let steps = self.pages().min(2 + self.rng.below(12));
                let (cycle, key) = (self.rng.once_in(4), self.rng.pick(&[&b""[..], b"\xff\xff\xff"]));
                for page in 1..steps {
                    let next = if page + 1 < steps { page + 1 } else { 1 };
                    let leaf = next == 1 && !cycle;
                    self.rung(page, next, if leaf { 0 } else { (size - 20) / 14 }, key);
                }
            }
        }
        Some(())
    }

    /// A page with `count` entries for one child; without entries a leaf. Keys have up to three bytes.
    fn rung(&mut self, page: usize, child: usize, count: usize, key: &[u8]) {
        let (at, size) = (page * self.page_size, self.page_size);
        self.put(at, &vec![0; size]);
        self.put_u32(at, page as u32);
        self.put_u32(at + 12, if count == 0 { LEAF } else { INTERNAL });
        self.put_u16(at + 16, 20 + 2 * count);
        self.put_u16(at + 18, size - 12 * count);
        for i in 0..count {
            let entry = size - 12 * (i + 1);
            self.put_u16(at + 20 + 2 * i, entry);
            self.put_u32(at + entry, key.len() as u32);
            self.put_u32(at + entry + 4, child as u32);
            self.put(at + entry + 9, key);
        }
    }
}

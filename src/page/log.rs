//! What the journal adds to a file, as bytes (FORMAT.md, "Journal"): the mark on page 0, the
//! descriptor of a commit, and the entry of a page in it.

use super::bytes::Order;
use super::meta::JOURNAL_MAGIC as MAGIC;
use super::HEADER;
use crate::memory::copy;

/// Where the marks are on page 0: one is replaced by the other, so that one is always whole.
pub const MARKS: [usize; 2] = super::meta::JOURNAL;
/// Bytes of a mark.
pub const MARK_LEN: usize = 28;
/// Bytes of the beginning of page 0 that the meta page and the marks take.
pub const HEAD: usize = MARKS[1] + MARK_LEN;
/// Offsets in a mark: its checksum, and the byte that tells its [`State`].
const MARK_SUM: usize = 20;
pub(crate) const STATE: usize = 24;

/// Offset of the checksum of a descriptor, and where its entries begin.
const CRC: usize = 32;
const FIXED: usize = 56;

/// Bytes of an entry, which begins with the header of its page.
pub const ENTRY: usize = 32;
/// Offset in an entry: the page of the file where the rest of it is.
pub const AT: usize = 20;
/// Offset in an entry: the checksum of the page as committed.
pub const SUM: usize = 24;
/// Offset in an entry: the checksum of the page as it is at home.
pub const HOME_SUM: usize = 28;

/// What four bits do to a CRC.
const fn nibble(bits: u32) -> u32 {
    let (mut crc, mut i) = (bits, 0);
    while i < 4 {
        crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        i += 1;
    }
    crc
}

#[rustfmt::skip]
const TABLE: [u32; 16] = [
    nibble(0), nibble(1), nibble(2), nibble(3), nibble(4), nibble(5), nibble(6), nibble(7),
    nibble(8), nibble(9), nibble(10), nibble(11), nibble(12), nibble(13), nibble(14), nibble(15),
];

/// CRC-32 (IEEE 802.3), four bits at a time: a table of 64 bytes.
#[derive(Clone, Copy)]
pub struct Crc(u32);

impl Crc {
    /// Of no bytes.
    pub const START: Crc = Crc(u32::MAX);

    /// With more bytes.
    pub fn with(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            let step = |crc: u32, nibble: u8| {
                (crc >> 4) ^ TABLE.get(((crc ^ u32::from(nibble)) & 15) as usize).copied().unwrap_or(0)
            };
            self.0 = step(step(self.0, byte), byte >> 4);
        }
        self
    }

    /// The checksum.
    pub fn sum(self) -> u32 {
        !self.0
    }
}

/// What is certain about the first commit of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It may be missing.
    Open = 0,
    /// It is there.
    Begun = 0x80,
    /// It is there if the file goes on behind the mark's first page: the medium is atomic.
    Atomic = 0xc0,
}

impl State {
    /// How the mark says so.
    pub fn byte(self, gen: u32) -> u8 {
        match self {
            State::Open => 0,
            _ => self as u8 | (gen & 0x3f) as u8,
        }
    }

    /// What the mark says. What an older mark has left there means `Open`.
    fn of(byte: u8, gen: u32) -> State {
        match byte ^ (gen & 0x3f) as u8 {
            0x80 => State::Begun,
            0xc0 => State::Atomic,
            _ => State::Open,
        }
    }
}

/// Where the log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// A number that no other log at this place had.
    pub gen: u32,
    /// Page of the first descriptor.
    pub first: u32,
    /// First page of the free list, as it is without the log.
    pub free: u32,
    /// Pages of the file without the log. What is behind them is the log's, or new pages.
    pub base: u32,
    /// Of its first commit.
    pub state: State,
}

impl Mark {
    /// The mark in [`MARK_LEN`] bytes, if there is one.
    pub fn parse(order: Order, bytes: &[u8]) -> Option<Mark> {
        let mut fields = [0; 6];
        order.u32s(bytes, 0, &mut fields);
        let [magic, gen, first, free, base, sum] = fields;
        if magic != MAGIC || sum != Crc::START.with(bytes.get(..MARK_SUM)?).sum() {
            return None;
        }
        Some(Mark { gen, first, free, base, state: State::of(*bytes.get(STATE)?, gen) })
    }

    /// The mark that counts in the first [`HEAD`] bytes of a file, and which of the two it is.
    pub fn find(order: Order, head: &[u8]) -> Option<(Mark, usize)> {
        let mut found: Option<(Mark, usize)> = None;
        for (slot, &at) in MARKS.iter().enumerate() {
            if let Some(mark) = Mark::parse(order, head.get(at..).unwrap_or(&[])) {
                if found.is_none_or(|(other, _)| (mark.gen.wrapping_sub(other.gen) as i32) > 0) {
                    found = Some((mark, slot));
                }
            }
        }
        found
    }

    /// The bytes of the mark.
    pub fn bytes(&self, order: Order) -> [u8; MARK_LEN] {
        let mut bytes = [0; MARK_LEN];
        order.put_u32s(&mut bytes, 0, &[MAGIC, self.gen, self.first, self.free, self.base]);
        let sum = Crc::START.with(bytes.get(..MARK_SUM).unwrap_or(&[])).sum();
        order.put_u32(&mut bytes, MARK_SUM, sum);
        if let Some(state) = bytes.get_mut(STATE) {
            *state = self.state.byte(self.gen);
        }
        bytes
    }
}

/// A commit: what one flush has appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// As in the mark.
    pub gen: u32,
    /// 1 for the first commit of a log.
    pub seq: u32,
    /// First page of the free list.
    pub free: u32,
    /// Page of the next descriptor, and where the tree goes on behind it.
    pub next: u32,
    /// Pages of the file, at least.
    pub pages: u32,
    /// Entries.
    pub count: u32,
    /// Page where further entries are, if they do not fit the descriptor's page.
    pub more: u32,
}

impl Commit {
    /// Reads a descriptor and its checksum; `None` if this is another one or none.
    pub fn parse(order: Order, page: &[u8], gen: u32, seq: u32) -> Option<(Commit, u32)> {
        let mut fields = [0; 9];
        order.u32s(page, HEADER, &mut fields);
        if fields.starts_with(&[MAGIC, gen, seq]) {
            let [_, gen, seq, crc, free, next, pages, count, more] = fields;
            return Some((Commit { gen, seq, free, next, pages, count, more }, crc));
        }
        None
    }

    /// Writes all fields but the checksum.
    pub fn store(&self, order: Order, page: &mut [u8]) {
        let Commit { gen, seq, free, next, pages, count, more } = *self;
        order.put_u32s(page, HEADER, &[MAGIC, gen, seq, 0, free, next, pages, count, more]);
    }

    /// The checksum as far as the fields go; entries are added to it in their order.
    pub fn crc(&self, order: Order) -> Crc {
        let mut fields = [0; FIXED];
        self.store(order, &mut fields);
        Crc::START.with(fields.get(HEADER..).unwrap_or(&[]))
    }

    /// Writes the checksum.
    pub fn seal(order: Order, page: &mut [u8], crc: Crc) {
        order.put_u32(page, CRC, crc.sum());
    }

    /// Pages of entries besides the descriptor's.
    pub fn more_pages(count: usize, page_size: usize) -> usize {
        let (first, each) =
            (page_size.saturating_sub(FIXED) / ENTRY, page_size.saturating_sub(HEADER) / ENTRY);
        count.saturating_sub(first).checked_add(each - 1).and_then(|n| n.checked_div(each)).unwrap_or(0)
    }

    /// Page and offset of entry `i`, if the descriptor is page `at`.
    pub fn entry_at(&self, at: u32, i: usize, page_size: usize) -> (u32, usize) {
        let (first, each) =
            (page_size.saturating_sub(FIXED) / ENTRY, page_size.saturating_sub(HEADER) / ENTRY);
        match i.checked_sub(first) {
            None => (at, FIXED + i * ENTRY),
            Some(i) => {
                let page = i.checked_div(each).unwrap_or(0);
                (self.more.saturating_add(page as u32), HEADER + (i - page * each) * ENTRY)
            }
        }
    }
}

/// Header of a free page: like one of a chain, so that its content may stay.
pub(crate) fn free_header(order: Order, pgno: u32, next: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    super::init(order, &mut header, pgno, super::kind::OVERFLOW);
    order.put_u32(&mut header, super::field::NEXT, next);
    header
}

/// The header in an entry.
pub fn header(entry: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    copy(&mut header, entry);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_crc() {
        assert_eq!(Crc::START.with(b"123456789").sum(), 0xcbf4_3926);
        assert_eq!(Crc::START.with(b"1234").with(b"56789").sum(), 0xcbf4_3926);
    }

    #[test]
    fn marks_and_commits_come_back() {
        for order in [Order::Little, Order::Big] {
            for state in [State::Open, State::Begun, State::Atomic] {
                let mark = Mark { gen: 7, first: 9, free: 3, base: 8, state };
                let bytes = mark.bytes(order);
                assert_eq!(Mark::parse(order, &bytes), Some(mark));
                for at in 0..STATE {
                    let mut bad = bytes;
                    bad[at] ^= 4;
                    assert_eq!(Mark::parse(order, &bad), None, "byte {at}");
                }
                let newer = Mark { gen: 8, ..mark };
                let mut head = [0; HEAD];
                assert_eq!(Mark::find(order, &head), None);
                head[MARKS[1]..].copy_from_slice(&bytes);
                assert_eq!(Mark::find(order, &head), Some((mark, 1)));
                head[MARKS[0]..MARKS[1]].copy_from_slice(&newer.bytes(order));
                assert_eq!(Mark::find(order, &head), Some((newer, 0)));
                // Torn before its state is written.
                head[MARKS[0] + STATE] = bytes[STATE];
                assert_eq!(Mark::find(order, &head).map(|m| m.0.state), Some(State::Open));
            }
            let commit = Commit { gen: 7, seq: 2, free: 3, next: 60, pages: 61, count: 40, more: 50 };
            let mut page = [0; 512];
            commit.store(order, &mut page);
            Commit::seal(order, &mut page, commit.crc(order));
            let crc = commit.crc(order).sum();
            assert_eq!(Commit::parse(order, &page, 7, 2), Some((commit, crc)));
            assert_eq!(Commit::parse(order, &page, 8, 2), None);
        }
    }

    #[test]
    fn entries_lie_on_their_pages() {
        let commit = Commit { gen: 0, seq: 0, free: 0, next: 0, pages: 0, count: 40, more: 50 };
        assert_eq!(commit.entry_at(20, 13, 512), (20, 56 + 13 * 32));
        assert_eq!(commit.entry_at(20, 14, 512), (50, 20));
        assert_eq!(commit.entry_at(20, 29, 512), (51, 20));
        let pages = [(0, 0), (14, 0), (15, 1), (29, 1), (30, 2)];
        for (count, more) in pages {
            assert_eq!(Commit::more_pages(count, 512), more, "{count}");
        }
        for size in [512, 514, 4096, 65536] {
            for i in 0..5000 {
                assert!(commit.entry_at(20, i, size).1 + ENTRY <= size);
            }
        }
    }
}

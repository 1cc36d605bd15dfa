//! Page 0, the meta page: six 32-bit integers (FORMAT.md, "Meta page").

use super::bytes::Order;
use crate::error::Reason;

/// Bytes of the meta page that mean anything.
pub(crate) const LEN: usize = 24;
/// Offset of the first page of the free list.
#[cfg(any(feature = "check", feature = "journal"))]
pub const FREE: usize = 12;
#[cfg(feature = "check")]
pub(crate) const NRECS: usize = 16;
/// Offset of the flags.
#[cfg(any(feature = "journal", not(feature = "duplicates")))]
pub const FLAGS: usize = 20;

const MAGIC: u32 = 0x0005_3162;
const VERSION: u32 = 3;
const NO_DUPLICATES: u32 = 0x20;
/// Set while a checkpoint is under way, so that programs without the journal refuse the file.
pub const CHECKPOINT: u32 = 0x0100_0000;

/// Where the two marks of a journal are, and the number they begin with (`page/log.rs`).
pub(crate) const JOURNAL: [usize; 2] = [24, 52];
pub(crate) const JOURNAL_MAGIC: u32 = 0x4c4a_626d;

/// Smallest and largest page size in bytes.
pub(crate) const PAGE_SIZES: core::ops::RangeInclusive<u32> = 512..=65536;

/// True for a page size that the format allows.
pub(crate) fn page_size_ok(bytes: u32) -> bool {
    PAGE_SIZES.contains(&bytes) && bytes % 2 == 0
}

/// The meta page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Meta {
    /// Byte order of the file.
    pub order: Order,
    /// Page size in bytes.
    pub page_size: u32,
    /// First page of the free list, 0: none.
    pub free: u32,
    /// Unused in B-tree files, carried along.
    pub nrecs: u32,
    /// Whether a key may occur more than once.
    pub duplicates: bool,
    /// Whether a checkpoint is under way.
    pub checkpoint: bool,
}

impl Meta {
    /// Reads the first [`LEN`] bytes of a file; the error names the offset.
    pub fn parse(bytes: &[u8]) -> Result<Meta, (u32, Reason)> {
        if bytes.len() < LEN {
            return Err((bytes.len() as u32, Reason::TooShort));
        }
        let mut order = Order::NATIVE;
        if order.u32(bytes, 0) != MAGIC {
            order = order.other();
        }
        if order.u32(bytes, 0) != MAGIC {
            return Err((0, Reason::Magic));
        }
        if order.u32(bytes, 4) != VERSION {
            return Err((4, Reason::Version));
        }
        let page_size = order.u32(bytes, 8);
        if !page_size_ok(page_size) {
            return Err((8, Reason::PageSize));
        }
        let flags = order.u32(bytes, 20);
        if flags & !(NO_DUPLICATES | CHECKPOINT) != 0 {
            return Err((20, Reason::MetaFlags));
        }
        let (free, nrecs) = (order.u32(bytes, 12), order.u32(bytes, 16));
        let (duplicates, checkpoint) = (flags & NO_DUPLICATES == 0, flags & CHECKPOINT != 0);
        Ok(Meta { order, page_size, free, nrecs, duplicates, checkpoint })
    }

    /// Writes the fields, leaving what follows them in page 0 alone.
    pub fn store(&self, page: &mut [u8]) {
        let fields = [MAGIC, VERSION, self.page_size, self.free, self.nrecs, self.flags()];
        self.order.put_u32s(page, 0, &fields);
    }

    fn flags(&self) -> u32 {
        let duplicates = if self.duplicates { 0 } else { NO_DUPLICATES };
        duplicates | if self.checkpoint { CHECKPOINT } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_in_both_orders() {
        for order in [Order::Little, Order::Big] {
            let meta = Meta { order, page_size: 4096, free: 7, nrecs: 9, duplicates: true, checkpoint: true };
            let mut bytes = [0u8; LEN];
            meta.store(&mut bytes);
            assert_eq!(Meta::parse(&bytes), Ok(meta));
        }
    }

    #[test]
    fn refusals_name_the_offset() {
        let meta = Meta {
            order: Order::Little,
            page_size: 512,
            free: 0,
            nrecs: 0,
            duplicates: false,
            checkpoint: false,
        };
        let mut good = [0u8; LEN];
        meta.store(&mut good);
        for (at, byte, reason) in [
            (0, 0x63, Reason::Magic),
            (4, 2, Reason::Version),
            (8, 1, Reason::PageSize),
            (20, 0xa0, Reason::MetaFlags),
        ] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Meta::parse(&bad), Err((at as u32, reason)));
        }
        assert_eq!(Meta::parse(&good[..23]), Err((23, Reason::TooShort)));
    }
}

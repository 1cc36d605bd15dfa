//! Pages as bytes: what FORMAT.md says and nothing more. No I/O, no memory, no panic:
//! what lies outside a page reads as zero or as an empty slice.

mod bytes;
#[cfg(feature = "journal")]
pub(crate) mod log;
pub(crate) mod meta;
pub(crate) mod node;
mod verify;

pub use bytes::Order;
pub(crate) use verify::verify_tree_page;

/// Offsets of the fields of a page header (all pages but page 0).
pub(crate) mod field {
    pub const PGNO: usize = 0;
    pub const PREV: usize = 4;
    pub const NEXT: usize = 8;
    pub const FLAGS: usize = 12;
    pub const LOWER: usize = 16;
    pub const UPPER: usize = 18;
}

/// Bytes of a page header; entries' indices or overflow data start here.
pub(crate) const HEADER: usize = 20;

/// Page types, the `flags` of a header.
pub(crate) mod kind {
    pub const INTERNAL: u32 = 1;
    pub const LEAF: u32 = 2;
    pub const OVERFLOW: u32 = 4;
    /// Added to `OVERFLOW` on the first page of a chain that internal pages refer to.
    pub const PRESERVE: u32 = 0x20;
}

/// Sets up the header of an empty page; the caller has zeroed the rest.
pub(crate) fn init(order: Order, page: &mut [u8], pgno: u32, kind: u32) {
    let (lower, upper) = if kind == kind::OVERFLOW { (0, 0) } else { (HEADER, page.len()) };
    let Some(head) = page.first_chunk_mut::<HEADER>() else { return };
    order.put_u32(head, field::PGNO, pgno);
    order.put_u32(head, field::PREV, 0);
    order.put_u32(head, field::NEXT, 0);
    order.put_u32(head, field::FLAGS, kind);
    order.put_u16(head, field::LOWER, lower as u16);
    // 65536 is stored as 0.
    order.put_u16(head, field::UPPER, upper as u16);
}

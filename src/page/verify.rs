//! The check that every tree page passes once, when it enters the cache.

use super::node::{entry_size, Node, BIG_DATA, BIG_KEY, ENTRY_FIXED, REF, SLOT};
use super::{bytes::Order, field, kind, HEADER};
use crate::error::Reason;

/// Mixes an offset so that sums of mixed offsets agree only for equal sets (but for 1 in 2^32).
fn mix(offset: usize) -> u32 {
    let x = (offset as u32).wrapping_mul(0x9e37_79b1);
    (x ^ (x >> 15)).wrapping_mul(0x85eb_ca77)
}

/// Checks type, bounds and every entry of a leaf or internal page, so that no later access
/// can leave the page. Page numbers in it are checked where they are followed.
/// The error names the offset on the page.
pub(crate) fn verify_tree_page(order: Order, bytes: &[u8], pgno: u32) -> Result<(), (u32, Reason)> {
    let node = Node::new(order, bytes);
    if node.field(field::PGNO) != pgno {
        return Err((field::PGNO as u32, Reason::PageNumber));
    }
    let leaf = match node.field(field::FLAGS) {
        kind::LEAF => true,
        kind::INTERNAL => false,
        _ => return Err((field::FLAGS as u32, Reason::PageType)),
    };
    let (size, lower, upper) = (bytes.len(), node.lower(), node.upper());
    if lower < HEADER || lower % SLOT != 0 || lower > upper || upper > size {
        return Err((field::LOWER as u32, Reason::Bounds));
    }
    // The entries fill [upper, size) without gap or overlap exactly if the set of all their
    // starts and `size` is the set of all their ends and `upper`. What follows its predecessor
    // downward cancels out, so a page packed in order costs no mixing.
    let (mut tiles, mut last) = (0u32, size);
    for i in 0..node.len() {
        let slot = (HEADER + i * SLOT) as u32;
        let off = node.offset(i);
        if off < upper || off + ENTRY_FIXED > size || (size - off) % 4 != 0 {
            return Err((slot, Reason::EntryOffset));
        }
        let fixed = bytes.get(off..off + ENTRY_FIXED).unwrap_or(&[]);
        let flags = fixed.last().copied().unwrap_or(0);
        let key = order.u32(fixed, 0) as usize;
        let data = if leaf { order.u32(fixed, 4) as usize } else { 0 };
        if flags & !(if leaf { BIG_KEY | BIG_DATA } else { BIG_KEY }) != 0 {
            return Err((off as u32 + 8, Reason::EntryFlags));
        }
        if key > size
            || data > size
            || off + entry_size(key + data) > size
            || (flags & BIG_KEY != 0 && key != REF)
            || (flags & BIG_DATA != 0 && data != REF)
        {
            return Err((off as u32, Reason::EntrySize));
        }
        let end = off + entry_size(key + data);
        if end != last {
            tiles = tiles.wrapping_add(mix(last)).wrapping_sub(mix(end));
        }
        last = off;
    }
    if tiles.wrapping_add(mix(last)) != mix(upper) {
        return Err((upper as u32, Reason::Overlap));
    }
    Ok(())
}

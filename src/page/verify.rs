//! The check that every tree page passes once, when it enters the cache.

use super::node::{Node, BIG_DATA, BIG_KEY, ENTRY_FIXED, REF, SLOT};
use super::{bytes::Order, field, kind, HEADER};
use crate::error::Reason;

/// Spreads an offset so that the sums over two sets agree only for equal sets (but for 1 in 2^32).
#[inline(always)]
fn spread(offset: usize) -> u32 {
    // A polynomial of the offset would not do: of two entries of one size, differences agree.
    let x = (offset as u32).wrapping_mul(0x9e37_79b1);
    x.wrapping_mul(x ^ (x >> 15))
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
    // The other order and small machines do without code of their own.
    let tiles = if order == Order::Little && cfg!(all(target_pointer_width = "64", not(small))) {
        entries::<true>(node, leaf)?
    } else {
        entries::<false>(node, leaf)?
    };
    if tiles != spread(upper).wrapping_sub(spread(size)) {
        return Err(misplaced(node));
    }
    Ok(())
}

/// Checks the entries one by one and sums up where they start and end.
///
/// The entries fill the page from `upper` to its end without gap or overlap exactly if the set
/// of all their starts and the page size is the set of all their ends and `upper`. All starts are
/// then aligned and not below `upper`.
fn entries<const LITTLE: bool>(node: Node, leaf: bool) -> Result<u32, (u32, Reason)> {
    let order = if LITTLE { Order::Little } else { node.order };
    let size = node.bytes.len();
    let (data_mask, allowed) = if leaf { (u32::MAX, BIG_KEY | BIG_DATA) } else { (0, BIG_KEY) };
    let mut tiles = 0u32;
    let slots = node.bytes.get(HEADER..node.lower()).unwrap_or(&[]);
    for (i, slot) in slots.chunks_exact(SLOT).enumerate() {
        let off = order.u16(slot, 0);
        let Some(fixed) = node.bytes.get(off..).and_then(|b| b.first_chunk::<ENTRY_FIXED>()) else {
            return Err(((HEADER + i * SLOT) as u32, Reason::EntryOffset));
        };
        let [lens @ .., flags] = *fixed;
        let (key, data) = if LITTLE {
            let both = u64::from_le_bytes(lens);
            (both as u32, (both >> 32) as u32 & data_mask)
        } else {
            (order.u32(&lens, 0), order.u32(&lens, 4) & data_mask)
        };
        let end = off as u64 + ((u64::from(key) + u64::from(data) + ENTRY_FIXED as u64 + 3) & !3);
        if end > size as u64 {
            return Err((off as u32, Reason::EntrySize));
        }
        if flags != 0 {
            let wrong = |bit: u8, len: u32| flags & bit != 0 && len as usize != REF;
            if flags & !allowed != 0 {
                return Err((off as u32 + 8, Reason::EntryFlags));
            }
            if wrong(BIG_KEY, key) || wrong(BIG_DATA, data) {
                return Err((off as u32, Reason::EntrySize));
            }
        }
        tiles = tiles.wrapping_add(spread(off)).wrapping_sub(spread(end as usize));
    }
    Ok(tiles)
}

/// The first entry that cannot be where it is, or the overlap of two that could.
#[cold]
fn misplaced(node: Node) -> (u32, Reason) {
    let upper = node.upper();
    for i in 0..node.len() {
        let off = node.offset(i);
        if off < upper || node.bytes.len().wrapping_sub(off) % 4 != 0 {
            return ((HEADER + i * SLOT) as u32, Reason::EntryOffset);
        }
    }
    (upper as u32, Reason::Overlap)
}

#[cfg(test)]
mod tests {
    use super::super::init;
    use super::super::node::{open_slot, put_entry};
    use super::*;

    /// An entry that is listed twice and another one not at all, everywhere on pages of equal entries.
    #[test]
    fn no_entry_stands_in_for_another() {
        for (order, size) in [(Order::Little, 16), (Order::Little, 20), (Order::Big, 12), (Order::Big, 64)] {
            let mut page = vec![0u8; 2048];
            init(order, &mut page, 7, kind::LEAF);
            let count = (page.len() - HEADER) / (size + SLOT);
            for i in 0..count {
                let at = open_slot(order, &mut page, i, size);
                put_entry(order, &mut page, at, 0, 0, [&vec![b'k'; size - ENTRY_FIXED], b""]);
            }
            assert_eq!(verify_tree_page(order, &page, 7), Ok(()));
            for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))).filter(|(i, j)| i != j) {
                let mut bad = page.clone();
                bad.copy_within(HEADER + i * SLOT..HEADER + (i + 1) * SLOT, HEADER + j * SLOT);
                let upper = Node::new(order, &page).upper() as u32;
                assert_eq!(verify_tree_page(order, &bad, 7), Err((upper, Reason::Overlap)), "{i} for {j}");
            }
        }
    }
}

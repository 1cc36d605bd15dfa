//! The check that every tree page passes once, when it enters the cache.

use super::node::{entry_size, Node, BIG_DATA, BIG_KEY, ENTRY_FIXED, REF, SLOT};
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
    if order == Order::Little
        && cfg!(all(target_pointer_width = "64", not(small)))
        && quick::is_sound(bytes, leaf)
    {
        return Ok(());
    }
    if entries(node, leaf, lower)? != spread(upper).wrapping_sub(spread(size)) {
        return Err(misplaced(node));
    }
    Ok(())
}

/// Checks the entries one by one and sums up where they start and end.
///
/// The entries fill the page from `upper` to its end without gap or overlap exactly if the set
/// of all their starts and the page size is the set of all their ends and `upper`. All starts are
/// then aligned and not below `upper`.
fn entries(node: Node, leaf: bool, lower: usize) -> Result<u32, (u32, Reason)> {
    let (order, size) = (node.order, node.bytes.len());
    let (data_mask, allowed) = if leaf { (u32::MAX, BIG_KEY | BIG_DATA) } else { (0, BIG_KEY) };
    let mut tiles = 0u32;
    let slots = node.bytes.get(HEADER..lower).unwrap_or(&[]);
    for (i, slot) in slots.chunks_exact(SLOT).enumerate() {
        let off = order.u16(slot, 0);
        let Some(fixed) = node.bytes.get(off..).and_then(|b| b.first_chunk::<ENTRY_FIXED>()) else {
            return Err(((HEADER + i * SLOT) as u32, Reason::EntryOffset));
        };
        let [lens @ .., flags] = *fixed;
        let (key, data) = (order.u32(&lens, 0), order.u32(&lens, 4) & data_mask);
        // Neither is more than a page then, and the sum no overflow.
        let most = key.max(data) as usize;
        let end = off.wrapping_add(entry_size(key.wrapping_add(data) as usize));
        if most > size || end > size {
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
        tiles = tiles.wrapping_add(spread(off)).wrapping_sub(spread(end));
    }
    Ok(tiles)
}

/// The same checks for machines where a 64-bit multiplication is one instruction, without saying
/// what is wrong.
mod quick {
    use super::{Node, Order, BIG_DATA, BIG_KEY, ENTRY_FIXED, HEADER, REF, SLOT};

    #[inline(always)]
    fn spread(offset: usize) -> u64 {
        let x = (offset as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^ (x >> 29)
    }

    /// What an entry adds to the sum, and its flags. An end behind the page needs no test of its own:
    /// nothing starts there, so the sum is wrong.
    #[inline(always)]
    fn tile<const LEAF: bool>(bytes: &[u8], off: u16) -> Option<(u64, u8)> {
        let off = usize::from(off);
        let [lens @ .., flags] = bytes.get(off..off + ENTRY_FIXED)?.first_chunk::<ENTRY_FIXED>()?;
        let lens = u64::from_le_bytes(*lens);
        let body = (lens & 0xffff_ffff) + if LEAF { lens >> 32 } else { 0 };
        let end = off + ((body as usize + ENTRY_FIXED + 3) & !3);
        Some((spread(off).wrapping_sub(spread(end)), *flags))
    }

    #[inline(always)]
    fn tiles<const LEAF: bool>(bytes: &[u8], slots: &[u8]) -> Option<(u64, u8)> {
        let (mut sum, mut all_flags) = (0u64, 0);
        let pairs = slots.chunks_exact(2 * SLOT);
        let last = pairs.remainder().first_chunk().map(|slot| u16::from_le_bytes(*slot));
        for pair in pairs {
            let [a, b, c, d] = *pair.first_chunk()?;
            let (first, first_flags) = tile::<LEAF>(bytes, u16::from_le_bytes([a, b]))?;
            let (second, second_flags) = tile::<LEAF>(bytes, u16::from_le_bytes([c, d]))?;
            sum = sum.wrapping_add(first).wrapping_add(second);
            all_flags |= first_flags | second_flags;
        }
        if let Some(off) = last {
            let (tile, flags) = tile::<LEAF>(bytes, off)?;
            sum = sum.wrapping_add(tile);
            all_flags |= flags;
        }
        Some((sum, all_flags))
    }

    /// Whether entries with flags have those that they may have, and refer to overflow pages.
    fn references_sound(node: Node, leaf: bool) -> bool {
        let allowed = if leaf { BIG_KEY | BIG_DATA } else { BIG_KEY };
        (0..node.len()).all(|i| {
            let entry = node.entry(i);
            let right = |bit: u8, part: &[u8]| entry.flags & bit == 0 || part.len() == REF;
            entry.flags & !allowed == 0 && right(BIG_KEY, entry.key) && right(BIG_DATA, entry.data)
        })
    }

    /// Whether all entries of a page are sound; the bounds in its header are.
    pub(super) fn is_sound(bytes: &[u8], leaf: bool) -> bool {
        let node = Node::new(Order::Little, bytes);
        let slots = bytes.get(HEADER..node.lower()).unwrap_or(&[]);
        let tiles = if leaf { tiles::<true>(bytes, slots) } else { tiles::<false>(bytes, slots) };
        let whole = spread(node.upper()).wrapping_sub(spread(bytes.len()));
        tiles.is_some_and(|(sum, flags)| sum == whole && (flags == 0 || references_sound(node, leaf)))
    }
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

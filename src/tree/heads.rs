//! The first bytes of keys as numbers, which decide most comparisons of a search without a
//! branch that the processor would have to guess.

use crate::memory::copy;
use crate::page::node::{Node, BIG_KEY, ENTRY_FIXED};

/// Worth its code only where a 64-bit comparison is one instruction.
pub(super) const USED: bool = cfg!(target_pointer_width = "64");

/// The first eight bytes, filled up with zeroes: in the order of the keys, but for ties.
fn of_key(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    copy(&mut bytes, key);
    u64::from_be_bytes(bytes)
}

/// The head of entry `i`; `None` if it is not at hand (an overflow key, the last bytes of a page).
#[inline(always)]
fn of_entry(node: Node, i: usize) -> Option<u64> {
    let entry = node.bytes.get(node.offset(i)..)?.first_chunk::<{ ENTRY_FIXED + 8 }>()?;
    let [l0, l1, l2, l3, _, _, _, _, flags, head @ ..] = *entry;
    if flags & BIG_KEY != 0 {
        return None;
    }
    let len = node.order.u32(&[l0, l1, l2, l3], 0);
    let unused = if len < 8 { u64::MAX >> (len * 8) } else { 0 };
    Some(u64::from_be_bytes(head) & !unused)
}

/// Narrows `low..high`, the entries that a search has not decided, as far as heads can tell.
pub(super) fn narrow(node: Node, low: usize, high: usize, key: &[u8]) -> (usize, usize) {
    let head = of_key(key);
    let (mut base, mut len) = (low, high.saturating_sub(low));
    while len > 0 {
        let half = len / 2;
        let Some(entry) = of_entry(node, base + half) else { return (low, high) };
        let smaller = usize::from(entry < head).wrapping_neg();
        base += (half + 1) & smaller;
        len = (half & !smaller) | ((len - half - 1) & smaller);
    }
    // All before `base` are smaller. Only entries with the same head are undecided: none, mostly one.
    let same = |i: usize| i < high && of_entry(node, i).is_none_or(|entry| entry == head);
    match (same(base), same(base + 1)) {
        (false, _) => (base, base),
        (true, false) => (base, base + 1),
        (true, true) => (base, high),
    }
}

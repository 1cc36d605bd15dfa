//! The first bytes of keys as numbers, which decide most comparisons of a search without a
//! branch that the processor would have to guess.

use crate::memory::copy;
use crate::page::node::{Node, BIG_KEY, ENTRY_FIXED, SLOT};
use crate::page::{Order, HEADER};

/// Worth its code only where a 64-bit comparison is one instruction.
pub(super) const USED: bool = cfg!(all(target_pointer_width = "64", not(small)));

/// The first eight bytes, filled up with zeroes: in the order of the keys, but for ties.
#[inline]
pub(super) fn of_key(key: &[u8]) -> u64 {
    if let Some(head) = key.first_chunk() {
        return u64::from_be_bytes(*head);
    }
    let mut bytes = [0; 8];
    copy(&mut bytes, key);
    u64::from_be_bytes(bytes)
}

/// The entries of one page, for reading heads fast.
struct Heads<'a> {
    slots: &'a [u8],
    bytes: &'a [u8],
}

impl Heads<'_> {
    /// The head of entry `i`; `None` if it is not at hand (an overflow key, the last bytes of a page).
    #[inline(always)]
    fn get(&self, order: Order, i: usize) -> Option<u64> {
        let slot = self.slots.get(i * SLOT..i * SLOT + SLOT)?;
        let off = order.u16(slot, 0);
        let entry = self.bytes.get(off..off + ENTRY_FIXED + 8)?.first_chunk::<{ ENTRY_FIXED + 8 }>()?;
        let [l0, l1, l2, l3, _, _, _, _, flags, head @ ..] = *entry;
        if flags & BIG_KEY != 0 {
            return None;
        }
        let head = u64::from_be_bytes(head);
        let len = order.u32(&[l0, l1, l2, l3], 0);
        Some(if len < 8 { head & !(u64::MAX >> (len * 8)) } else { head })
    }

    /// `low..high` without the entries that heads tell to be smaller or greater than `head`.
    #[inline(always)]
    fn narrow(&self, order: Order, low: usize, high: usize, head: u64) -> (usize, usize) {
        let (mut base, mut len, mut tie) = (low, high.saturating_sub(low), false);
        while len > 0 {
            let half = len / 2;
            let Some(entry) = self.get(order, base + half) else { return (low, high) };
            tie |= entry == head;
            let smaller = usize::from(entry < head).wrapping_neg();
            base += (half + 1) & smaller;
            len = half.wrapping_sub((half + half + 1).wrapping_sub(len) & smaller);
        }
        // All before `base` are smaller. A tie, if there is one, is at `base`; mostly it is the only one.
        if !tie {
            return (base, base);
        }
        let next = base + 1;
        let more = next < high && self.get(order, next).is_none_or(|entry| entry == head);
        (base, if more { high } else { next })
    }
}

/// Narrows `low..high`, the entries that a search has not decided, as far as heads can tell.
#[inline]
pub(super) fn narrow(node: Node, low: usize, high: usize, head: u64) -> (usize, usize) {
    let heads = Heads { slots: node.bytes.get(HEADER..node.lower()).unwrap_or(&[]), bytes: node.bytes };
    // A loop of its own for the common order.
    if node.order == Order::Little {
        heads.narrow(Order::Little, low, high, head)
    } else {
        heads.narrow(Order::Big, low, high, head)
    }
}

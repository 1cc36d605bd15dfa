//! The first bytes of keys as numbers, which decide most comparisons of a search without a
//! branch that the processor would have to guess.

use crate::memory::copy;
use crate::page::node::{Node, BIG_KEY, ENTRY_FIXED, SLOT};
use crate::page::{Order, HEADER};
use core::cmp::Ordering;

/// Worth its code only where a 64-bit comparison is one instruction.
pub(super) const USED: bool = cfg!(all(target_pointer_width = "64", not(small)));
/// Bytes of a head.
const HEAD: usize = 8;
/// Entries that a search ends with: all of them are compared, rather than halved.
const FEW: usize = 4;

/// The bits of a head that belong to a key of 0 to 8 bytes.
const MASKS: [u64; HEAD + 1] =
    [0, first(1), first(2), first(3), first(4), first(5), first(6), first(7), u64::MAX];

/// The first `bytes` bytes of a head, 1 to 8.
const fn first(bytes: u32) -> u64 {
    u64::MAX << (64 - 8 * bytes)
}

/// The first eight bytes, filled up with zeroes: in the order of the keys, but for ties.
#[inline]
pub(super) fn of_key(key: &[u8]) -> u64 {
    if let Some(head) = key.first_chunk() {
        return u64::from_be_bytes(*head);
    }
    let mut bytes = [0; HEAD];
    copy(&mut bytes, key);
    u64::from_be_bytes(bytes)
}

/// How two keys compare, mostly without a call.
#[inline]
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let heads = of_key(a).cmp(&of_key(b));
    if heads != Ordering::Equal {
        return heads;
    }
    match (a.get(HEAD..), b.get(HEAD..)) {
        (Some(a), Some(b)) if !a.is_empty() && !b.is_empty() => a.cmp(b),
        // The shorter one is how the other starts.
        _ => a.len().cmp(&b.len()),
    }
}

/// The entries of one page, for reading heads fast.
struct Heads<'a> {
    order: Order,
    slots: &'a [u8],
    bytes: &'a [u8],
}

impl Heads<'_> {
    /// The head of the entry at an offset; `None` for an overflow key, and for one of less than
    /// eight bytes unless `SHORT`: where there is none, no comparison waits for a mask.
    #[inline(always)]
    fn at<const SHORT: bool>(&self, off: usize) -> Option<u64> {
        let entry = self
            .bytes
            .get(off..off + ENTRY_FIXED + HEAD)
            .and_then(|entry| entry.first_chunk::<{ ENTRY_FIXED + HEAD }>());
        let Some([l0, l1, l2, l3, _, _, _, _, flags, head @ ..]) = entry else {
            return if SHORT { self.at_end(off) } else { None };
        };
        let len = self.order.u32(&[*l0, *l1, *l2, *l3], 0);
        if flags & BIG_KEY != 0 || (!SHORT && len < HEAD as u32) {
            return None;
        }
        let head = u64::from_be_bytes(*head);
        if !SHORT {
            return Some(head);
        }
        let mask = MASKS.get((len as usize).min(HEAD)).copied().unwrap_or(0);
        Some(head & mask)
    }

    /// As `at`, for an entry at the end of the page.
    #[cold]
    fn at_end(&self, off: usize) -> Option<u64> {
        let (flags, key) = Node::new(self.order, self.bytes).key_at(off);
        (flags & BIG_KEY == 0).then(|| of_key(key))
    }

    #[inline(always)]
    fn get<const SHORT: bool>(&self, i: usize) -> Option<u64> {
        self.at::<SHORT>(self.order.u16(self.slots.get(i * SLOT..i * SLOT + SLOT)?, 0))
    }

    /// The first entry from `low` on whose head is not below `head`; `None` if heads cannot tell.
    #[inline(always)]
    fn first_not_below<const SHORT: bool>(&self, low: usize, high: usize, head: u64) -> Option<usize> {
        let (mut base, mut len) = (low, high.saturating_sub(low));
        let get = |i| self.get::<SHORT>(i);
        // Three at a time, as their loads do not wait for each other.
        while len > FEW {
            let step = len / 4;
            let (a, b, c) = (get(base + step)?, get(base + 2 * step)?, get(base + 3 * step)?);
            base += step * (usize::from(a < head) + usize::from(b < head) + usize::from(c < head));
            len -= 3 * step;
        }
        let end = base + len;
        let start = end.wrapping_sub(FEW);
        if start >= low && end >= FEW {
            // Those before `base` are below.
            let slots = self.slots.get(start * SLOT..)?.first_chunk::<{ FEW * SLOT }>()?;
            let mut below = 0;
            for slot in slots.chunks_exact(SLOT) {
                below += usize::from(self.at::<SHORT>(self.order.u16(slot, 0))? < head);
            }
            return Some(start + below);
        }
        let mut below = 0;
        for i in base..end {
            below += usize::from(get(i)? < head);
        }
        Some(base + below)
    }

    /// `low..high` without the entries that heads tell to be smaller or greater than `head`.
    #[inline(always)]
    fn narrow<const SHORT: bool>(&self, low: usize, high: usize, head: u64) -> Option<(usize, usize)> {
        let first = self.first_not_below::<SHORT>(low, high, head)?;
        let tied = |i: usize| i < high && self.get::<SHORT>(i).is_none_or(|entry| entry == head);
        if !tied(first) {
            return Some((first, first));
        }
        // Mostly it is the only one.
        Some((first, if tied(first + 1) { high } else { first + 1 }))
    }
}

/// Narrows `low..high`, the entries that a search has not decided, as far as heads can tell.
#[inline(always)]
pub(super) fn narrow(node: Node, low: usize, high: usize, head: u64) -> (usize, usize) {
    let slots = node.bytes.get(HEADER..node.lower()).unwrap_or(&[]);
    let heads = Heads { order: node.order, slots, bytes: node.bytes };
    // Separators are cut off where they differ, so most are short.
    if node.is_leaf() {
        if let Some(range) = heads.narrow::<false>(low, high, head) {
            return range;
        }
    }
    heads.narrow::<true>(low, high, head).unwrap_or((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::node::insert;
    use crate::page::{init, kind};

    /// Keys of 0 to 10 bytes, many with the same head, in order.
    fn keys() -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = vec![];
        for len in 0..=10 {
            for last in [0, 1, b'a', 255] {
                keys.extend([0, b'a', 255].map(|fill| {
                    let mut key = vec![fill; len];
                    key.splice(len.saturating_sub(1).., [last]);
                    key
                }));
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    #[test]
    fn keys_compare_as_slices_do() {
        for a in keys() {
            for b in keys() {
                assert_eq!(compare(&a, &b), a.cmp(&b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_is_left_holds_the_place_of_the_key() {
        let keys = keys();
        for (order, step) in [(Order::Little, 1), (Order::Big, 1), (Order::Little, 5), (Order::Big, 19)] {
            let some: Vec<&Vec<u8>> = keys.iter().step_by(step).collect();
            let mut page = vec![0; 4096];
            init(order, &mut page, 7, kind::LEAF);
            some.iter().enumerate().for_each(|(i, key)| insert(order, &mut page, i, key, b"v"));
            let node = Node::new(order, &page);
            for key in &keys {
                for low in [0, 1, some.len()] {
                    let place = some.partition_point(|k| *k < key).max(low);
                    let (from, to) = narrow(node, low, some.len(), of_key(key));
                    assert!(from <= place && place <= to, "{key:?} in {step}: {place} not in {from}..{to}");
                }
            }
        }
    }
}

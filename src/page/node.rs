//! Leaf and internal pages: header, index array, entries (FORMAT.md, "Tree pages").
//!
//! Readers rely on [`verify_tree_page`](super::verify_tree_page), which every page passes
//! when it enters the cache; without it they may return nonsense but still cannot panic.

use super::{bytes::Order, field, kind, HEADER};
use crate::memory::{copy_entry, shift};
#[cfg(feature = "repack")]
use core::ops::Range;

/// Bytes of an entry before its key.
pub(crate) const ENTRY_FIXED: usize = 9;
/// Bytes of an index slot.
pub(crate) const SLOT: usize = 2;
/// Bytes of an overflow reference: first page and size of the item.
pub(crate) const REF: usize = 8;

/// The value is an overflow reference.
pub(crate) const BIG_DATA: u8 = 1;
/// The key is an overflow reference.
pub(crate) const BIG_KEY: u8 = 2;

/// Bytes that an entry with `body` bytes of key and value takes on a page.
#[inline]
pub(crate) fn entry_size(body: usize) -> usize {
    ENTRY_FIXED.wrapping_add(body).wrapping_add(3) & !3
}

/// An entry as stored; keys and data may be overflow references.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub flags: u8,
    pub key: &'a [u8],
    /// Empty on internal pages.
    pub data: &'a [u8],
}

#[cfg(any(feature = "shortcuts", feature = "check"))]
impl Entry<'_> {
    /// Bytes the entry takes on a page.
    pub fn size(&self) -> usize {
        entry_size(self.key.len().wrapping_add(self.data.len()))
    }
}

/// A tree page for reading.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub order: Order,
    pub bytes: &'a [u8],
}

impl<'a> Node<'a> {
    pub fn new(order: Order, bytes: &'a [u8]) -> Self {
        Node { order, bytes }
    }

    #[inline]
    pub fn field(&self, at: usize) -> u32 {
        self.order.u32(self.bytes, at)
    }

    #[inline]
    pub fn is_leaf(&self) -> bool {
        self.field(field::FLAGS) == kind::LEAF
    }

    pub fn lower(&self) -> usize {
        self.order.u16(self.bytes, field::LOWER)
    }

    /// Offset of the lowest entry. 0 stands for 65536.
    pub fn upper(&self) -> usize {
        match self.order.u16(self.bytes, field::UPPER) {
            0 => self.bytes.len(),
            upper => upper,
        }
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.lower().saturating_sub(HEADER) / SLOT
    }

    /// Bytes between the index array and the entries.
    pub fn free(&self) -> usize {
        self.upper().wrapping_sub(self.lower())
    }

    /// Bytes taken by entries and their slots, out of page size - [`HEADER`].
    pub fn used(&self) -> usize {
        self.bytes.len().wrapping_sub(HEADER).wrapping_sub(self.free())
    }

    /// The slots of `count` entries from `from` on.
    #[cfg(feature = "repack")]
    pub fn slots(&self, from: usize, count: usize) -> &'a [u8] {
        let start = HEADER.wrapping_add(from.wrapping_mul(SLOT));
        self.bytes.get(start..start.wrapping_add(count.wrapping_mul(SLOT))).unwrap_or(&[])
    }

    /// Offset of entry `i` on the page.
    #[inline]
    pub fn offset(&self, i: usize) -> usize {
        self.order.u16(self.bytes, HEADER.wrapping_add(i.wrapping_mul(SLOT)))
    }

    /// Flags and stored key of entry `i`.
    #[inline(always)]
    pub fn key(&self, i: usize) -> (u8, &'a [u8]) {
        self.key_at(self.offset(i))
    }

    /// Flags and stored key of the entry at offset `off`.
    #[inline(always)]
    pub fn key_at(&self, off: usize) -> (u8, &'a [u8]) {
        let entry = self.bytes.get(off..).unwrap_or(&[]);
        let len = self.order.u32(entry, 0) as usize;
        let key = entry.get(ENTRY_FIXED..len.wrapping_add(ENTRY_FIXED)).unwrap_or(&[]);
        (entry.get(8).copied().unwrap_or(0), key)
    }

    /// Entry `i`.
    pub fn entry(&self, i: usize) -> Entry<'a> {
        let (flags, key) = self.key(i);
        let off = self.offset(i);
        let second = self.order.u32(self.bytes, off.wrapping_add(4));
        if !self.is_leaf() {
            return Entry { flags, key, data: &[] };
        }
        let start = off.wrapping_add(ENTRY_FIXED).wrapping_add(key.len());
        let data = self.bytes.get(start..start.wrapping_add(second as usize)).unwrap_or(&[]);
        Entry { flags, key, data }
    }

    /// Of leaf entry `i`: where its key starts, the lengths of key and value, and the flags.
    #[cfg_attr(not(small), inline(always))]
    pub fn lengths(&self, i: usize) -> (usize, usize, usize, u8) {
        let off = self.offset(i);
        let fixed = self.bytes.get(off..).and_then(|b| b.first_chunk::<ENTRY_FIXED>());
        let [lens @ .., flags] = fixed.unwrap_or(&[0; ENTRY_FIXED]);
        let (key, data) = (self.order.u32(lens, 0), self.order.u32(lens, 4));
        (off.wrapping_add(ENTRY_FIXED), key as usize, data as usize, *flags)
    }

    /// Bytes that the entry at offset `off` takes on the page.
    #[inline(always)]
    pub fn size_at(&self, off: usize, leaf: bool) -> usize {
        let Some([k0, k1, k2, k3, second @ ..]) = self.bytes.get(off..).and_then(|b| b.first_chunk::<8>())
        else {
            return 0;
        };
        let data = if leaf { self.order.u32(second, 0) } else { 0 };
        entry_size(self.order.u32(&[*k0, *k1, *k2, *k3], 0).wrapping_add(data) as usize)
    }

    /// Bytes that entry `i` takes on the page.
    pub fn size(&self, i: usize) -> usize {
        self.size_at(self.offset(i), self.is_leaf())
    }

    /// How many entries of `range`, from its start on, take no more than `most` bytes together with
    /// their slots, and how many bytes they take.
    #[cfg(feature = "repack")]
    pub fn fitting(&self, range: Range<usize>, most: usize) -> (usize, usize) {
        // A loop of its own for the common order, where code is cheap.
        if self.order == Order::Little && cfg!(all(target_pointer_width = "64", not(small))) {
            Node { order: Order::Little, ..*self }.fitting_loop(range, most)
        } else {
            self.fitting_loop(range, most)
        }
    }

    #[cfg(feature = "repack")]
    #[inline(always)]
    fn fitting_loop(&self, range: Range<usize>, most: usize) -> (usize, usize) {
        let (leaf, mut count, mut used) = (self.is_leaf(), 0, 0);
        for slot in self.slots(range.start, range.len()).chunks_exact(SLOT) {
            let with = used + SLOT + self.size_at(self.order.u16(slot, 0), leaf);
            if with > most {
                break;
            }
            (count, used) = (count + 1, with);
        }
        (count, used)
    }

    /// The child of internal entry `i`.
    #[inline]
    pub fn child(&self, i: usize) -> u32 {
        self.order.u32(self.bytes, self.offset(i).wrapping_add(4))
    }
}

fn zero(bytes: &mut [u8], at: usize, len: usize) {
    if let Some(part) = bytes.get_mut(at..at.wrapping_add(len)) {
        part.fill(0);
    }
}

/// Copies `from` to offset `at`; does nothing if it does not fit.
#[cfg_attr(small, inline(never))]
pub(crate) fn put(bytes: &mut [u8], at: usize, from: &[u8]) {
    if let Some(part) = bytes.get_mut(at..at.wrapping_add(from.len())) {
        copy_entry(part, from);
    }
}

/// Makes room for an entry of `size` bytes as number `i` and returns its offset.
/// The caller has made sure that `size` + [`SLOT`] bytes are free, and fills it.
#[cfg_attr(all(target_pointer_width = "64", not(small)), inline(always))]
pub(crate) fn open_slot(order: Order, bytes: &mut [u8], i: usize, size: usize) -> usize {
    let node = Node::new(order, bytes);
    let (lower, upper) = (node.lower(), node.upper());
    let slot = HEADER + i * SLOT;
    let offset = upper.wrapping_sub(size);
    shift(bytes, slot, slot + SLOT, lower.saturating_sub(slot));
    order.put_u16(bytes, slot, offset as u16);
    put_bounds(order, bytes, lower.wrapping_add(SLOT), offset);
    offset
}

/// Sets where the index array ends and the entries begin.
#[inline]
fn put_bounds(order: Order, bytes: &mut [u8], lower: usize, upper: usize) {
    if let Some(head) = bytes.first_chunk_mut::<HEADER>() {
        order.put_u16(head, field::LOWER, lower as u16);
        order.put_u16(head, field::UPPER, upper as u16);
    }
}

/// Adds an inline entry to a leaf that has room for it, as number `i`.
#[cfg(any(test, feature = "shortcuts"))]
pub(crate) fn insert(order: Order, bytes: &mut [u8], i: usize, key: &[u8], data: &[u8]) {
    // Code of its own for the common order, where code is cheap.
    if order == Order::Little && cfg!(all(target_pointer_width = "64", not(small))) {
        insert_in(Order::Little, bytes, i, key, data);
    } else {
        insert_in(order, bytes, i, key, data);
    }
}

#[cfg(any(test, feature = "shortcuts"))]
#[inline(always)]
fn insert_in(order: Order, bytes: &mut [u8], i: usize, key: &[u8], data: &[u8]) {
    let at = open_slot(order, bytes, i, entry_size(key.len().wrapping_add(data.len())));
    put_entry(order, bytes, at, data.len() as u32, 0, [key, data]);
}

/// Whether key `a` sorts before key `b`, mostly decided by one comparison on large machines.
#[cfg(feature = "shortcuts")]
#[inline(always)]
fn below(a: &[u8], b: &[u8]) -> bool {
    if cfg!(all(target_pointer_width = "64", not(small))) {
        if let (Some(x), Some(y)) = (a.first_chunk(), b.first_chunk()) {
            let (x, y) = (u64::from_be_bytes(*x), u64::from_be_bytes(*y));
            if x != y {
                return x < y;
            }
        }
    }
    a < b
}

/// Adds an inline entry behind the last one of a leaf that has no right neighbour, if its key is
/// greater and it fits: rising keys, without a search. False, and no change, otherwise.
#[cfg(feature = "shortcuts")]
pub(crate) fn append_last(order: Order, bytes: &mut [u8], key: &[u8], data: &[u8]) -> bool {
    // Code of its own for the common order, where code is cheap.
    if order == Order::Little && cfg!(all(target_pointer_width = "64", not(small))) {
        append_last_in(Order::Little, bytes, key, data)
    } else {
        append_last_in(order, bytes, key, data)
    }
}

#[cfg(feature = "shortcuts")]
#[inline(always)]
fn append_last_in(order: Order, bytes: &mut [u8], key: &[u8], data: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk::<HEADER>() else { return false };
    let (next, lower, upper) =
        (order.u32(head, field::NEXT), order.u16(head, field::LOWER), order.u16(head, field::UPPER));
    let slot = lower.wrapping_sub(SLOT);
    let size = entry_size(key.len().wrapping_add(data.len()));
    // An empty page, among them all whose `upper` is stored as 0, is left to the search.
    if next != 0 || slot < HEADER || upper < lower || upper - lower < size + SLOT {
        return false;
    }
    let last = bytes.get(order.u16(bytes, slot)..).unwrap_or(&[]);
    let Some((fixed, rest)) = last.split_first_chunk::<ENTRY_FIXED>() else { return false };
    let (len, [.., flags]) = (order.u32(fixed, 0) as usize, *fixed);
    if flags & BIG_KEY != 0 || rest.get(..len).is_none_or(|last| !below(last, key)) {
        return false;
    }
    let at = upper - size;
    order.put_u16(bytes, lower, at as u16);
    order.put_u16(bytes, field::LOWER, (lower + SLOT) as u16);
    order.put_u16(bytes, field::UPPER, at as u16);
    put_entry(order, bytes, at, data.len() as u32, 0, [key, data]);
    true
}

/// Takes entry `i` out, closing the gap and zeroing what becomes free.
#[cfg_attr(small, inline(never))]
pub(crate) fn remove(order: Order, bytes: &mut [u8], i: usize) {
    // A loop of its own for the common order, where code is cheap.
    if order == Order::Little && cfg!(all(target_pointer_width = "64", not(small))) {
        remove_in(Order::Little, bytes, i);
    } else {
        remove_in(order, bytes, i);
    }
}

#[inline(always)]
fn remove_in(order: Order, bytes: &mut [u8], i: usize) {
    let node = Node::new(order, bytes);
    let (lower, upper) = (node.lower(), node.upper());
    let (offset, size) = (node.offset(i), node.size(i));
    shift(bytes, upper, upper.wrapping_add(size), offset.saturating_sub(upper));
    zero(bytes, upper, size);
    let slot = HEADER + i * SLOT;
    shift(bytes, slot + SLOT, slot, lower.saturating_sub(slot + SLOT));
    zero(bytes, lower.wrapping_sub(SLOT), SLOT);
    put_bounds(order, bytes, lower.wrapping_sub(SLOT), upper.wrapping_add(size));
    let slots = bytes.get_mut(HEADER..lower.wrapping_sub(SLOT)).unwrap_or(&mut []);
    for slot in slots.chunks_exact_mut(SLOT) {
        let old = order.u16(slot, 0);
        let moved = if old < offset { size } else { 0 };
        order.put_u16(slot, 0, old.wrapping_add(moved) as u16);
    }
}

/// Writes an entry at `offset`; `second` is the length of the data, or the child.
#[cfg(any(test, feature = "shortcuts"))]
#[cfg_attr(all(target_pointer_width = "64", not(small)), inline(always))]
pub(crate) fn put_entry(
    order: Order,
    bytes: &mut [u8],
    offset: usize,
    second: u32,
    flags: u8,
    parts: [&[u8]; 2],
) {
    let [key, data] = parts;
    let body = key.len().wrapping_add(data.len());
    let Some(entry) = bytes.get_mut(offset..offset.wrapping_add(entry_size(body))) else { return };
    let Some((fixed, rest)) = entry.split_first_chunk_mut::<ENTRY_FIXED>() else { return };
    order.put_u32(fixed, 0, key.len() as u32);
    order.put_u32(fixed, 4, second);
    put(fixed, 8, &[flags]);
    put(rest, 0, key);
    put(rest, key.len(), data);
    zero(rest, body, rest.len().wrapping_sub(body));
}

/// Copies entries `range` of page `source` behind those of page `target`, which has room for them.
#[cfg(feature = "repack")]
#[cfg_attr(small, inline(never))]
pub(crate) fn append_entries(order: Order, source: &[u8], range: Range<usize>, target: &mut [u8]) {
    // A loop of its own for the common order, where code is cheap.
    if order == Order::Little && cfg!(all(target_pointer_width = "64", not(small))) {
        append_loop(Order::Little, source, range, target);
    } else {
        append_loop(order, source, range, target);
    }
}

#[cfg(feature = "repack")]
#[inline(always)]
fn append_loop(order: Order, source: &[u8], range: Range<usize>, target: &mut [u8]) {
    let (node, end) = (Node::new(order, source), Node::new(order, target));
    let (leaf, lower, upper) = (node.is_leaf(), end.lower(), end.upper());
    let new_lower = lower.wrapping_add(range.len().wrapping_mul(SLOT));
    let Some((head, mut free)) = target.get_mut(..upper).and_then(|b| b.split_at_mut_checked(new_lower))
    else {
        return;
    };
    // (`zip` would do, but for a panic that the compiler keeps.)
    let mut new_slots = head.get_mut(lower..).unwrap_or(&mut []).chunks_exact_mut(SLOT);
    for slot in node.slots(range.start, range.len()).chunks_exact(SLOT) {
        let Some(new_slot) = new_slots.next() else { break };
        let entry = source.get(order.u16(slot, 0)..).unwrap_or(&[]);
        let size = Node::new(order, entry).size_at(0, leaf);
        let start = free.len().wrapping_sub(size);
        let room = core::mem::take(&mut free);
        let (Some((rest, to)), Some(from)) = (room.split_at_mut_checked(start), entry.get(..size)) else {
            break;
        };
        copy_entry(to, from);
        order.put_u16(new_slot, 0, new_lower.wrapping_add(start) as u16);
        free = rest;
    }
    let new_upper = new_lower.wrapping_add(free.len());
    put_bounds(order, target, new_lower, new_upper);
}

#[cfg(test)]
mod tests {
    use super::super::{init, verify_tree_page};
    use super::*;

    #[test]
    fn insert_and_remove_leave_no_traces() {
        for (order, size) in [(Order::Little, 512), (Order::Big, 514), (Order::Little, 65536)] {
            let mut page = vec![0u8; size];
            init(order, &mut page, 3, kind::LEAF);
            let empty = page.clone();
            insert(order, &mut page, 0, b"m", b"1234");
            insert(order, &mut page, 0, b"a", b"");
            insert(order, &mut page, 2, b"zz", b"x");
            assert_eq!(verify_tree_page(order, &page, 3), Ok(()));
            let node = Node::new(order, &page);
            let keys: Vec<&[u8]> = (0..node.len()).map(|i| node.key(i).1).collect();
            assert_eq!(keys, [b"a".as_slice(), b"m", b"zz"]);
            assert_eq!(node.entry(1).data, b"1234");
            assert_eq!(node.used(), 3 * SLOT + 12 + 16 + 12);
            for _ in 0..3 {
                let middle = Node::new(order, &page).len() / 2;
                remove(order, &mut page, middle);
                assert_eq!(verify_tree_page(order, &page, 3), Ok(()));
            }
            assert!(page == empty);
        }
    }
}

//! Items in pieces: inline on a tree page, or along a chain of overflow pages
//! (FORMAT.md, "Overflow chains").

use super::Db;
use crate::error::inner::Result;
use crate::error::Reason;
use crate::memory::Memory;
use crate::page::node::{BIG_DATA, BIG_KEY, REF};
use crate::page::{field, kind, node, Order, HEADER};
use crate::pager::Idx;
use crate::storage::Storage;
use core::cmp::Ordering;

/// A key or value in the database, readable until the next operation on it.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The page with the bytes; `None` for a chain.
    pub(crate) frame: Option<Idx>,
    /// Where they start on it; of a chain, its first page.
    pub(crate) at: u32,
    len: u32,
}

impl Item {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True for an empty key or value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn inline(frame: Idx, at: usize, len: usize) -> Self {
        Item { frame: Some(frame), at: at as u32, len: len as u32 }
    }

    /// An overflow chain.
    pub(crate) fn chain(page: u32, len: u32) -> Self {
        Item { frame: None, at: page, len }
    }

    /// First page of the chain, 0: there is none.
    pub(crate) fn page(&self) -> u32 {
        if self.frame.is_some() {
            0
        } else {
            self.at
        }
    }
}

/// A contiguous part of an item.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub frame: Idx,
    pub at: usize,
    pub len: usize,
}

/// An item that is read piece by piece, and what is left of the last one.
#[cfg(any(feature = "repack", feature = "check"))]
struct Reader {
    rest: Item,
    piece: Option<Piece>,
}

/// First page and size in bytes of an overflow item.
pub(super) fn parse_ref(order: Order, stored: &[u8]) -> (u32, u32) {
    (order.u32(stored, 0), order.u32(stored, 4))
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Makes an item of stored bytes that start at `at`: a reference is checked for a size
    /// that the file can hold, before anyone allocates memory for it.
    fn item(&mut self, f: Idx, at: usize, len: usize, big: bool) -> Result<Item> {
        if !big {
            return Ok(Item::inline(f, at, len));
        }
        let stored = self.pager.page(f).get(at..).unwrap_or(&[]);
        let (page, len) = parse_ref(self.pager.order(), stored);
        let most = u64::from(self.pager.pages()) * self.pager.capacity() as u64;
        if page == 0 || len == 0 || u64::from(len) > most {
            let pgno = self.pager.pgno(f);
            return self.pager.corrupt(pgno, at as u32, Reason::Chain);
        }
        Ok(Item::chain(page, len))
    }

    /// The key of an entry.
    pub(crate) fn key_item(&mut self, f: Idx, i: usize) -> Result<Item> {
        let node = self.node(f);
        let (flags, key) = node.key(i);
        let (at, len) = (node.offset(i).wrapping_add(node::ENTRY_FIXED), key.len());
        self.item(f, at, len, flags & BIG_KEY != 0)
    }

    /// The value of a leaf entry.
    pub(crate) fn data_item(&mut self, f: Idx, i: usize) -> Result<Item> {
        let (key_at, key, data, flags) = self.node(f).lengths(i);
        self.item(f, key_at.wrapping_add(key), data, flags & BIG_DATA != 0)
    }

    /// Takes the first piece off an item, `None` at its end. Checks the chain as it goes.
    pub(crate) fn piece(&mut self, rest: &mut Item) -> Result<Option<Piece>> {
        let Item { frame, at, len } = *rest;
        if len == 0 {
            return Ok(None);
        }
        if let Some(frame) = frame {
            rest.len = 0;
            return Ok(Some(Piece { frame, at: at as usize, len: len as usize }));
        }
        let frame = self.pager.overflow_page(at)?;
        let here = len.min(self.pager.capacity() as u32);
        rest.len = len - here;
        rest.at = self.pager.field(frame, field::NEXT);
        // A chain is exactly as long as its item.
        if (rest.len == 0) != (rest.at == 0) {
            return self.pager.corrupt(at, field::NEXT as u32, Reason::Chain);
        }
        Ok(Some(Piece { frame, at: HEADER, len: here as usize }))
    }

    pub(super) fn piece_bytes(&self, piece: Piece) -> &[u8] {
        self.pager.page(piece.frame).get(piece.at..piece.at.wrapping_add(piece.len)).unwrap_or(&[])
    }

    /// Lets the page of a chain go again.
    pub(crate) fn release_piece(&mut self, item: Item, piece: Piece) {
        if item.frame.is_none() {
            self.pager.release(piece.frame, true);
        }
    }

    /// Copies an item's bytes to `to`, which has its length.
    pub(crate) fn try_read(&mut self, item: &Item, to: &mut [u8]) -> Result<()> {
        let mut rest = *item;
        let mut done = 0usize;
        while let Some(piece) = self.piece(&mut rest)? {
            node::put(to, done, self.piece_bytes(piece));
            done = done.wrapping_add(piece.len);
            self.release_piece(*item, piece);
        }
        Ok(())
    }

    /// How the item compares with `key`; with `prefix`, how its first `key.len()` bytes do.
    pub(super) fn compare_item(&mut self, item: Item, key: &[u8], prefix: bool) -> Result<Ordering> {
        let (mut later, mut rest) = (item, key);
        while let Some(piece) = self.piece(&mut later)? {
            let bytes = self.piece_bytes(piece);
            let (order, within) = (bytes.cmp(rest), rest.strip_prefix(bytes));
            let ends = prefix && bytes.starts_with(rest);
            self.release_piece(item, piece);
            match within {
                _ if ends => return Ok(Ordering::Equal),
                Some(behind) => rest = behind,
                None => return Ok(order),
            }
        }
        Ok(if rest.is_empty() { Ordering::Equal } else { Ordering::Less })
    }

    /// Length of the common prefix of two items, and how they compare.
    #[cfg(any(feature = "repack", feature = "check"))]
    pub(crate) fn common_prefix(&mut self, a: Item, b: Item) -> Result<(usize, Ordering)> {
        if let (Some(a), Some(b)) = (self.inline_bytes(&a), self.inline_bytes(&b)) {
            return Ok((a.iter().zip(b).take_while(|(p, q)| p == q).count(), a.cmp(b)));
        }
        let mut order = a.len().cmp(&b.len());
        let mut a = Reader { rest: a, piece: None };
        let mut b = Reader { rest: b, piece: None };
        let mut common = 0usize;
        loop {
            self.fill(&mut a)?;
            self.fill(&mut b)?;
            let (Some(x), Some(y)) = (a.piece, b.piece) else { break };
            let (left, right) = (self.piece_bytes(x), self.piece_bytes(y));
            let same = left.iter().zip(right).take_while(|(p, q)| p == q).count();
            let len = left.len().min(right.len());
            common += same;
            if same < len {
                order = left.get(same).cmp(&right.get(same));
                break;
            }
            self.skip(&mut a, len);
            self.skip(&mut b, len);
        }
        self.skip(&mut a, usize::MAX);
        self.skip(&mut b, usize::MAX);
        Ok((common, order))
    }

    /// Reads the next piece if there is nothing left of the last one.
    #[cfg(any(feature = "repack", feature = "check"))]
    #[cfg_attr(small, inline(never))]
    fn fill(&mut self, reader: &mut Reader) -> Result<()> {
        if reader.piece.is_none() {
            reader.piece = self.piece(&mut reader.rest)?;
        }
        Ok(())
    }

    /// Goes on by `len` bytes of a piece, or as many as are left; a used up page is let go.
    #[cfg(any(feature = "repack", feature = "check"))]
    #[cfg_attr(small, inline(never))]
    fn skip(&mut self, reader: &mut Reader, len: usize) {
        match &mut reader.piece {
            Some(piece) if piece.len > len => (piece.at, piece.len) = (piece.at + len, piece.len - len),
            piece => {
                if let Some(piece) = piece.take() {
                    self.release_piece(reader.rest, piece);
                }
            }
        }
    }

    /// A new, empty overflow page behind `last`; the first page of a chain without one.
    pub(super) fn extend_chain(&mut self, last: Option<Idx>, flags: u32) -> Result<Idx> {
        let f = self.pager.alloc_page(kind::OVERFLOW)?;
        match last {
            Some(last) => {
                let pgno = self.pager.pgno(f);
                self.pager.set_field(last, field::NEXT, pgno);
                self.pager.release(last, false);
            }
            None => self.pager.set_field(f, field::FLAGS, kind::OVERFLOW | flags),
        }
        Ok(f)
    }

    /// The stored form of a chain that starts on page `first`.
    pub(super) fn make_ref(&self, first: Idx, len: usize) -> [u8; REF] {
        let mut stored = [0; REF];
        let order = self.pager.order();
        order.put_u32(&mut stored, 0, self.pager.pgno(first));
        order.put_u32(&mut stored, 4, len as u32);
        stored
    }

    /// Writes bytes to a new overflow chain, to which `stored` refers then.
    pub(super) fn write_chain(&mut self, bytes: &[u8], stored: &mut [u8; REF]) -> Result<()> {
        let (mut rest, mut last) = (bytes, None);
        while !rest.is_empty() {
            let f = self.extend_chain(last, 0)?;
            if last.is_none() {
                *stored = self.make_ref(f, bytes.len());
            }
            let room = self.pager.capacity().min(rest.len());
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            node::put(self.pager.page_mut(f), HEADER, now);
            rest = later;
            last = Some(f);
        }
        if let Some(last) = last {
            self.pager.release(last, false);
        }
        Ok(())
    }

    /// Copies the first `len` bytes of a key to a chain of its own, for a separator.
    #[cfg(feature = "repack")]
    #[cfg_attr(small, inline(never))]
    pub(super) fn write_separator(&mut self, item: Item, len: usize) -> Result<[u8; REF]> {
        let (mut rest, mut left) = (item, len);
        let (mut last, mut stored, mut filled) = (None, [0; REF], 0);
        while left > 0 {
            let Some(mut piece) = self.piece(&mut rest)? else { break };
            let whole = piece;
            piece.len = piece.len.min(left);
            left -= piece.len;
            while piece.len > 0 {
                let to = match last {
                    Some(to) if filled < self.pager.capacity() => to,
                    _ => {
                        let to = self.extend_chain(last, kind::PRESERVE)?;
                        if last.is_none() {
                            stored = self.make_ref(to, len);
                        }
                        filled = 0;
                        to
                    }
                };
                last = Some(to);
                let part = piece.len.min(self.pager.capacity() - filled);
                self.pager.copy(piece.frame, piece.at, to, HEADER + filled, part);
                filled += part;
                piece.at += part;
                piece.len -= part;
            }
            self.release_piece(item, whole);
        }
        Ok(stored)
    }

    /// Frees the chains of a leaf entry. One that separators may refer to stays, as in the C
    /// library: they are not counted anywhere.
    pub(super) fn free_chains(&mut self, f: Idx, i: usize) -> Result<()> {
        let flags = self.key(f, i).0;
        if flags & BIG_KEY != 0 {
            let key = self.key_item(f, i)?;
            self.free_chain(key)?;
        }
        if flags & BIG_DATA != 0 {
            let data = self.data_item(f, i)?;
            self.free_chain(data)?;
        }
        Ok(())
    }

    fn free_chain(&mut self, item: Item) -> Result<()> {
        let first = self.pager.overflow_page(item.at)?;
        if self.pager.field(first, field::FLAGS) & kind::PRESERVE != 0 {
            return Ok(());
        }
        let mut rest = item;
        while let Some(piece) = self.piece(&mut rest)? {
            if rest.is_empty() {
                return self.pager.free_chain(item.at, piece.frame);
            }
            self.pager.release(piece.frame, true);
        }
        Ok(())
    }
}

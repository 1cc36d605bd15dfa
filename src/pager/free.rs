//! The free list, and new pages (FORMAT.md, "Free list").

use super::{Idx, Pager};
use crate::error::inner::Result;
use crate::error::{Error, Reason};
use crate::memory::Memory;
use crate::page::node::{Node, SLOT};
use crate::page::{field, kind, HEADER};
use crate::storage::Storage;

/// Page numbers are 32 bits and the last two are never given out.
pub(super) const MAX_PAGES: u32 = u32::MAX - 1;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// An empty page of a kind: the first free one, or a new one at the end of the file.
    pub fn alloc_page(&mut self, kind: u32) -> Result<Idx> {
        let pgno = self.meta.free;
        if pgno != 0 {
            let f = self.free_page_at(pgno)?;
            let next = self.field(f, field::NEXT);
            self.touch(f)?;
            self.meta.free = next;
            self.format(f, pgno, kind);
            return Ok(f);
        }
        let mut pgno = self.pages;
        #[cfg(feature = "journal")]
        {
            pgno = self.beside_log(pgno);
        }
        while self.is_slot(pgno) {
            pgno = pgno.saturating_add(1);
        }
        if pgno >= MAX_PAGES {
            return self.fail(Error::Full);
        }
        // Taken before a frame is found for it, so that no page is spilled there.
        self.pages = pgno + 1;
        let f = self.fresh_touched(pgno)?;
        self.format(f, pgno, kind);
        Ok(f)
    }

    /// A page of the free list. A free page has no entries (an internal one may keep its last),
    /// so a list that leads into the tree is noticed before anything is overwritten.
    fn free_page_at(&mut self, pgno: u32) -> Result<Idx> {
        if pgno < 2 || pgno >= self.pages {
            return self.corrupt(pgno, 0, Reason::FreeList);
        }
        let f = self.load(pgno)?;
        let node = Node::new(self.meta.order, self.pool.page(f));
        let ok = node.field(field::PGNO) == pgno
            && match node.field(field::FLAGS) {
                kind::OVERFLOW => true,
                kind::LEAF => node.lower() == HEADER,
                kind::INTERNAL => node.lower() <= HEADER + SLOT,
                _ => false,
            };
        if !ok {
            return self.corrupt(pgno, field::FLAGS as u32, Reason::FreeList);
        }
        Ok(f)
    }

    /// Puts a page on the free list. A tree page is emptied.
    pub fn free_page(&mut self, f: Idx) -> Result<()> {
        self.touch(f)?;
        let (pgno, kind) = (self.pgno(f), self.field(f, field::FLAGS));
        if kind != kind::OVERFLOW {
            self.format(f, pgno, kind);
        }
        let head = self.meta.free;
        self.set_field(f, field::PREV, 0);
        self.set_field(f, field::NEXT, head);
        self.meta.free = pgno;
        Ok(())
    }

    /// Puts a chain of overflow pages on the free list; it is linked already, so only its
    /// last page changes.
    pub fn free_chain(&mut self, first: u32, last: Idx) -> Result<()> {
        self.touch(last)?;
        let head = self.meta.free;
        self.set_field(last, field::NEXT, head);
        self.meta.free = first;
        Ok(())
    }

    /// Whether a page below the end of the file is neither of the tree nor free: pages of the log,
    /// and those that others were spilled to.
    #[cfg(any(feature = "extras", feature = "check"))]
    pub fn is_reserved(&self, pgno: u32) -> bool {
        #[cfg(feature = "journal")]
        if self.is_log(pgno) {
            return true;
        }
        self.is_slot(pgno)
    }

    /// Number of pages on the free list.
    #[cfg(feature = "extras")]
    pub fn count_free(&mut self) -> Result<u32> {
        let (mut count, mut pgno) = (0, self.meta.free);
        while pgno != 0 {
            let f = self.free_page_at(pgno)?;
            pgno = self.field(f, field::NEXT);
            self.release(f, true);
            count += 1;
            if count >= self.pages {
                return self.corrupt(pgno, field::NEXT as u32, Reason::FreeList);
            }
        }
        Ok(count)
    }

    /// Empties the file: an empty root, all other pages free, whatever they held.
    #[cfg(feature = "extras")]
    pub fn clear(&mut self) -> Result<()> {
        let root = self.load(1)?;
        self.touch(root)?;
        self.format(root, 1, kind::LEAF);
        self.meta.free = 0;
        for pgno in (2..self.pages).rev() {
            if self.is_reserved(pgno) {
                continue;
            }
            let f = self.blank(pgno)?;
            self.format(f, pgno, kind::LEAF);
            self.free_page(f)?;
            self.release(f, true);
        }
        Ok(())
    }
}

//! Pages as tools show them: what is on each page, in a file with or without a journal.

use super::{Db, Item};
use crate::error::{Error, Reason, Result};
use crate::memory::Memory;
use crate::page::node::Node;
use crate::page::{field, kind};
use crate::storage::Storage;
use std::vec::Vec;

/// Type of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageKind {
    /// Separators and child pages.
    Internal,
    /// Items.
    Leaf,
    /// Part of a long key or value; `preserved` if separators may refer to the chain.
    Overflow {
        /// Whether the page has the preserve flag.
        preserved: bool,
    },
    /// No type of the format: the value of the field.
    Other(u32),
}

/// What the header of a page says, believed as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageHead {
    /// The page's own number.
    pub number: u32,
    /// Type of the page.
    pub kind: PageKind,
    /// Left neighbour, 0: none.
    pub prev: u32,
    /// Right neighbour, or the next page of a chain or the free list, 0: none.
    pub next: u32,
    /// Entries of a leaf or internal page; 0 for other pages.
    pub entries: u32,
    /// Bytes of a leaf or internal page that slots and entries take; 0 for other pages.
    pub used: u32,
}

/// An entry of a leaf or internal page. The items are good until the next operation.
#[derive(Clone, Copy, Debug)]
pub struct PageEntry {
    /// Bytes from the start of the page.
    pub offset: u32,
    /// Key or separator.
    pub key: Item,
    /// The value, on a leaf.
    pub value: Option<Item>,
    /// The child page, on an internal page; otherwise 0.
    pub child: u32,
}

impl Item {
    /// First page of the overflow chain that holds the item, if one does.
    pub fn chain_page(&self) -> Option<u32> {
        (self.page() != 0).then_some(self.page())
    }
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Pages of the file, page 0 included.
    pub fn pages(&self) -> u32 {
        self.pager.pages()
    }

    /// First page of the free list, 0: it is empty.
    pub fn first_free(&self) -> u32 {
        self.pager.first_free()
    }

    /// Pages in memory that wait for a flush.
    pub fn changed_pages(&self) -> u32 {
        self.pager.cached().1 as u32
    }

    /// Bytes of data on an overflow page, and of slots and entries on a leaf or internal page.
    pub fn page_capacity(&self) -> u32 {
        self.pager.capacity() as u32
    }

    /// With a journal of an earlier session: the first page that can belong to it. Of those from
    /// there on, the tree uses only what it refers to.
    #[cfg(feature = "journal")]
    pub fn journal_base(&self) -> Option<u32> {
        self.pager.journal_base()
    }

    /// Flushes in the journal that an earlier session has left; `None` if there is no journal.
    #[cfg(feature = "journal")]
    pub fn journal_commits(&self) -> Option<u32> {
        self.pager.journal_commits()
    }

    /// Header of a page other than page 0.
    pub fn page_head(&mut self, page: u32) -> Result<PageHead> {
        self.pager.begin();
        let f = self.pager.load(page);
        let f = self.outcome(f)?;
        let node = Node::new(self.pager.order(), self.pager.page(f));
        let flags = node.field(field::FLAGS);
        let kind = match flags {
            kind::INTERNAL => PageKind::Internal,
            kind::LEAF => PageKind::Leaf,
            _ if flags & !kind::PRESERVE == kind::OVERFLOW => {
                PageKind::Overflow { preserved: flags & kind::PRESERVE != 0 }
            }
            _ => PageKind::Other(flags),
        };
        let tree = matches!(kind, PageKind::Internal | PageKind::Leaf);
        let (entries, used) = if tree { (node.len(), node.used()) } else { (0, 0) };
        Ok(PageHead {
            number: node.field(field::PGNO),
            kind,
            prev: node.field(field::PREV),
            next: node.field(field::NEXT),
            entries: entries as u32,
            used: used as u32,
        })
    }

    /// All bytes of a page.
    pub fn page_bytes(&mut self, page: u32) -> Result<Vec<u8>> {
        self.pager.begin();
        let f = self.pager.load(page);
        let f = self.outcome(f)?;
        Ok(self.pager.page(f).to_vec())
    }

    /// Makes sure that a page is a leaf or internal page whose entries can all be read.
    pub fn verify_page(&mut self, page: u32) -> Result<()> {
        self.pager.begin();
        let f = self.pager.tree_page(page);
        self.outcome(f).map(drop)
    }

    /// Entry number `i` of a leaf or internal page, which is verified.
    pub fn page_entry(&mut self, page: u32, i: u32) -> Result<PageEntry> {
        self.pager.begin();
        let f = self.pager.tree_page(page);
        let f = self.outcome(f)?;
        let (node, i) = (self.node(f), i as usize);
        if i >= node.len() {
            return Err(Error::Invalid);
        }
        let (offset, leaf) = (node.offset(i) as u32, node.is_leaf());
        let child = if leaf { 0 } else { node.child(i) };
        let key = self.key_item(f, i);
        let key = self.outcome(key)?;
        let value = if leaf { self.data_item(f, i).map(Some) } else { Ok(None) };
        let value = self.outcome(value)?;
        Ok(PageEntry { offset, key, value, child })
    }

    /// Hands an item's bytes to `sink`, a page at a time, until that returns false.
    pub fn read_pieces(&mut self, item: &Item, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<()> {
        let mut rest = *item;
        loop {
            let piece = self.piece(&mut rest);
            let Some(piece) = self.outcome(piece)? else { break };
            let more = sink(self.piece_bytes(piece));
            self.release_piece(*item, piece);
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Damage that a tool has found; [`Db::fault`] tells it from then on.
    pub fn damaged<T>(&mut self, page: u32, offset: u32, reason: Reason) -> Result<T> {
        let damaged = self.pager.corrupt(page, offset, reason);
        self.outcome(damaged)
    }
}

//! What only the verification and the salvage of files need.

use super::Pager;
use crate::error::inner::Result;
use crate::memory::Memory;
use crate::page::meta::Meta;
use crate::storage::Storage;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Takes the file for what `meta` says, whatever is on its page 0, until it is opened in one way or
    /// another.
    pub fn take_for(&mut self, meta: Meta) {
        self.meta = meta;
    }

    /// Opens the file as what it was taken for.
    pub fn open_anyway(&mut self) -> Result<()> {
        let size = self.size()?;
        let pages = self.whole_pages(size)?;
        self.has(pages.max(1));
        self.begin_cache(0);
        Ok(())
    }

    /// The first free page, 0: none.
    pub fn first_free(&self) -> u32 {
        self.meta.free
    }

    /// The field `nrecs` of page 0.
    pub fn nrecs(&self) -> u32 {
        self.meta.nrecs
    }

    /// Bytes of page 0 that mean something.
    pub fn head_len(&self) -> usize {
        #[cfg(feature = "journal")]
        if self.log.on || self.log.state.is_some() {
            return crate::page::log::HEAD;
        }
        crate::page::meta::LEN
    }

    /// Pages that the storage has: 0 for a new file.
    pub fn stored(&self) -> u32 {
        self.stored
    }

    /// Frames granted for unchanged pages.
    pub fn frames(&self) -> usize {
        self.limit
    }

    /// Flushes in the journal of an earlier session, if there is a journal.
    #[cfg(all(feature = "journal", feature = "std"))]
    pub fn journal_commits(&self) -> Option<u32> {
        self.log.state.filter(|_| self.log.old).map(|_| self.log.seq)
    }

    /// First page behind the file without the journal of an earlier session, if there is a journal.
    #[cfg(all(feature = "journal", feature = "std"))]
    pub fn journal_base(&self) -> Option<u32> {
        self.log.state.filter(|_| self.log.old).map(|_| self.log.base)
    }

    /// Whether the storage goes on behind its last whole page. Under a journal it may: a flush that
    /// was cut off is overwritten by the next.
    pub fn ragged(&mut self) -> Result<bool> {
        #[cfg(feature = "journal")]
        if self.log.state.is_some() {
            return Ok(false);
        }
        self.is_ragged()
    }
}

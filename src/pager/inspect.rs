//! What only the verification and the salvage of files need.

use super::Pager;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::page::meta::Meta;
use crate::storage::Storage;

impl<S: Storage, M: Memory> Pager<S, M> {
    /// Takes a file for what `meta` says, whatever is on its page 0.
    pub fn open_as(mut storage: S, memory: M, meta: Meta) -> Result<Self> {
        let size = usize::try_from(storage.size()?).map_err(|_| Error::Full)?;
        let pages = size.checked_div(meta.page_size as usize).unwrap_or(0);
        let pages = u32::try_from(pages).map_err(|_| Error::Full)?;
        Ok(Self::with_meta(storage, memory, meta, pages.max(1), 0))
    }

    /// The first free page, 0: none.
    pub fn first_free(&self) -> u32 {
        self.meta.free
    }

    /// The field `nrecs` of page 0.
    pub fn nrecs(&self) -> u32 {
        self.meta.nrecs
    }

    /// Pages that the storage has: 0 for a new file.
    pub fn stored(&self) -> u32 {
        self.stored
    }

    /// Frames granted for unchanged pages.
    pub fn frames(&self) -> usize {
        self.limit
    }

    /// Whether a page holds what another one is to be, until the next flush.
    pub fn is_spilled_to(&self, pgno: u32) -> bool {
        self.is_slot(pgno)
    }

    /// Whether the storage goes on behind its last whole page.
    pub fn ragged(&mut self) -> Result<bool> {
        let whole = u64::from(self.stored) * u64::from(self.meta.page_size);
        Ok(!self.storage.volatile() && self.storage.size()? > whole)
    }
}

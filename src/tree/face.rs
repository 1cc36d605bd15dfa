//! What [`Db`] does for its users: each method with the reason why it failed.

use super::{Cursor, Db, Item};
use crate::error::{inner, Result};
use crate::memory::Memory;
use crate::storage::Storage;
#[cfg(any(test, feature = "std"))]
use std::vec::Vec;

impl<S: Storage, M: Memory> Db<S, M> {
    /// Gives a failure its reason.
    pub(crate) fn outcome<T>(&self, result: inner::Result<T>) -> Result<T> {
        result.map_err(|_| self.pager.error())
    }

    /// Writes all changes to the storage and syncs it. Does nothing if there are none.
    /// After a failed write every later flush fails with the same error.
    pub fn flush(&mut self) -> Result<()> {
        let flushed = self.pager.flush();
        self.outcome(flushed)
    }

    /// Flushes and leaves a file without a journal, if there was one for this session
    /// (`Options::journal`). The database may be used on, but not dropped without another `close`.
    pub fn close(&mut self) -> Result<()> {
        let closed = self.pager.close();
        self.outcome(closed)
    }

    /// Flushes and writes what is in the journal to its place.
    #[cfg(feature = "journal")]
    pub fn checkpoint(&mut self) -> Result<()> {
        let flushed = self.pager.flush_home();
        self.outcome(flushed)
    }

    /// The value of a key.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Item>> {
        let value = self.try_get(key);
        self.outcome(value)
    }

    /// Stores a value. Returns false, changing nothing, if `overwrite` is false and the key exists.
    /// In a file with duplicates a further item is added behind those with the same key.
    pub fn put(&mut self, key: &[u8], value: &[u8], overwrite: bool) -> Result<bool> {
        let done = self.try_put(key, value, overwrite);
        self.outcome(done)
    }

    /// Removes a key, in a file with duplicates all its items. False if there is none.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let done = self.try_delete(key);
        self.outcome(done)
    }

    /// Number of items. Reads all leaves the first time; later calls are free.
    #[cfg(feature = "extras")]
    pub fn count(&mut self) -> Result<u32> {
        let count = self.try_count();
        self.outcome(count)
    }

    /// Removes everything. All pages but the root become free.
    #[cfg(feature = "extras")]
    pub fn clear(&mut self) -> Result<()> {
        let cleared = self.try_clear();
        self.outcome(cleared)
    }

    /// Figures of the database; reads the free list.
    #[cfg(feature = "extras")]
    pub fn stat(&mut self) -> Result<super::Stat> {
        let stat = self.try_stat();
        self.outcome(stat)
    }

    /// Moves a cursor past one item and returns its key and value; `None`, and the cursor
    /// stays, at the end. Items are good until the next operation.
    pub fn step(&mut self, cursor: &mut Cursor<M>, backward: bool) -> Result<Option<(Item, Item)>> {
        let item = self.try_step(cursor, backward);
        self.outcome(item)
    }

    /// Copies an item's bytes to `to`, which has its length.
    pub fn read(&mut self, item: &Item, to: &mut [u8]) -> Result<()> {
        let read = self.try_read(item, to);
        self.outcome(read)
    }

    /// The value of a key as a vector.
    #[cfg(any(test, feature = "std"))]
    pub fn get_vec(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.get(key)? {
            Some(item) => self.to_vec(&item).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of an item as a vector.
    #[cfg(any(test, feature = "std"))]
    pub fn to_vec(&mut self, item: &Item) -> Result<Vec<u8>> {
        let mut bytes = std::vec![0; item.len()];
        self.read(item, &mut bytes)?;
        Ok(bytes)
    }
}

//! The B-tree: keys in order, on pages. [`Db`] is its face.

#[cfg(feature = "repack")]
mod balance;
mod chain;
#[cfg(feature = "check")]
mod copy;
mod cursor;
mod edit;
mod face;
mod heads;
mod links;
#[cfg(feature = "repack")]
mod repack;
mod search;
#[cfg(feature = "shortcuts")]
mod shortcuts;
#[cfg(not(feature = "repack"))]
mod split;
#[cfg(all(feature = "std", feature = "check"))]
mod view;

use crate::error::inner::Result;
use crate::error::{Error, Failed, Fault, Reason};
use crate::memory::Memory;
use crate::page::field;
use crate::page::node::{BIG_DATA, BIG_KEY, REF};
use crate::pager::{Idx, OpenError, Options, Pager};
use crate::storage::Storage;
pub use chain::Item;
use core::cmp::Ordering;
#[cfg(any(test, feature = "std"))]
pub use cursor::Iter;
pub use cursor::{Cursor, Where};
use edit::{Cell, Edit};
#[cfg(feature = "extras")]
use search::Toward;
#[cfg(feature = "check")]
pub(crate) use search::MAX_DEPTH;
use search::{Path, Place, Side};
#[cfg(all(feature = "std", feature = "check"))]
pub use view::{PageEntry, PageHead, PageKind};

/// Bytes of an entry whose key and value both are overflow references, with its slot:
/// the smallest limit that still lets every item be stored.
const LEAST_LIMIT: usize = 30;
/// What an entry takes besides key and value in the C library's reckoning: slot and fixed part, aligned.
const OVERHEAD: usize = 14;

/// An ordered map of byte strings in a BerkeleyDB 1.85 B-tree file.
///
/// Every method either succeeds or leaves the map as it was. Changes stay in memory until
/// [`Db::flush`]; nothing is written when a `Db` is dropped.
// The pager comes first: where a database is, it is, and no address has to be worked out.
#[repr(C)]
pub struct Db<S: Storage, M: Memory> {
    pub(crate) pager: Pager<S, M>,
    /// Keys and values whose lengths add up to more than this go to overflow pages.
    limit: usize,
    /// The way of the last search.
    path: Path,
    /// Counts changes, so that cursors know whether their place is still good.
    changes: u32,
    /// Number of items, once it was asked for.
    #[cfg(feature = "extras")]
    count: Option<u32>,
    /// Entries that were removed or replaced and not made up for by new ones: while there are any,
    /// pages can be kept full, as their number need not grow.
    #[cfg(feature = "repack")]
    churn: u8,
    /// The leaf of the last insertion if that was the last of all keys, and `changes` then.
    #[cfg(feature = "shortcuts")]
    hint: Option<(Idx, u32)>,
}

/// Figures of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Bytes per page.
    pub page_size: u32,
    /// Pages of the file once everything is flushed, the meta page included.
    pub pages: u32,
    /// Levels of the tree; 1 if the root is a leaf.
    pub depth: u32,
    /// Pages on the free list.
    pub free: u32,
    /// Pages in memory.
    pub cached: u32,
    /// Of these, changed since the last flush.
    pub dirty: u32,
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Opens the database in `storage`, or a new one if it is empty. Reads the header,
    /// writes nothing.
    pub fn open(storage: S, memory: M, options: &Options) -> core::result::Result<Self, OpenError> {
        options.check().map_err(|error| OpenError { error, fault: None })?;
        let mut db = Self::with_pager(Pager::new(storage, memory, options));
        match db.try_open(options) {
            Ok(()) => Ok(db),
            Err(Failed) => Err(db.pager.open_error()),
        }
    }

    /// Opens a database that was made of a pager where it is to stay. The options were checked.
    pub(crate) fn try_open(&mut self, options: &Options) -> Result<()> {
        self.pager.open(options)?;
        let share = self.pager.capacity().checked_div(options.min_keys.max(2) as usize).unwrap_or(0);
        self.limit = share.saturating_sub(OVERHEAD).max(LEAST_LIMIT);
        Ok(())
    }

    pub(crate) fn with_pager(pager: Pager<S, M>) -> Self {
        Db {
            pager,
            limit: LEAST_LIMIT,
            path: Path::new(),
            changes: 0,
            #[cfg(feature = "extras")]
            count: None,
            #[cfg(feature = "repack")]
            churn: 0,
            #[cfg(feature = "shortcuts")]
            hint: None,
        }
    }

    /// Where the last [`Error::Corrupt`] was found.
    pub fn fault(&self) -> Option<Fault> {
        self.pager.fault()
    }

    /// The provider of memory.
    pub fn memory(&self) -> M {
        self.pager.memory()
    }

    /// The storage, for a caller that shares it.
    pub fn storage(&self) -> &S {
        self.pager.storage()
    }

    /// The value of a key.
    pub(crate) fn try_get(&mut self, key: &[u8]) -> Result<Option<Item>> {
        self.pager.begin();
        match self.find(key)? {
            Some((leaf, i)) => Ok(Some(self.data_item(leaf, i)?)),
            None => Ok(None),
        }
    }

    /// The bytes of an item that is not an overflow chain.
    pub fn inline_bytes(&self, item: &Item) -> Option<&[u8]> {
        let at = item.at as usize;
        self.pager.page(item.frame?).get(at..at.wrapping_add(item.len()))
    }

    /// The first entry with this key.
    fn find(&mut self, key: &[u8]) -> Result<Option<(Idx, usize)>> {
        if self.pager.duplicates() {
            return self.find_first(key);
        }
        let place = self.search(key, Side::Lower)?;
        Ok(place.found.then_some((place.leaf, place.index)))
    }

    /// As `find`, where a key equal to a separator may be on either side of it.
    fn find_first(&mut self, key: &[u8]) -> Result<Option<(Idx, usize)>> {
        let Place { mut leaf, mut index, .. } = self.search(key, Side::Lower)?;
        let mut hops = 0;
        while index >= self.len(leaf) {
            // Only in a damaged file are there empty leaves, and then pages can have many parents.
            hops += 1;
            if hops > self.pager.pages() {
                let pgno = self.pager.pgno(leaf);
                return self.pager.corrupt(pgno, field::LOWER as u32, Reason::Sibling);
            }
            self.pager.release(leaf, false);
            match self.advance()? {
                Some(next) => (leaf, index) = (next, 0),
                None => return Ok(None),
            }
        }
        let item = self.key_item(leaf, index)?;
        let equal = self.compare_item(item, key, false)? == Ordering::Equal;
        Ok(equal.then_some((leaf, index)))
    }

    /// Stores a value. Returns false, changing nothing, if `overwrite` is false and the key exists.
    /// In a file with duplicates a further item is added behind those with the same key.
    pub(crate) fn try_put(&mut self, key: &[u8], value: &[u8], overwrite: bool) -> Result<bool> {
        #[cfg(feature = "shortcuts")]
        if self.append(key, value) {
            return Ok(true);
        }
        self.writable(key.len(), value.len())?;
        #[cfg(feature = "shortcuts")]
        if self.append_page(key, value)? {
            return Ok(true);
        }
        let duplicates = self.pager.duplicates();
        let side = if duplicates { Side::Upper } else { Side::Lower };
        let place = self.search(key, side)?;
        if place.found && !overwrite {
            return Ok(false);
        }
        let replaces = place.found && !duplicates;
        if replaces {
            self.churned();
        }
        #[cfg(feature = "shortcuts")]
        let done = self.put_inline(key, value, place, replaces);
        #[cfg(not(feature = "shortcuts"))]
        let done = false;
        if !done {
            let result = self.put_any(key, value, place, replaces);
            self.end(result)?;
        }
        if !replaces {
            self.added();
        }
        Ok(true)
    }

    /// Keeps the books after a new item.
    fn added(&mut self) {
        #[cfg(feature = "extras")]
        {
            self.count = self.count.map(|n| n.saturating_add(1));
        }
        #[cfg(feature = "repack")]
        {
            self.churn = self.churn.saturating_sub(1);
        }
    }

    /// Keeps the books after an item was removed or replaced.
    fn churned(&mut self) {
        #[cfg(feature = "repack")]
        {
            self.churn = self.churn.saturating_add(1);
        }
    }

    /// Refuses changes that cannot be stored, and starts the operation.
    fn writable(&mut self, key: usize, value: usize) -> Result<()> {
        if u32::try_from(key).is_err() || u32::try_from(value).is_err() {
            return self.pager.fail(Error::Full);
        }
        self.pager.writable()?;
        self.pager.begin();
        Ok(())
    }

    /// Ends an operation: all of it has happened, or nothing.
    fn end(&mut self, result: Result<()>) -> Result<()> {
        self.changes = self.changes.wrapping_add(1);
        match result {
            Ok(()) => self.pager.commit(),
            Err(_) => self.pager.rollback(),
        }
        result
    }

    /// Stores an item that needs overflow pages or does not fit its leaf.
    #[cfg_attr(small, inline(never))]
    fn put_any(&mut self, key: &[u8], value: &[u8], place: Place, replaces: bool) -> Result<()> {
        let Place { leaf, index, .. } = place;
        if replaces {
            // First, so that their pages can be used again at once.
            self.free_chains(leaf, index)?;
        }
        let (mut key_ref, mut value_ref) = ([0; REF], [0; REF]);
        let flags = self.stored_form(key.len(), value.len());
        let (mut key, mut value) = (key, value);
        if flags & BIG_KEY != 0 {
            self.write_chain(key, &mut key_ref)?;
            key = &key_ref;
        }
        if flags & BIG_DATA != 0 {
            self.write_chain(value, &mut value_ref)?;
            value = &value_ref;
        }
        let mut edit = Edit::remove(index, index + usize::from(replaces));
        edit.push(Cell::leaf(flags, key, value));
        self.edit(&mut edit)
    }

    /// Which of key and value go to overflow pages (FORMAT.md, "When an item goes to overflow pages"),
    /// as the flags of their entry.
    fn stored_form(&self, mut key: usize, value: usize) -> u8 {
        let mut flags = 0;
        if key > self.limit {
            (flags, key) = (BIG_KEY, REF);
        }
        if key.saturating_add(value) > self.limit {
            flags |= BIG_DATA;
            if key + REF > self.limit {
                flags |= BIG_KEY;
            }
        }
        flags
    }

    /// Removes a key, in a file with duplicates all its items. False if there is none.
    pub(crate) fn try_delete(&mut self, key: &[u8]) -> Result<bool> {
        self.writable(0, 0)?;
        let mut found = false;
        loop {
            let Some((leaf, i)) = self.find(key)? else { return Ok(found) };
            #[cfg(feature = "shortcuts")]
            let done = self.delete_inline(leaf, i);
            #[cfg(not(feature = "shortcuts"))]
            let done = false;
            if !done {
                let result = self.delete_any(leaf, i);
                self.end(result)?;
            }
            found = true;
            #[cfg(feature = "extras")]
            {
                self.count = self.count.map(|n| n.saturating_sub(1));
            }
            self.churned();
            if !self.pager.duplicates() {
                return Ok(true);
            }
            self.pager.begin();
        }
    }

    #[cfg_attr(small, inline(never))]
    fn delete_any(&mut self, leaf: Idx, i: usize) -> Result<()> {
        self.free_chains(leaf, i)?;
        self.edit(&mut Edit::remove(i, i + 1))
    }

    /// Number of items. Reads all leaves the first time; later calls are free.
    #[cfg(feature = "extras")]
    pub(crate) fn try_count(&mut self) -> Result<u32> {
        if let Some(count) = self.count {
            return Ok(count);
        }
        self.pager.begin();
        let (mut place, mut count, mut hops) = (self.edge(false)?, 0u32, 0);
        while let Some((leaf, i)) = self.entry_at(place, false, &mut hops)? {
            let index = self.len(leaf);
            count = count.saturating_add((index - i) as u32);
            place = Place { leaf, index, found: false };
        }
        self.count = Some(count);
        Ok(count)
    }

    /// Removes everything. All pages but the root become free.
    #[cfg(feature = "extras")]
    pub(crate) fn try_clear(&mut self) -> Result<()> {
        self.writable(0, 0)?;
        let result = self.pager.clear();
        self.end(result)?;
        self.count = Some(0);
        Ok(())
    }

    /// Figures of the database; reads the free list.
    #[cfg(feature = "extras")]
    pub(crate) fn try_stat(&mut self) -> Result<Stat> {
        self.pager.begin();
        self.descend(Toward::First)?;
        let free = self.pager.count_free()?;
        let (cached, dirty) = self.pager.cached();
        Ok(Stat {
            page_size: self.pager.page_size() as u32,
            pages: self.pager.pages(),
            depth: self.path.len as u32,
            free,
            cached: cached as u32,
            dirty: dirty as u32,
        })
    }
}

//! The B-tree: keys in order, on pages. [`Db`] is its face.

mod balance;
mod chain;
#[cfg(feature = "check")]
mod copy;
mod cursor;
mod edit;
mod heads;
mod repack;
mod search;
#[cfg(all(feature = "std", feature = "check"))]
mod view;

use crate::error::{Error, Fault, Reason, Result};
use crate::memory::Memory;
use crate::page::node::{self, entry_size, BIG_DATA, BIG_KEY, SLOT};
use crate::page::{field, kind};
use crate::pager::{Idx, OpenError, Options, Pager};
use crate::storage::Storage;
pub use chain::Item;
use core::cmp::Ordering;
#[cfg(any(test, feature = "std"))]
pub use cursor::Iter;
pub use cursor::{Cursor, Where};
use edit::{Cell, Edit, Source};
#[cfg(feature = "check")]
pub(crate) use search::MAX_DEPTH;
use search::{Path, Place, Side, Toward};
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
pub struct Db<S: Storage, M: Memory> {
    pub(crate) pager: Pager<S, M>,
    /// Keys and values whose lengths add up to more than this go to overflow pages.
    limit: usize,
    /// Counts changes, so that cursors know whether their place is still good.
    changes: u32,
    /// Number of items, once it was asked for.
    count: Option<u32>,
    /// Entries that were removed or replaced and not made up for by new ones: while there are any,
    /// pages can be kept full, as their number need not grow.
    churn: u8,
    /// The leaf of the last insertion if that was the last of all keys, and `changes` then.
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
        let pager = Pager::open(storage, memory, options)?;
        Ok(Self::with_pager(pager, options.min_keys.max(2) as usize))
    }

    pub(crate) fn with_pager(pager: Pager<S, M>, min_keys: usize) -> Self {
        let share = pager.capacity().checked_div(min_keys).unwrap_or(0);
        let limit = share.saturating_sub(OVERHEAD).max(LEAST_LIMIT);
        Db { pager, limit, changes: 0, count: None, churn: 0, hint: None }
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

    /// Writes all changes to the storage and syncs it. Does nothing if there are none.
    /// After a failed write every later flush fails with the same error.
    pub fn flush(&mut self) -> Result<()> {
        self.pager.flush()
    }

    /// Flushes and leaves a file without a journal, if there was one for this session
    /// (`Options::journal`). The database may be used on, but not dropped without another `close`.
    pub fn close(&mut self) -> Result<()> {
        #[cfg(feature = "journal")]
        return self.pager.close();
        #[cfg(not(feature = "journal"))]
        self.pager.flush()
    }

    /// Flushes and writes what is in the journal to its place.
    #[cfg(feature = "journal")]
    pub fn checkpoint(&mut self) -> Result<()> {
        self.pager.flush_home()
    }

    /// The value of a key.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Item>> {
        self.pager.begin();
        match self.find(key, None)? {
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
    fn find(&mut self, key: &[u8], path: Option<&mut Path>) -> Result<Option<(Idx, usize)>> {
        if self.pager.duplicates() {
            let mut own = Path::new();
            return self.find_first(key, path.unwrap_or(&mut own));
        }
        let place = self.search(key, Side::Lower, path)?;
        Ok(place.found.then_some((place.leaf, place.index)))
    }

    /// As `find`, where a key equal to a separator may be on either side of it.
    fn find_first(&mut self, key: &[u8], path: &mut Path) -> Result<Option<(Idx, usize)>> {
        let Place { mut leaf, mut index, .. } = self.search(key, Side::Lower, Some(path))?;
        let mut hops = 0;
        while index >= self.node(leaf).len() {
            // Only in a damaged file are there empty leaves, and then pages can have many parents.
            hops += 1;
            if hops > self.pager.pages() {
                let pgno = self.pager.pgno(leaf);
                return self.pager.corrupt(pgno, field::LOWER as u32, Reason::Sibling);
            }
            self.pager.release(leaf, false);
            match self.advance(path)? {
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
    pub fn put(&mut self, key: &[u8], value: &[u8], overwrite: bool) -> Result<bool> {
        if self.append(key, value) {
            return Ok(true);
        }
        self.writable(key.len(), value.len())?;
        let mut path = Path::new();
        if self.append_page(key, value, &mut path)? {
            return Ok(true);
        }
        let duplicates = self.pager.duplicates();
        let side = if duplicates { Side::Upper } else { Side::Lower };
        let place = self.search(key, side, Some(&mut path))?;
        if place.found && !overwrite {
            return Ok(false);
        }
        let replaces = place.found && !duplicates;
        if replaces {
            self.churn = self.churn.saturating_add(1);
        }
        if !self.put_inline(key, value, place, replaces) {
            let result = self.put_any(key, value, place, replaces, &mut path);
            self.end(result)?;
        }
        if !replaces {
            self.added();
        }
        Ok(true)
    }

    /// Keeps the books after a new item.
    fn added(&mut self) {
        self.count = self.count.map(|n| n.saturating_add(1));
        self.churn = self.churn.saturating_sub(1);
    }

    /// Refuses changes that cannot be stored, and starts the operation.
    fn writable(&mut self, key: usize, value: usize) -> Result<()> {
        if u32::try_from(key).is_err() || u32::try_from(value).is_err() {
            return Err(Error::Full);
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

    /// Stores an item inline on its page if it fits: the common case, which cannot fail.
    fn put_inline(&mut self, key: &[u8], value: &[u8], place: Place, replaces: bool) -> bool {
        let body = key.len().saturating_add(value.len());
        let Place { leaf, index, .. } = place;
        if body > self.limit {
            return false;
        }
        let node = self.node(leaf);
        let size = entry_size(body);
        let mut room = node.free();
        if replaces {
            let old = node.entry(index);
            if old.flags != 0 {
                return false;
            }
            if old.size() == size {
                let (at, order) = (node.offset(index), self.pager.order());
                let page = self.pager.page_mut(leaf);
                node::put_entry(order, page, at, value.len() as u32, 0, [key, value]);
                self.changed_inline(leaf);
                return true;
            }
            room += old.size() + SLOT;
        }
        if room < size + SLOT {
            return false;
        }
        if replaces {
            self.remove_entry(leaf, index);
        }
        self.insert_inline(leaf, index, key, value);
        let node = self.node(leaf);
        if index + 1 == node.len() && node.field(field::NEXT) == 0 && !self.pager.duplicates() {
            self.hint = Some((leaf, self.changes));
        }
        true
    }

    /// Writes an entry to a page that has room for it.
    #[inline]
    fn insert_inline(&mut self, leaf: Idx, index: usize, key: &[u8], value: &[u8]) {
        let order = self.pager.order();
        node::insert(order, self.pager.page_mut(leaf), index, key, value);
        self.changed_inline(leaf);
    }

    fn changed_inline(&mut self, leaf: Idx) {
        self.pager.mark(leaf);
        self.changes = self.changes.wrapping_add(1);
    }

    /// Puts rising keys behind the last one without a search.
    #[inline]
    fn append(&mut self, key: &[u8], value: &[u8]) -> bool {
        let Some((leaf, changes)) = self.hint else { return false };
        if changes != self.changes || key.len().saturating_add(value.len()) > self.limit {
            return false;
        }
        let order = self.pager.order();
        // A page that was written since is clean, and its frame may hold another.
        let Some(page) = self.pager.changed_page_mut(leaf) else { return false };
        if !node::append_last(order, page, key, value) {
            return false;
        }
        self.changes = self.changes.wrapping_add(1);
        self.hint = Some((leaf, self.changes));
        self.added();
        true
    }

    /// Puts a key behind the last one to a page of its own if the last page is full and was
    /// filled by rising keys. What `put_any` would do, without looking at the full page.
    fn append_page(&mut self, key: &[u8], value: &[u8], path: &mut Path) -> Result<bool> {
        let Some((_, changes)) = self.hint else { return Ok(false) };
        if changes != self.changes || key.len().saturating_add(value.len()) > self.limit {
            return Ok(false);
        }
        let last = self.descend(Some(path), Toward::Last)?.leaf;
        let node = self.node(last);
        let Some(index) = node.len().checked_sub(1) else { return Ok(false) };
        let (flags, low) = node.key(index);
        let room = entry_size(key.len() + value.len()) + SLOT;
        if path.len < 2 || flags & BIG_KEY != 0 || low >= key || node.free() >= room {
            return Ok(false);
        }
        let common = low.iter().zip(key).take_while(|(a, b)| a == b).count();
        let separator = key.get(..common + 1).unwrap_or(key);
        let result = self.append_page_with(last, key, value, separator, path);
        self.end(result)?;
        self.added();
        Ok(true)
    }

    fn append_page_with(
        &mut self,
        last: Idx,
        key: &[u8],
        value: &[u8],
        separator: &[u8],
        path: &mut Path,
    ) -> Result<()> {
        let f = self.pager.alloc_page(kind::LEAF)?;
        let before = self.pager.pgno(last);
        let child = self.pager.pgno(f);
        self.pager.set_field(f, field::PREV, before);
        let cell = Cell { key: Source::Bytes(key), data: Source::Bytes(value), ..Cell::EMPTY };
        self.insert_cell(f, 0, &cell);
        path.len -= 1;
        let slot = path.at(path.len - 1).1 + 1;
        let mut edit = Edit::remove(slot, slot);
        edit.push(Cell { child, key: Source::Bytes(separator), ..Cell::EMPTY });
        self.edit(path, edit)?;
        // Last, as nothing can fail any more and so the full page needs no copy.
        self.pager.mark(last);
        self.pager.set_field(last, field::NEXT, child);
        self.hint = Some((f, self.changes.wrapping_add(1)));
        Ok(())
    }

    /// Stores an item that needs overflow pages or does not fit its leaf.
    fn put_any(
        &mut self,
        key: &[u8],
        value: &[u8],
        place: Place,
        replaces: bool,
        path: &mut Path,
    ) -> Result<()> {
        let Place { leaf, index, .. } = place;
        if replaces {
            // First, so that their pages can be used again at once.
            self.free_chains(leaf, index)?;
        }
        let (big_key, big_data) = self.stored_form(key.len(), value.len());
        let mut cell = Cell { flags: 0, child: 0, key: Source::Bytes(key), data: Source::Bytes(value) };
        if big_key {
            cell.key = Source::Ref(self.write_chain(key)?);
            cell.flags |= BIG_KEY;
        }
        if big_data {
            cell.data = Source::Ref(self.write_chain(value)?);
            cell.flags |= BIG_DATA;
        }
        let mut edit = Edit::remove(index, index + usize::from(replaces));
        edit.push(cell);
        self.edit(path, edit)
    }

    /// Whether key and value go to overflow pages (FORMAT.md, "When an item goes to overflow pages").
    fn stored_form(&self, key: usize, value: usize) -> (bool, bool) {
        let fits = |k: usize, v: usize| k.saturating_add(v) <= self.limit;
        if fits(key, value) {
            return (false, false);
        }
        let big_key = key > self.limit;
        let key_part = if big_key { node::REF } else { key };
        let big_data = !fits(key_part, value);
        let value_part = if big_data { node::REF } else { value };
        (big_key || !fits(key_part, value_part), big_data)
    }

    /// Removes a key, in a file with duplicates all its items. False if there is none.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool> {
        self.writable(0, 0)?;
        let mut found = false;
        loop {
            let mut path = Path::new();
            let Some((leaf, i)) = self.find(key, Some(&mut path))? else { return Ok(found) };
            if !self.delete_inline(leaf, i) {
                let result = self.delete_any(leaf, i, &mut path);
                self.end(result)?;
            }
            found = true;
            self.count = self.count.map(|n| n.saturating_sub(1));
            self.churn = self.churn.saturating_add(1);
            if !self.pager.duplicates() {
                return Ok(true);
            }
            self.pager.begin();
        }
    }

    /// Removes an entry where nothing else changes: the common case, which cannot fail.
    fn delete_inline(&mut self, leaf: Idx, i: usize) -> bool {
        let node = self.node(leaf);
        let (entry, used) = (node.entry(i), node.used());
        let after = used.saturating_sub(entry.size() + SLOT);
        let root = self.pager.pgno(leaf) == 1;
        if entry.flags != 0 || (!root && self.sparse(node.len() - 1, after, used)) {
            return false;
        }
        self.remove_entry(leaf, i);
        self.changed_inline(leaf);
        true
    }

    fn delete_any(&mut self, leaf: Idx, i: usize, path: &mut Path) -> Result<()> {
        self.free_chains(leaf, i)?;
        self.edit(path, Edit::remove(i, i + 1))
    }

    /// Number of items. Reads all leaves the first time; later calls are free.
    #[cfg(feature = "extras")]
    pub fn count(&mut self) -> Result<u32> {
        if let Some(count) = self.count {
            return Ok(count);
        }
        self.pager.begin();
        let (mut place, mut count, mut hops) = (self.edge(false)?, 0u32, 0);
        while let Some((leaf, i)) = self.entry_at(place, false, &mut hops)? {
            let index = self.node(leaf).len();
            count = count.saturating_add((index - i) as u32);
            place = Place { leaf, index, found: false };
        }
        self.count = Some(count);
        Ok(count)
    }

    /// Removes everything. All pages but the root become free.
    #[cfg(feature = "extras")]
    pub fn clear(&mut self) -> Result<()> {
        self.writable(0, 0)?;
        let result = self.pager.clear();
        self.end(result)?;
        self.count = Some(0);
        Ok(())
    }

    /// Figures of the database; reads the free list.
    #[cfg(feature = "extras")]
    pub fn stat(&mut self) -> Result<Stat> {
        self.pager.begin();
        let mut path = Path::new();
        self.descend(Some(&mut path), Toward::First)?;
        let free = self.pager.count_free()?;
        let (cached, dirty) = self.pager.cached();
        Ok(Stat {
            page_size: self.pager.page_size() as u32,
            pages: self.pager.pages(),
            depth: path.len as u32,
            free,
            cached: cached as u32,
            dirty: dirty as u32,
        })
    }

    /// The value of a key as a vector.
    #[cfg(any(test, feature = "std"))]
    pub fn get_vec(&mut self, key: &[u8]) -> Result<Option<std::vec::Vec<u8>>> {
        match self.get(key)? {
            Some(item) => self.to_vec(&item).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of an item as a vector.
    #[cfg(any(test, feature = "std"))]
    pub fn to_vec(&mut self, item: &Item) -> Result<std::vec::Vec<u8>> {
        let mut bytes = std::vec![0; item.len()];
        self.read(item, &mut bytes)?;
        Ok(bytes)
    }
}

//! Copying a database into an empty one, which becomes as small as it can be.

use super::edit::{Cell, Edit};
use super::search::Side;
use super::{Cursor, Db, Item};
use crate::error::inner::Result;
use crate::error::Error;
use crate::memory::Memory;
use crate::page::node::{BIG_DATA, BIG_KEY, REF};
use crate::page::HEADER;
use crate::pager::Options;
use crate::storage::Storage;

/// Changed pages of the copy that may wait in memory; more are written at once.
const WAITING: usize = 32;

impl<S: Storage, M: Memory> Db<S, M> {
    /// What a new database has to be opened with to become a copy of this one.
    pub fn options(&self) -> Options {
        Options {
            page_size: self.pager.page_size() as u32,
            duplicates: self.pager.duplicates(),
            order: Some(self.pager.order()),
            ..Options::default()
        }
    }

    /// Copies all items to a new database that was opened with [`Db::options`] on an empty storage,
    /// and flushes it. Returns how many the copy has: where a damaged file has a key again, the first item
    /// stays. The copy takes the least number of pages that items in ascending order can be put on. After an
    /// error it is of no use.
    pub fn copy_to<T: Storage>(&mut self, to: &mut Db<T, M>) -> crate::Result<u32> {
        let count = self.try_copy_to(to);
        self.outcome(count)
    }

    pub(crate) fn try_copy_to<T: Storage>(&mut self, to: &mut Db<T, M>) -> Result<u32> {
        let alike = to.pager.page_size() == self.pager.page_size()
            && to.pager.duplicates() == self.pager.duplicates()
            && to.pager.order() == self.pager.order();
        if !alike || to.pager.stored() != 0 || to.changes != 0 {
            return self.pager.fail(Error::Invalid);
        }
        to.limit = self.limit;
        to.copied_root().map_err(|_| self.pager.adopt(&to.pager))?;
        let waiting = WAITING.max(self.pager.frames());
        let duplicates = to.pager.duplicates();
        let (mut cursor, mut count) = (Cursor::new(self.memory()), 0u32);
        while let Some((_, value)) = self.try_step(&mut cursor, false)? {
            let put = match self.inline_bytes(&value) {
                Some(bytes) => to.try_put(cursor.key(), bytes, duplicates),
                None => to.put_chain(cursor.key(), self, value),
            };
            count = count.saturating_add(u32::from(put.map_err(|_| self.pager.adopt(&to.pager))?));
            if to.pager.cached().1 > waiting {
                to.pager.flush().map_err(|_| self.pager.adopt(&to.pager))?;
            }
        }
        to.pager.flush().map_err(|_| self.pager.adopt(&to.pager))?;
        Ok(count)
    }

    /// An empty copy is a file, too.
    fn copied_root(&mut self) -> Result<()> {
        self.writable(0, 0)?;
        let root = self.pager.tree_page(1)?;
        self.pager.mark(root);
        Ok(())
    }

    /// Stores a value that is an overflow chain of another database with pages of the same size,
    /// a page at a time; false if the key is there.
    #[inline(never)] // what it has on the stack would be there for every item
    fn put_chain<T: Storage>(&mut self, key: &[u8], from: &mut Db<T, M>, value: Item) -> Result<bool> {
        let flags = self.stored_form(key.len(), value.len());
        if flags & BIG_DATA == 0 {
            // The other writer's `minkeypage` was larger.
            let mut bytes = crate::memory::Buffer::new(self.memory());
            if !bytes.resize(value.len()) {
                return self.pager.fail(Error::NoMemory);
            }
            let read = from.try_read(&value, bytes.bytes_mut());
            read.map_err(|_| self.pager.adopt(&from.pager))?;
            let duplicates = self.pager.duplicates();
            return self.try_put(key, bytes.bytes(), duplicates);
        }
        self.writable(key.len(), value.len())?;
        let place = self.search(key, Side::Upper)?;
        if place.found && !self.pager.duplicates() {
            return Ok(false);
        }
        let mut store = || {
            let (mut key_ref, mut key) = ([0; REF], key);
            if flags & BIG_KEY != 0 {
                self.write_chain(key, &mut key_ref)?;
                key = &key_ref;
            }
            let value_ref = self.copy_chain(from, value)?;
            let mut edit = Edit::remove(place.index, place.index);
            edit.push(Cell::leaf(flags, key, &value_ref));
            self.edit(&mut edit)
        };
        let result = store();
        self.end(result)?;
        self.added();
        Ok(true)
    }

    fn copy_chain<T: Storage>(&mut self, from: &mut Db<T, M>, value: Item) -> Result<[u8; REF]> {
        let (mut rest, mut last, mut stored) = (value, None, [0; REF]);
        loop {
            let piece = from.piece(&mut rest).map_err(|_| self.pager.adopt(&from.pager))?;
            let Some(piece) = piece else { break };
            let f = self.extend_chain(last, 0)?;
            if last.is_none() {
                stored = self.make_ref(f, value.len());
            }
            crate::page::node::put(self.pager.page_mut(f), HEADER, from.piece_bytes(piece));
            from.release_piece(value, piece);
            last = Some(f);
        }
        if let Some(last) = last {
            self.pager.release(last, false);
        }
        Ok(stored)
    }
}

//! Pages by number: a write-back cache over a [`Storage`], the free list, and operations
//! that either happen as a whole or not at all.
//!
//! - Changed pages stay in memory until [`Pager::flush`] as long as memory allows.
//! - Between [`Pager::begin`] and [`Pager::commit`] or [`Pager::rollback`] every change goes
//!   through [`Pager::touch`] or [`Pager::image`], which keep what rollback needs.
//! - A page handed out stays where it is until the next `begin` (or [`Pager::release`]).

mod cache;
#[cfg(feature = "journal")]
mod checkpoint;
mod flush;
mod free;
#[cfg(feature = "check")]
mod inspect;
#[cfg(feature = "journal")]
mod journal;
mod moved;
mod pool;
#[cfg(feature = "journal")]
mod recover;
mod spill;

use crate::error::inner::Result;
use crate::error::{Error, Failed, Fault, Reason};
use crate::memory::Memory;
use crate::page::meta::{self, Meta};
#[cfg(feature = "repack")]
use crate::page::node;
use crate::page::{field, init, kind, Order, HEADER};
use crate::storage::Storage;
use moved::Moved;
pub(crate) use pool::Idx;
use pool::{Pool, VERIFIED};

/// Frames that are always granted, as in the C library.
const MIN_FRAMES: usize = 5;
/// Bytes read from the start of a file to open it.
#[cfg(feature = "journal")]
const HEAD: usize = crate::page::log::HEAD;
#[cfg(not(feature = "journal"))]
const HEAD: usize = meta::JOURNAL[1] + 4;
/// More frames than this cannot be numbered.
const MAX_FRAMES: usize = 0x7fff;

/// Parameters of a database.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options {
    /// Bytes per page of a new file, 512 to 65536 and even; 0 means 4096. An existing file has its own.
    pub page_size: u32,
    /// Bytes of pages to keep in memory; at least five pages are.
    pub cache_size: u32,
    /// Entries that must fit on a page, at least 2; 0 means 2. Larger ones go to overflow pages.
    pub min_keys: u32,
    /// Whether a new file allows a key to occur more than once.
    pub duplicates: bool,
    /// Byte order of a new file; `None`: that of the machine.
    pub order: Option<Order>,
    /// What to do about a journal (FORMAT.md, "Journal").
    #[cfg(feature = "journal")]
    pub journal: Journal,
}

/// Whether flushes go to a journal behind the end of the file.
#[cfg(feature = "journal")]
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Journal {
    /// Flushes write pages in place. A journal that is there is read, and brought home before the
    /// first change.
    #[default]
    Off,
    /// A flush appends what has changed to the journal, so that it happens as a whole or not at all.
    On,
    /// As `Off`, but a journal that is there is thrown away, and with it all flushes since the last
    /// checkpoint.
    Discard,
}

impl Options {
    /// Refuses impossible parameters; they have not touched the storage then.
    pub fn check(&self) -> crate::Result<()> {
        if (self.page_size != 0 && !meta::page_size_ok(self.page_size))
            || self.min_keys == 1
            || (self.duplicates && cfg!(not(feature = "duplicates")))
        {
            return Err(Error::Invalid);
        }
        Ok(())
    }
}

/// Why a file could not be opened, and where it is damaged if it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenError {
    /// What went wrong.
    pub error: Error,
    /// The place in the file, for [`Error::Corrupt`].
    pub fault: Option<Fault>,
}

/// In this order because what lies near the start takes shorter instructions on microcontrollers.
#[repr(C)]
pub(crate) struct Pager<S: Storage, M: Memory> {
    pool: Pool<M>,
    /// Pages of the file, page 0 included, as the tree sees it.
    pages: u32,
    meta: Meta,
    /// Whether anything was changed since the last flush.
    changed: bool,
    storage: S,
    /// Pages that are not at home (see `spill` and `journal`).
    moved: Moved<M>,
    /// Pages that the storage has.
    stored: u32,
    /// Pages of the file at the last flush: these must stay as they are until the next.
    promised: u32,
    /// First of the frames touched by the running operation, linked by `chain`.
    touched: Option<Idx>,
    /// Frames granted by the cache size, for unchanged pages.
    limit: usize,
    /// End of the pages taken by `spill` since the last flush, 0: none.
    slots_end: u32,
    #[cfg(feature = "journal")]
    log: journal::Log,
    /// `meta.free` and `pages` before the running operation.
    before: (u32, u32),
    /// `meta.free` as on the storage; `None`: there is no page 0 yet.
    stored_free: Option<u32>,
    /// A failed write: what the storage holds is unknown until it is opened again.
    failed: Option<Error>,
    /// Why the last operation that failed did so, and where, if the file is damaged.
    error: Error,
    fault: Option<Fault>,
}

impl<S: Storage, M: Memory> Pager<S, M> {
    /// A pager for a new file, to be followed by [`Pager::open`].
    pub fn new(storage: S, memory: M, options: &Options) -> Self {
        let meta = Meta {
            order: options.order.unwrap_or(Order::NATIVE),
            page_size: if options.page_size == 0 { 4096 } else { options.page_size },
            free: 0,
            nrecs: 0,
            duplicates: options.duplicates,
            checkpoint: false,
        };
        Pager {
            storage,
            pool: Pool::new(memory),
            meta,
            stored_free: None,
            pages: 2,
            stored: 0,
            promised: 0,
            moved: Moved::new(memory),
            slots_end: 0,
            #[cfg(feature = "journal")]
            log: journal::Log::default(),
            limit: 0,
            touched: None,
            before: (0, 2),
            changed: false,
            failed: None,
            error: Error::Invalid,
            fault: None,
        }
    }

    /// Opens the file in the storage, or a new one if it is empty. Writes nothing. The options were checked.
    pub fn open(&mut self, options: &Options) -> Result<()> {
        #[cfg_attr(not(feature = "journal"), allow(unused_mut))]
        let mut size = self.size()?;
        #[cfg(feature = "journal")]
        if options.journal == Journal::On && self.is_unfinished(size)? {
            size = 0;
        }
        let mut head = [0u8; HEAD];
        if size != 0 {
            let got = self.read_at(0, 0, &mut head)?;
            if got < meta::LEN {
                return self.corrupt(0, got as u32, Reason::TooShort);
            }
            self.meta = match Meta::parse(&head) {
                Ok(meta) => meta,
                Err((offset, reason)) => return self.corrupt(0, offset, reason),
            };
            #[cfg(not(feature = "duplicates"))]
            if self.meta.duplicates {
                return self.corrupt(0, meta::FLAGS as u32, Reason::Duplicates);
            }
            #[cfg(not(feature = "journal"))]
            {
                let [first, second] = meta::JOURNAL;
                let marked = |at| self.meta.order.u32(&head, at) == meta::JOURNAL_MAGIC;
                if self.meta.checkpoint || marked(first) || marked(second) {
                    return self.corrupt(0, first as u32, Reason::Journal);
                }
            }
            let stored = self.whole_pages(size)?;
            if stored < 2 {
                return self.corrupt(0, size as u32, Reason::TooShort);
            }
            self.has(stored);
        }
        self.begin_cache(options.cache_size);
        if self.stored == 0 {
            let root = self.fresh(1)?;
            self.format(root, 1, kind::LEAF);
            self.begin();
        }
        #[cfg(feature = "journal")]
        self.recover(&head, options.journal)?;
        Ok(())
    }

    /// Bytes of the storage.
    pub fn size(&mut self) -> Result<u64> {
        let size = self.storage.size();
        self.known(size)
    }

    /// Pages in so many bytes.
    fn whole_pages(&mut self, size: u64) -> Result<u32> {
        // In the machine's word: dividing 64 bits costs a kilobyte on small ones.
        let pages = usize::try_from(size).ok().and_then(|bytes| bytes.checked_div(self.page_size()));
        match pages.and_then(|pages| u32::try_from(pages).ok()) {
            Some(pages) => Ok(pages),
            None => self.fail(Error::Full),
        }
    }

    /// Whether the storage goes on behind its last whole page.
    #[cfg(any(feature = "check", feature = "journal"))]
    fn is_ragged(&mut self) -> Result<bool> {
        Ok(self.size()? > self.position(self.stored, 0))
    }

    /// Where a byte of a page is in the storage.
    fn position(&self, page: u32, offset: u32) -> u64 {
        u64::from(page) * u64::from(self.meta.page_size) + u64::from(offset)
    }

    /// Reads from offset `from` of a page on, beyond its end if need be; less than asked for only at the
    /// end of the storage.
    pub fn read_at(&mut self, page: u32, from: u32, bytes: &mut [u8]) -> Result<usize> {
        let got = self.storage.read(self.position(page, from), bytes);
        self.known(got)
    }

    /// Takes note of what the storage has: `stored` pages, and what `meta` says.
    fn has(&mut self, stored: u32) {
        self.stored_free = Some(self.meta.free);
        (self.pages, self.stored, self.promised) = (stored, stored, stored);
        self.before = (self.meta.free, stored);
    }

    /// Sets the bytes of pages to keep in memory.
    fn begin_cache(&mut self, bytes: u32) {
        let page_size = self.meta.page_size;
        self.pool.set_page_size(page_size as usize);
        let frames = bytes.saturating_add(page_size - 1).checked_div(page_size).unwrap_or(0);
        self.limit = (frames as usize).clamp(MIN_FRAMES, MAX_FRAMES);
    }

    #[inline]
    pub fn order(&self) -> Order {
        self.meta.order
    }

    pub fn page_size(&self) -> usize {
        self.meta.page_size as usize
    }

    pub fn duplicates(&self) -> bool {
        cfg!(feature = "duplicates") && self.meta.duplicates
    }

    /// Pages of the file, page 0 included.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Bytes of data on an overflow page, and of entries and slots on a tree page.
    pub fn capacity(&self) -> usize {
        self.page_size().wrapping_sub(HEADER)
    }

    pub fn memory(&self) -> M {
        self.pool.memory()
    }

    /// Where the file is damaged, if that is why the last operation failed.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Frames in memory, and how many of them wait for a flush.
    #[cfg(any(feature = "extras", feature = "check"))]
    pub fn cached(&self) -> (usize, usize) {
        (usize::from(self.pool.frames), self.pool.listed(true))
    }

    /// The storage, for a caller that shares it.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Remembers where the file is damaged.
    #[cfg_attr(small, inline(always))]
    pub fn corrupt<T>(&mut self, page: u32, offset: u32, reason: Reason) -> Result<T> {
        self.damaged(page, offset, reason);
        Err(Failed)
    }

    #[cold]
    #[inline(never)]
    fn damaged(&mut self, page: u32, offset: u32, reason: Reason) {
        self.error = Error::Corrupt(reason);
        self.fault = Some(Fault { page, offset, reason });
    }

    /// Remembers why an operation fails.
    #[cfg_attr(small, inline(always))]
    pub fn fail<T>(&mut self, error: Error) -> Result<T> {
        self.failing(error);
        Err(Failed)
    }

    #[cold]
    #[inline(never)]
    fn failing(&mut self, error: Error) {
        (self.error, self.fault) = (error, None);
    }

    /// The result of something that does not know the pager.
    pub fn known<T>(&mut self, result: crate::Result<T>) -> Result<T> {
        result.or_else(|error| self.fail(error))
    }

    /// Takes over why an operation of another pager has failed.
    #[cfg(feature = "check")]
    #[cfg_attr(small, inline(never))]
    pub fn adopt<U: Storage>(&mut self, other: &Pager<U, M>) -> Failed {
        (self.error, self.fault) = (other.error, other.fault);
        Failed
    }

    /// No, if something failed because the file is damaged.
    #[cfg(feature = "check")]
    pub fn unless_damaged(&self, answer: Result<bool>) -> Result<bool> {
        if self.fault.is_some() {
            answer.or(Ok(false))
        } else {
            answer
        }
    }

    /// Why the last operation that failed did so.
    pub fn error(&self) -> Error {
        self.error
    }

    /// Why a file could not be opened.
    pub fn open_error(&self) -> OpenError {
        OpenError { error: self.error, fault: self.fault }
    }

    /// The bytes of a page in the cache.
    #[inline]
    pub fn page(&self, f: Idx) -> &[u8] {
        self.pool.page(f)
    }

    /// The bytes of a page for changing, after `touch`, `image`, or for a change that cannot
    /// fail any more, `mark`.
    pub fn page_mut(&mut self, f: Idx) -> &mut [u8] {
        self.pool.page_mut(f)
    }

    pub fn pgno(&self, f: Idx) -> u32 {
        self.pool.pgno(f)
    }

    /// A field of a page's header.
    pub fn field(&self, f: Idx, at: usize) -> u32 {
        self.meta.order.u32(self.pool.page(f), at)
    }

    pub fn set_field(&mut self, f: Idx, at: usize, value: u32) {
        let order = self.meta.order;
        order.put_u32(self.pool.page_mut(f), at, value);
    }

    /// Copies bytes between pages.
    pub fn copy(&mut self, from: Idx, at: usize, to: Idx, to_at: usize, len: usize) {
        self.pool.copy(from, at, to, to_at, len);
    }

    /// Copies entries `range` of a tree page behind those of another.
    #[cfg(feature = "repack")]
    pub fn append_entries(&mut self, from: Idx, range: core::ops::Range<usize>, to: Idx) {
        let order = self.meta.order;
        let (source, target) = self.pool.pair(from, to);
        node::append_entries(order, source, range, target);
    }

    /// Empties a page and writes its header.
    pub fn format(&mut self, f: Idx, pgno: u32, kind: u32) {
        let order = self.meta.order;
        let page = self.pool.page_mut(f);
        page.fill(0);
        init(order, page, pgno, kind);
        let (set, clear) = if kind == kind::OVERFLOW { (0, VERIFIED) } else { (VERIFIED, 0) };
        self.pool.set_flags(f, set, clear);
    }

    /// Replaces page `to` by the content of page `from`, which keeps its place in the tree.
    pub fn copy_content(&mut self, from: Idx, to: Idx) {
        let pgno = self.pool.pgno(to);
        self.pool.copy_page(from, to);
        self.set_field(to, field::PGNO, pgno);
        self.set_field(to, field::PREV, 0);
        self.set_field(to, field::NEXT, 0);
    }
}

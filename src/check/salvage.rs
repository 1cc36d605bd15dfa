//! What can be read of a damaged file: the items of every intact leaf, wherever it is.

use super::map::{PageMap, USED};
use crate::error::inner::Result;
use crate::error::{Error, Failed, Reason};
use crate::memory::{Buffer, Memory};
use crate::page::meta::{self, page_size_ok, Meta};
use crate::page::{field, kind, Order, HEADER};
use crate::pager::{Options, Pager};
use crate::storage::Storage;
use crate::tree::{Db, Item};

/// Pages looked at to tell how likely a page size is.
const SAMPLE: u32 = 100;
/// Page sizes that are tried at the most, in each byte order.
const TRIES: usize = 40;
/// Bytes looked through at a time for the header of a page.
const WINDOW: usize = 1024;
/// Pages of chains that are followed, for each page of the file. Each belongs to one item.
const EFFORT: u32 = 8;

/// A way through all leaves of a file.
pub struct Salvage<M: Memory> {
    free: PageMap<M>,
    page: u32,
    index: usize,
    skipped: u32,
    effort: u32,
}

impl<M: Memory> Salvage<M> {
    /// Starts at the first page of a database, opened with [`Db::open_damaged`].
    pub fn new<S: Storage>(db: &mut Db<S, M>) -> crate::Result<Self> {
        let started = Self::start(db);
        db.outcome(started)
    }

    #[cfg_attr(small, inline(never))]
    pub(crate) fn start<S: Storage>(db: &mut Db<S, M>) -> Result<Self> {
        let pages = db.pager.pages();
        let Some(mut free) = PageMap::new(db.memory(), pages) else {
            return db.pager.fail(Error::NoMemory);
        };
        let marked = mark_free(db, &mut free);
        if !db.pager.unless_damaged(marked)? {
            // A list that leads astray says nothing about any page.
            free.clear();
        }
        Ok(Salvage { free, page: 1, index: 0, skipped: 0, effort: pages.saturating_mul(EFFORT) })
    }

    /// Entries of intact leaves that were passed over, because a chain of theirs is damaged.
    pub fn skipped(&self) -> u32 {
        self.skipped
    }
}

/// Marks the pages of the free list.
fn mark_free<S: Storage, M: Memory>(db: &mut Db<S, M>, free: &mut PageMap<M>) -> Result<bool> {
    let mut pgno = db.pager.first_free();
    while pgno != 0 {
        if pgno < 2 || !free.mark(pgno, USED) {
            return Ok(false);
        }
        db.pager.begin();
        let f = db.pager.load(pgno)?;
        let (number, next) = (db.pager.field(f, field::PGNO), db.pager.field(f, field::NEXT));
        let kind = db.pager.field(f, field::FLAGS);
        db.pager.release(f, true);
        if number != pgno || ![kind::LEAF, kind::INTERNAL, kind::OVERFLOW].contains(&kind) {
            return Ok(false);
        }
        pgno = next;
    }
    Ok(true)
}

/// What a damaged file most likely is, and how many pages say so.
struct Guess {
    order: Order,
    page_size: u32,
    score: u32,
    /// What else it may be was tried so many times.
    tries: usize,
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Opens a file that `Db::open` may refuse, for [`Db::salvage`] and nothing else. With a
    /// `page_size` of 0 that of page 0 is believed if pages of this size are there; else the size
    /// for which most pages are.
    pub fn open_damaged(storage: S, memory: M, page_size: u32) -> crate::Result<Self> {
        let mut db = Self::with_pager(Pager::new(storage, memory, &Options::default()));
        let opened = db.try_open_damaged(page_size);
        db.outcome(opened)?;
        Ok(db)
    }

    pub(crate) fn try_open_damaged(&mut self, page_size: u32) -> Result<()> {
        let mut header = [0; meta::LEN];
        let got = self.pager.read_at(0, 0, &mut header)?;
        let told = Meta::parse(header.get(..got).unwrap_or(&[])).ok();
        let blank = Meta {
            order: Order::NATIVE,
            page_size: 4096,
            free: 0,
            nrecs: 0,
            duplicates: true,
            checkpoint: false,
        };
        let mut meta = told.unwrap_or(blank);
        if page_size != 0 {
            if !page_size_ok(page_size) {
                return self.pager.fail(Error::Invalid);
            }
            meta.page_size = page_size;
        }
        let mut best = Guess { order: meta.order, page_size: meta.page_size, score: 0, tries: 0 };
        if page_size != 0 || told.is_some() {
            best.score = self.score(best.order, best.page_size)?;
        }
        if page_size != 0 {
            self.consider(best.order.other(), page_size, &mut best)?;
        } else if best.score == 0 {
            self.guess(Order::NATIVE, &mut best)?;
            self.guess(Order::NATIVE.other(), &mut best)?;
            if best.score > 0 {
                meta = blank;
            }
        }
        self.pager.open_as(Meta { order: best.order, page_size: best.page_size, ..meta })
    }

    /// How many of the first pages are where they should be.
    fn score(&mut self, order: Order, page_size: u32) -> Result<u32> {
        self.pager.lay_out(order, page_size);
        let mut count = 0;
        for pgno in 1..=SAMPLE {
            let mut header = [0; HEADER];
            if self.pager.read_at(pgno, 0, &mut header)? < HEADER {
                break;
            }
            count += u32::from(like_page(order, &header, pgno));
        }
        Ok(count)
    }

    /// Tries what else the file may be.
    fn consider(&mut self, order: Order, page_size: u32, best: &mut Guess) -> Result<()> {
        if page_size_ok(page_size) && best.tries < TRIES && (order, page_size) != (best.order, best.page_size)
        {
            best.tries += 1;
            let score = self.score(order, page_size)?;
            if score > best.score {
                (best.order, best.page_size, best.score) = (order, page_size, score);
            }
        }
        Ok(())
    }

    /// Looks for the page size with the highest score: those that the first pages show, and powers of two.
    fn guess(&mut self, order: Order, best: &mut Guess) -> Result<()> {
        best.tries = 0;
        for shift in 9..=16 {
            self.consider(order, 1 << shift, best)?;
        }
        let mut window = Buffer::new(self.memory());
        if !window.resize(WINDOW + HEADER) {
            return self.pager.fail(Error::NoMemory);
        }
        // The first four pages of the largest size.
        for start in (0..4 * meta::PAGE_SIZES.end() + 1).step_by(WINDOW) {
            let got = self.pager.read_at(0, start, window.bytes_mut())?;
            for i in (0..WINDOW.min(got)).step_by(2) {
                let header = window.bytes().get(i..).unwrap_or(&[]);
                let (pgno, at) = (order.u32(header, field::PGNO), start + i as u32);
                // (An operator would bring a panic for 0 along.)
                let page_size = at.checked_div(pgno).unwrap_or(0);
                if pgno <= 4 && page_size.wrapping_mul(pgno) == at && like_page(order, header, pgno) {
                    self.consider(order, page_size, best)?;
                }
            }
            if got < WINDOW + HEADER {
                break;
            }
        }
        Ok(())
    }

    /// The next item, in the order of pages: unsorted, and old copies of pages may bring some items
    /// again. Damaged pages and entries are passed over. After an error of the storage the next
    /// call goes on behind the page. Items are good until the next operation.
    pub fn salvage(&mut self, at: &mut Salvage<M>) -> crate::Result<Option<(Item, Item)>> {
        let found = self.try_salvage(at);
        self.outcome(found)
    }

    pub(crate) fn try_salvage(&mut self, at: &mut Salvage<M>) -> Result<Option<(Item, Item)>> {
        while at.page < self.pager.pages() {
            let (pgno, i) = (at.page, at.index);
            (at.page, at.index) = (pgno + 1, 0);
            if at.free.has(pgno, USED) {
                continue;
            }
            self.pager.begin();
            match self.salvage_entry(at, pgno, i) {
                Ok(None) => {}
                Err(Failed) if self.pager.fault().is_some() => {
                    at.skipped = at.skipped.saturating_add(u32::from(at.page == pgno));
                }
                found => return found,
            }
        }
        Ok(None)
    }

    /// An entry of a page, if it is a leaf that has it. If so, the next one is what comes next.
    fn salvage_entry(&mut self, at: &mut Salvage<M>, pgno: u32, i: usize) -> Result<Option<(Item, Item)>> {
        let f = self.pager.tree_page(pgno)?;
        let node = self.node(f);
        if !node.is_leaf() || i >= node.len() {
            return Ok(None);
        }
        (at.page, at.index) = (pgno, i + 1);
        let key = self.key_item(f, i)?;
        let data = self.data_item(f, i)?;
        self.follow(&key, at)?;
        self.follow(&data, at)?;
        Ok(Some((key, data)))
    }

    /// Makes sure that an item can be read to its end.
    fn follow(&mut self, item: &Item, at: &mut Salvage<M>) -> Result<()> {
        if item.frame.is_some() {
            return Ok(());
        }
        let mut rest = *item;
        while let Some(piece) = self.piece(&mut rest)? {
            if at.effort == 0 {
                return self.pager.corrupt(item.page(), 0, Reason::Effort);
            }
            self.release_piece(*item, piece);
            at.effort -= 1;
        }
        Ok(())
    }
}

/// Whether bytes look like the header of page `pgno`.
fn like_page(order: Order, bytes: &[u8], pgno: u32) -> bool {
    let kind = order.u32(bytes, field::FLAGS);
    let lower = order.u16(bytes, field::LOWER);
    let tree = (kind == kind::LEAF || kind == kind::INTERNAL) && lower >= HEADER && lower % 2 == 0;
    order.u32(bytes, field::PGNO) == pgno && (tree || kind & !kind::PRESERVE == kind::OVERFLOW)
}

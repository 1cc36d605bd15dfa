//! What can be read of a damaged file: the items of every intact leaf, wherever it is.

use super::map::{PageMap, USED};
use crate::error::inner::Result;
use crate::error::{Error, Failed};
use crate::memory::{Buffer, Memory};
use crate::page::meta::{self, page_size_ok, Meta};
use crate::page::node::{BIG_DATA, BIG_KEY};
use crate::page::{field, kind, Order, HEADER};
use crate::pager::Pager;
use crate::storage::Storage;
use crate::tree::{Db, Item};

/// Pages looked at to tell how likely a page size is.
const SAMPLE: u32 = 100;
/// Page sizes that are tried at the most, in each byte order.
const TRIES: usize = 40;
/// Bytes looked through at a time for the header of a page.
const WINDOW: usize = 1024;
/// Pages of chains that are followed, for each page of the file. Each belongs to one item.
const EFFORT: u64 = 8;

/// A way through all leaves of a file.
pub struct Salvage<M: Memory> {
    free: PageMap<M>,
    page: u32,
    index: usize,
    skipped: u32,
    effort: u64,
}

impl<M: Memory> Salvage<M> {
    /// Starts at the first page of a database, opened with [`Db::open_damaged`].
    pub fn new<S: Storage>(db: &mut Db<S, M>) -> crate::Result<Self> {
        let (memory, pages) = (db.memory(), db.pager.pages());
        let (mut free, empty) = (PageMap::new(memory, pages), PageMap::new(memory, pages));
        if let Some(map) = &mut free {
            let marked = mark_free(db, map);
            if !db.outcome(marked)? {
                // A list that leads astray says nothing about any page.
                free = empty;
            }
        }
        let Some(free) = free else { return Err(Error::NoMemory) };
        Ok(Salvage { free, page: 1, index: 0, skipped: 0, effort: u64::from(pages) * EFFORT })
    }

    /// Entries of intact leaves that were passed over, because a chain of theirs is damaged.
    pub fn skipped(&self) -> u32 {
        self.skipped
    }
}

/// Marks the pages of the free list; false if it is damaged.
fn mark_free<S: Storage, M: Memory>(db: &mut Db<S, M>, free: &mut PageMap<M>) -> Result<bool> {
    let mut pgno = db.pager.first_free();
    while pgno != 0 {
        if pgno < 2 || pgno >= db.pager.pages() || free.has(pgno, USED) {
            return Ok(false);
        }
        free.set(pgno, USED);
        db.pager.begin();
        let f = match db.pager.load(pgno) {
            Err(Failed) if db.pager.fault().is_some() => return Ok(false),
            f => f?,
        };
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

impl<S: Storage, M: Memory> Db<S, M> {
    /// Opens a file that `Db::open` may refuse, for [`Db::salvage`] and nothing else. With a
    /// `page_size` of 0 that of page 0 is believed if pages of this size are there; else the size
    /// for which most pages are.
    pub fn open_damaged(mut storage: S, memory: M, page_size: u32) -> crate::Result<Self> {
        let mut header = [0; meta::LEN];
        let got = storage.read(0, &mut header)?;
        let told = Meta::parse(header.get(..got).unwrap_or(&[])).ok();
        let blank = Meta {
            order: Order::NATIVE,
            page_size: 4096,
            free: 0,
            nrecs: 0,
            duplicates: true,
            checkpoint: false,
        };
        let mut best = (told.unwrap_or(blank), 0);
        if page_size != 0 {
            if !page_size_ok(page_size) {
                return Err(Error::Invalid);
            }
            best.0.page_size = page_size;
            best.1 = score(&mut storage, best.0)?;
            let other = Meta { order: best.0.order.other(), ..best.0 };
            if score(&mut storage, other)? > best.1 {
                best.0 = other;
            }
        } else if told.is_none() || score(&mut storage, best.0)? == 0 {
            for order in [blank.order, blank.order.other()] {
                guess(&mut storage, memory, Meta { order, ..blank }, &mut best)?;
            }
        }
        Ok(Self::with_pager(Pager::open_as(storage, memory, best.0)?))
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
            self.pager.begin();
            at.index = 0;
            at.page += 1;
            if at.free.has(pgno, USED) {
                continue;
            }
            let f = match self.pager.tree_page(pgno) {
                Err(Failed) if self.pager.fault().is_some() => continue,
                f => f?,
            };
            let node = self.node(f);
            if !node.is_leaf() || i >= node.len() {
                continue;
            }
            (at.page, at.index) = (pgno, i + 1);
            let flags = node.key(i).0;
            let (key, data) = (self.key_item(f, i), self.data_item(f, i));
            let intact = match (key, data) {
                (Ok(key), Ok(data)) => {
                    let whole = (flags & BIG_KEY == 0 || self.intact(key, at)?)
                        && (flags & BIG_DATA == 0 || self.intact(data, at)?);
                    whole.then_some((key, data))
                }
                _ => None,
            };
            if intact.is_some() {
                // Chains may have taken the page's frame.
                let f = self.pager.tree_page(pgno)?;
                return Ok(Some((self.key_item(f, i)?, self.data_item(f, i)?)));
            }
            at.skipped = at.skipped.saturating_add(1);
        }
        Ok(None)
    }

    /// Whether a chain can be read to its end.
    fn intact(&mut self, item: Item, at: &mut Salvage<M>) -> Result<bool> {
        let mut pieces = Self::pieces(item);
        loop {
            match self.piece(&mut pieces) {
                Ok(Some(piece)) if at.effort > 0 => self.release_piece(item, piece),
                Ok(None) => return Ok(true),
                Err(Failed) if self.pager.fault().is_none() => return Err(Failed),
                _ => return Ok(false),
            }
            at.effort -= 1;
        }
    }
}

/// Whether bytes look like the header of page `pgno`.
fn like_page(order: Order, bytes: &[u8], pgno: u32) -> bool {
    let kind = order.u32(bytes, field::FLAGS);
    let lower = order.u16(bytes, field::LOWER);
    let tree = (kind == kind::LEAF || kind == kind::INTERNAL) && lower >= HEADER && lower % 2 == 0;
    order.u32(bytes, field::PGNO) == pgno && (tree || kind & !kind::PRESERVE == kind::OVERFLOW)
}

/// How many of the first pages are where they should be.
fn score<S: Storage>(storage: &mut S, meta: Meta) -> crate::Result<u32> {
    let mut count = 0;
    for pgno in 1..=SAMPLE {
        let mut header = [0; HEADER];
        let at = u64::from(pgno) * u64::from(meta.page_size);
        if storage.read(at, &mut header)? < HEADER {
            break;
        }
        count += u32::from(like_page(meta.order, &header, pgno));
    }
    Ok(count)
}

/// Looks for the page size with the highest score: those that the first pages show, and powers of two.
fn guess<S: Storage, M: Memory>(
    storage: &mut S,
    memory: M,
    meta: Meta,
    best: &mut (Meta, u32),
) -> crate::Result<()> {
    let mut tries = 0;
    let mut consider = |storage: &mut S, page_size: u32| {
        let like = Meta { page_size, ..meta };
        if page_size_ok(page_size) && tries < TRIES && like != best.0 {
            tries += 1;
            let found = score(storage, like)?;
            if found > best.1 {
                *best = (like, found);
            }
        }
        Ok(())
    };
    for shift in 9..=16 {
        consider(storage, 1 << shift)?;
    }
    let mut window = Buffer::new(memory);
    if !window.resize(WINDOW + HEADER) {
        return Err(Error::NoMemory);
    }
    // The first four pages of the largest size.
    for start in (0..=4 * meta::PAGE_SIZES.end()).step_by(WINDOW) {
        let got = storage.read(u64::from(start), window.bytes_mut())?;
        for i in (0..WINDOW.min(got)).step_by(2) {
            let header = window.bytes().get(i..).unwrap_or(&[]);
            let (pgno, at) = (meta.order.u32(header, field::PGNO), start + i as u32);
            // (An operator would bring a panic for 0 along.)
            let size = at.checked_div(pgno).filter(|size| size.wrapping_mul(pgno) == at);
            if let Some(size) = size.filter(|_| pgno <= 4 && like_page(meta.order, header, pgno)) {
                consider(storage, size)?;
            }
        }
        if got < WINDOW + HEADER {
            break;
        }
    }
    Ok(())
}

//! The journal of a damaged file (FORMAT.md, section 14): the state of its last flush of which
//! everything is there. The core refuses a journal that is not whole; a salvage takes what it can get.

use crate::error::{Failure, Result};
use modbtree::log::{header, Commit as Descriptor, Mark, State};
use modbtree::log::{AT, CHECKPOINT, ENTRY, FLAGS, FREE, HEAD, HOME_SUM, MARKS, SUM};
use modbtree::{FileStorage, Options, Order, Storage};
use std::collections::HashMap;

/// Bytes of the header of a page.
const HEADER: usize = 20;

/// What has become of a journal.
#[derive(Clone, Copy, Default)]
pub struct Report {
    /// Flushes that are whole, from the first on.
    pub flushes: u32,
    /// Whether there was at least one more, which is not whole.
    pub torn: bool,
    /// Pages of the file that another program or damage has changed since the journal was begun.
    pub changed: u32,
}

/// A file as a flush in its journal has left it.
pub struct Replay {
    page_size: usize,
    pages: u32,
    /// From here on pages are those of the journal, but for the ones that are listed.
    base: u32,
    head: [u8; HEAD],
    /// Where pages are that are not at home, and their headers.
    places: HashMap<u32, (u32, [u8; HEADER])>,
    pub report: Report,
}

/// Whether a log has a first commit in a file of so many pages.
fn has_begun(mark: &Mark, pages: u32) -> bool {
    match mark.state {
        State::Open => false,
        State::Begun => true,
        State::Atomic => pages > mark.first,
    }
}

fn number(order: Order, bytes: &[u8], at: usize) -> u32 {
    let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    match order {
        Order::Little => u32::from_le_bytes(bytes),
        Order::Big => u32::from_be_bytes(bytes),
    }
}

fn put(order: Order, bytes: &mut [u8], at: usize, value: u32) {
    let value = match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    };
    bytes[at..at + 4].copy_from_slice(&value);
}

/// Reads the pages of a journal.
struct Log<'a> {
    file: &'a mut FileStorage,
    order: Order,
    page_size: usize,
    /// Whole pages of the file.
    stored: u32,
    mark: Mark,
    /// Entries that may still be read: no page of the file is in two.
    left: u32,
}

/// A commit whose descriptor and pages are all there.
struct Commit {
    free: u32,
    next: u32,
    /// For each page: where it is, its header, and the sum of the page at home before.
    entries: Vec<(u32, u32, [u8; HEADER], u32)>,
}

impl Log<'_> {
    /// A page; `None` if it is not in the file, or the medium does not give it.
    fn page(&mut self, pgno: u32) -> Option<Vec<u8>> {
        if pgno >= self.stored {
            return None;
        }
        let mut page = vec![0; self.page_size];
        let got = self.file.read(u64::from(pgno) * self.page_size as u64, &mut page).ok()?;
        (got == page.len()).then_some(page)
    }

    /// The sum of a page; of one in the log with its header.
    fn sum(&mut self, pgno: u32, header: Option<&[u8; HEADER]>) -> Option<u32> {
        let mut page = self.page(pgno)?;
        if let Some(header) = header {
            page[..HEADER].copy_from_slice(header);
        }
        Some(crc32fast::hash(&page))
    }

    /// Whether page `at` is the descriptor of a commit, which may not be whole.
    fn is_begun(&mut self, at: u32, seq: u32) -> bool {
        let (order, gen) = (self.order, self.mark.gen);
        self.page(at).is_some_and(|page| Descriptor::parse(order, &page, gen, seq).is_some())
    }

    fn commit(&mut self, at: u32, seq: u32) -> Option<Commit> {
        let (mut page, mut loaded) = (self.page(at)?, at);
        let (order, page_size) = (self.order, self.page_size);
        let (commit, sum) = Descriptor::parse(order, &page, self.mark.gen, seq)?;
        let Descriptor { free, next, .. } = commit;
        if !(at < next && next <= commit.pages && next <= self.stored) || commit.more > next {
            return None;
        }
        self.left = self.left.checked_sub(commit.count)?;
        let (mut crc, mut entries) = (commit.crc(order), vec![]);
        for i in 0..commit.count as usize {
            let (place, offset) = commit.entry_at(at, i, page_size);
            if place != loaded {
                (page, loaded) = (self.page(place)?, place);
            }
            let entry = &page[offset..offset + ENTRY];
            crc = crc.with(entry);
            let field = |at: usize| number(order, entry, at);
            entries.push((field(0), field(AT), header(entry), field(SUM), field(HOME_SUM)));
        }
        if crc.sum() != sum {
            return None;
        }
        let mut sound = vec![];
        for (pgno, place, header, sum, home) in entries {
            let (first, base) = (self.mark.first, self.mark.base);
            let misplaced = if place == pgno { pgno < base } else { place < first };
            let copied = (place != pgno).then_some(&header);
            if pgno == 0 || pgno >= next || misplaced || self.sum(place, copied)? != sum {
                return None;
            }
            sound.push((pgno, place, header, home));
        }
        Some(Commit { free, next, entries: sound })
    }
}

impl Replay {
    /// Looks for a journal in a file of this page size and byte order.
    pub fn find(file: &mut FileStorage, options: &Options) -> Result<Option<Replay>> {
        let failed = |e| crate::error::failed(e, None);
        let order = options.order.unwrap_or(Order::NATIVE);
        let page_size = options.page_size as usize;
        let mut head = [0; HEAD];
        let (got, size) = (file.read(0, &mut head).map_err(failed)?, file.size().map_err(failed)?);
        let mark = (got == HEAD).then(|| Mark::find(order, &head)).flatten();
        let Some((mark, _)) = mark else { return Ok(None) };
        let stored = u32::try_from(size / page_size.max(1) as u64).map_err(|_| {
            Failure::new(crate::error::code::DAMAGED, "the file has more pages than numbers for them")
        })?;
        let (base, free) = (mark.base.min(stored), mark.free);
        let mut log = Log { file, order, page_size, stored, left: stored, mark };
        let mut places = HashMap::new();
        let (mut at, mut state, mut report) = (log.mark.first, (free, base), Report::default());
        // If pages are missing before the log, there is none.
        let sane = log.mark.base >= 2 && log.mark.base <= stored && log.mark.first >= log.mark.base;
        let mut homes = HashMap::new();
        while let Some(commit) = log.commit(at, report.flushes + 1).filter(|_| sane) {
            for (pgno, place, header, home) in commit.entries {
                places.insert(pgno, (place, header));
                homes.insert(pgno, home);
            }
            (at, state) = (commit.next, (commit.free, commit.next));
            report.flushes += 1;
        }
        let next = report.flushes + 1;
        let (mut base, began) = (base, has_begun(&log.mark, stored));
        report.torn = log.is_begun(at, next) || (report.flushes == 0 && began);
        if report.flushes == 0 && !report.torn {
            // Nothing was flushed to it, and another program may have added pages.
            (base, state) = (stored, (number(order, &head, FREE), stored));
        }
        let flags = number(order, &head, FLAGS);
        if flags & CHECKPOINT == 0 {
            // During a checkpoint anything may be at home.
            let (first, mut after) = (log.mark.first, true);
            for (&pgno, &home) in &homes {
                let (place, header) = places[&pgno];
                if place == pgno || (base..first).contains(&pgno) {
                    continue;
                }
                let found = log.sum(pgno, None);
                after &= found == log.sum(place, Some(&header));
                report.changed += u32::from(found != Some(home));
            }
            if after {
                // They were brought home, and all that was left to do is to say so.
                report.changed = 0;
            }
        }
        put(order, &mut head, FREE, state.0);
        put(order, &mut head, FLAGS, flags & !CHECKPOINT);
        head[MARKS[0]..].fill(0);
        let places = places.into_iter().filter(|&(pgno, (place, _))| pgno != place || pgno >= base).collect();
        Ok(Some(Replay { page_size, pages: state.1, base, head, places, report }))
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        u64::from(self.pages) * self.page_size as u64
    }

    /// Reads from the file as it was after the flush.
    pub fn read(&self, file: &mut FileStorage, at: u64, buf: &mut [u8]) -> modbtree::Result<usize> {
        let mut done = 0;
        while done < buf.len() && at + (done as u64) < self.size() {
            let at = at + done as u64;
            let (pgno, offset) = (at / self.page_size as u64, (at % self.page_size as u64) as usize);
            let len = (self.page_size - offset).min(buf.len() - done);
            self.read_page(file, pgno as u32, offset, &mut buf[done..done + len])?;
            done += len;
        }
        Ok(done)
    }

    fn read_page(
        &self,
        file: &mut FileStorage,
        pgno: u32,
        offset: usize,
        buf: &mut [u8],
    ) -> modbtree::Result<()> {
        let (place, start): (u32, &[u8]) = match self.places.get(&pgno) {
            Some((place, header)) => (*place, header),
            None if pgno == 0 => (0, &self.head),
            None if pgno < self.base => (pgno, &[]),
            None => {
                buf.fill(0);
                return Ok(());
            }
        };
        let got = file.read(u64::from(place) * self.page_size as u64 + offset as u64, buf)?;
        buf[got..].fill(0);
        for (to, from) in buf.iter_mut().zip(start.iter().skip(offset)) {
            *to = *from;
        }
        Ok(())
    }
}

//! Verification of a whole file: the tree, chains, the free list, and that every page has
//! exactly one use. Reads pages through the cache, so that changes not yet flushed count, and
//! takes memory for two bits per page.
//!
//! No file makes it run long: each page of the tree, of a chain and of the free list is visited
//! once, because it is marked before; only comparing long keys reads chains again, and that is
//! bounded by [`EFFORT`].

mod map;
mod salvage;
mod tree;

use crate::error::inner::Result;
use crate::error::{Error, Failed, Fault, Reason};
use crate::memory::Memory;
use crate::page::node::Node;
use crate::page::{field, kind, meta, HEADER};
use crate::storage::Storage;
use crate::tree::Db;
use map::{Chains, PageMap, Records, BY_SEPARATOR, EXPLAINED, USED};
pub use salvage::Salvage;
use tree::{Spot, NOWHERE};

/// Overflow pages that comparisons may read, for each page of the file. A sound file takes four
/// for each level of the tree.
const EFFORT: u32 = 64;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Something odd that does no harm.
    Warning,
    /// The file breaks a rule of the format.
    Error,
}

/// Something that is not as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Page number.
    pub page: u32,
    /// Bytes from the start of the page.
    pub offset: u32,
    /// What is wrong there.
    pub reason: Reason,
    /// Whether it matters.
    pub severity: Severity,
}

/// What a file consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Items that can be read.
    pub items: u32,
    /// Leaves of the tree.
    pub leaves: u32,
    /// Internal pages of the tree.
    pub internals: u32,
    /// Pages of overflow chains in use.
    pub overflow: u32,
    /// Pages on the free list.
    pub free: u32,
    /// Pages that are neither used nor free.
    pub leaked: u32,
    /// Findings that are errors, those beyond the limit included; a sound file has none.
    pub errors: u32,
    /// Findings that are warnings, in the same way.
    pub warnings: u32,
}

struct Checker<'a, S: Storage, M: Memory> {
    db: &'a mut Db<S, M>,
    found: &'a mut dyn FnMut(Finding),
    /// Findings that may still be reported.
    left: u32,
    report: Report,
    map: PageMap<M>,
    chains: Chains<M>,
    levels: Records<M>,
    /// Level of the first leaf.
    leaf_level: Option<usize>,
    /// The last readable key, in the order of the tree.
    last_key: Spot,
    /// Overflow pages that comparisons may still read.
    effort: u32,
}

impl<S: Storage, M: Memory> Db<S, M> {
    /// Verifies everything that the format prescribes, but for what the bytes of items say. Calls
    /// `found` for each finding, up to `limit` of them. An error means that the file could not be
    /// read, or that there was no memory; damage is no error but a finding.
    pub fn check(&mut self, limit: u32, found: &mut dyn FnMut(Finding)) -> crate::Result<Report> {
        let report = self.try_check(limit, found);
        self.outcome(report)
    }

    pub(crate) fn try_check(&mut self, limit: u32, found: &mut dyn FnMut(Finding)) -> Result<Report> {
        let (memory, pages) = (self.memory(), self.pager.pages());
        let Some(map) = PageMap::new(memory, pages) else { return self.pager.fail(Error::NoMemory) };
        let mut checker = Checker {
            db: self,
            found,
            left: limit,
            report: Report::default(),
            map,
            chains: Chains::new(memory),
            levels: Records::new(memory),
            leaf_level: None,
            last_key: NOWHERE,
            effort: pages.saturating_mul(EFFORT),
        };
        checker.all()?;
        Ok(checker.report)
    }
}

/// A function that finds damage by which it cannot go on fails with it, and its caller makes that a
/// finding ([`Checker::noted`]).
impl<S: Storage, M: Memory> Checker<'_, S, M> {
    fn all(&mut self) -> Result<()> {
        let meta = self.meta();
        self.noted(meta)?;
        self.tree()?;
        let list = self.free_list();
        self.noted(list)?;
        self.unused()
    }

    fn error(&mut self, page: u32, offset: usize, reason: Reason) {
        let (count, severity) = match reason {
            Reason::LeakedChain | Reason::Preserved | Reason::MetaTail => {
                (&mut self.report.warnings, Severity::Warning)
            }
            _ => (&mut self.report.errors, Severity::Error),
        };
        *count = count.saturating_add(1);
        if self.left > 0 {
            self.left -= 1;
            (self.found)(Finding { page, offset: offset as u32, reason, severity });
        }
    }

    /// Turns damage into a finding, and the answer is no then.
    fn noted(&mut self, answer: Result<bool>) -> Result<bool> {
        if let (Err(Failed), Some(Fault { page, offset, reason })) = (answer, self.db.pager.fault()) {
            self.error(page, offset as usize, reason);
        }
        self.db.pager.unless_damaged(answer)
    }

    /// Marks a page as used, which it must not be yet.
    fn claim(&mut self, page: u32) -> Result<()> {
        if self.map.mark(page, USED) {
            return Ok(());
        }
        self.db.pager.corrupt(page, 0, Reason::Shared)
    }

    fn meta(&mut self) -> Result<bool> {
        self.map.mark(0, USED);
        let stored = self.db.pager.stored();
        if stored == 0 {
            return Ok(true);
        }
        if self.db.pager.ragged()? {
            self.error(stored, 0, Reason::PartialPage);
        }
        if self.db.pager.nrecs() != 0 {
            self.error(0, meta::NRECS, Reason::NotZero);
        }
        self.db.pager.begin();
        let f = self.db.pager.load(0)?;
        let end = self.db.pager.head_len();
        let tail = self.db.pager.page(f).get(end..).unwrap_or(&[]);
        if let Some(at) = tail.iter().position(|&byte| byte != 0) {
            self.error(0, end + at, Reason::MetaTail);
        }
        Ok(true)
    }

    fn free_list(&mut self) -> Result<bool> {
        let (mut pgno, mut from) = (self.db.pager.first_free(), (0, meta::FREE));
        while pgno != 0 {
            // A page beyond the file counts as used.
            if !self.map.mark(pgno, USED) {
                return self.db.pager.corrupt(from.0, from.1 as u32, Reason::FreeList);
            }
            self.db.pager.begin();
            let f = self.db.pager.load(pgno)?;
            let node = Node::new(self.db.pager.order(), self.db.pager.page(f));
            let (number, prev, lower) = (node.field(field::PGNO), node.field(field::PREV), node.lower());
            let (kind, next) = (node.field(field::FLAGS), node.field(field::NEXT));
            if number != pgno {
                self.error(pgno, field::PGNO, Reason::PageNumber);
            }
            if prev != 0 {
                self.error(pgno, field::PREV, Reason::NotZero);
            }
            // What the pager accepts when it takes a page from the list.
            let sound = match kind {
                kind::LEAF => lower == HEADER,
                kind::INTERNAL => lower <= HEADER + 2,
                kind::OVERFLOW => true,
                _ => {
                    self.error(pgno, field::FLAGS, Reason::PageType);
                    true
                }
            };
            if !sound {
                self.error(pgno, field::LOWER, Reason::FreeList);
            }
            self.report.free += 1;
            self.db.pager.release(f, true);
            (pgno, from) = (next, (pgno, field::NEXT));
        }
        Ok(true)
    }

    /// Pages that nothing has claimed.
    fn unused(&mut self) -> Result<()> {
        for i in 0.. {
            let (page, _, users) = self.chains.get(i);
            if page == 0 {
                break;
            }
            if users & BY_SEPARATOR == 0 {
                self.error(page, field::FLAGS, Reason::Preserved);
            }
        }
        let pages = self.db.pager.pages();
        for pgno in 2..pages {
            if self.map.has(pgno, USED | EXPLAINED) {
                continue;
            }
            if self.db.pager.is_reserved(pgno) {
                self.map.mark(pgno, USED);
                continue;
            }
            let explained = self.explain(pgno);
            self.noted(explained)?;
        }
        for pgno in 2..pages {
            if !self.map.has(pgno, USED) {
                self.report.leaked += 1;
                if !self.map.has(pgno, EXPLAINED) {
                    self.error(pgno, 0, Reason::Leaked);
                }
            }
        }
        Ok(())
    }

    /// Marks the pages of a chain without a user, if it starts on this page.
    fn explain(&mut self, first: u32) -> Result<bool> {
        let (kind, mut next) = self.header(first)?;
        if kind == kind::OVERFLOW | kind::PRESERVE && self.map.mark(first, EXPLAINED) {
            self.error(first, 0, Reason::LeakedChain);
            while self.map.mark(next, EXPLAINED) {
                next = self.header(next)?.1;
            }
        }
        Ok(true)
    }

    /// Type and right neighbour of a page.
    fn header(&mut self, pgno: u32) -> Result<(u32, u32)> {
        self.db.pager.begin();
        let f = self.db.pager.load(pgno)?;
        let answer = (self.db.pager.field(f, field::FLAGS), self.db.pager.field(f, field::NEXT));
        self.db.pager.release(f, true);
        Ok(answer)
    }
}

//! Storage and memory that fail on demand, and count what they gave out.

use modbtree::{Error, Memory, Result, Storage, VecStorage};
use std::alloc::{alloc, dealloc, Layout};
use std::cell::Cell;
use std::ptr::NonNull;

/// What can be made to fail.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    Read,
    /// A read that ends early.
    ShortRead,
    /// A write that does half of its work.
    Write,
    Sync,
    Alloc,
}

pub const EIO: Error = Error::Io(5);

/// When to fail, and the memory in use. Storage and memory of a database share one.
pub struct Plan {
    kind: Cell<Option<Kind>>,
    /// Calls of this kind that still succeed.
    left: Cell<usize>,
    /// Fail from then on, not only once.
    lasting: Cell<bool>,
    /// Calls that failed.
    pub fired: Cell<usize>,
    /// Bytes handed out and not given back.
    pub used: Cell<usize>,
    /// The most that may be handed out.
    pub budget: Cell<usize>,
}

impl Plan {
    /// Nothing fails.
    pub fn new() -> Self {
        Plan {
            kind: Cell::new(None),
            left: Cell::new(0),
            lasting: Cell::new(false),
            fired: Cell::new(0),
            used: Cell::new(0),
            budget: Cell::new(usize::MAX),
        }
    }

    /// Lets call number `n` of a kind fail, or all from it on.
    pub fn arm(&self, kind: Kind, n: usize, lasting: bool) {
        self.kind.set(Some(kind));
        self.left.set(n);
        self.lasting.set(lasting);
    }

    pub fn disarm(&self) {
        self.kind.set(None);
    }

    fn fails(&self, kind: Kind) -> bool {
        if self.kind.get() != Some(kind) {
            return false;
        }
        if self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            return false;
        }
        if !self.lasting.get() {
            self.disarm();
        }
        self.fired.set(self.fired.get() + 1);
        true
    }
}

pub struct FaultyStorage<'a> {
    pub file: &'a mut VecStorage,
    pub plan: &'a Plan,
}

impl Storage for FaultyStorage<'_> {
    fn size(&mut self) -> Result<u64> {
        self.file.size()
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        if self.plan.fails(Kind::Read) {
            return Err(EIO);
        }
        if self.plan.fails(Kind::ShortRead) {
            let half = buf.len() / 2;
            return self.file.read(at, &mut buf[..half]);
        }
        self.file.read(at, buf)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        if self.plan.fails(Kind::Write) {
            self.file.write(at, &buf[..buf.len() / 2])?;
            return Err(EIO);
        }
        self.file.write(at, buf)
    }

    fn sync(&mut self) -> Result<()> {
        if self.plan.fails(Kind::Sync) {
            return Err(EIO);
        }
        self.file.sync()
    }
}

#[derive(Clone, Copy)]
pub struct FaultyMemory<'a>(pub &'a Plan);

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size.max(1), 16).expect("sizes are small")
}

// SAFETY: the guarantees of the global allocator are those of the trait.
unsafe impl Memory for FaultyMemory<'_> {
    fn alloc(&self, size: usize) -> Option<NonNull<u8>> {
        let used = self.0.used.get() + size;
        if used > self.0.budget.get() || self.0.fails(Kind::Alloc) {
            return None;
        }
        self.0.used.set(used);
        // SAFETY: the layout has a size of at least 1.
        let block = NonNull::new(unsafe { alloc(layout(size)) })?;
        // Undefined content, as the trait says; nobody may rely on zeros.
        // SAFETY: the block has `size` bytes.
        unsafe { block.as_ptr().write_bytes(0xa5, size) };
        Some(block)
    }

    // SAFETY: callers keep to the contract of the trait.
    unsafe fn free(&self, block: NonNull<u8>, size: usize) {
        self.0.used.set(self.0.used.get() - size);
        // SAFETY: `alloc` used the same layout, by the contract of `free`; what is left
        // behind is spoilt, so that a later use shows.
        unsafe {
            block.as_ptr().write_bytes(0x5a, size);
            dealloc(block.as_ptr(), layout(size));
        }
    }
}

//! The frame pool: page-sized blocks, found by page number, in two lists by last use.
//!
//! The one place with raw pointers besides the C boundary. Two invariants carry it:
//! an [`Idx`] is at most `slots`, which never shrinks, and `table` holds `slots` initialised
//! frames followed by `slots` hash buckets. A garbage collector finds everything from
//! here: `table` is the start of a block, and so is `data` of each frame in it.

use crate::memory::Memory;
use core::num::NonZeroU32;
use core::ptr::NonNull;

/// Number of a frame, from 1 on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Idx(NonZeroU32);

impl Idx {
    #[inline]
    fn get(self) -> u16 {
        self.0.get() as u16
    }

    #[inline]
    fn number(self) -> usize {
        self.0.get() as usize
    }
}

const NIL: u16 = 0;
/// Frames in the first table; later ones double.
const FIRST_SLOTS: usize = 8;
/// Page number of a frame that holds no page. No file has so many pages.
pub(crate) const NO_PAGE: u32 = u32::MAX;

/// The page differs from the storage; the frame is in the list of dirty frames.
pub(crate) const DIRTY: u8 = 1;
/// The page passed `verify_tree_page`.
pub(crate) const VERIFIED: u8 = 2;
/// Changed or created by the running operation.
pub(crate) const TOUCHED: u8 = 4;
/// The page was dirty before the running operation: `undo` holds what it was.
pub(crate) const WAS_DIRTY: u8 = 8;
/// In one of the two lists.
const LISTED: u8 = 16;

/// No block starts here: blocks are aligned.
const NO_BLOCK: NonNull<u8> = NonNull::dangling();

struct Frame {
    /// Page-sized block, `NO_BLOCK` in an unused slot.
    data: NonNull<u8>,
    pub pgno: u32,
    hash_next: u16,
    newer: u16,
    older: u16,
    /// Next in a list of frames for one purpose: unused slots, an operation's frames, a sorted flush.
    pub chain: u16,
    /// Frame with the image of the page before the running operation.
    pub undo: u16,
    pin: u16,
    pub flags: u8,
    /// The number of a frame is shifted to its place in the table, not multiplied.
    #[cfg(target_pointer_width = "32")]
    _padding: [u32; 2],
}

/// One of the two lists, from the most to the least recently used frame.
#[derive(Clone, Copy)]
struct List {
    newest: u16,
    oldest: u16,
    len: u16,
}

const EMPTY: List = List { newest: NIL, oldest: NIL, len: 0 };

pub(crate) struct Pool<M: Memory> {
    memory: M,
    page_size: usize,
    table: Option<NonNull<Frame>>,
    /// One frame before the table: frame 1 is its first.
    base: *mut Frame,
    slots: u16,
    unused: u16,
    /// Frames with a block.
    pub frames: u16,
    clean: List,
    dirty: List,
    /// Frames pinned with this number must stay; a new operation takes the next number.
    pin: u16,
}

// SAFETY: nothing else refers to the blocks of a pool, so they may go to another thread with it.
unsafe impl<M: Memory + Send> Send for Pool<M> {}

impl<M: Memory> Pool<M> {
    pub fn new(memory: M) -> Self {
        Pool {
            memory,
            page_size: 0,
            table: None,
            base: core::ptr::null_mut(),
            slots: 0,
            unused: NIL,
            frames: 0,
            clean: EMPTY,
            dirty: EMPTY,
            pin: 1,
        }
    }

    /// Sets the size of blocks while there are none.
    pub fn set_page_size(&mut self, page_size: usize) {
        if self.frames == 0 {
            self.page_size = page_size;
        }
    }

    pub fn memory(&self) -> M {
        self.memory
    }

    /// Frame `i`: in the table, as 0 < i <= slots by the invariant of Idx and of the links.
    fn at(&self, i: usize) -> *mut Frame {
        debug_assert!(i != 0 && i <= usize::from(self.slots));
        self.base.wrapping_add(i)
    }

    fn frame(&self, i: usize) -> &Frame {
        // SAFETY: an index exists only after the table, and its frames are initialised.
        unsafe { &*self.at(i) }
    }

    fn frame_mut(&mut self, i: usize) -> &mut Frame {
        // SAFETY: as in `frame`, and `self` is borrowed exclusively.
        unsafe { &mut *self.at(i) }
    }

    /// The bucket of a page number: `slots` is a power of two.
    fn bucket(&self, pgno: u32) -> *mut u16 {
        let n = usize::from(self.slots);
        let at = pgno as usize & n.wrapping_sub(1);
        match self.table {
            // SAFETY: the buckets follow the `slots` frames in the same block; at < slots.
            Some(table) => unsafe { table.as_ptr().add(n).cast::<u16>().add(at) },
            None => core::ptr::null_mut(),
        }
    }

    fn table_size(slots: usize) -> usize {
        slots * (size_of::<Frame>() + size_of::<u16>())
    }

    /// Doubles the table. False if there is no memory; nothing has changed then.
    fn grow(&mut self) -> bool {
        let old = usize::from(self.slots);
        let slots = (old * 2).max(FIRST_SLOTS);
        if slots > usize::from(u16::MAX) {
            return false;
        }
        let Some(block) = self.memory.alloc(Self::table_size(slots)) else { return false };
        let table = block.cast::<Frame>();
        // SAFETY: the block has room for `slots` frames and buckets, is aligned for pointers and
        // ours alone; the old table has `old` frames, and is given back with the size it was asked for.
        unsafe {
            // Zero is NIL, and no flag.
            table.cast::<u8>().as_ptr().write_bytes(0, Self::table_size(slots));
            for i in 0..slots {
                let frame = table.as_ptr().add(i);
                (&raw mut (*frame).data).write(NO_BLOCK);
                (&raw mut (*frame).pgno).write(NO_PAGE);
                (&raw mut (*frame).chain).write(if i + 1 < slots { (i + 2) as u16 } else { NIL });
            }
            if let Some(before) = self.table {
                core::ptr::copy_nonoverlapping(before.as_ptr(), table.as_ptr(), old);
                self.memory.free(before.cast(), Self::table_size(old));
            }
        }
        self.table = Some(table);
        self.base = table.as_ptr().wrapping_sub(1);
        self.slots = slots as u16;
        // Growing happens only when no slot is unused.
        self.unused = old as u16 + 1;
        let mut from = NIL;
        while let Some(f) = self.next_from(from) {
            from = f.get();
            self.frame_mut(usize::from(from)).hash_next = NIL;
            let pgno = self.pgno(f);
            if pgno != NO_PAGE {
                self.hash(f, pgno);
            }
        }
        true
    }

    /// A zeroed frame without a page, in no list; `None` if there is no memory.
    pub fn alloc(&mut self) -> Option<Idx> {
        if self.unused == NIL && !self.grow() {
            return None;
        }
        let f = Self::idx(self.unused)?;
        let block = self.memory.alloc(self.page_size)?;
        let frame = self.frame_mut(f.number());
        frame.data = block;
        frame.pin = 0;
        let next = core::mem::replace(&mut frame.chain, NIL);
        self.unused = next;
        self.frames += 1;
        Some(f)
    }

    /// Gives the block of a frame back and forgets its page.
    pub fn free(&mut self, f: Idx) {
        self.forget(f);
        self.unlist(f);
        let (size, unused) = (self.page_size, self.unused);
        let frame = self.frame_mut(f.number());
        let block = core::mem::replace(&mut frame.data, NO_BLOCK);
        (frame.flags, frame.undo) = (0, NIL);
        frame.chain = unused;
        if block != NO_BLOCK {
            // SAFETY: the block came from `alloc(page_size)`; the frame does not name it any more.
            unsafe { self.memory.free(block, size) };
            self.unused = f.get();
            self.frames -= 1;
        }
    }

    /// The block of a frame and its size: 0 if the frame is not used.
    #[inline]
    fn block(&self, f: Idx) -> (*mut u8, usize) {
        let block = self.frame(f.number()).data;
        (block.as_ptr(), if block == NO_BLOCK { 0 } else { self.page_size })
    }

    /// The bytes of the page in a frame.
    #[inline]
    pub fn page(&self, f: Idx) -> &[u8] {
        let (data, size) = self.block(f);
        // SAFETY: a block has page_size initialised bytes; `self` is borrowed, so no one writes.
        unsafe { core::slice::from_raw_parts(data, size) }
    }

    /// The bytes of the page in a frame, for changing.
    #[inline]
    pub fn page_mut(&mut self, f: Idx) -> &mut [u8] {
        let (data, size) = self.block(f);
        // SAFETY: as in `page`, and `self` is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(data, size) }
    }

    /// Copies `len` bytes between pages (or inside one). Does nothing if a range leaves its page.
    pub fn copy(&mut self, from: Idx, at: usize, to: Idx, to_at: usize, len: usize) {
        let ((source, size), (target, target_size)) = (self.block(from), self.block(to));
        let fits = |start: usize, size: usize| start <= size && len <= size - start;
        if fits(at, size) && fits(to_at, target_size) {
            // SAFETY: both ranges lie inside blocks of so many bytes; `copy` allows overlap.
            unsafe { core::ptr::copy(source.add(at), target.add(to_at), len) };
        }
    }

    /// One page for reading and another for changing; empty slices if they are one page.
    pub fn pair(&mut self, from: Idx, to: Idx) -> (&[u8], &mut [u8]) {
        let ((source, size), (target, target_size)) = (self.block(from), self.block(to));
        if source == target {
            return (&[], &mut []);
        }
        // SAFETY: two blocks of so many initialised bytes, and `self` is borrowed exclusively.
        unsafe {
            let source = core::slice::from_raw_parts(source, size);
            (source, core::slice::from_raw_parts_mut(target, target_size))
        }
    }

    /// Copies a whole page.
    pub fn copy_page(&mut self, from: Idx, to: Idx) {
        self.copy(from, 0, to, 0, self.page_size);
    }

    /// The frame of a page.
    #[inline]
    pub fn find(&self, pgno: u32) -> Option<Idx> {
        if self.slots == 0 {
            return None;
        }
        // SAFETY: a table exists, so the bucket is an initialised u16 inside it.
        let mut i = unsafe { *self.bucket(pgno) };
        loop {
            let f = Self::idx(i)?;
            let frame = self.frame(usize::from(i));
            if frame.pgno == pgno {
                return Some(f);
            }
            i = frame.hash_next;
        }
    }

    fn hash(&mut self, f: Idx, pgno: u32) {
        let bucket = self.bucket(pgno);
        // SAFETY: a frame exists, so does the table; the bucket is inside it and not borrowed.
        let first = unsafe { core::mem::replace(&mut *bucket, f.get()) };
        let frame = self.frame_mut(f.number());
        frame.pgno = pgno;
        frame.hash_next = first;
    }

    /// Makes `find` return this frame for a page.
    pub fn name(&mut self, f: Idx, pgno: u32) {
        self.forget(f);
        self.hash(f, pgno);
    }

    /// Takes the page number off a frame.
    pub fn forget(&mut self, f: Idx) {
        let pgno = self.frame(f.number()).pgno;
        if pgno == NO_PAGE {
            return;
        }
        let bucket = self.bucket(pgno);
        let next = self.frame(f.number()).hash_next;
        // SAFETY: as in `find`.
        let mut i = unsafe { *bucket };
        if i == f.get() {
            // SAFETY: as in `hash`.
            unsafe { *bucket = next };
        }
        while i != NIL {
            let after = self.frame(usize::from(i)).hash_next;
            if after == f.get() {
                self.frame_mut(usize::from(i)).hash_next = next;
            }
            i = after;
        }
        let frame = self.frame_mut(f.number());
        frame.pgno = NO_PAGE;
        frame.hash_next = NIL;
    }

    fn list(&mut self, dirty: bool) -> &mut List {
        if dirty {
            &mut self.dirty
        } else {
            &mut self.clean
        }
    }

    /// Takes a frame out of its list.
    pub fn unlist(&mut self, f: Idx) {
        let frame = self.frame_mut(f.number());
        if frame.flags & LISTED == 0 {
            return;
        }
        frame.flags &= !LISTED;
        let (newer, older, dirty) = (frame.newer, frame.older, frame.flags & DIRTY != 0);
        if newer != NIL {
            self.frame_mut(usize::from(newer)).older = older;
        } else {
            self.list(dirty).newest = older;
        }
        if older != NIL {
            self.frame_mut(usize::from(older)).newer = newer;
        } else {
            self.list(dirty).oldest = newer;
        }
        self.list(dirty).len -= 1;
    }

    /// Puts a frame into the list of its kind, as the most or the least recently used.
    pub fn enlist(&mut self, f: Idx, newest: bool) {
        self.unlist(f);
        let dirty = self.frame(f.number()).flags & DIRTY != 0;
        let List { newest: head, oldest: tail, len } = *self.list(dirty);
        let frame = self.frame_mut(f.number());
        frame.flags |= LISTED;
        (frame.newer, frame.older) = if newest { (NIL, head) } else { (tail, NIL) };
        let next = if newest { head } else { tail };
        if next != NIL {
            let next = self.frame_mut(usize::from(next));
            *(if newest { &mut next.newer } else { &mut next.older }) = f.get();
        }
        let only = next == NIL;
        let list = self.list(dirty);
        list.len = len + 1;
        if newest || only {
            list.newest = f.get();
        }
        if !newest || only {
            list.oldest = f.get();
        }
    }

    /// Marks an unchanged page as the most recently used one. (Changed ones stay in the order in
    /// which they were changed: they leave the list by a flush, not one by one.)
    #[inline]
    pub fn used(&mut self, f: Idx) {
        let frame = self.frame(f.number());
        if frame.newer != NIL && frame.flags & DIRTY == 0 {
            self.enlist(f, true);
        }
    }

    /// Number of frames in the list of clean or dirty frames.
    pub fn listed(&self, dirty: bool) -> usize {
        usize::from(if dirty { self.dirty.len } else { self.clean.len })
    }

    /// The frame least recently used, or the next more recently used one after `after`.
    pub fn oldest(&self, dirty: bool, after: Option<Idx>) -> Option<Idx> {
        let i = match after {
            Some(f) => self.frame(f.number()).newer,
            None if dirty => self.dirty.oldest,
            None => self.clean.oldest,
        };
        Self::idx(i)
    }

    fn idx(i: u16) -> Option<Idx> {
        NonZeroU32::new(u32::from(i)).map(Idx)
    }

    pub fn pgno(&self, f: Idx) -> u32 {
        self.frame(f.number()).pgno
    }

    #[inline]
    pub fn flags(&self, f: Idx) -> u8 {
        self.frame(f.number()).flags
    }

    /// Sets and clears flags; the frame changes lists when `DIRTY` changes.
    #[inline]
    pub fn set_flags(&mut self, f: Idx, set: u8, clear: u8) {
        let old = self.frame(f.number()).flags;
        let new = (old & !clear) | set;
        if new != old {
            self.change_flags(f, old, new);
        }
    }

    fn change_flags(&mut self, f: Idx, old: u8, new: u8) {
        if (old ^ new) & DIRTY != 0 && old & LISTED != 0 {
            self.unlist(f);
            self.frame_mut(f.number()).flags = new & !LISTED;
            self.enlist(f, true);
        } else {
            self.frame_mut(f.number()).flags = new;
        }
    }

    pub fn chain(&self, f: Idx) -> Option<Idx> {
        Self::idx(self.frame(f.number()).chain)
    }

    pub fn set_chain(&mut self, f: Idx, to: Option<Idx>) {
        self.frame_mut(f.number()).chain = to.map_or(NIL, Idx::get);
    }

    pub fn undo(&self, f: Idx) -> Option<Idx> {
        Self::idx(self.frame(f.number()).undo)
    }

    pub fn set_undo(&mut self, f: Idx, to: Option<Idx>) {
        self.frame_mut(f.number()).undo = to.map_or(NIL, Idx::get);
    }

    /// Keeps a frame until the next operation starts.
    #[inline]
    pub fn pin(&mut self, f: Idx) {
        self.frame_mut(f.number()).pin = self.pin;
    }

    /// Lets a pinned frame go.
    pub fn unpin(&mut self, f: Idx) {
        self.frame_mut(f.number()).pin = self.pin.wrapping_sub(1);
    }

    pub fn pinned(&self, f: Idx) -> bool {
        self.frame(f.number()).pin == self.pin
    }

    /// Lets all pinned frames go. A frame not used for 65,536 operations may look pinned
    /// for the length of one; it is then passed over once.
    pub fn unpin_all(&mut self) {
        self.pin = self.pin.wrapping_add(1);
    }

    /// The first frame with a block behind number `from`.
    fn next_from(&self, from: u16) -> Option<Idx> {
        let next = (from..self.slots).find(|&i| self.frame(usize::from(i) + 1).data != NO_BLOCK)?;
        Self::idx(next + 1)
    }
}

impl<M: Memory> Drop for Pool<M> {
    fn drop(&mut self) {
        let mut from = NIL;
        while let Some(f) = self.next_from(from) {
            self.free(f);
            from = f.get();
        }
        if let Some(table) = self.table.take() {
            // SAFETY: the table was allocated with this size; all blocks it named are given back.
            unsafe { self.memory.free(table.cast(), Self::table_size(usize::from(self.slots))) };
            self.slots = 0;
        }
    }
}

//! Where page frames and key copies come from. Running out is an answer, not an abort.

use core::ptr::NonNull;

/// A provider of memory blocks.
///
/// # Safety
/// A block that `alloc` returns holds initialised bytes of any value, is valid for reads and
/// writes of `size` bytes, aligned for pointers, and unused by anything else until it is given
/// to `free`.
// SAFETY: implementations keep to what is said above.
pub unsafe trait Memory: Copy {
    /// A block of `size` bytes, or `None` if there is no memory.
    fn alloc(&self, size: usize) -> Option<NonNull<u8>>;

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from `alloc(size)` of this provider and is not used any more.
    // SAFETY: callers keep to the contract of the trait.
    unsafe fn free(&self, block: NonNull<u8>, size: usize);
}

/// Moves `len` bytes inside a slice; does nothing if a range leaves it.
/// (`copy_within` would do, but for a panic that the compiler keeps.)
pub(crate) fn shift(bytes: &mut [u8], from: usize, to: usize, len: usize) {
    let fits = |start: usize| start <= bytes.len() && len <= bytes.len() - start;
    if fits(from) && fits(to) {
        let start = bytes.as_mut_ptr();
        // SAFETY: both ranges lie inside `bytes`, which is borrowed exclusively; `copy` allows overlap.
        unsafe { core::ptr::copy(start.add(from), start.add(to), len) };
    }
}

/// Copies as many bytes as both slices have. (`copy_from_slice` would do, but for a panic
/// that the compiler keeps.)
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    // SAFETY: both slices have `len` bytes, and a shared and an exclusive borrow do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), len) };
}

/// As `copy`, for parts of entries: without a call where code is cheap.
#[inline(always)]
pub(crate) fn copy_entry(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    if cfg!(not(all(target_pointer_width = "64", not(small)))) || !(8..=64).contains(&len) {
        return copy(to, from);
    }
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    // SAFETY: callers keep `at` and the bytes copied within `len`, which both slices have; they do not overlap
    // (see `copy`).
    let word = |at: usize| unsafe { core::ptr::copy_nonoverlapping(from.add(at), to.add(at), 8) };
    // SAFETY: as for `word`.
    let words = |at: usize| unsafe { core::ptr::copy_nonoverlapping(from.add(at), to.add(at), 16) };
    // From the start and up to the end, some bytes twice.
    if len < 16 {
        word(0);
        return word(len - 8);
    }
    words(0);
    if len > 32 {
        words(16);
        words(len - 32);
    }
    words(len - 16);
}

/// A byte string in a block of its own that grows as needed.
pub(crate) struct Buffer<M: Memory> {
    memory: M,
    /// Of `capacity` bytes; none if that is 0.
    block: NonNull<u8>,
    capacity: usize,
    len: usize,
}

// SAFETY: nothing else refers to the block, so it may go to another thread with its owner.
unsafe impl<M: Memory + Send> Send for Buffer<M> {}

impl<M: Memory> Buffer<M> {
    pub fn new(memory: M) -> Self {
        Buffer { memory, block: NonNull::dangling(), capacity: 0, len: 0 }
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes room for `capacity` bytes, keeping the string; false if there is no memory.
    pub fn reserve(&mut self, capacity: usize) -> bool {
        if capacity <= self.capacity {
            return true;
        }
        // A little more than asked for, so that keys of growing length do not allocate each time.
        let capacity = capacity.saturating_add(15) & !15;
        let Some(block) = self.memory.alloc(capacity) else { return false };
        let len = self.len;
        // SAFETY: the new block has `capacity` > `len` bytes, which the old one has, too.
        unsafe { core::ptr::copy_nonoverlapping(self.bytes().as_ptr(), block.as_ptr(), len) };
        // The old block is given back.
        *self = Buffer { memory: self.memory, block, capacity, len };
        true
    }

    /// Gives the string `len` bytes, the first ones as before; false if there is no memory.
    pub fn resize(&mut self, len: usize) -> bool {
        let room = self.reserve(len);
        if room {
            self.len = len;
        }
        room
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the block has at least `len` initialised bytes and is ours; without one, `len` is 0.
        unsafe { core::slice::from_raw_parts(self.block.as_ptr(), self.len) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `self` is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.block.as_ptr(), self.len) }
    }

    /// Replaces the string; false, and the old string, if there is no memory.
    pub fn set(&mut self, from: &[u8]) -> bool {
        if !self.resize(from.len()) {
            return false;
        }
        copy(self.bytes_mut(), from);
        true
    }
}

impl<M: Memory> Drop for Buffer<M> {
    fn drop(&mut self) {
        if self.capacity != 0 {
            // SAFETY: the block came from `alloc(capacity)` and nothing refers to it any more.
            unsafe { self.memory.free(self.block, self.capacity) };
        }
    }
}

/// The heap of the host.
#[cfg(any(test, feature = "std"))]
#[derive(Clone, Copy, Default, Debug)]
pub struct HeapMemory;

#[cfg(any(test, feature = "std"))]
fn heap_layout(size: usize) -> Option<std::alloc::Layout> {
    // Pages start with a cache line: the kernel copies them faster.
    std::alloc::Layout::from_size_align(size.max(1), if size < 512 { 16 } else { 64 }).ok()
}

// SAFETY: the global allocator's guarantees are those of the trait.
#[cfg(any(test, feature = "std"))]
unsafe impl Memory for HeapMemory {
    fn alloc(&self, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the layout has a size of at least 1.
        NonNull::new(unsafe { std::alloc::alloc_zeroed(heap_layout(size)?) })
    }

    // SAFETY: callers keep to the contract of the trait.
    unsafe fn free(&self, block: NonNull<u8>, size: usize) {
        if let Some(layout) = heap_layout(size) {
            // SAFETY: `alloc` used the same layout, by the contract of `free`.
            unsafe { std::alloc::dealloc(block.as_ptr(), layout) }
        }
    }
}

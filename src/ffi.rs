//! The C functions of `modbtree.h`, for MicroPython's side of the library.
//!
//! Nothing here can raise: the `modbtree_*` functions that Rust calls catch every exception
//! and return a number, so no jump of MicroPython's exception handling crosses a Rust frame.
//! The caller sees to it that no two calls with one database run at a time.

use crate::error::{inner, Error, Failed, Fault, Reason, Result};
use crate::memory::Memory;
#[cfg(feature = "journal")]
use crate::pager::Journal;
use crate::pager::{Options, Pager};
use crate::storage::Storage;
use crate::tree::{Cursor, Db, Item, Where};
use core::ptr::NonNull;
use cty::{c_int, c_uint, c_void};
use micropython_sys as sys;

#[cfg(feature = "check")]
mod check;
#[cfg(feature = "extras")]
mod extras;
#[cfg(feature = "match")]
mod scan;

/// A MicroPython stream, or none for a database in memory.
struct Stream {
    ctx: *mut c_void,
    volatile: bool,
}

/// The number an upcall returned: a count, or a negative error number.
fn checked(result: c_int) -> Result<usize> {
    usize::try_from(result).map_err(|_| Error::Io(result.wrapping_neg()))
}

impl Storage for Stream {
    fn size(&mut self) -> Result<u64> {
        let mut size = 0;
        if !self.volatile() {
            // SAFETY: `size` is valid for the call. Exceptions: caught by the callee.
            checked(unsafe { sys::modbtree_size(self.ctx, &mut size) })?;
        }
        Ok(size)
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        // SAFETY: the buffer is valid for writes of its length. Exceptions: caught by the callee.
        checked(unsafe { sys::modbtree_read(self.ctx, at, buf.as_mut_ptr(), buf.len()) })
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        // SAFETY: the buffer is valid for reads of its length. Exceptions: caught by the callee.
        checked(unsafe { sys::modbtree_write(self.ctx, at, buf.as_ptr(), buf.len()) }).map(drop)
    }

    fn sync(&mut self) -> Result<()> {
        // SAFETY: no memory is shared. Exceptions: caught by the callee.
        checked(unsafe { sys::modbtree_sync(self.ctx) }).map(drop)
    }

    #[cfg(feature = "journal")]
    fn atomic(&self) -> bool {
        sys::BTREE_SEES_ATOMIC != 0
            && !self.volatile
            // SAFETY: no memory is shared. Exceptions: the callee looks at types only.
            && unsafe { sys::modbtree_atomic(self.ctx) } != 0
    }

    #[cfg(feature = "journal")]
    fn truncate(&mut self, size: u64) -> Result<()> {
        // SAFETY: no memory is shared. Exceptions: caught by the callee.
        checked(unsafe { sys::modbtree_truncate(self.ctx, size) }).map(drop)
    }

    fn volatile(&self) -> bool {
        cfg!(feature = "extras") && self.volatile
    }
}

/// MicroPython's garbage-collected heap.
#[derive(Clone, Copy)]
struct Heap {
    ctx: *mut c_void,
}

// SAFETY: `modbtree_alloc` hands out blocks of the GC heap, which are aligned for pointers and
// stay as long as a pointer to their start is found in the object tree (see modbtree.h).
unsafe impl Memory for Heap {
    fn alloc(&self, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: no memory is shared. Exceptions: the callee does not raise but returns NULL.
        let block: NonNull<u8> = NonNull::new(unsafe { sys::modbtree_alloc(self.ctx, size) }.cast())?;
        // SAFETY: the block has `size` bytes and is ours.
        unsafe { block.as_ptr().write_bytes(0, size) };
        Some(block)
    }

    // SAFETY: callers keep to the contract of the trait.
    unsafe fn free(&self, block: NonNull<u8>, size: usize) {
        // SAFETY: by the contract of `free` the block came from `alloc`. Exceptions: none.
        unsafe { sys::modbtree_free(self.ctx, block.as_ptr().cast(), size) }
    }
}

/// What a `btree_db_t` holds.
#[repr(C)] // a database lies where its handle does
struct Handle {
    db: Option<Db<Stream, Heap>>,
    fault: Option<Fault>,
    #[cfg(feature = "check")]
    salvage: Option<crate::check::Salvage<Heap>>,
}

impl Handle {
    /// Makes a closed one of fresh memory. (Field by field: a whole one would be copied from a constant.)
    ///
    /// # Safety
    /// `db` is valid for writes of `btree_db_size()` bytes, zeroes or what was never dropped, and no other
    /// reference to it exists.
    // SAFETY: callers keep to what is said above.
    unsafe fn begin<'a>(db: *mut sys::btree_db_t) -> &'a mut Handle {
        let handle = db.cast::<Handle>();
        // SAFETY: by the contract of this function; all fields are written before there is a reference.
        unsafe {
            (&raw mut (*handle).db).write(None);
            (&raw mut (*handle).fault).write(None);
            #[cfg(feature = "check")]
            (&raw mut (*handle).salvage).write(None);
            &mut *handle
        }
    }

    /// A database that is yet to be opened.
    fn place(&mut self, stream: Stream, options: &Options) -> &mut Db<Stream, Heap> {
        let heap = Heap { ctx: stream.ctx };
        self.db.insert(Db::with_pager(Pager::new(stream, heap, options)))
    }

    /// The number for the result of an operation, whose place of a damage is kept.
    #[inline(never)]
    fn finish(&mut self, result: inner::Result<c_int>) -> c_int {
        self.fault = None;
        match (result, &self.db) {
            (Ok(result), _) => result,
            (Err(Failed), Some(db)) => {
                self.fault = db.fault();
                number(db.pager.error())
            }
            (Err(Failed), None) => number(Error::Invalid),
        }
    }
}

/// What a `btree_cursor_t` holds; zeroed memory is one that was never used.
struct CursorBlock {
    used: usize,
    cursor: core::mem::MaybeUninit<Cursor<Heap>>,
}

const OK: c_int = 0;
const NOTHING: c_int = 1;

fn number(error: Error) -> c_int {
    let errno = match error {
        Error::Io(errno) => errno,
        Error::NoMemory => sys::MP_ENOMEM,
        Error::Corrupt(_) | Error::Invalid => sys::MP_EINVAL,
        Error::Full => sys::MP_EFBIG,
    };
    errno.wrapping_neg()
}

/// Runs an operation on an open database and keeps the place of a damage.
///
/// # Safety
/// `db` was opened with `btree_open` and no other reference to it exists.
// SAFETY: callers keep to what is said above.
unsafe fn with(
    db: *mut sys::btree_db_t,
    operation: impl FnOnce(&mut Db<Stream, Heap>) -> inner::Result<c_int>,
) -> c_int {
    // SAFETY: by the contract of this function.
    let handle = unsafe { &mut *db.cast::<Handle>() };
    let result = handle.db.as_mut().map_or(Err(Failed), operation);
    handle.finish(result)
}

/// The caller's bytes.
///
/// # Safety
/// `ptr` is valid for reads of `len` bytes, or NULL with a length of 0.
// SAFETY: callers keep to what is said above.
unsafe fn slice<'a>(ptr: *const u8, len: usize) -> &'a [u8] {
    if ptr.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: by the contract of this function.
    unsafe { core::slice::from_raw_parts(ptr, len) }
}

fn report(db: &Db<Stream, Heap>, item: &Item) -> sys::btree_bytes_t {
    let ptr = db.inline_bytes(item).map_or(core::ptr::null(), <[u8]>::as_ptr);
    sys::btree_bytes_t { ptr, len: item.len() as u32, page: item.page() }
}

#[no_mangle]
extern "C" fn btree_db_size() -> usize {
    size_of::<Handle>()
}

#[no_mangle]
extern "C" fn btree_cursor_size() -> usize {
    size_of::<CursorBlock>()
}

/// # Safety
/// `db` is valid for writes of `btree_db_size()` bytes, `options` for reads.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_open(
    db: *mut sys::btree_db_t,
    ctx: *mut c_void,
    options: *const sys::btree_options_t,
) -> c_int {
    // SAFETY: by the contract of this function.
    let given = unsafe { &*options };
    let journal = given.flags & !sys::BTREE_DUP;
    let options = Options {
        page_size: given.pagesize,
        cache_size: given.cachesize,
        min_keys: given.minkeypage,
        duplicates: given.flags & sys::BTREE_DUP != 0,
        order: None,
        #[cfg(feature = "journal")]
        journal: match journal {
            sys::BTREE_JOURNAL => Journal::On,
            sys::BTREE_DISCARD => Journal::Discard,
            _ => Journal::Off,
        },
    };
    // SAFETY: by the contract of this function.
    let handle = unsafe { Handle::begin(db) };
    let known = match journal {
        sys::BTREE_JOURNAL | sys::BTREE_DISCARD => cfg!(feature = "journal"),
        other => other == 0,
    };
    if !known {
        return number(Error::Invalid);
    }
    let volatile = cfg!(feature = "extras") && given.memory != 0;
    if let Err(e) = options.check().and_then(|()| if volatile { Ok(()) } else { read_header(ctx) }) {
        return number(e);
    }
    open(handle, Stream { ctx, volatile }, &options)
}

/// Opens a database in a handle. (In a function of its own: what it takes on the stack until the
/// database is in its place is gone then.)
#[inline(never)]
fn open(handle: &mut Handle, stream: Stream, options: &Options) -> c_int {
    if handle.place(stream, options).try_open(options).is_ok() {
        return OK;
    }
    let result = handle.finish(Err(Failed));
    handle.db = None;
    result
}

/// The C library reads the header before anything else, and programs see it; what counts is read
/// from the start of the stream later.
fn read_header(ctx: *mut c_void) -> Result<()> {
    let mut header = [0u8; crate::page::meta::LEN];
    // SAFETY: the buffer is valid for writes of its length. Exceptions: caught by the callee.
    checked(unsafe { sys::modbtree_read_here(ctx, header.as_mut_ptr(), header.len()) }).map(drop)
}

/// # Safety
/// As for [`with`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_close(db: *mut sys::btree_db_t) -> c_int {
    // SAFETY: by the contract of this function.
    let result = unsafe { with(db, |db| db.pager.close().map(|()| OK)) };
    // SAFETY: as above. This drops the database, which gives its memory back.
    unsafe { (*db.cast::<Handle>()).db = None };
    result
}

/// # Safety
/// As for [`with`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_flush(db: *mut sys::btree_db_t) -> c_int {
    // SAFETY: by the contract of this function.
    unsafe { with(db, |db| db.pager.flush().map(|()| OK)) }
}

/// # Safety
/// As for [`with`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[cfg(feature = "journal")]
#[no_mangle]
unsafe extern "C" fn btree_checkpoint(db: *mut sys::btree_db_t) -> c_int {
    // SAFETY: by the contract of this function.
    unsafe { with(db, |db| db.pager.flush_home().map(|()| OK)) }
}

/// # Safety
/// As for [`with`] and [`slice`]; `value` is valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_get(
    db: *mut sys::btree_db_t,
    key: *const u8,
    klen: usize,
    value: *mut sys::btree_bytes_t,
) -> c_int {
    // SAFETY: by the contract of this function.
    let (key, value) = unsafe { (slice(key, klen), &mut *value) };
    // SAFETY: as above.
    unsafe {
        with(db, |db| match db.try_get(key)? {
            Some(item) => {
                *value = report(db, &item);
                Ok(OK)
            }
            None => Ok(NOTHING),
        })
    }
}

/// # Safety
/// As for [`with`]; `src` came from the last call with this database, `dst` is valid for
/// writes of its length.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_fetch(
    db: *mut sys::btree_db_t,
    src: *const sys::btree_bytes_t,
    dst: *mut u8,
) -> c_int {
    // SAFETY: by the contract of this function.
    let (item, to) = unsafe {
        let item = Item::chain((*src).page, (*src).len);
        // Fresh memory of the caller's may hold anything, so it is initialised for Rust.
        dst.write_bytes(0, item.len());
        (item, core::slice::from_raw_parts_mut(dst, item.len()))
    };
    // SAFETY: as above.
    unsafe { with(db, |db| db.try_read(&item, to).map(|()| OK)) }
}

/// # Safety
/// As for [`with`] and [`slice`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_put(
    db: *mut sys::btree_db_t,
    key: *const u8,
    klen: usize,
    value: *const u8,
    vlen: usize,
    flags: c_uint,
) -> c_int {
    // SAFETY: by the contract of this function.
    let (key, value) = unsafe { (slice(key, klen), slice(value, vlen)) };
    let overwrite = cfg!(not(feature = "extras")) || flags & sys::BTREE_NOOVERWRITE == 0;
    // SAFETY: as above.
    unsafe { with(db, |db| Ok(if db.try_put(key, value, overwrite)? { OK } else { NOTHING })) }
}

/// # Safety
/// As for [`with`] and [`slice`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_delete(db: *mut sys::btree_db_t, key: *const u8, klen: usize) -> c_int {
    // SAFETY: by the contract of this function.
    let key = unsafe { slice(key, klen) };
    // SAFETY: as above.
    unsafe { with(db, |db| Ok(if db.try_delete(key)? { OK } else { NOTHING })) }
}

/// The cursor in a block.
///
/// # Safety
/// `block` is zeroed memory of `btree_cursor_size()` bytes, or was used with this library
/// before, and no other reference to it exists.
// SAFETY: callers keep to what is said above.
#[inline(never)]
unsafe fn cursor<'a>(block: *mut sys::btree_cursor_t, heap: Heap) -> &'a mut Cursor<Heap> {
    // SAFETY: by the contract of this function: zeroes are a valid CursorBlock.
    let block = unsafe { &mut *block.cast::<CursorBlock>() };
    if block.used == 0 {
        block.used = 1;
        block.cursor.write(Cursor::new(heap))
    } else {
        // SAFETY: `used` tells that the cursor was written.
        unsafe { block.cursor.assume_init_mut() }
    }
}

/// # Safety
/// As for [`with`], [`cursor`] and [`slice`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_seek(
    db: *mut sys::btree_db_t,
    cur: *mut sys::btree_cursor_t,
    key: *const u8,
    klen: usize,
    whence: c_uint,
) -> c_int {
    // SAFETY: by the contract of this function.
    let key = unsafe { slice(key, klen) };
    let place = match whence {
        sys::BTREE_FIRST => Where::First,
        sys::BTREE_LAST => Where::Last,
        sys::BTREE_GE | sys::BTREE_LT => Where::Lower,
        #[cfg(feature = "extras")]
        sys::BTREE_PREFIX_LAST => Where::PrefixUpper,
        _ => Where::Upper,
    };
    // SAFETY: as above.
    unsafe {
        with(db, |db| {
            let done = cursor(cur, db.memory()).seek(place, key);
            db.pager.known(done).map(|()| OK)
        })
    }
}

/// # Safety
/// As for [`with`] and [`cursor`]; `key` and `value` are valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_step(
    db: *mut sys::btree_db_t,
    cur: *mut sys::btree_cursor_t,
    backward: c_int,
    key: *mut sys::btree_bytes_t,
    value: *mut sys::btree_bytes_t,
) -> c_int {
    // SAFETY: by the contract of this function.
    unsafe {
        with(db, |db| match db.try_step(cursor(cur, db.memory()), backward != 0)? {
            Some((k, v)) => {
                key.write(report(db, &k));
                value.write(report(db, &v));
                Ok(OK)
            }
            None => Ok(NOTHING),
        })
    }
}

/// # Safety
/// As for [`cursor`]; the cursor was used with `btree_step`.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_again(cur: *mut sys::btree_cursor_t, backward: c_int) {
    // SAFETY: by the contract of this function; `used` tells whether there is a cursor.
    unsafe {
        let block = &mut *cur.cast::<CursorBlock>();
        if block.used != 0 {
            block.cursor.assume_init_mut().again(backward != 0);
        }
    }
}

/// # Safety
/// As for [`cursor`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_cursor_free(_: *mut sys::btree_db_t, cur: *mut sys::btree_cursor_t) {
    // SAFETY: by the contract of this function; `used` tells whether there is a cursor.
    unsafe {
        let block = &mut *cur.cast::<CursorBlock>();
        if core::mem::take(&mut block.used) != 0 {
            block.cursor.assume_init_drop();
        }
    }
}

fn fault_of(page: u32, offset: u32, reason: Reason) -> sys::btree_fault_t {
    sys::btree_fault_t { page, offset, reason: reason.text_z().as_ptr().cast() }
}

/// # Safety
/// `db` was given to `btree_open`; `fault` is valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_fault(db: *const sys::btree_db_t, fault: *mut sys::btree_fault_t) {
    // SAFETY: by the contract of this function.
    let handle = unsafe { &*db.cast::<Handle>() };
    let found = match handle.fault {
        Some(Fault { page, offset, reason }) => fault_of(page, offset, reason),
        None => sys::btree_fault_t { page: 0, offset: 0, reason: core::ptr::null() },
    };
    // SAFETY: as above.
    unsafe { fault.write(found) };
}

sys::assert_exported!(
    btree_db_size,
    btree_cursor_size,
    btree_open,
    btree_close,
    btree_flush,
    btree_get,
    btree_fetch,
    btree_put,
    btree_delete,
    btree_seek,
    btree_step,
    btree_again,
    btree_cursor_free,
    btree_fault
);
#[cfg(feature = "journal")]
sys::assert_exported!(btree_checkpoint);

//! What the C module of MicroPython lacks.

use super::{with, OK};
use cty::c_int;
use micropython_sys as sys;

/// # Safety
/// As for [`with`]; `count` is valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_count(db: *mut sys::btree_db_t, count: *mut u32) -> c_int {
    // SAFETY: by the contract of this function.
    unsafe {
        with(db, |db| {
            count.write(db.try_count()?);
            Ok(OK)
        })
    }
}

/// # Safety
/// As for [`with`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_clear(db: *mut sys::btree_db_t) -> c_int {
    // SAFETY: by the contract of this function.
    unsafe { with(db, |db| db.try_clear().map(|()| OK)) }
}

/// # Safety
/// As for [`with`]; `stat` is valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_stat(db: *mut sys::btree_db_t, stat: *mut sys::btree_stat_t) -> c_int {
    // SAFETY: by the contract of this function.
    unsafe {
        with(db, |db| {
            let s = db.try_stat()?;
            stat.write(sys::btree_stat_t {
                pagesize: s.page_size,
                pages: s.pages,
                depth: s.depth,
                free: s.free,
                cached: s.cached,
                dirty: s.dirty,
            });
            Ok(OK)
        })
    }
}

sys::assert_exported!(btree_count, btree_clear, btree_stat);

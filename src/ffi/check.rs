//! Verifying, copying and salvaging whole files.

use super::{fault_of, open, report, with, Handle, Stream, NOTHING, OK};
use crate::check::{Finding, Salvage, Severity};
use crate::error::Error;
use crate::pager::Options;
use crate::storage::Storage;
use cty::{c_int, c_void};
use micropython_sys as sys;

/// # Safety
/// As for [`with`]; `findings` is valid for writes of `max` elements, the numbers for one each.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_check(
    db: *mut sys::btree_db_t,
    findings: *mut sys::btree_finding_t,
    max: u32,
    errors: *mut u32,
    warnings: *mut u32,
) -> c_int {
    let mut count = 0;
    let mut store = |finding: Finding| {
        let found = sys::btree_finding_t {
            fault: fault_of(finding.page, finding.offset, finding.reason),
            warning: u8::from(finding.severity == Severity::Warning),
        };
        // SAFETY: `check` calls this at most `max` times.
        unsafe { findings.add(count).write(found) };
        count += 1;
    };
    // SAFETY: by the contract of this function.
    unsafe {
        with(db, |db| {
            let report = db.try_check(max, &mut store)?;
            errors.write(report.errors);
            warnings.write(report.warnings);
            Ok(OK)
        })
    }
}

/// # Safety
/// As for [`with`]; `to` is valid for writes of `btree_db_size()` bytes; `ctx` is what `btree_open`
/// would be given with it; `count` is valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_compact(
    db: *mut sys::btree_db_t,
    to: *mut sys::btree_db_t,
    ctx: *mut c_void,
    count: *mut u32,
) -> c_int {
    // SAFETY: by the contract of this function.
    let copy = unsafe { Handle::begin(to) };
    // SAFETY: as above.
    let result = unsafe {
        with(db, |db| {
            let mut stream = Stream { ctx, volatile: false };
            let size = stream.size();
            if db.pager.known(size)? != 0 {
                return db.pager.fail(Error::Io(sys::MP_EEXIST));
            }
            let opened = open(copy, stream, &db.options());
            if let Some(to) = copy.db.as_mut() {
                count.write(db.try_copy_to(to)?);
            }
            Ok(opened)
        })
    };
    copy.db = None;
    result
}

/// # Safety
/// `db` is valid for writes of `btree_db_size()` bytes; `ctx` is as for `btree_open`.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_salvage(db: *mut sys::btree_db_t, ctx: *mut c_void, pagesize: u32) -> c_int {
    // SAFETY: by the contract of this function.
    let handle = unsafe { Handle::begin(db) };
    let db = handle.place(Stream { ctx, volatile: false }, &Options::default());
    let started = db.try_open_damaged(pagesize).and_then(|()| Salvage::start(db));
    let result = started.map(|at| {
        handle.salvage = Some(at);
        OK
    });
    handle.finish(result)
}

/// # Safety
/// `db` was opened with `btree_salvage` and no other reference to it exists; `key` and `value`
/// are valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_salvage_next(
    db: *mut sys::btree_db_t,
    key: *mut sys::btree_bytes_t,
    value: *mut sys::btree_bytes_t,
) -> c_int {
    // SAFETY: by the contract of this function.
    let handle = unsafe { &mut *db.cast::<Handle>() };
    let (Some(db), Some(at)) = (handle.db.as_mut(), handle.salvage.as_mut()) else { return NOTHING };
    let result = match db.try_salvage(at) {
        Ok(Some((k, v))) => {
            // SAFETY: as above.
            unsafe {
                key.write(report(db, &k));
                value.write(report(db, &v));
            }
            Ok(OK)
        }
        Ok(None) => Ok(NOTHING),
        Err(failed) => Err(failed),
    };
    handle.finish(result)
}

sys::assert_exported!(btree_check, btree_compact, btree_salvage, btree_salvage_next);

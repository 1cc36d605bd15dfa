//! Searching with a compiled query.

use super::{cursor, report, slice, with, NOTHING};
use crate::error::Error;
use crate::query::json::{is_strict, token, unescape, Token};
use crate::query::{Program, Verdict};
use cty::c_int;
use micropython_sys as sys;

/// What looking at an item costs besides its bytes.
const ITEM_WORK: u32 = 32;

fn code(verdict: Verdict) -> c_int {
    match verdict {
        Verdict::Yes => sys::BTREE_MATCH as c_int,
        Verdict::No => sys::BTREE_NO_MATCH as c_int,
        Verdict::Unsure => sys::BTREE_UNSURE as c_int,
    }
}

/// # Safety
/// As for [`slice`].
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_match(
    program: *const u8,
    plen: usize,
    key: *const u8,
    klen: usize,
    value: *const u8,
    vlen: usize,
) -> c_int {
    // SAFETY: by the contract of this function.
    let (program, key, value) = unsafe { (slice(program, plen), slice(key, klen), slice(value, vlen)) };
    match Program::parse(program) {
        Some(program) => code(program.matches(key, value)),
        None => sys::MP_EINVAL.wrapping_neg(),
    }
}

/// # Safety
/// As for [`with`] and [`cursor`]; `scan` is valid, its parts are as for [`slice`], its scratch is
/// valid for writes; `key` and `value` are valid for writes.
// SAFETY: modbtree.h says so, too, and modbtree.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_scan(
    db: *mut sys::btree_db_t,
    cur: *mut sys::btree_cursor_t,
    scan: *mut sys::btree_scan_t,
    key: *mut sys::btree_bytes_t,
    value: *mut sys::btree_bytes_t,
) -> c_int {
    // SAFETY: by the contract of this function.
    let (scan, program, bound, scratch) = unsafe {
        let scan = &mut *scan;
        let scratch: &mut [u8] = if scan.scratch.is_null() {
            &mut []
        } else {
            core::slice::from_raw_parts_mut(scan.scratch, scan.scratch_len)
        };
        let bound = if scan.bound.is_null() { None } else { Some(slice(scan.bound, scan.bound_len)) };
        let program = Program::parse(slice(scan.program, scan.program_len));
        (scan, program, bound, scratch)
    };
    let backward = scan.backward != 0;
    let search = |db: &mut super::Db<_, _>| {
        let Some(program) = program.as_ref() else { return db.pager.fail(Error::Invalid) };
        loop {
            // SAFETY: by the contract of this function.
            let cur = unsafe { cursor(cur, db.memory()) };
            let Some((k, v)) = db.try_step(cur, backward)? else { return Ok(NOTHING) };
            let beyond = match (db.inline_bytes(&k), bound) {
                (Some(key), Some(bound)) if backward => key < bound,
                (Some(key), Some(bound)) => key >= bound,
                _ => false,
            };
            if beyond {
                return Ok(NOTHING);
            }
            // SAFETY: by the contract of this function.
            unsafe {
                key.write(report(db, &k));
                value.write(report(db, &v));
            }
            let mut from_chain: Option<&[u8]> = None;
            if db.inline_bytes(&v).is_none() && db.inline_bytes(&k).is_some() {
                let Some(part) = scratch.get_mut(..v.len()) else {
                    cur.again(backward);
                    return Ok(sys::BTREE_SCRATCH as c_int);
                };
                db.try_read(&v, part)?;
                from_chain = Some(part);
            }
            scan.examined += 1;
            scan.work = scan.work.saturating_sub(v.len() as u32).saturating_sub(ITEM_WORK);
            // A long key is on pages of its own: the caller fetches it, and looks at the bound.
            let verdict = match (db.inline_bytes(&k), from_chain.or(db.inline_bytes(&v))) {
                (Some(key), Some(record)) => program.matches(key.get(scan.skip..).unwrap_or(&[]), record),
                _ => Verdict::Unsure,
            };
            match verdict {
                Verdict::Yes if scan.count != 0 => scan.matched += 1,
                Verdict::No => {}
                _ => return Ok(code(verdict)),
            }
            if scan.work == 0 {
                return Ok(sys::BTREE_PAUSE as c_int);
            }
        }
    };
    // SAFETY: by the contract of this function.
    unsafe { with(db, search) }
}

/// # Safety
/// As for [`slice`].
// SAFETY: modbtree.h says so, too, and modbtree_json.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_json_strict(text: *const u8, len: usize) -> c_int {
    // SAFETY: by the contract of this function.
    c_int::from(is_strict(unsafe { slice(text, len) }))
}

/// # Safety
/// `json` is valid; its text is as for [`slice`].
// SAFETY: modbtree.h says so, too, and modbtree_json.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_json(json: *mut sys::btree_json_t) -> c_int {
    // SAFETY: by the contract of this function.
    let (json, text) = unsafe { (&mut *json, slice((*json).text, (*json).text_len)) };
    let Some((token, rest)) = token(text) else { return 0 };
    (json.text, json.text_len) = (rest.as_ptr(), rest.len());
    let (kind, part) = match token {
        Token::Sign(sign) => (sign, &[][..]),
        Token::Small(number) => {
            json.number = number;
            (b'0', &[][..])
        }
        Token::Number(number, whole) => (if whole { b'9' } else { b'.' }, number),
        Token::Text(text, escaped) => (if escaped { b'\\' } else { b'"' }, text),
    };
    (json.part, json.part_len) = (part.as_ptr(), part.len());
    c_int::from(kind)
}

/// # Safety
/// As for [`slice`]; `to` is valid for writes of `len` bytes, which are initialised.
// SAFETY: modbtree.h says so, too, and modbtree_json.c keeps to it.
#[no_mangle]
unsafe extern "C" fn btree_json_unescape(part: *const u8, len: usize, to: *mut u8) -> usize {
    if len == 0 {
        return 0;
    }
    // SAFETY: by the contract of this function.
    unsafe { unescape(slice(part, len), core::slice::from_raw_parts_mut(to, len)) }
}

sys::assert_exported!(btree_match, btree_scan, btree_json_strict, btree_json, btree_json_unescape);

//! `btree`: MicroPython's module over the same core.
//!
//! A database is locked while the core works on it, and a lock is never waited for: whoever comes
//! meanwhile, a method of the stream, a finaliser or another thread, gets OSError(EBUSY).

mod database;
mod errors;
mod input;
mod scan;
mod search;
mod stream;

pub use database::Database;
pub use search::{loads, match_};

use errors::{exception, os_error, Failure, EINVAL};
use modbtree::{Db, HeapMemory, Item, Journal, Options, Salvage};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use scan::{Salvaged, Wreck};
use std::sync::Mutex;
use stream::{Access, Stream};

type Tree = Db<Stream, HeapMemory>;

/// The end belongs to the range.
const INCL: i64 = 1;
/// A range is run through from high to low keys.
const DESC: i64 = 2;
/// Flushes that a power cut cannot tear.
const JOURNAL: i64 = 0x10;
/// A journal that is there is thrown away.
const DISCARD: i64 = 0x20;
/// The flags that have names in Python.
pub const FLAGS: [(&str, i64); 4] =
    [("INCL", INCL), ("DESC", DESC), ("JOURNAL", JOURNAL), ("DISCARD", DISCARD)];
/// Keys may occur more than once.
const DUPLICATES: i64 = 1;

/// A key or value as an object of Python.
fn output<'py>(py: Python<'py>, db: &mut Tree, item: &Item) -> Result<Bound<'py, PyBytes>, Failure> {
    if let Some(bytes) = db.inline_bytes(item) {
        return Ok(PyBytes::new(py, bytes));
    }
    let mut read = Ok(());
    let bytes = PyBytes::new_with(py, item.len(), |to| {
        read = db.read(item, to);
        Ok(())
    })?;
    read?;
    Ok(bytes)
}

fn option(py: Python<'_>, value: i64) -> PyResult<u32> {
    if value < 0 {
        return Err(os_error(py, EINVAL, None));
    }
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

/// Opens the database in a stream: a file in binary mode, or another object with readinto() or
/// read(), write(), seek() and flush(), or with readinto(), write() and ioctl() as in MicroPython.
///
/// stream may be empty, or None for a database in memory. flags: 1 for a new file in which a key may
/// occur more than once; JOURNAL or DISCARD. pagesize: bytes per page of a new file. cachesize: bytes of
/// unchanged pages to keep in memory. minkeypage: entries that must fit on a page. 0 means the default.
#[pyfunction]
#[pyo3(signature = (stream, /, *, flags=0, pagesize=0, cachesize=0, minkeypage=0))]
pub fn open(
    stream: &Bound<'_, PyAny>,
    flags: i64,
    pagesize: i64,
    cachesize: i64,
    minkeypage: i64,
) -> PyResult<Database> {
    let py = stream.py();
    let mut stream = if stream.is_none() { Stream::memory() } else { Stream::new(stream, Access::Write)? };
    let options = Options {
        page_size: option(py, pagesize)?,
        // Any size is taken, the core makes the best of it.
        cache_size: option(py, cachesize.max(0))?,
        min_keys: option(py, minkeypage)?,
        duplicates: flags & DUPLICATES != 0,
        order: None,
        journal: match flags & !DUPLICATES {
            0 => Journal::Off,
            JOURNAL => Journal::On,
            DISCARD => Journal::Discard,
            _ => return Err(os_error(py, EINVAL, None)),
        },
    };
    let exceptions = stream.exceptions();
    let mut fault = None;
    let header = options.check().and_then(|()| stream.read_header()).map_err(Failure::Core);
    let opened = header.and_then(|()| {
        Db::open(stream, HeapMemory, &options).map_err(|error| {
            fault = error.fault;
            Failure::Core(error.error)
        })
    });
    database::outcome(py, opened, &exceptions, fault).map(Database::new)
}

/// An iterator over the (key, value) that can be read in a damaged file, in the order of its pages.
///
/// pagesize: bytes per page; 0: found out from the file. The stream is only read. If next() raises an
/// exception, it can be called again and goes on behind the place.
#[pyfunction]
#[pyo3(signature = (stream, pagesize=0, /))]
pub fn salvage(stream: &Bound<'_, PyAny>, pagesize: i64) -> PyResult<Salvaged> {
    let py = stream.py();
    let stream = Stream::new(stream, Access::Read)?;
    let exceptions = stream.exceptions();
    // What does not fit becomes a size that is refused.
    let page_size = u32::try_from(pagesize).unwrap_or(u32::MAX);
    let start = || {
        let mut db = Db::open_damaged(stream, HeapMemory, page_size)?;
        let at = Salvage::new(&mut db)?;
        Ok::<_, modbtree::Error>((db, at))
    };
    match (start(), exceptions.take()) {
        (_, Some(raised)) => Err(raised),
        (Err(error), _) => Err(exception(py, Failure::Core(error), None)),
        (Ok((db, at)), _) => Ok(Salvaged(Mutex::new(Wreck { db, at, exceptions }))),
    }
}

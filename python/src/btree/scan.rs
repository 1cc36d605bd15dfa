//! Iterators over ranges of a database, and over what is left of a damaged one.

use super::database::{outcome, Database, Key};
use super::errors::{os_error, Exceptions, Failure, EBUSY, EINVAL};
use super::input::buffer;
use super::{output, Tree, DESC, INCL};
use modbtree::{Cursor, HeapMemory, Item, Salvage, Where};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// What an iterator returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    Keys,
    Values,
    Items,
}

/// The parts of an item that were asked for.
type Parts<'py> = (Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>);

struct Range {
    /// `None`: exhausted.
    owner: Option<Py<Database>>,
    start: Option<Py<PyAny>>,
    end: Option<Py<PyAny>>,
    what: What,
    backward: bool,
    including: bool,
    /// The end is a prefix that all keys share.
    prefix: bool,
    started: bool,
    cursor: Cursor<HeapMemory>,
}

/// An iterator over a range.
#[pyclass(frozen, weakref, name = "iterator", module = "btree")]
pub struct Scan(Mutex<Range>);

fn try_lock<'a, T>(py: Python<'_>, mutex: &'a Mutex<T>) -> PyResult<MutexGuard<'a, T>> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(PoisonError::into_inner(poisoned)),
        Err(TryLockError::WouldBlock) => Err(os_error(py, EBUSY, None)),
    }
}

impl Scan {
    /// Over everything.
    pub fn new(owner: &Bound<'_, Database>, what: What) -> Self {
        Scan(Mutex::new(Range {
            owner: Some(owner.clone().unbind()),
            start: None,
            end: None,
            what,
            backward: false,
            including: false,
            prefix: false,
            started: false,
            cursor: Cursor::new(HeapMemory),
        }))
    }

    pub fn range(
        owner: &Bound<'_, Database>,
        what: What,
        start: Key,
        end: Key,
        flags: i64,
        prefix: Key,
    ) -> PyResult<Self> {
        if flags & !(INCL | DESC) != 0 {
            return Err(os_error(owner.py(), EINVAL, None));
        }
        if prefix.is_some() && (start.is_some() || end.is_some()) {
            return Err(PyTypeError::new_err("prefix excludes start and end"));
        }
        let mut scan = Self::new(owner, what);
        let range = scan.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        range.prefix = prefix.is_some();
        range.start = prefix.clone().or(start).map(Bound::unbind);
        range.end = prefix.or(end).map(Bound::unbind);
        range.backward = flags & DESC != 0;
        range.including = flags & INCL != 0;
        Ok(scan)
    }
}

impl Range {
    /// Whether a key lies behind the end.
    fn beyond(&self, key: &[u8], end: &[u8]) -> bool {
        if self.prefix {
            // Any other key means that the cursor is past the last one.
            return !key.starts_with(end);
        }
        match key.cmp(end) {
            std::cmp::Ordering::Equal => !self.including,
            order => order.is_lt() == self.backward,
        }
    }

    fn start(&mut self, start: Option<&[u8]>) -> Result<(), Failure> {
        let place = match (self.backward, start) {
            (false, None) => Where::First,
            (false, Some(_)) => Where::Lower,
            (true, None) => Where::Last,
            (true, Some(_)) if self.prefix => Where::PrefixUpper,
            (true, Some(_)) => Where::Upper,
        };
        self.cursor.seek(place, start.unwrap_or(&[]))?;
        self.start = None;
        self.started = true;
        Ok(())
    }

    /// The next item, or `None` at the end of the range.
    fn step<'py>(
        &mut self,
        py: Python<'py>,
        db: &mut Tree,
        end: Option<&[u8]>,
    ) -> Result<Option<Parts<'py>>, Failure> {
        let Some((key, value)) = db.step(&mut self.cursor, self.backward)? else { return Ok(None) };
        let parts = self.parts(py, db, &key, &value, end);
        if parts.is_err() {
            self.cursor.again(self.backward); // the next attempt is to find the same item
        }
        parts
    }

    fn parts<'py>(
        &self,
        py: Python<'py>,
        db: &mut Tree,
        key: &Item,
        value: &Item,
        end: Option<&[u8]>,
    ) -> Result<Option<Parts<'py>>, Failure> {
        let mut key_out = None;
        if self.what != What::Values || (end.is_some() && db.inline_bytes(key).is_none()) {
            key_out = Some(output(py, db, key)?);
        }
        if let Some(end) = end {
            let key = key_out.as_ref().map(|key| key.as_bytes()).or(db.inline_bytes(key));
            if self.beyond(key.unwrap_or(&[]), end) {
                return Ok(None);
            }
        }
        let value_out = if self.what == What::Keys { None } else { Some(output(py, db, value)?) };
        Ok(Some((key_out, value_out)))
    }
}

#[pymethods]
impl Scan {
    fn __repr__(this: &Bound<'_, Self>) -> String {
        format!("<iterator {:p}>", this.as_ptr())
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut range = try_lock(py, &self.0)?;
        let Some(owner) = range.owner.as_ref().map(|owner| owner.clone_ref(py)) else { return Ok(None) };
        let owner = owner.get();
        owner.check_open(py)?;
        let object = |object: &Option<Py<PyAny>>| object.as_ref().map(|object| object.bind(py).clone());
        let (start, end) = (object(&range.start), object(&range.end));
        let start = start.as_ref().map(buffer).transpose()?;
        let end = end.as_ref().map(buffer).transpose()?;
        let parts = owner.with(py, |state| {
            if !range.started {
                range.start(start.as_deref())?;
            }
            range.step(py, &mut state.db, end.as_deref())
        })?;
        let what = range.what;
        if parts.is_none() {
            range.cursor = Cursor::new(HeapMemory);
            let last = (range.owner.take(), range.end.take());
            drop(range);
            drop(last); // not locked any more, as this can run code of others
            return Ok(None);
        }
        drop(range);
        Ok(match (what, parts) {
            (What::Items, Some((Some(key), Some(value)))) => Some(PyTuple::new(py, [key, value])?.into_any()),
            (What::Values, Some((_, Some(value)))) => Some(value.into_any()),
            (_, Some((Some(key), _))) => Some(key.into_any()),
            _ => None,
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(range) = self.0.try_lock() else { return Ok(()) };
        if let Some(owner) = &range.owner {
            visit.call(owner)?;
        }
        for object in [&range.start, &range.end].into_iter().flatten() {
            visit.call(object)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let objects =
            self.0.try_lock().map(|mut range| (range.owner.take(), range.start.take(), range.end.take()));
        drop(objects);
    }
}

/// A damaged file.
pub struct Wreck {
    pub db: Tree,
    pub at: Salvage<HeapMemory>,
    pub exceptions: Exceptions,
}

/// An iterator over what can be read of it.
#[pyclass(frozen, weakref, name = "iterator", module = "btree")]
pub struct Salvaged(pub Mutex<Wreck>);

#[pymethods]
impl Salvaged {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let mut wreck = try_lock(py, &self.0)?;
        let Wreck { db, at, exceptions } = &mut *wreck;
        db.storage().begin();
        let mut step = || match db.salvage(at)? {
            Some((key, value)) => Ok(Some([output(py, db, &key)?, output(py, db, &value)?])),
            None => Ok::<_, Failure>(None),
        };
        let found = step();
        let found = outcome(py, found, exceptions, db.fault())?;
        drop(wreck);
        found.map(|item| PyTuple::new(py, item)).transpose()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.try_lock().map_or(Ok(()), |wreck| wreck.db.storage().traverse(&visit))
    }
}

//! The type of databases.

use super::errors::{exception, fault_text, os_error, Exceptions, Failure, EBUSY, EEXIST, EINVAL};
use super::input::buffer;
use super::scan::{Scan, What};
use super::stream::{Access, Stream};
use super::{output, search, Tree};
use modbtree::{Cursor, Db, Error, Fault, HeapMemory, Severity, Storage, Where};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use std::sync::{Mutex, TryLockError};

/// A key and a value.
pub type Pair<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// A key as an argument, which can be left out or None.
pub type Key<'py> = Option<Bound<'py, PyAny>>;

const DEFAULT_FINDINGS: i64 = 50;
const MAX_FINDINGS: i64 = 10_000;

/// An open database.
pub struct State {
    pub db: Tree,
    exceptions: Exceptions,
    /// That of `seq`.
    cursor: Option<Cursor<HeapMemory>>,
}

/// A database, opened with open(): an ordered map of bytes to bytes.
#[pyclass(frozen, weakref, module = "btree")]
pub struct Database {
    /// `None`: closed. Locked while the core is at work, and never waited for.
    state: Mutex<Option<State>>,
}

impl Database {
    pub fn new(db: Tree) -> Self {
        let exceptions = db.storage().exceptions();
        Database { state: Mutex::new(Some(State { db, exceptions, cursor: None })) }
    }

    fn lock<T>(&self, py: Python<'_>, work: impl FnOnce(&mut Option<State>) -> PyResult<T>) -> PyResult<T> {
        match self.state.try_lock() {
            Ok(mut state) => work(&mut state),
            Err(TryLockError::Poisoned(state)) => work(&mut state.into_inner()),
            Err(TryLockError::WouldBlock) => Err(os_error(py, EBUSY, None)),
        }
    }

    /// Refuses a database that is closed, before arguments are looked at.
    pub fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.try_lock() {
            Ok(state) if state.is_none() => Err(closed()),
            Ok(_) | Err(TryLockError::Poisoned(_)) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(os_error(py, EBUSY, None)),
        }
    }

    /// Runs an operation. An exception of the stream comes out as it is.
    pub fn with<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut State) -> Result<T, Failure>,
    ) -> PyResult<T> {
        self.lock(py, |state| {
            let state = state.as_mut().ok_or_else(closed)?;
            state.db.storage().begin();
            let result = work(state);
            outcome(py, result, &state.exceptions, state.db.fault())
        })
    }

    fn get_value<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let py = key.py();
        self.check_open(py)?;
        let key = buffer(key)?;
        self.with(py, |state| match state.db.get(&key)? {
            Some(item) => Ok(Some(output(py, &mut state.db, &item)?)),
            None => Ok(None),
        })
    }

    fn store(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = key.py();
        self.check_open(py)?;
        let (value, key) = (buffer(value)?, buffer(key)?);
        self.with(py, |state| Ok(state.db.put(&key, &value, true).map(drop)?))
    }

    /// The first or last item, which is removed if asked for.
    fn end_item<'py>(&self, py: Python<'py>, backward: bool, remove: bool) -> PyResult<Pair<'py>> {
        let (item, done) = self.with(py, |state| {
            let place = if backward { Where::Last } else { Where::First };
            let item = state.seek(py, place, &[], backward, false)?;
            let done = match item.as_ref().filter(|_| remove) {
                Some((key, _)) => state.db.delete(key.as_bytes())?,
                None => true,
            };
            Ok((item, done))
        })?;
        let item = item.ok_or_else(|| PyKeyError::new_err("the database is empty"))?;
        // In a damaged file the search may not find it.
        if done {
            Ok(item)
        } else {
            Err(PyKeyError::new_err((item.0.unbind(),)))
        }
    }
}

impl State {
    fn step<'py>(
        db: &mut Tree,
        py: Python<'py>,
        cursor: &mut Cursor<HeapMemory>,
        backward: bool,
    ) -> Result<Option<Pair<'py>>, Failure> {
        let Some((key, value)) = db.step(cursor, backward)? else { return Ok(None) };
        let pair = output(py, db, &key).and_then(|key| Ok((key, output(py, db, &value)?)));
        if pair.is_err() {
            cursor.again(backward); // the next attempt is to find the same item
        }
        pair.map(Some)
    }

    /// The item at a place; keeps the cursor if there is one.
    fn seek<'py>(
        &mut self,
        py: Python<'py>,
        place: Where,
        key: &[u8],
        backward: bool,
        keep: bool,
    ) -> Result<Option<Pair<'py>>, Failure> {
        let mut cursor = Cursor::new(self.db.memory());
        cursor.seek(place, key)?;
        let item = Self::step(&mut self.db, py, &mut cursor, backward)?;
        if keep && item.is_some() {
            self.cursor = Some(cursor);
        }
        Ok(item)
    }

    /// The item next to that of the last `seq`.
    fn move_on<'py>(&mut self, py: Python<'py>, backward: bool) -> Result<Option<Pair<'py>>, Failure> {
        if let Some(cursor) = &mut self.cursor {
            return Self::step(&mut self.db, py, cursor, backward);
        }
        self.seek(py, if backward { Where::Last } else { Where::First }, &[], backward, true)
    }
}

/// The result of an operation, or why there is none.
pub fn outcome<T>(
    py: Python<'_>,
    result: Result<T, Failure>,
    exceptions: &Exceptions,
    fault: Option<Fault>,
) -> PyResult<T> {
    match exceptions.take() {
        Some(raised) => Err(raised),
        None => result.map_err(|failure| exception(py, failure, fault)),
    }
}

fn closed() -> PyErr {
    PyValueError::new_err("database closed")
}

fn missing(key: &Bound<'_, PyAny>) -> PyErr {
    PyKeyError::new_err(key.clone().unbind())
}

fn invalid(py: Python<'_>) -> PyErr {
    os_error(py, EINVAL, None)
}

#[pymethods]
impl Database {
    fn __repr__(this: &Bound<'_, Self>) -> String {
        match this.get().state.try_lock() {
            Ok(state) if state.is_none() => "<btree 0>".to_owned(),
            _ => format!("<btree {:p}>", this.as_ptr()),
        }
    }

    /// True, empty or not, as in MicroPython.
    fn __bool__(&self) -> bool {
        true
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |state| Ok(state.db.count()? as usize))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.check_open(key.py())?;
        let bytes = buffer(key)?;
        self.with(key.py(), |state| Ok(state.db.get(&bytes)?.is_some()))
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        self.get_value(key)?.ok_or_else(|| missing(key))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.store(key, value)
    }

    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_open(key.py())?;
        let bytes = buffer(key)?;
        if self.with(key.py(), |state| Ok(state.db.delete(&bytes)?))? {
            Ok(())
        } else {
            Err(missing(key))
        }
    }

    fn __iter__(this: &Bound<'_, Self>) -> Scan {
        Scan::new(this, What::Keys)
    }

    fn __enter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<i32> {
        self.close(py)
    }

    /// The value of a key, or default.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.get_value(key)?.map(Bound::into_any).or(default))
    }

    /// Stores a value. Returns 0.
    #[pyo3(signature = (key, value, unused=None, /))]
    fn put(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        unused: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<i32> {
        let _ = unused; // the C module has it
        self.store(key, value).map(|()| 0)
    }

    /// Moves the database's own cursor: (key, value), or None at an end.
    ///
    /// flag 1: the first key >= the one given; 3: first; 6: last; 7: next; 9: previous.
    #[pyo3(signature = (flag, /, *rest), text_signature = "(self, flag, key=..., unused=None, /)")]
    fn seq<'py>(
        &self,
        py: Python<'py>,
        flag: &Bound<'py, PyAny>,
        rest: &Bound<'py, PyTuple>,
    ) -> PyResult<Option<Pair<'py>>> {
        if rest.len() > 2 {
            return Err(PyTypeError::new_err("seq() takes from 1 to 3 positional arguments"));
        }
        self.check_open(py)?;
        match (flag.extract::<i64>().unwrap_or(0), rest.get_item(0).ok()) {
            (1, Some(key)) => {
                let key = buffer(&key)?;
                self.with(py, |state| state.seek(py, Where::Lower, &key, false, true))
            }
            (3, _) => self.with(py, |state| state.seek(py, Where::First, &[], false, true)),
            (6, _) => self.with(py, |state| state.seek(py, Where::Last, &[], true, true)),
            (7, _) => self.with(py, |state| state.move_on(py, false)),
            (9, _) => self.with(py, |state| state.move_on(py, true)),
            _ => Err(invalid(py)),
        }
    }

    /// An iterator over the keys of a range: from start to before end, or with flags INCL to end.
    ///
    /// With DESC from a high start down to a low end. prefix, instead of start and end: the keys
    /// that begin with it. It goes on behind the last key that it has returned, whatever was stored
    /// or deleted meanwhile.
    #[pyo3(signature = (start=None, end=None, flags=0, *, prefix=None))]
    fn keys(this: &Bound<'_, Self>, start: Key, end: Key, flags: i64, prefix: Key) -> PyResult<Scan> {
        Scan::range(this, What::Keys, start, end, flags, prefix)
    }

    /// The same over the values.
    #[pyo3(signature = (start=None, end=None, flags=0, *, prefix=None))]
    fn values(this: &Bound<'_, Self>, start: Key, end: Key, flags: i64, prefix: Key) -> PyResult<Scan> {
        Scan::range(this, What::Values, start, end, flags, prefix)
    }

    /// The same over (key, value).
    #[pyo3(signature = (start=None, end=None, flags=0, *, prefix=None))]
    fn items(this: &Bound<'_, Self>, start: Key, end: Key, flags: i64, prefix: Key) -> PyResult<Scan> {
        Scan::range(this, What::Items, start, end, flags, prefix)
    }

    /// The first (key, value). KeyError if there is none.
    fn first<'py>(&self, py: Python<'py>) -> PyResult<Pair<'py>> {
        self.end_item(py, false, false)
    }

    /// The last (key, value). KeyError if there is none.
    fn last<'py>(&self, py: Python<'py>) -> PyResult<Pair<'py>> {
        self.end_item(py, true, false)
    }

    /// The last (key, value), which is removed. KeyError if there is none.
    fn popitem<'py>(&self, py: Python<'py>) -> PyResult<Pair<'py>> {
        self.end_item(py, true, true)
    }

    /// The value of a key, which is removed. Without default, KeyError if there is none.
    #[pyo3(signature = (key, /, *default), text_signature = "(self, key, default=None, /)")]
    fn pop<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if default.len() > 1 {
            return Err(PyTypeError::new_err("pop() takes from 1 to 2 positional arguments"));
        }
        self.check_open(py)?;
        let bytes = buffer(key)?;
        let value = self.with(py, |state| {
            let Some(item) = state.db.get(&bytes)? else { return Ok(None) };
            let value = output(py, &mut state.db, &item)?;
            state.db.delete(&bytes)?;
            Ok(Some(value))
        })?;
        match value {
            Some(value) => Ok(value.into_any()),
            None => default.get_item(0).map_err(|_| missing(key)),
        }
    }

    /// The value of a key; if there is none, value is stored and returned, or b"".
    #[pyo3(signature = (key, value=None, /))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let py = key.py();
        self.check_open(py)?;
        let value = value.map_or(Ok((&[]).into()), buffer)?;
        let key = buffer(key)?;
        self.with(py, |state| {
            if let Some(item) = state.db.get(&key)? {
                return output(py, &mut state.db, &item);
            }
            let result = PyBytes::new_with(py, value.len(), |to| {
                to.copy_from_slice(&value);
                Ok(())
            })?;
            state.db.put(&key, &value, false)?;
            Ok(result)
        })
    }

    /// Stores from a dict, a database or pairs, and from keywords.
    #[pyo3(signature = (other=None, /, **items))]
    fn update(
        &self,
        py: Python<'_>,
        other: Option<&Bound<'_, PyAny>>,
        items: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        self.check_open(py)?;
        if let Some(other) = other {
            let pairs = if other.hasattr("items")? { other.call_method0("items")? } else { other.clone() };
            for pair in pairs.try_iter()? {
                let pair = pair?;
                if pair.cast::<PyTuple>().is_err() && pair.cast::<PyList>().is_err() {
                    return Err(PyTypeError::new_err("a pair must be a tuple or a list"));
                }
                if pair.len()? != 2 {
                    return Err(PyValueError::new_err("a pair must have two elements"));
                }
                self.store(&pair.get_item(0)?, &pair.get_item(1)?)?;
            }
        }
        for (key, value) in items.into_iter().flatten() {
            self.store(&key, &value)?;
        }
        Ok(())
    }

    /// Removes everything. The pages stay in the file, as free ones.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |state| Ok(state.db.clear()?))
    }

    /// Numbers of bytes of a page and of pages; levels of the tree; free pages; pages in memory,
    /// and how many of these are changed.
    fn stat<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stat = self.with(py, |state| Ok(state.db.stat()?))?;
        let dict = PyDict::new(py);
        dict.set_item("pagesize", stat.page_size)?;
        dict.set_item("pages", stat.pages)?;
        dict.set_item("depth", stat.depth)?;
        dict.set_item("free", stat.free)?;
        dict.set_item("cached", stat.cached)?;
        dict.set_item("dirty", stat.dirty)?;
        Ok(dict)
    }

    /// Writes all changes to the stream and syncs it. Returns 0.
    fn flush(&self, py: Python<'_>) -> PyResult<i32> {
        self.with(py, |state| Ok(state.db.flush().map(|()| 0)?))
    }

    /// Flushes and empties the journal. Returns 0.
    fn checkpoint(&self, py: Python<'_>) -> PyResult<i32> {
        self.with(py, |state| Ok(state.db.checkpoint().map(|()| 0)?))
    }

    /// Flushes and lets go of the stream, which stays open, also if that fails. Returns 0.
    fn close(&self, py: Python<'_>) -> PyResult<i32> {
        let (state, result) = self.lock(py, |locked| {
            let Some(state) = locked.as_mut() else { return Ok((None, Ok(()))) };
            state.db.storage().begin();
            let result = state.db.close().map_err(Failure::Core);
            let result = outcome(py, result, &state.exceptions, state.db.fault());
            Ok((locked.take(), result))
        })?;
        drop(state); // not locked any more, as this can run code of the stream's
        result.map(|()| 0)
    }

    /// What is wrong with the whole file, at most that many texts: empty if it is sound.
    #[pyo3(signature = (most=DEFAULT_FINDINGS, /), text_signature = "(self, most=50, /)")]
    fn check(&self, py: Python<'_>, most: i64) -> PyResult<Vec<String>> {
        let most = most.clamp(0, MAX_FINDINGS) as u32;
        let mut texts = vec![];
        let mut warnings = 0;
        let report = self.with(py, |state| {
            let mut note = |finding: modbtree::Finding| {
                let warning = finding.severity == Severity::Warning;
                warnings += u32::from(warning);
                let text = fault_text(finding.page, finding.offset, finding.reason.text());
                texts.push(if warning { format!("warning: {text}") } else { text });
            };
            Ok(state.db.check(most, &mut note)?)
        })?;
        let more = report.errors + report.warnings - texts.len() as u32;
        if more != 0 {
            let harmless = report.errors == texts.len() as u32 - warnings;
            texts.push(format!("{}{more} more", if harmless { "warning: " } else { "" }));
        }
        Ok(texts)
    }

    /// Copies all items to a new database on an empty stream, which becomes as small as it can be.
    /// Returns their number.
    #[pyo3(signature = (stream, /))]
    fn compact(&self, py: Python<'_>, stream: &Bound<'_, PyAny>) -> PyResult<u32> {
        let mut to = Stream::new(stream, Access::Write)?;
        let others = to.exceptions();
        self.with(py, |state| {
            let copy = || {
                if state.db.storage().is(py, stream) || to.size()? != 0 {
                    return Err(Error::Io(EEXIST));
                }
                let mut copy = Db::open(to, HeapMemory, &state.db.options()).map_err(|e| e.error)?;
                state.db.copy_to(&mut copy)
            };
            // What the other stream has raised is raised here.
            copy().map_err(|error| others.take().map_or(Failure::Core(error), Failure::Python))
        })
    }

    /// scan(program, low, high, work=8192, flags=0, /): (bound, items, examined, counted)
    ///
    /// Looks at documents of microtetherdb with low <= key < high, for about that many bytes of
    /// them: see docs/microtetherdb-format.md.
    #[pyo3(signature = (program, low, high, work=search::DEFAULT_WORK, flags=0, /))]
    #[pyo3(text_signature = "(self, program, low, high, work=8192, flags=0, /)")]
    fn scan<'py>(
        &self,
        program: &Bound<'py, PyAny>,
        low: &Bound<'py, PyAny>,
        high: &Bound<'py, PyAny>,
        work: i64,
        flags: i64,
    ) -> PyResult<search::Found<'py>> {
        search::scan(self, program, low, high, work, flags)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.state.try_lock() {
            Ok(state) => state.as_ref().map_or(Ok(()), |state| state.db.storage().traverse(&visit)),
            Err(_) => Ok(()), // in use
        }
    }

    fn __clear__(&self) {
        let state = self.state.try_lock().map(|mut state| state.take());
        drop(state);
    }
}

//! Queries on the documents of microtetherdb, by compiled programs.

use super::database::Database;
use super::errors::{os_error, Failure, EINVAL};
use super::input::buffer;
use super::{output, Tree, DESC};
use modbtree::json::is_strict;
use modbtree::{Cursor, Error, HeapMemory, Item, Program, Verdict, Where};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList};

pub const DEFAULT_WORK: i64 = 8192;
/// The flags of `scan` besides `DESC`.
const COUNT: i64 = 4;
const PLAIN: i64 = 8;
/// Bytes of a key before the key of the document.
const KEY_PREFIX: usize = 1;
/// What looking at an item costs besides its bytes.
const ITEM_WORK: i64 = 32;
/// What making objects of a byte of JSON costs, about.
const BUILD_WORK: i64 = 3;

/// Where to go on, the items with whether they surely match, how many were looked at, how many counted.
pub type Found<'py> = (Option<Bound<'py, PyBytes>>, Bound<'py, PyList>, u32, u32);

/// match(program, key, record, /): True, False, or None if that has to be found out in another way.
#[pyfunction]
#[pyo3(name = "match", signature = (program, key, record, /))]
pub fn match_(
    program: &Bound<'_, PyAny>,
    key: &Bound<'_, PyAny>,
    record: &Bound<'_, PyAny>,
) -> PyResult<Option<bool>> {
    let (code, key, record) = (buffer(program)?, buffer(key)?, buffer(record)?);
    let Some(code) = Program::parse(&code) else { return Err(os_error(program.py(), EINVAL, None)) };
    Ok(match code.matches(&key, &record) {
        Verdict::Yes => Some(true),
        Verdict::No => Some(false),
        Verdict::Unsure => None,
    })
}

/// loads(record, /): what json.loads() makes of it, or the record itself if only json.loads() can tell.
#[pyfunction]
#[pyo3(signature = (record, /))]
pub fn loads<'py>(record: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let text = buffer(record)?;
    if !is_strict(&text) {
        return Ok(record.clone());
    }
    match LOADS.import(record.py(), "json", "loads")?.call1((PyBytes::new(record.py(), &text),)) {
        // A number of more digits than Python takes.
        Err(error) if error.is_instance_of::<PyValueError>(record.py()) => Ok(record.clone()),
        value => value,
    }
}

type Row<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, bool);

/// A search under way.
struct Search<'a, 'py> {
    py: Python<'py>,
    program: &'a [u8],
    /// Where to stop: at the first key >= it, backward at the first key below it.
    bound: Option<&'a [u8]>,
    backward: bool,
    count: bool,
    work: i64,
    examined: u32,
    matched: u32,
    rows: Vec<Row<'py>>,
}

impl<'py> Search<'_, 'py> {
    fn beyond(&self, key: &[u8]) -> bool {
        self.bound.is_some_and(|bound| (key < bound) == self.backward)
    }

    /// Returns the last key looked at if the work is done before the end is reached.
    fn run(&mut self, db: &mut Tree, start: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let program = Program::parse(self.program).ok_or(Error::Invalid)?;
        let mut cursor = Cursor::new(HeapMemory);
        cursor.seek(Where::Lower, start)?;
        while let Some((key, value)) = db.step(&mut cursor, self.backward)? {
            let Some(last) = self.look(db, &program, &key, &value)? else { return Ok(None) };
            if self.work == 0 {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Looks at an item. Returns its key, or `None` if that is beyond the bound.
    fn look(
        &mut self,
        db: &mut Tree,
        program: &Program<'_>,
        key: &Item,
        value: &Item,
    ) -> Result<Option<Vec<u8>>, Failure> {
        // Long keys are left to the caller, as on a microcontroller.
        let long = db.inline_bytes(key).is_none();
        let key = db.to_vec(key)?;
        if !long && self.beyond(&key) {
            return Ok(None);
        }
        self.examined += 1;
        self.work = (self.work - value.len() as i64 - ITEM_WORK).max(0);
        if long && self.beyond(&key) {
            return Ok(None);
        }
        let record = output(self.py, db, value)?;
        let verdict = match key.get(KEY_PREFIX..) {
            _ if long => Verdict::Unsure,
            rest => program.matches(rest.unwrap_or(&[]), record.as_bytes()),
        };
        match verdict {
            Verdict::Yes if self.count => self.matched += 1,
            Verdict::No => {}
            _ => {
                self.work = (self.work - value.len() as i64 * BUILD_WORK).max(0);
                self.rows.push((PyBytes::new(self.py, &key), record, verdict == Verdict::Yes));
            }
        }
        Ok(Some(key))
    }
}

pub fn scan<'py>(
    owner: &Database,
    program: &Bound<'py, PyAny>,
    low: &Bound<'py, PyAny>,
    high: &Bound<'py, PyAny>,
    work: i64,
    flags: i64,
) -> PyResult<Found<'py>> {
    let py = program.py();
    if flags & !(DESC | COUNT | PLAIN) != 0 {
        return Err(os_error(py, EINVAL, None));
    }
    owner.check_open(py)?;
    let backward = flags & DESC != 0;
    let (low, high) = (buffer(low)?, buffer(high)?);
    let (start, bound) = if backward { (&high, &low) } else { (&low, &high) };
    let mut search = Search {
        py,
        program: &buffer(program)?,
        bound: Some(&**bound).filter(|bound| !bound.is_empty()),
        backward,
        count: flags & COUNT != 0,
        work: work.clamp(1, i64::from(i32::MAX)),
        examined: 0,
        matched: 0,
        rows: vec![],
    };
    let last = owner.with(py, |state| search.run(&mut state.db, start))?;
    let bound = last.map(|mut last| {
        if !backward {
            last.push(0);
        }
        PyBytes::new(py, &last)
    });
    let rows = PyList::empty(py);
    for (key, record, sure) in search.rows {
        let value = loads(&record)?;
        if sure && flags & PLAIN != 0 && value.is_instance_of::<PyDict>() {
            rows.append(value)?;
        } else {
            rows.append((key, value, sure))?;
        }
    }
    Ok((bound, rows, search.examined, search.matched))
}

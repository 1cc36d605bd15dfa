//! JSON to Python objects.
#![allow(unsafe_code)]

use super::words::Words;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use btrees_json::{Sink, Text};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

/// Builds objects of JSON as it comes.
pub struct ObjectSink<'py> {
    py: Python<'py>,
    words: Words,
    /// Values that are not yet in an array or object; in an object, keys and values in turn.
    values: Vec<Bound<'py, PyAny>>,
    /// Where the arrays and objects begin that are not complete.
    open: Vec<usize>,
    /// Digits of base64.
    digits: String,
}

impl<'py> ObjectSink<'py> {
    pub fn new(py: Python<'py>) -> Self {
        ObjectSink {
            py,
            words: Words::take(),
            values: Vec::with_capacity(64),
            open: Vec::with_capacity(16),
            digits: String::new(),
        }
    }

    /// The value that was written.
    pub fn finish(mut self) -> PyResult<Bound<'py, PyAny>> {
        self.values.pop().ok_or_else(|| PyTypeError::new_err("no value"))
    }

    #[inline]
    fn put<T>(&mut self, value: Bound<'py, T>) -> PyResult<()> {
        self.values.push(value.into_any());
        Ok(())
    }

    fn start(&mut self) -> usize {
        self.open.pop().unwrap_or_default()
    }
}

/// A list of the last values, from `start` on.
#[inline(always)]
fn list_of<'py>(
    py: Python<'py>,
    values: &mut Vec<Bound<'py, PyAny>>,
    start: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let len = values.len().saturating_sub(start);
    // SAFETY: a new list, or null with an exception, of which nobody knows before all its places have
    // values, which it gets with our reference to them.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(len as ffi::Py_ssize_t))?;
        for place in (0..len).rev() {
            let Some(value) = values.pop() else { break };
            ffi::PyList_SetItem(list.as_ptr(), place as ffi::Py_ssize_t, value.into_ptr());
        }
        Ok(list)
    }
}

impl Sink for ObjectSink<'_> {
    type Error = PyErr;

    fn null(&mut self) -> PyResult<()> {
        self.put(self.py.None().into_bound(self.py))
    }

    fn boolean(&mut self, value: bool) -> PyResult<()> {
        self.put(PyBool::new(self.py, value).to_owned())
    }

    #[inline]
    fn integer(&mut self, value: i64) -> PyResult<()> {
        self.put(PyInt::new(self.py, value))
    }

    #[inline]
    fn float(&mut self, value: f64) -> PyResult<()> {
        self.put(PyFloat::new(self.py, value))
    }

    #[inline]
    fn string(&mut self, text: Text<'_>) -> PyResult<()> {
        self.put(PyString::from_bytes(self.py, text.as_bytes())?)
    }

    fn word(&mut self, text: Text<'_>) -> PyResult<()> {
        let word = self.words.get(self.py, text.as_bytes())?;
        self.put(word)
    }

    fn base64(&mut self, bytes: &[u8]) -> PyResult<()> {
        self.digits.clear();
        STANDARD.encode_string(bytes, &mut self.digits);
        self.put(PyString::new(self.py, &self.digits))
    }

    #[inline]
    fn array(&mut self) -> PyResult<()> {
        self.open.push(self.values.len());
        Ok(())
    }

    #[inline]
    fn end_array(&mut self) -> PyResult<()> {
        let start = self.start();
        let list = list_of(self.py, &mut self.values, start)?;
        self.put(list)
    }

    #[inline]
    fn object(&mut self) -> PyResult<()> {
        self.open.push(self.values.len());
        Ok(())
    }

    #[inline]
    fn key(&mut self, key: Text<'_>) -> PyResult<()> {
        self.word(key)
    }

    fn end_object(&mut self) -> PyResult<()> {
        let start = self.start();
        let dict = PyDict::new(self.py);
        for pair in self.values.get(start..).unwrap_or_default().chunks_exact(2) {
            if let [key, value] = pair {
                dict.set_item(key, value)?;
            }
        }
        self.values.truncate(start);
        self.put(dict)
    }
}

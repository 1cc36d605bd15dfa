//! JSON to Python objects.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use btrees_json::{Sink, Text};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

/// Builds objects of JSON as it comes.
pub struct ObjectSink<'py> {
    py: Python<'py>,
    /// Values that are not yet in an array.
    values: Vec<Bound<'py, PyAny>>,
    /// Arrays and objects that are not complete.
    open: Vec<Level<'py>>,
}

enum Level<'py> {
    /// Its values begin here.
    Array(usize),
    Object(Bound<'py, PyDict>, Option<Bound<'py, PyString>>),
}

impl<'py> ObjectSink<'py> {
    pub fn new(py: Python<'py>) -> Self {
        ObjectSink { py, values: vec![], open: vec![] }
    }

    /// The value that was written.
    pub fn finish(mut self) -> PyResult<Bound<'py, PyAny>> {
        self.values.pop().ok_or_else(|| PyTypeError::new_err("no value"))
    }

    fn put(&mut self, value: Bound<'py, PyAny>) -> PyResult<()> {
        match self.open.last_mut() {
            Some(Level::Object(dict, key)) => match key.take() {
                Some(key) => dict.set_item(key, value),
                None => Err(PyTypeError::new_err("no key")),
            },
            _ => {
                self.values.push(value);
                Ok(())
            }
        }
    }
}

impl Sink for ObjectSink<'_> {
    type Error = PyErr;

    fn null(&mut self) -> PyResult<()> {
        self.put(self.py.None().into_bound(self.py))
    }

    fn boolean(&mut self, value: bool) -> PyResult<()> {
        self.put(PyBool::new(self.py, value).to_owned().into_any())
    }

    fn integer(&mut self, value: i64) -> PyResult<()> {
        self.put(PyInt::new(self.py, value).into_any())
    }

    fn float(&mut self, value: f64) -> PyResult<()> {
        self.put(PyFloat::new(self.py, value).into_any())
    }

    fn string(&mut self, text: Text<'_>) -> PyResult<()> {
        self.put(PyString::from_bytes(self.py, text.as_bytes())?.into_any())
    }

    fn base64(&mut self, bytes: &[u8]) -> PyResult<()> {
        self.put(PyString::new(self.py, &STANDARD.encode(bytes)).into_any())
    }

    fn array(&mut self) -> PyResult<()> {
        self.open.push(Level::Array(self.values.len()));
        Ok(())
    }

    fn end_array(&mut self) -> PyResult<()> {
        let start = match self.open.pop() {
            Some(Level::Array(start)) => start,
            _ => self.values.len(),
        };
        let list = PyList::new(self.py, self.values.drain(start..))?;
        self.put(list.into_any())
    }

    fn object(&mut self) -> PyResult<()> {
        self.open.push(Level::Object(PyDict::new(self.py), None));
        Ok(())
    }

    fn key(&mut self, key: Text<'_>) -> PyResult<()> {
        if let Some(Level::Object(_, next)) = self.open.last_mut() {
            *next = Some(match key.as_bytes() {
                // The most frequent.
                b"@b" => intern!(self.py, "@b").clone(),
                b"@t" => intern!(self.py, "@t").clone(),
                b"@ref" => intern!(self.py, "@ref").clone(),
                key => PyString::from_bytes(self.py, key)?,
            });
        }
        Ok(())
    }

    fn end_object(&mut self) -> PyResult<()> {
        match self.open.pop() {
            Some(Level::Object(dict, _)) => self.put(dict.into_any()),
            _ => Ok(()),
        }
    }
}

//! Arguments that are bytes or text.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyUnicodeDecodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::borrow::Cow;

/// A record: bytes, or anything else with a buffer of bytes, which is copied.
pub fn record<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    Ok(Cow::Owned(copy(object, "a bytes-like object")?))
}

/// A text: str, or UTF-8.
pub fn text<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Cow::Borrowed(text.to_str()?));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(utf8(object.py(), bytes.as_bytes())?));
    }
    let bytes = copy(object, "a str or a bytes-like object")?;
    Ok(Cow::Owned(utf8(object.py(), &bytes)?.to_owned()))
}

fn utf8<'a>(py: Python<'_>, bytes: &'a [u8]) -> PyResult<&'a str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => Err(PyErr::from_value(PyUnicodeDecodeError::new_utf8(py, bytes, error)?.into_any())),
    }
}

fn copy(object: &Bound<'_, PyAny>, want: &str) -> PyResult<Vec<u8>> {
    match PyBuffer::<u8>::get(object) {
        Ok(buffer) => buffer.to_vec(object.py()),
        Err(_) => {
            let name = object.get_type().name()?;
            Err(PyTypeError::new_err(format!("{want} is required, not '{name}'")))
        }
    }
}

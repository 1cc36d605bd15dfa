//! The exceptions.

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

create_exception!(btrees_json, Error, PyValueError, "What cannot be converted.");
create_exception!(
    btrees_json,
    DecodeError,
    Error,
    "A record that cannot become JSON.\n\noffset is that of a byte in the record, opcode the name of the opcode \
     there or None, reason what is wrong, and unsupported tells whether the record may well be sound."
);
create_exception!(
    btrees_json,
    EncodeError,
    Error,
    "JSON that cannot become a record.\n\noffset is that of a byte in the text as UTF-8, path the way to that \
     place, like $[\"@s\"][\"@kv\"][3][0], and reason what is wrong."
);

/// Says also where and why.
pub fn decode_error(py: Python<'_>, error: &btrees_json::Error) -> PyErr {
    let exception = DecodeError::new_err(error.to_string());
    located(py, exception, error.offset(), &error.reason().to_string(), |value| {
        value.setattr("opcode", error.opcode())?;
        value.setattr("unsupported", error.reason().is_unsupported())
    })
}

/// Says also where and why.
pub fn encode_error(py: Python<'_>, error: &btrees_json::Error) -> PyErr {
    let exception = EncodeError::new_err(error.to_string());
    let path = error.path().unwrap_or("$");
    located(py, exception, error.offset(), &error.reason().to_string(), |value| value.setattr("path", path))
}

/// There is something wrong with objects, or beside the text.
pub fn other_encode_error(py: Python<'_>, reason: &str) -> PyErr {
    located(py, EncodeError::new_err(reason.to_owned()), 0, reason, |value| value.setattr("path", "$"))
}

fn located<'py>(
    py: Python<'py>,
    exception: PyErr,
    offset: usize,
    reason: &str,
    more: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<()>,
) -> PyErr {
    let value = exception.value(py).as_any();
    let set = value
        .setattr("offset", offset)
        .and_then(|()| value.setattr("reason", reason))
        .and_then(|()| more(value));
    match set {
        Ok(()) => exception,
        Err(failed) => failed,
    }
}

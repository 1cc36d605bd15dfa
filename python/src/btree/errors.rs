//! Exceptions: those of the core's errors, and those that methods of a stream have raised.

use modbtree::{Error, Fault};
use pyo3::exceptions::{PyMemoryError, PyOSError};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

pub const EBUSY: i32 = 16;
pub const EEXIST: i32 = 17;
pub const EINVAL: i32 = 22;
const EFBIG: i32 = 27;

/// Why an operation failed.
pub enum Failure {
    Core(Error),
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Core(error)
    }
}

impl From<PyErr> for Failure {
    fn from(exception: PyErr) -> Self {
        Failure::Python(exception)
    }
}

/// An exception of a stream, kept until the core has come to an end.
#[derive(Clone, Default)]
pub struct Exceptions(Arc<Mutex<Option<PyErr>>>);

impl Exceptions {
    fn with<T>(&self, work: impl FnOnce(&mut Option<PyErr>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn keep(&self, exception: PyErr) {
        self.with(|kept| *kept = Some(exception));
    }

    pub fn waiting(&self) -> bool {
        self.with(|kept| kept.is_some())
    }

    pub fn take(&self) -> Option<PyErr> {
        self.with(Option::take)
    }
}

/// OSError with the arguments that it has in MicroPython, but with errno and strerror set.
pub fn os_error(py: Python<'_>, errno: i32, message: Option<String>) -> PyErr {
    let make = || {
        let text = py.import("os")?.call_method1("strerror", (errno,))?;
        let error = py.get_type::<PyOSError>().call1((
            errno,
            message.as_ref().map_or(text, |m| pyo3::types::PyString::new(py, m).into_any()),
        ))?;
        if message.is_none() {
            error.setattr("args", (errno,))?;
        }
        Ok(PyErr::from_value(error))
    };
    make().unwrap_or_else(|error| error)
}

/// "page 5 offset 12: reason"
pub fn fault_text(page: u32, offset: u32, reason: &str) -> String {
    format!("page {page} offset {offset}: {reason}")
}

pub fn exception(py: Python<'_>, failure: Failure, fault: Option<Fault>) -> PyErr {
    match failure {
        Failure::Python(exception) => exception,
        Failure::Core(Error::NoMemory) => PyMemoryError::new_err("memory allocation failed"),
        Failure::Core(Error::Io(errno)) => os_error(py, errno, None),
        Failure::Core(Error::Full) => os_error(py, EFBIG, None),
        Failure::Core(Error::Invalid) => os_error(py, EINVAL, None),
        Failure::Core(Error::Corrupt(reason)) => {
            let message = match fault {
                Some(fault) => fault_text(fault.page, fault.offset, fault.reason.text()),
                None => reason.text().to_owned(),
            };
            os_error(py, EINVAL, Some(message))
        }
    }
}

//! A stream of Python as the storage of a database.

use super::errors::Exceptions;
use modbtree::{Error, Result, Storage};
use pyo3::exceptions::{PyAttributeError, PyOSError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use pyo3::{PyTraverseError, PyVisit};
use std::cell::Cell;

// Error numbers, as everywhere in MicroPython.
const EIO: i32 = 5;
const EAGAIN: i32 = 11;
const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
const ESPIPE: i32 = 29;

/// What the C library reads of a stream before anything else.
const HEADER: usize = 24;

/// A file-like object, or none for a database in memory.
pub struct Stream {
    object: Option<Py<PyAny>>,
    /// The object is a `Device` around the stream.
    device: bool,
    exceptions: Exceptions,
    /// Where the stream is, if that is known. Others may move it between two operations.
    pos: Cell<Option<u64>>,
    /// The stream is known to write where it was told to.
    seeks: bool,
}

/// What a database needs of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl Stream {
    /// Refuses what is no stream of bytes. A stream of MicroPython's kind, with `ioctl`, is taken, too.
    pub fn new(object: &Bound<'_, PyAny>, access: Access) -> PyResult<Self> {
        let py = object.py();
        if object.is_instance(&py.import("io")?.getattr("TextIOBase")?)? {
            return Err(PyTypeError::new_err("a stream opened in binary mode is required"));
        }
        let has = |name| object.hasattr(name);
        let device = has("ioctl")?;
        let reads = has("readinto")? || (!device && has("read")?);
        let writes = access == Access::Read || (has("write")? && (device || has("flush")?));
        if !reads || !writes || !(device || has("seek")?) {
            return Err(PyOSError::new_err("stream operation not supported"));
        }
        let object = if device {
            py.import("modbtree._ioctl")?.getattr("Device")?.call1((object,))?
        } else {
            object.clone()
        };
        Ok(Self::with(Some(object.unbind()), device))
    }

    /// No stream at all.
    pub fn memory() -> Self {
        Self::with(None, false)
    }

    fn with(object: Option<Py<PyAny>>, device: bool) -> Self {
        Stream { object, device, exceptions: Exceptions::default(), pos: Cell::new(None), seeks: false }
    }

    /// Whether both are the same object of Python.
    pub fn is(&self, py: Python<'_>, object: &Bound<'_, PyAny>) -> bool {
        let Some(own) = &self.object else { return false };
        let own = own.bind(py);
        if self.device {
            return own.getattr("stream").is_ok_and(|inner| inner.is(object));
        }
        own.is(object)
    }

    /// Where the exceptions of its methods wait.
    pub fn exceptions(&self) -> Exceptions {
        self.exceptions.clone()
    }

    /// Begins an operation.
    pub fn begin(&self) {
        self.pos.set(None);
    }

    /// Reads the header from the present position as the C library does.
    pub fn read_header(&mut self) -> Result<()> {
        if self.object.is_some() {
            self.read_here(&mut [0; HEADER])?;
        }
        Ok(())
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.object.as_ref().map_or(Ok(()), |object| visit.call(object))
    }

    /// Calls methods of the stream. What they raise is kept, and becomes an error number here.
    fn call<T>(&self, work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Result<T>>) -> Result<T> {
        let Some(object) = &self.object else { return Err(Error::Io(EINVAL)) };
        if self.exceptions.waiting() {
            return Err(Error::Io(EIO)); // the operation has failed already, leave the stream alone
        }
        Python::attach(|py| match work(object.bind(py)) {
            Ok(result) => result,
            Err(exception) => {
                self.exceptions.keep(exception);
                Err(Error::Io(EIO))
            }
        })
    }

    /// One call of `read`: up to as many bytes as the buffer has; 0 at the end.
    fn read_some(&self, buf: &mut [u8]) -> Result<usize> {
        self.call(|object| {
            let py = object.py();
            // The only place where a long operation can be interrupted without a loss.
            py.check_signals()?;
            if object.hasattr(intern!(py, "readinto"))? {
                let block = PyByteArray::new_with(py, buf.len(), |_| Ok(()))?;
                let got = count(&object.call_method1(intern!(py, "readinto"), (&block,))?, buf.len())?;
                return Ok(got.and_then(|got| fill(buf, got, &block.to_vec())));
            }
            let got = object.call_method1(intern!(py, "read"), (buf.len(),))?;
            if got.is_none() {
                return Ok(Err(Error::Io(EAGAIN)));
            }
            let got = got.cast::<PyBytes>()?.as_bytes();
            Ok(fill(buf, got.len(), got))
        })
    }

    /// One call of `write`; the number of bytes that it has taken.
    fn write_some(&self, buf: &[u8]) -> Result<usize> {
        self.call(|object| {
            let bytes = PyBytes::new(object.py(), buf);
            count(&object.call_method1(intern!(object.py(), "write"), (bytes,))?, buf.len())
        })
    }

    /// Reads until the buffer is full or the end is reached, from where the stream is.
    fn read_here(&self, buf: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.read_some(rest) {
                Ok(0) => break,
                Ok(got) => done += got,
                Err(error) => {
                    self.pos.set(None);
                    return Err(error);
                }
            }
        }
        self.pos.set(self.pos.get().map(|pos| pos + done as u64));
        Ok(done)
    }

    fn write_here(&self, buf: &[u8]) -> Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            let put = self.write_some(rest);
            match put {
                Ok(0) => return Err(Error::Io(ENOSPC)),
                Ok(put) => rest = &rest[put..],
                Err(_) => {
                    self.pos.set(None);
                    return put.map(drop);
                }
            }
        }
        self.pos.set(self.pos.get().map(|pos| pos + buf.len() as u64));
        Ok(())
    }

    fn seek(&self, offset: u64, whence: u8) -> Result<u64> {
        self.pos.set(None);
        let pos = self.call(|object| {
            let py = object.py();
            let mut pos = object.call_method1(intern!(py, "seek"), (offset, whence))?;
            if pos.is_none() {
                pos = object.call_method0(intern!(py, "tell"))?;
            }
            let pos: i64 = pos.extract()?;
            Ok(u64::try_from(pos).map_err(|_| number(pos)))
        })?;
        self.pos.set(Some(pos));
        Ok(pos)
    }

    fn seek_to(&self, offset: u64) -> Result<()> {
        if self.pos.get() != Some(offset) && self.seek(offset, 0)? != offset {
            return Err(Error::Io(EIO));
        }
        Ok(())
    }
}

/// The error of a negative number that a method has returned.
fn number(returned: i64) -> Error {
    Error::Io(returned.checked_neg().and_then(|errno| i32::try_from(errno).ok()).unwrap_or(EIO))
}

/// What `readinto` or `write` returned, which may be nonsense.
fn count(returned: &Bound<'_, PyAny>, most: usize) -> PyResult<Result<usize>> {
    if returned.is_none() {
        return Ok(Err(Error::Io(EAGAIN)));
    }
    let returned: i64 = returned.extract()?;
    Ok(match usize::try_from(returned) {
        Ok(count) if count <= most => Ok(count),
        Ok(_) => Err(Error::Io(EIO)),
        Err(_) => Err(number(returned)),
    })
}

fn fill(buf: &mut [u8], got: usize, from: &[u8]) -> Result<usize> {
    match (buf.get_mut(..got), from.get(..got)) {
        (Some(to), Some(from)) => to.copy_from_slice(from),
        _ => return Err(Error::Io(EIO)),
    }
    Ok(got)
}

/// Makes the operating system write a file, if the stream is one. Its `flush` does not.
fn sync_file(object: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = object.py();
    let fileno = match object.call_method0(intern!(py, "fileno")) {
        Err(e) if e.is_instance_of::<PyAttributeError>(py) || e.is_instance_of::<PyOSError>(py) => {
            return Ok(())
        }
        fileno => fileno?,
    };
    match py.import("os")?.call_method1(intern!(py, "fsync"), (fileno,)) {
        Ok(_) => Ok(()),
        // There are files that have nothing to be written.
        Err(e) if e.value(py).getattr("errno").is_ok_and(|n| n.eq(EINVAL).unwrap_or(false)) => Ok(()),
        Err(e) => Err(e),
    }
}

impl Storage for Stream {
    fn size(&mut self) -> Result<u64> {
        if self.object.is_none() {
            return Ok(0);
        }
        self.seek(0, 2)
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        self.seek_to(at)?;
        self.read_here(buf)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        // A file in mode "a+b" ignores its position and appends. That shows by its size as soon
        // as a run of writes begins elsewhere than at its end, and before anything is lost.
        let size = if self.seeks || self.pos.get() == Some(at) { at } else { self.size()? };
        self.seek_to(at)?;
        self.write_here(buf)?;
        if size != at {
            if self.size()? != size.max(at + buf.len() as u64) {
                return Err(Error::Io(ESPIPE));
            }
            self.seeks = true;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.call(|object| {
            let result = object.call_method0(intern!(object.py(), "flush"))?;
            if let Some(returned) = result.extract::<i64>().ok().filter(|&n| n < 0) {
                return Ok(Err(number(returned)));
            }
            sync_file(object).map(Ok)
        })
    }

    fn volatile(&self) -> bool {
        self.object.is_none()
    }
}

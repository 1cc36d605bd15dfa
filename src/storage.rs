//! Where pages are kept: the seam between the core and files, flash or a Python stream.

use crate::error::Result;

/// A random-access byte store. Offsets and lengths are in bytes.
pub trait Storage {
    /// Length of the store.
    fn size(&mut self) -> Result<u64>;

    /// Reads into `buf`; returns less than its length only at the end of the store.
    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize>;

    /// Writes all of `buf`, extending the store where it is too short.
    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()>;

    /// Returns once everything written will survive a power cut.
    fn sync(&mut self) -> Result<()>;

    /// True if a power cut undoes everything since the last `sync`, whatever it was, `truncate`
    /// included.
    fn atomic(&self) -> bool {
        false
    }

    /// Shortens the store to `size` bytes. Called only if [`Storage::atomic`].
    fn truncate(&mut self, _size: u64) -> Result<()> {
        Ok(())
    }

    /// True if nothing is ever kept: pages then live only in the cache, and `read` and
    /// `write` are not called.
    fn volatile(&self) -> bool {
        false
    }
}

/// No storage at all: a database that lives in its page cache and is gone when it is closed.
#[derive(Clone, Copy, Default, Debug)]
pub struct NoStorage;

impl Storage for NoStorage {
    fn size(&mut self) -> Result<u64> {
        Ok(0)
    }

    fn read(&mut self, _: u64, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    fn volatile(&self) -> bool {
        true
    }
}

#[cfg(any(test, feature = "std"))]
pub use host::{FileStorage, VecStorage};

#[cfg(any(test, feature = "std"))]
mod host {
    use super::Storage;
    use crate::error::{Error, Result};
    use std::fs::File;
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::FileExt;
    use std::vec::Vec;

    fn io_error(e: &io::Error) -> Error {
        const EIO: i32 = 5;
        Error::Io(e.raw_os_error().unwrap_or(EIO))
    }

    /// A file of the host.
    #[derive(Debug)]
    pub struct FileStorage {
        file: File,
    }

    impl FileStorage {
        /// Uses a file opened for reading, or for reading and writing.
        pub fn new(file: File) -> Self {
            FileStorage { file }
        }
    }

    impl Storage for FileStorage {
        fn size(&mut self) -> Result<u64> {
            self.file.metadata().map(|m| m.len()).map_err(|e| io_error(&e))
        }

        fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
            let mut done = 0;
            while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
                match self.file.read_at(rest, at + done as u64) {
                    Ok(0) => break,
                    Ok(n) => done += n,
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return Err(io_error(&e)),
                }
            }
            Ok(done)
        }

        fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
            self.file.write_all_at(buf, at).map_err(|e| io_error(&e))
        }

        fn sync(&mut self) -> Result<()> {
            self.file.sync_data().map_err(|e| io_error(&e))
        }
    }

    /// A store in memory, counting what is done to it.
    #[derive(Clone, Default, Debug)]
    pub struct VecStorage {
        /// The bytes of the file.
        pub bytes: Vec<u8>,
        /// Calls of `read`, `write` and `sync` so far.
        pub reads: u64,
        /// See `reads`.
        pub writes: u64,
        /// See `reads`.
        pub syncs: u64,
    }

    impl Storage for VecStorage {
        fn size(&mut self) -> Result<u64> {
            Ok(self.bytes.len() as u64)
        }

        fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
            self.reads += 1;
            let rest = self.bytes.get(at as usize..).unwrap_or(&[]);
            let len = rest.len().min(buf.len());
            for (to, from) in buf.iter_mut().zip(rest) {
                *to = *from;
            }
            Ok(len)
        }

        fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
            self.writes += 1;
            let end = at as usize + buf.len();
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            if let Some(to) = self.bytes.get_mut(at as usize..end) {
                to.copy_from_slice(buf);
            }
            Ok(())
        }

        fn sync(&mut self) -> Result<()> {
            self.syncs += 1;
            Ok(())
        }
    }

    /// Lets a test or a tool keep the store: the database borrows it.
    impl<S: Storage> Storage for &mut S {
        fn size(&mut self) -> Result<u64> {
            (**self).size()
        }

        fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
            (**self).read(at, buf)
        }

        fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
            (**self).write(at, buf)
        }

        fn sync(&mut self) -> Result<()> {
            (**self).sync()
        }

        fn atomic(&self) -> bool {
            (**self).atomic()
        }

        fn truncate(&mut self, size: u64) -> Result<()> {
            (**self).truncate(size)
        }

        fn volatile(&self) -> bool {
            (**self).volatile()
        }
    }
}

//! Where a command writes what may become a file: dumps, pictures, JSON.

use crate::app::App;
use crate::error::{Failure, Result};
use crate::place::{Place, Replacement};
use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are written at a time.
const CHUNK: usize = 1 << 16;

/// What has a name but is no file that another could take the place of.
const STREAMS: [&str; 3] = ["/dev/fd", "/dev/stderr", "/proc"];

pub type Out<'a> = BufWriter<Watched<'a>>;

/// A writer that remembers whether an error was its own.
pub struct Watched<'a> {
    to: &'a mut dyn Write,
    failed: &'a Cell<bool>,
}

impl Watched<'_> {
    fn watch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        self.failed.set(self.failed.get() || result.is_err());
        result
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.to.write(bytes);
        self.watch(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.watch(result)
    }
}

/// Writes to `name`; errors of writing get this name and no other.
fn write_as(name: Option<&str>, to: &mut dyn Write, work: impl FnOnce(&mut Out) -> Result<()>) -> Result<()> {
    let failed = Cell::new(false);
    let mut out = BufWriter::with_capacity(CHUNK, Watched { to, failed: &failed });
    let result = work(&mut out).and_then(|()| Ok(out.flush()?));
    // What was written before an error belongs to the answer.
    drop(out);
    result.map_err(|e| if failed.get() { Failure { file: name.map(String::from), ..e } } else { e })
}

/// Lets `work` write: to standard output without a path or with `-`; to pipes and devices as they are; to
/// anything else by way of a new file, which takes its place when it is whole.
pub fn write(app: &mut App, path: Option<&PathBuf>, work: impl FnOnce(&mut Out) -> Result<()>) -> Result<()> {
    let Some(path) = path.filter(|path| !is_standard(path)) else {
        return write_as(None, &mut app.out, work);
    };
    let target = Place::any(app, path)?;
    if is_stream(&target.local) {
        let file = OpenOptions::new().write(true).open(&target.local);
        return write_as(Some(&target.name), &mut file.map_err(|e| target.name_error(e))?, work);
    }
    let new = Replacement::new(&target)?;
    let mut file = new.file().map_err(|e| target.name_error(e))?;
    write_as(Some(&target.name), &mut file, work)?;
    new.finish(target, app)
}

/// Whether a path means standard output.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

fn is_stream(path: &Path) -> bool {
    let special = path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    special || STREAMS.iter().any(|stream| path.starts_with(stream))
}

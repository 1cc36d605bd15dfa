//! Files for the core: with a progress bar, and without a sync where the file is a new one that will
//! be synced as a whole.

use crate::app::App;
use crate::error::{failed, Failure, Result};
use crate::journal::Replay;
use crate::place::Place;
use fs4::TryLockError;
use indicatif::ProgressBar;
use modbtree::{Db, FileStorage, HeapMemory, Options, Storage};
use std::fs::{File, OpenOptions};
use std::io;
use std::rc::Rc;

/// Bytes that are read at a time where pages are read one behind the other.
const AHEAD: usize = 1 << 16;

pub struct Disk {
    file: FileStorage,
    /// Counts bytes read.
    bar: ProgressBar,
    syncs: bool,
    /// What was read ahead, and where it is in the file.
    ahead: Vec<u8>,
    ahead_at: u64,
    /// Where the last read began.
    last: u64,
    /// What a salvage sees instead of the file as it is.
    replay: Option<Rc<Replay>>,
}

impl Disk {
    pub fn new(file: File) -> Self {
        Disk {
            file: FileStorage::new(file),
            bar: ProgressBar::hidden(),
            syncs: true,
            ahead: Vec::new(),
            ahead_at: 0,
            last: 0,
            replay: None,
        }
    }

    /// A file that nobody relies on until it is synced by other means.
    pub fn unsynced(file: File) -> Self {
        Disk { syncs: false, ..Self::new(file) }
    }

    /// The file as a flush in its journal has left it.
    pub fn with_replay(self, replay: Option<Rc<Replay>>) -> Self {
        Disk { replay, ..self }
    }

    pub fn with_bar(self, bar: ProgressBar) -> Self {
        Disk { bar, ..self }
    }
}

impl Disk {
    /// Fills `buf` from what was read ahead; false if it is not all there.
    fn take_ahead(&mut self, at: u64, buf: &mut [u8]) -> bool {
        let start = at.checked_sub(self.ahead_at).and_then(|start| usize::try_from(start).ok());
        let bytes = start.and_then(|start| self.ahead.get(start..start.checked_add(buf.len())?));
        if let Some(bytes) = bytes {
            buf.copy_from_slice(bytes);
        }
        bytes.is_some()
    }
}

impl Storage for Disk {
    fn size(&mut self) -> modbtree::Result<u64> {
        match &self.replay {
            Some(replay) => Ok(replay.size()),
            None => self.file.size(),
        }
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> modbtree::Result<usize> {
        if let Some(replay) = &self.replay {
            let got = replay.read(&mut self.file, at, buf)?;
            self.bar.inc(got as u64);
            return Ok(got);
        }
        let last = std::mem::replace(&mut self.last, at);
        if self.take_ahead(at, buf) {
            return Ok(buf.len());
        }
        // Not far behind the last: probably not the only one.
        if at > last && at - last < AHEAD as u64 && buf.len() < AHEAD {
            self.ahead.resize(AHEAD, 0);
            let got = self.file.read(at, &mut self.ahead);
            self.ahead.truncate(*got.as_ref().unwrap_or(&0));
            self.ahead_at = at;
            // Where the medium is damaged, the page alone can perhaps be read.
            if got.is_ok() {
                self.bar.inc(self.ahead.len() as u64);
                if self.take_ahead(at, buf) {
                    return Ok(buf.len());
                }
            }
        }
        let got = self.file.read(at, buf)?;
        self.bar.inc(got as u64);
        Ok(got)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> modbtree::Result<()> {
        self.ahead.clear();
        self.file.write(at, buf)
    }

    fn sync(&mut self) -> modbtree::Result<()> {
        if self.syncs {
            self.file.sync()
        } else {
            Ok(())
        }
    }
}

pub type Base = Db<Disk, HeapMemory>;

/// A database and the name that errors give it.
pub struct Tree {
    pub db: Base,
    pub name: String,
}

impl Tree {
    pub fn new(disk: Disk, options: &Options, name: &str) -> Result<Self> {
        let db = Db::open(disk, HeapMemory, options).map_err(|e| Failure::from(e).at(name))?;
        Ok(Tree { db, name: name.to_string() })
    }

    /// Does something with the database; an error gets the file's name and its place there.
    pub fn run<T>(&mut self, work: impl FnOnce(&mut Base) -> modbtree::Result<T>) -> Result<T> {
        work(&mut self.db).map_err(|e| failed(e, self.db.fault()).at(&self.name))
    }
}

/// Opens a file so that others who look at locks do not change it, or, if it is to be changed, do not
/// use it at all.
pub fn open_file(place: &Place, change: bool) -> Result<File> {
    let path = &place.local;
    // Opening a pipe would wait for the other end.
    place.check_kind()?;
    let file = OpenOptions::new().read(true).write(change).open(path).map_err(|e| place.name_error(e))?;
    let lock = if change { fs4::FileExt::try_lock(&file) } else { fs4::FileExt::try_lock_shared(&file) };
    match lock {
        Err(TryLockError::WouldBlock) => {
            Err(place.name_error(io::Error::other("another program is using the file")))
        }
        // Some file systems have no locks.
        _ => Ok(file),
    }
}

/// Opens a database for reading.
pub fn read(app: &App, place: &Place, bar: ProgressBar) -> Result<Tree> {
    let disk = Disk::new(open_file(place, false)?).with_bar(bar);
    Tree::new(disk, &app.reading(), &place.name)
}

//! Where a file is: here, or on a device, from where it is copied; and new files that take their
//! place only when they are whole.

use crate::app::App;
use crate::device::Remote;
use crate::error::{Failure, Result};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{fchown, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::{NamedTempFile, TempPath};

/// Temporary files to remove if the program is interrupted.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Removes unfinished files; for the handler of signals.
pub fn clean_up() {
    for path in unfinished().drain(..) {
        // It may be gone.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

/// Lets a temporary file or directory be removed if the program is interrupted.
pub fn guard(path: &Path) {
    unfinished().push(path.to_path_buf());
}

/// A file as the user has named it.
pub struct Place {
    /// The name in messages.
    pub name: String,
    /// Where it is here.
    pub local: PathBuf,
    remote: Option<Remote>,
}

fn on_device(path: &Path) -> Option<&[u8]> {
    path.as_os_str().as_bytes().strip_prefix(b":")
}

impl Place {
    /// A file that is there; one on a device is copied here.
    pub fn existing(app: &App, path: &Path) -> Result<Self> {
        let place = Self::any(app, path)?;
        match fs::metadata(&place.local) {
            Ok(_) => Ok(place),
            Err(e) => Err(place.name_error(e)),
        }
    }

    /// A file that may be there or not.
    pub fn any(app: &App, path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let Some(remote) = on_device(path) else {
            return Ok(Place { name, local: path.to_path_buf(), remote: None });
        };
        let remote = Remote::fetch(app, remote).map_err(|e| e.at(&name))?;
        Ok(Place { name, local: remote.local(), remote: Some(remote) })
    }

    /// Whether there is a file.
    pub fn exists(&self) -> bool {
        self.local.exists()
    }

    /// Ends a change: brings a file of a device back there.
    pub fn changed(self, app: &App) -> Result<()> {
        match self.remote {
            Some(remote) => remote.store(app).map_err(|e| e.at(&self.name)),
            None => Ok(()),
        }
    }

    /// Refuses what is there but is no file: pipes, devices and so on.
    pub fn check_kind(&self) -> Result<()> {
        match fs::metadata(&self.local) {
            Ok(meta) if meta.is_dir() => Err(self.name_error(io::ErrorKind::IsADirectory.into())),
            Ok(meta) if !meta.is_file() => Err(self.name_error(io::Error::other("not a regular file"))),
            _ => Ok(()),
        }
    }

    /// An error of the system with this file.
    pub fn name_error(&self, e: io::Error) -> Failure {
        Failure::from(e).at(&self.name)
    }
}

/// A new file beside its place.
pub struct Replacement {
    temporary: TempPath,
    file: File,
    /// Where it will be: what a symbolic link points to, not the link.
    target: PathBuf,
}

impl Replacement {
    pub fn new(place: &Place) -> Result<Self> {
        place.check_kind()?;
        let make = || {
            let target = match place.local.canonicalize() {
                Err(e) if e.kind() == io::ErrorKind::NotFound => place.local.clone(),
                target => target?,
            };
            let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = parent.unwrap_or(Path::new("."));
            let (file, temporary) = NamedTempFile::with_prefix_in(".mpbtree-", directory)?.into_parts();
            guard(&temporary);
            Ok(Replacement { temporary, file, target })
        };
        make().map_err(|e| place.name_error(e))
    }

    /// The new file, for writing.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Puts the file into its place, once all of it is on the medium.
    pub fn finish(self, place: Place, app: &App) -> Result<()> {
        let finish = || {
            // An old file's permissions, or those that a new file usually has.
            let permissions = match fs::metadata(&self.target) {
                Ok(old) => {
                    // Only root may give files away; others have to take what they get.
                    let _ = fchown(&self.file, Some(old.uid()), Some(old.gid()));
                    old.permissions()
                }
                Err(_) => usual_permissions(&self.target)?,
            };
            self.file.set_permissions(permissions)?;
            self.file.sync_all()?;
            self.temporary.persist(&self.target).map_err(|e| e.error)?;
            let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        finish().map_err(|e| place.name_error(e))?;
        place.changed(app)
    }
}

/// The permissions of a file made in the ordinary way beside `target`. Temporary ones are private.
fn usual_permissions(target: &Path) -> io::Result<fs::Permissions> {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".mpbtree-{}", std::process::id()));
    let path = target.with_file_name(name);
    let permissions = File::create_new(&path)?.metadata()?.permissions();
    fs::remove_file(&path)?;
    Ok(permissions)
}

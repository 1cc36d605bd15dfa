//! Files on a MicroPython device, copied by mpremote.

use crate::app::App;
use crate::error::{code, Failure, Result};
use crate::place::guard;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What the device says about a file: `file SIZE SHA256`, or `none`. Boards without hashlib give `-`.
const LOOK: &str = "
def _look(p):
    import os
    try:
        n = os.stat(p)[6]
    except OSError:
        return 'none'
    try:
        import hashlib
        h = hashlib.sha256()
    except (ImportError, AttributeError):
        return 'file %d -' % n
    b = bytearray(512)
    with open(p, 'rb') as f:
        while True:
            k = f.readinto(b)
            if not k:
                break
            h.update(memoryview(b)[:k])
    return 'file %d ' % n + ''.join('%02x' % c for c in h.digest())
";

/// Replaces a file if both are what they are expected to be.
const RENAME: &str = "
import os
if _look(OLD) != OLD_IS:
    print('!', 'the file on the device has been changed meanwhile; the new one is', NEW)
elif _look(NEW) != NEW_IS:
    print('!', 'the copy on the device is not what was sent:', NEW)
else:
    try:
        os.rename(NEW, OLD)
    except OSError:
        # Some file systems do not rename to a name that is there.
        os.rename(OLD, OLD + '.old')
        os.rename(NEW, OLD)
        os.remove(OLD + '.old')
    if hasattr(os, 'sync'):
        os.sync()
    print('!', 'done')
";

/// A copy of a file of a device.
pub struct Remote {
    /// Its path there.
    path: String,
    directory: TempDir,
    /// What was there: `none`, or size and hash.
    before: String,
}

impl Remote {
    /// Copies a file from the device, if there is one.
    pub fn fetch(app: &App, path: &[u8]) -> Result<Self> {
        let path = match std::str::from_utf8(path) {
            Ok("") | Err(_) => return Err(Failure::usage("the name of a file on a device is text")),
            Ok(path) => path.to_string(),
        };
        let directory = tempfile::Builder::new().prefix("mpbtree-").tempdir()?;
        guard(directory.path());
        let mut remote = Remote { path, directory, before: String::new() };
        let bar = app.progress("reading from the device", 0, false);
        remote.before = look(app, &remote.path, app.common.resume)?;
        if remote.exists() {
            mpremote(
                app,
                true,
                &["fs".as_ref(), "cp".as_ref(), remote.there("").as_ref(), remote.local().as_ref()],
            )?;
            if is(&remote.local(), &remote.before)? {
                bar.finish_and_clear();
                return Ok(remote);
            }
            return Err(Failure::new(code::SYSTEM, "the copy is not what the device has"));
        }
        bar.finish_and_clear();
        Ok(remote)
    }

    /// Where the copy is.
    pub fn local(&self) -> PathBuf {
        self.directory.path().join("copy")
    }

    pub fn exists(&self) -> bool {
        self.before != "none"
    }

    fn there(&self, suffix: &str) -> OsString {
        format!(":{}{suffix}", self.path).into()
    }

    /// Brings the copy to the device: beside the old file, then in its place.
    pub fn store(self, app: &App) -> Result<()> {
        let after = stamp(&self.local())?;
        if after == self.before {
            return Ok(());
        }
        let bar = app.progress("writing to the device", 0, false);
        mpremote(
            app,
            true,
            &["fs".as_ref(), "cp".as_ref(), self.local().as_ref(), self.there(".new").as_ref()],
        )?;
        // A board without hashlib tells sizes only.
        let after =
            if self.before.ends_with('-') || look(app, &format!("{}.new", self.path), true)?.ends_with('-') {
                format!("{} -", after.rsplit_once(' ').unwrap_or_default().0)
            } else {
                after
            };
        let program = format!(
            "{LOOK}\nOLD, NEW = {}, {}\nOLD_IS, NEW_IS = '{}', '{after}'\n{RENAME}",
            quoted(&self.path),
            quoted(&format!("{}.new", self.path)),
            self.before
        );
        let said = mpremote(app, true, &["exec".as_ref(), program.as_ref()])?;
        bar.finish_and_clear();
        match said.lines().rev().find_map(|line| line.trim().strip_prefix("! ")) {
            Some("done") => Ok(()),
            Some(text) => Err(Failure::new(code::SYSTEM, text)),
            None => Err(Failure::new(code::SYSTEM, "the device has given no answer")),
        }
    }
}

/// A string for a Python program.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// What the device says about a file.
fn look(app: &App, path: &str, resume: bool) -> Result<String> {
    let program = format!("{LOOK}\nprint('!', _look({}))", quoted(path));
    let said = mpremote(app, resume, &["exec".as_ref(), program.as_ref()])?;
    match said.lines().rev().find_map(|line| line.trim().strip_prefix("! ")) {
        Some(text) => Ok(text.to_string()),
        None => Err(Failure::new(code::SYSTEM, "the device has given no answer")),
    }
}

/// The same about a file here.
fn stamp(path: &Path) -> Result<String> {
    use sha2::{Digest, Sha256};
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut buffer, mut size) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let got = std::io::Read::read(&mut file, &mut buffer)?;
        if got == 0 {
            break;
        }
        hash.update(&buffer[..got]);
        size += got;
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("file {size} {digest}"))
}

/// Whether a file here is what the device has said.
fn is(path: &Path, told: &str) -> Result<bool> {
    let here = stamp(path)?;
    Ok(match told.strip_suffix('-') {
        Some(told) => here.starts_with(told),
        None => here == told,
    })
}

/// Runs mpremote and returns what it prints.
fn mpremote(app: &App, resume: bool, arguments: &[&OsStr]) -> Result<String> {
    let words = shlex::split(&app.common.mpremote).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| Failure::usage("--mpremote: no command"))?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    if let Some(device) = &app.common.device {
        command.args(["connect", device]);
    }
    if resume {
        command.arg("resume");
    }
    command.args(arguments).stdin(Stdio::null());
    let result = command.output().map_err(|e| {
        Failure::new(code::SYSTEM, format!("cannot run {}: {}", words[0], Failure::from(e).text))
    })?;
    let said = [&result.stdout[..], &result.stderr[..]].map(String::from_utf8_lossy);
    if !result.status.success() {
        let text =
            said.iter().flat_map(|text| text.lines().rev()).map(str::trim).find(|line| !line.is_empty());
        return Err(Failure::new(code::SYSTEM, format!("mpremote: {}", text.unwrap_or("failed"))));
    }
    let [said, _] = said;
    Ok(OsStr::from_bytes(said.as_bytes()).to_string_lossy().into_owned())
}

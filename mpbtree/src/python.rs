//! `python -m modbtree.zodb` (docs/cpython.md), which opens FileStorages of ZODB with ZODB itself.

use crate::args::Zodb;
use crate::error::{code, Failure, Result};
use rustix::process::{kill_process, waitid, Pid, Signal, WaitId, WaitIdOptions};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long the program may take to undo what it has begun.
const PATIENCE: Duration = Duration::from_secs(20);

/// What runs, and whether it is to be ended by a signal that we got.
static RUNNING: Mutex<(Option<Pid>, bool)> = Mutex::new((None, false));

fn running() -> MutexGuard<'static, (Option<Pid>, bool)> {
    RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Interrupts what runs, and waits until it has undone what it had begun; for the handler of signals.
pub fn interrupt() {
    let pid = {
        let mut running = running();
        running.1 = true;
        running.0
    };
    pid.into_iter().for_each(stop);
}

/// Interrupts a program, and kills it if it takes too long to end. Its number is still its own then.
fn stop(pid: Pid) {
    let ended = || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    };
    let end = Instant::now() + PATIENCE;
    // It may be gone.
    let _ = kill_process(pid, Signal::INT);
    while !ended() && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
    let _ = kill_process(pid, Signal::KILL);
}

/// Waits for the end. If we are interrupted meanwhile, the handler of signals ends us, too.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    // It stays until the number cannot be taken for another program's.
    let ended = waitid(WaitId::Pid(Pid::from_child(child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    let mut running = running();
    while running.1 {
        drop(running);
        thread::park();
        running = self::running();
    }
    running.0 = None;
    ended?;
    child.wait()
}

pub struct Python {
    program: String,
    command: Command,
    name: String,
    child: Option<Child>,
    /// Reads what the program says to people.
    said: Option<thread::JoinHandle<String>>,
}

impl Python {
    pub fn new(args: &Zodb) -> Result<Self> {
        let words = shlex::split(&args.python).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| Failure::usage("--python: no command"))?;
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["-m", "modbtree.zodb"]);
        Ok(Python { program: words[0].clone(), command, name: args.name.clone(), child: None, said: None })
    }

    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// A file, by a name that is no option.
    pub fn file(&mut self, path: &Path) -> Result<&mut Self> {
        self.command.arg(std::path::absolute(path)?);
        Ok(self)
    }

    /// The name in messages.
    pub fn title(&self) -> String {
        format!("{} -m modbtree.zodb", self.program)
    }

    fn start(&mut self, stdin: Stdio, stdout: Stdio) -> Result<&mut Child> {
        self.command.arg(format!("--name={}", self.name));
        // Its signals come from us, and only once.
        self.command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).process_group(0);
        let mut running = running();
        let mut child = self.command.spawn().map_err(|e| {
            Failure::new(code::SYSTEM, format!("cannot run {}: {}", self.program, Failure::from(e).text))
        })?;
        running.0 = Some(Pid::from_child(&child));
        drop(running);
        let mut stderr = child.stderr.take();
        self.said = Some(thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(stderr) = &mut stderr {
                // What was read until an error is all there is to tell.
                let _ = stderr.read_to_end(&mut said);
            }
            String::from_utf8_lossy(&said).into_owned()
        }));
        Ok(self.child.insert(child))
    }

    /// Runs the program with what `write` writes as its input; returns what it says.
    pub fn feed(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> Result<String> {
        let child = self.start(Stdio::piped(), Stdio::null())?;
        let stdin = child.stdin.take().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        let mut input = BufWriter::new(stdin);
        let written = write(&mut input).and_then(|()| Ok(input.flush()?));
        match written {
            Ok(()) => {}
            // The program has gone and tells why.
            Err(e) if e.code == code::PIPE => {}
            Err(e) => {
                // Before the end of its input, or it would keep what it has.
                self.kill();
                return Err(e);
            }
        }
        drop(input);
        self.end()
    }

    /// Starts the program; what it prints.
    pub fn output(&mut self) -> Result<Box<dyn BufRead>> {
        let stdout = self.start(Stdio::null(), Stdio::piped())?.stdout.take();
        let stdout = stdout.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(Box::new(BufReader::with_capacity(1 << 16, stdout)))
    }

    /// Ends the program, which undoes what it has begun.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            stop(Pid::from_child(&child));
            running().0 = None;
            let _ = child.wait();
        }
    }

    /// Waits for the end of the program and returns what it has said, if it was successful.
    pub fn end(&mut self) -> Result<String> {
        let Some(mut child) = self.child.take() else { return Ok(String::new()) };
        let status = wait(&mut child)?;
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        if status.success() {
            return Ok(said);
        }
        let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let line = line.unwrap_or("it has failed").to_string();
        let missing = line.contains("No module named");
        let help = if missing { " (docs/cpython.md tells how to install it)" } else { "" };
        Err(Failure::new(code::SYSTEM, format!("{}: {line}{help}", self.program)))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.kill();
    }
}

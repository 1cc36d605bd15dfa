//! What ends a command before it is done: a text for people, a place in the file for programs, and
//! the exit code.

use crate::dumptext::Wrong;
use modbtree::{Error, Fault, OpenError};
use serde_json::json;
use std::fmt::Display;
use std::io;

/// Exit codes, as in `mpbtree help`.
pub mod code {
    /// No such key, a difference, a file with errors.
    pub const NO: u8 = 1;
    /// Wrong arguments.
    pub const USAGE: u8 = 2;
    /// A file that is damaged, or none of the kind that was expected.
    pub const DAMAGED: u8 = 3;
    /// Input, output, memory, or the device.
    pub const SYSTEM: u8 = 4;
    /// The reader of the output has gone away, as other programs of Unix report it.
    pub const PIPE: u8 = 141;
}

/// Why a command has ended.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    /// The file in question, if it is one.
    pub file: Option<String>,
    /// Empty: nothing is to be said.
    pub text: String,
    pub fault: Option<Fault>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(code: u8, text: impl Display) -> Self {
        Failure { code, file: None, text: text.to_string(), fault: None }
    }

    pub fn usage(text: impl Display) -> Self {
        Self::new(code::USAGE, text)
    }

    /// The answer is no; it has been printed already.
    pub fn no() -> Self {
        Self::new(code::NO, "")
    }

    pub fn at(mut self, file: impl Display) -> Self {
        self.file.get_or_insert_with(|| file.to_string());
        self
    }

    /// The line for standard error.
    pub fn line(&self) -> String {
        match &self.file {
            Some(file) => format!("{file}: {}", self.text),
            None => self.text.clone(),
        }
    }

    /// The same for programs.
    pub fn json(&self) -> String {
        let mut error = json!({ "code": self.code, "text": self.text });
        if let Some(file) = &self.file {
            error["file"] = json!(file);
        }
        if let Some(fault) = self.fault {
            error["page"] = json!(fault.page);
            error["offset"] = json!(fault.offset);
            error["reason"] = json!(fault.reason.text());
        }
        json!({ "error": error }).to_string()
    }
}

/// A failed operation on a database.
pub fn failed(error: Error, fault: Option<Fault>) -> Failure {
    let mut failure = match error {
        Error::Io(number) => return io::Error::from_raw_os_error(number).into(),
        Error::NoMemory => Failure::new(code::SYSTEM, "out of memory"),
        Error::Corrupt(reason) => Failure::new(code::DAMAGED, reason.text()),
        Error::Invalid => Failure::usage("a parameter is out of range"),
        Error::Full => Failure::new(code::SYSTEM, "the file or the tree would be too large"),
    };
    if let (Error::Corrupt(_), Some(fault)) = (error, fault) {
        failure.text = place(&fault);
        failure.fault = Some(fault);
    }
    failure
}

/// Where and what a damage is.
pub fn place(fault: &Fault) -> String {
    format!("page {} offset {}: {}", fault.page, fault.offset, fault.reason.text())
}

impl From<OpenError> for Failure {
    fn from(e: OpenError) -> Self {
        failed(e.error, e.fault)
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Io(e) => e.into(),
            Wrong::Line(line, text) => Failure::new(code::DAMAGED, format!("line {line}: {text}")),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::BrokenPipe {
            return Failure::new(code::PIPE, "");
        }
        // Without the number that the library adds.
        let text = e.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        Failure::new(code::SYSTEM, text)
    }
}

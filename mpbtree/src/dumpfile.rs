//! Reading the text format of db_dump and db_dump185.
//!
//! A header of lines `name=value` ends with `HEADER=END`. Then keys and values come in turns, one on
//! each line. From VERSION=3 on these lines begin with a space, and `DATA=END` ends them; before,
//! neither is there.

use crate::commands::load::bad_text;
use crate::error::{Failure, Result};
use crate::text;
use modbtree::Order;
use std::io::{BufRead, Read};

/// A line of a header is not longer.
const HEADER_LINE: u64 = 4096;

/// What the header says.
#[derive(Default)]
pub struct TextHeader {
    pub version: u32,
    pub print: bool,
    pub page_size: u32,
    pub order: Option<Order>,
    pub min_keys: u32,
    pub duplicates: bool,
}

pub struct Reader<'a> {
    input: Box<dyn BufRead>,
    name: &'a str,
    line: u64,
    /// Whether lines begin with a space and end with `DATA=END`.
    marked: bool,
    print: bool,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub fn new(input: Box<dyn BufRead>, name: &'a str) -> Self {
        Reader { input, name, line: 0, marked: false, print: false, buffer: Vec::new() }
    }

    pub fn error(&self, text: &str) -> Failure {
        bad_text(self.name, self.line, text)
    }

    /// Takes the next line, without its end; false if there is none.
    fn next_line(&mut self, most: u64) -> Result<bool> {
        self.buffer.clear();
        let mut input = self.input.by_ref().take(most);
        let got = input.read_until(b'\n', &mut self.buffer).map_err(|e| Failure::from(e).at(self.name))?;
        self.line += u64::from(got > 0);
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        Ok(got > 0)
    }

    pub fn header(&mut self) -> Result<TextHeader> {
        let mut header = TextHeader::default();
        loop {
            if !self.next_line(HEADER_LINE)? {
                return Err(self.error("the header has no end; is this the output of db_dump?"));
            }
            let line = String::from_utf8_lossy(&self.buffer);
            if line == "HEADER=END" {
                break;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(self.error("not a line of a header; is this the output of db_dump?"));
            };
            if let Err(text) = header.set(name, value) {
                return Err(self.error(&text));
            }
        }
        (self.marked, self.print) = (header.version >= 3, header.print);
        Ok(header)
    }

    /// From here on there are lines of text without any marks.
    pub fn plain_text(&mut self) {
        (self.marked, self.print) = (false, true);
    }

    /// Takes the next item; false at the end.
    pub fn item(&mut self, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<bool> {
        if !self.string(key)? {
            return Ok(false);
        }
        if !self.string(value)? {
            return Err(self.error("the last key has no value"));
        }
        Ok(true)
    }

    fn string(&mut self, bytes: &mut Vec<u8>) -> Result<bool> {
        bytes.clear();
        if !self.next_line(u64::MAX)? {
            return if self.marked { Err(self.error("the text is cut off: no DATA=END")) } else { Ok(false) };
        }
        let mut line = self.buffer.as_slice();
        if self.marked {
            if line == b"DATA=END" {
                if self.next_line(HEADER_LINE)? {
                    return Err(self.error("more than one database in one text"));
                }
                return Ok(false);
            }
            match line.strip_prefix(b" ") {
                Some(rest) => line = rest,
                None => return Err(self.error("neither an item nor DATA=END")),
            }
        }
        let good = if self.print { text::unescape_to(line, bytes) } else { text::unhex_to(line, bytes) };
        if good {
            Ok(true)
        } else if self.print {
            Err(self.error("a backslash is neither doubled nor before two hexadecimal digits"))
        } else {
            Err(self.error("not hexadecimal"))
        }
    }
}

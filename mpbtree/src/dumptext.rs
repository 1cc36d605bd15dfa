//! The text format of db_dump and db_dump185.
//!
//! A header of lines `name=value` ends with `HEADER=END`. Then keys and values come in turns, one on
//! each line. From VERSION=3 on these lines begin with a space, and `DATA=END` ends them; before,
//! neither is there.

use crate::text;
use modbtree::{Options, Order};
use std::io::{self, BufRead, Read};

/// A line of a header is not longer.
const HEADER_LINE: u64 = 4096;
/// Bytes of a line for which there must be memory before they are read.
const CHUNK: u64 = 1 << 16;

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

/// Why a text cannot be read.
#[derive(Debug)]
pub enum Wrong {
    Io(io::Error),
    /// What is wrong in a line.
    Line(u64, String),
}

type Result<T> = std::result::Result<T, Wrong>;

pub struct Reader<R> {
    input: R,
    line: u64,
    /// Whether lines begin with a space and end with `DATA=END`.
    marked: bool,
    print: bool,
    buffer: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    pub fn new(input: R) -> Self {
        Reader { input, line: 0, marked: false, print: false, buffer: Vec::new() }
    }

    /// Something that is wrong in the last line read.
    pub fn wrong(&self, text: &str) -> Wrong {
        Wrong::Line(self.line, text.to_string())
    }

    /// Takes the next line, without its end; false if there is none.
    fn next_line(&mut self, most: u64) -> Result<bool> {
        self.buffer.clear();
        let mut left = most;
        loop {
            reserve(&mut self.buffer, CHUNK as usize)?;
            let mut input = self.input.by_ref().take(left.min(CHUNK));
            let got = input.read_until(b'\n', &mut self.buffer).map_err(Wrong::Io)?;
            left -= got as u64;
            if got == 0 || left == 0 || self.buffer.last() == Some(&b'\n') {
                break;
            }
        }
        let found = !self.buffer.is_empty();
        self.line += u64::from(found);
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        Ok(found)
    }

    pub fn header(&mut self) -> Result<TextHeader> {
        let mut header = TextHeader::default();
        loop {
            if !self.next_line(HEADER_LINE)? {
                return Err(self.wrong("the header has no end; is this the output of db_dump?"));
            }
            let line = String::from_utf8_lossy(&self.buffer);
            if line == "HEADER=END" {
                break;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(self.wrong("not a line of a header; is this the output of db_dump?"));
            };
            if let Err(text) = header.set(name, value) {
                return Err(self.wrong(&text));
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
            return Err(self.wrong("the last key has no value"));
        }
        Ok(true)
    }

    fn string(&mut self, bytes: &mut Vec<u8>) -> Result<bool> {
        bytes.clear();
        if !self.next_line(u64::MAX)? {
            return if self.marked { Err(self.wrong("the text is cut off: no DATA=END")) } else { Ok(false) };
        }
        let mut line = self.buffer.as_slice();
        if self.marked {
            if line == b"DATA=END" {
                if self.next_line(HEADER_LINE)? {
                    return Err(self.wrong("more than one database in one text"));
                }
                return Ok(false);
            }
            match line.strip_prefix(b" ") {
                Some(rest) => line = rest,
                None => return Err(self.wrong("neither an item nor DATA=END")),
            }
        }
        reserve(bytes, line.len())?;
        let good = if self.print { text::unescape_to(line, bytes) } else { text::unhex_to(line, bytes) };
        if good {
            Ok(true)
        } else if self.print {
            Err(self.wrong("a backslash is neither doubled nor before two hexadecimal digits"))
        } else {
            Err(self.wrong("not hexadecimal"))
        }
    }
}

/// Makes room, as long as there is memory.
fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<()> {
    bytes.try_reserve(more).map_err(|_| Wrong::Io(io::ErrorKind::OutOfMemory.into()))
}

impl TextHeader {
    /// Takes a line of the form `name=value`.
    pub fn set(&mut self, name: &str, value: &str) -> std::result::Result<(), String> {
        let number = || value.parse::<u32>().map_err(|_| format!("{name}: not a number"));
        match name {
            "VERSION" => self.version = number()?,
            "format" => {
                self.print = match value {
                    "print" => true,
                    "bytevalue" => false,
                    _ => return Err("format: neither bytevalue nor print".into()),
                }
            }
            "type" if ["btree", "hash"].contains(&value) => {}
            "type" => return Err(format!("type: {} has no keys and values", text::shown(value.as_bytes()))),
            "db_pagesize" => {
                // Another kind of database may have had a size that is none here.
                self.page_size = number()?;
                if !(512..=65536).contains(&self.page_size) || self.page_size % 2 != 0 {
                    self.page_size = 0;
                }
            }
            "db_lorder" => {
                self.order = match number()? {
                    1234 => Some(Order::Little),
                    4321 => Some(Order::Big),
                    _ => return Err("db_lorder: neither 1234 nor 4321".into()),
                }
            }
            "bt_minkey" => self.min_keys = number()?.max(2),
            "duplicates" | "dupsort" => self.duplicates |= value == "1",
            "keys" if value != "1" => return Err("the text has values only".into()),
            // What other kinds of databases and programs have; it says nothing about the items.
            "keys" | "database" | "subdatabase" | "h_ffactor" | "h_nelem" | "h_hash" | "extentsize"
            | "re_len" | "re_pad" | "recnum" | "renumber" | "chksum" | "mp_size" | "nodelete"
            | "heap_bytes" | "heap_gbytes" | "heap_regionsize" | "compressed" => {}
            _ => return Err(format!("unknown line: {}", text::shown(name.as_bytes()))),
        }
        Ok(())
    }
}

/// The lines before the items, as we write them.
pub fn header(options: &Options, print: bool) -> String {
    let mut text = String::from("VERSION=3\nformat=");
    text += if print { "print\n" } else { "bytevalue\n" };
    text += "type=btree\n";
    text += match options.order {
        Some(Order::Big) => "db_lorder=4321\n",
        _ => "db_lorder=1234\n",
    };
    // Others refuse sizes that are no power of two.
    if options.page_size.is_power_of_two() {
        text += &format!("db_pagesize={}\n", options.page_size);
    }
    if options.duplicates {
        text += "duplicates=1\n";
    }
    text + "HEADER=END\n"
}

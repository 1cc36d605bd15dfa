//! The words of JSON: strings, numbers, names, and what is between them.

use super::read::Reader;
use crate::error::{fail, Fallible, Reason};
use crate::model::{big_from_text, Node, Span, Value, Wide};
use crate::scan;

impl Reader<'_> {
    pub(super) fn fail<T>(&self, what: &'static str) -> Fallible<T> {
        let ended = self.pos >= self.json.len();
        fail(self.pos as u32, if ended { Reason::Truncated } else { Reason::Json(what) })
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.json.get(self.pos).copied()
    }

    /// The next byte that is no space.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<u8> {
        match self.peek() {
            Some(next) if next > b' ' => Some(next),
            _ => self.next_behind_space(),
        }
    }

    #[inline(never)]
    fn next_behind_space(&mut self) -> Option<u8> {
        let mut next = self.peek();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = next {
            self.pos += 1;
            next = self.peek();
        }
        next
    }

    /// Whether `byte` is next, behind spaces; if so it is read.
    #[inline(always)]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        if self.peek() == Some(byte) || self.next() == Some(byte) {
            self.pos += 1;
            return true;
        }
        false
    }

    #[inline(always)]
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Fallible<()> {
        if self.eat(byte) {
            Ok(())
        } else {
            self.fail(what)
        }
    }

    pub(super) fn name(&mut self, name: &str, value: Value) -> Fallible<Node> {
        let at = self.pos as u32;
        match self.json.get(self.pos..self.pos + name.len()) {
            Some(found) if found == name.as_bytes() => {
                self.pos += name.len();
                Ok(Node { at, value })
            }
            _ => self.fail("not a value"),
        }
    }

    /// The string that begins here, with its quote.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Fallible<Span> {
        if self.peek() != Some(b'"') {
            return self.fail("not a string");
        }
        self.pos += 1;
        let start = self.pos;
        let len = scan::ordinary(self.json.get(start..).unwrap_or_default());
        self.pos += len;
        if self.peek() == Some(b'"') {
            self.pos += 1;
            return Ok(Span { start: start as u32, len: len as u32 });
        }
        self.escaped(start)
    }

    /// The same, if there is an escape at `pos`. What it stands for goes to the side.
    #[cold]
    fn escaped(&mut self, start: usize) -> Fallible<Span> {
        let begin = self.arena.side.len();
        self.arena.side.extend_from_slice(self.json.get(start..self.pos).unwrap_or_default());
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(self.side_span(begin));
                }
                Some(b'\\') => {
                    let letter = self.escape()?;
                    let mut utf8 = [0; 4];
                    self.arena.side.extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes());
                }
                _ => return self.fail("control character in a string"),
            }
            let rest = self.json.get(self.pos..).unwrap_or_default();
            let (ordinary, _) = rest.split_at(scan::ordinary(rest));
            self.arena.side.extend_from_slice(ordinary);
            self.pos += ordinary.len();
        }
    }

    /// What was put to the side from `begin` on.
    pub(super) fn side_span(&self, begin: usize) -> Span {
        let start = self.json.len() + begin;
        Span { start: start as u32, len: (self.arena.side.len() - begin) as u32 }
    }

    fn escape(&mut self) -> Fallible<char> {
        let letter = match self.json.get(self.pos + 1) {
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return self.fail("no such escape"),
            None => return fail(self.json.len() as u32, Reason::Truncated),
        };
        self.pos += 2;
        Ok(letter)
    }

    fn unicode_escape(&mut self) -> Fallible<char> {
        let unit = |at: usize| {
            let digits = self.json.get(at..at + 6)?;
            let digits = std::str::from_utf8(digits.strip_prefix(b"\\u")?).ok()?;
            // Not what a number may have besides: a sign.
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u32::from_str_radix(digits, 16).ok().filter(|_| hex)
        };
        let (code, len) = match (unit(self.pos), unit(self.pos + 6)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
            }
            (Some(code), _) => (code, 6),
            (None, _) => return self.fail("no such escape"),
        };
        match char::from_u32(code) {
            Some(letter) => {
                self.pos += len;
                Ok(letter)
            }
            None => self.fail("half of a surrogate pair"),
        }
    }

    #[inline(always)]
    pub(super) fn number(&mut self) -> Fallible<Node> {
        let start = self.pos;
        let negative = self.peek() == Some(b'-');
        let first = start + usize::from(negative);
        let digits = self.json.get(first..).unwrap_or_default();
        // Wrong from the 20th digit on, when it is not used.
        let (magnitude, count) = scan::digits(digits);
        self.pos = first + count;
        if count == 0 {
            return self.fail("not a value");
        }
        if count > 1 && digits.first() == Some(&b'0') {
            self.pos = first;
            return self.fail("number with a zero before it");
        }
        let at = start as u32;
        if let Some(b'.' | b'e' | b'E') = self.peek() {
            return self.float(start);
        }
        let most = (1 << 63) - u64::from(!negative);
        if count < 20 && magnitude <= most {
            let value = if negative { (magnitude as i64).wrapping_neg() } else { magnitude as i64 };
            return Ok(Node { at, value: Value::Int(Wide::from(value)) });
        }
        match self.big(self.text.get(start..self.pos).unwrap_or_default()) {
            Some(span) => Ok(Node { at, value: Value::Big(span) }),
            None => fail(at, Reason::HugeInteger),
        }
    }

    /// Two's complement, on the side.
    pub(super) fn big(&mut self, text: &str) -> Option<Span> {
        let begin = self.arena.side.len();
        big_from_text(text, &mut self.arena.side)?;
        Some(self.side_span(begin))
    }

    /// A number with a point or an exponent, of which the digits before are read.
    fn float(&mut self, start: usize) -> Fallible<Node> {
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            self.digits()?;
        }
        match finite(self.text.get(start..self.pos).unwrap_or_default()) {
            Some(value) => Ok(Node { at: start as u32, value: Value::Float(Wide::from(value)) }),
            None => fail(start as u32, Reason::Value("too large a number for a float, or too long a text")),
        }
    }

    /// One digit or more.
    fn digits(&mut self) -> Fallible<()> {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        if self.pos == start {
            return self.fail("digit expected");
        }
        Ok(())
    }
}

/// The float of a text in JSON's form; None if it is infinite, or too long: where an exponent makes
/// up for more than 65536 zeros, Rust's result is wrong.
pub(super) fn finite(text: &str) -> Option<f64> {
    const MOST: usize = 10_000;
    text.parse().ok().filter(|value: &f64| text.len() <= MOST && value.is_finite())
}

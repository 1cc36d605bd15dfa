//! The tokens of a JSON text, stricter than any parser: what is not beyond doubt is an error.

use super::text::{hex, Text};

/// The text is not the JSON that everybody reads in the same way.
#[derive(Debug)]
pub(super) struct Doubt;

pub(super) type Sure<T> = Result<T, Doubt>;

/// Nesting of values that are passed over.
const MAX_SKIPPED: u32 = 60;

/// A value that is no list and no dict.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a [u8]),
    Text(Text<'a>),
}

pub(super) struct Scanner<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Scanner { rest: text }
    }

    /// The next byte that is no space, which stays.
    pub(super) fn peek(&mut self) -> Sure<u8> {
        while let Some((&c, rest)) = self.rest.split_first() {
            if !matches!(c, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(c);
            }
            self.rest = rest;
        }
        Err(Doubt)
    }

    pub(super) fn next(&mut self) -> Sure<u8> {
        let c = self.peek()?;
        self.skip(1);
        Ok(c)
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.peek().is_err()
    }

    pub(super) fn skip(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or(&[]);
    }

    fn word(&mut self, word: &[u8], value: Scalar<'a>) -> Sure<Scalar<'a>> {
        self.rest = self.rest.strip_prefix(word).ok_or(Doubt)?;
        Ok(value)
    }

    pub(super) fn scalar(&mut self) -> Sure<Scalar<'a>> {
        match self.peek()? {
            b'"' => Ok(Scalar::Text(self.text()?)),
            b'n' => self.word(b"null", Scalar::Null),
            b't' => self.word(b"true", Scalar::Bool(true)),
            b'f' => self.word(b"false", Scalar::Bool(false)),
            _ => self.number(),
        }
    }

    fn digits(&self, from: usize) -> Sure<usize> {
        let digits = self.rest.get(from..).unwrap_or(&[]).iter().take_while(|c| c.is_ascii_digit()).count();
        if digits == 0 {
            return Err(Doubt);
        }
        Ok(from + digits)
    }

    fn number(&mut self) -> Sure<Scalar<'a>> {
        let start = usize::from(self.rest.first() == Some(&b'-'));
        let mut end = self.digits(start)?;
        if self.rest.get(start) == Some(&b'0') && end != start + 1 {
            return Err(Doubt);
        }
        if self.rest.get(end) == Some(&b'.') {
            end = self.digits(end + 1)?;
        }
        if matches!(self.rest.get(end), Some(b'e' | b'E')) {
            let sign = matches!(self.rest.get(end + 1), Some(b'+' | b'-'));
            end = self.digits(end + 1 + usize::from(sign))?;
        }
        let (number, rest) = self.rest.split_at_checked(end).ok_or(Doubt)?;
        self.rest = rest;
        Ok(Scalar::Number(number))
    }

    pub(super) fn text(&mut self) -> Sure<Text<'a>> {
        let text = match self.rest.split_first() {
            Some((b'"', text)) => text,
            _ => return Err(Doubt),
        };
        let (mut len, mut escaped) = (0, false);
        loop {
            let rest = text.get(len..).unwrap_or(&[]);
            let plain = rest.iter().position(|&c| !(0x20..0x80).contains(&c) || c == b'"' || c == b'\\');
            let at = plain.ok_or(Doubt)?;
            len += at;
            let mut rest = rest.get(at..).unwrap_or(&[]).iter();
            match *rest.next().ok_or(Doubt)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    len += 2;
                    match rest.next().ok_or(Doubt)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let mut number = 0;
                            for _ in 0..4 {
                                number = number << 4 | rest.next().and_then(|&c| hex(c)).ok_or(Doubt)?;
                            }
                            len += 4;
                            // Halves of a pair: parsers differ in what they make of them.
                            if (0xD800..0xE000).contains(&number) {
                                return Err(Doubt);
                            }
                        }
                        _ => return Err(Doubt),
                    }
                }
                c => {
                    let more = match c {
                        0xC2..0xE0 => 1,
                        0xE0..0xF0 => 2,
                        0xF0..0xF5 => 3,
                        _ => return Err(Doubt),
                    };
                    if !rest.as_slice().get(..more).ok_or(Doubt)?.iter().all(|c| c & 0xC0 == 0x80) {
                        return Err(Doubt);
                    }
                    len += 1 + more;
                }
            }
        }
        let (raw, rest) = text.split_at_checked(len).ok_or(Doubt)?;
        self.rest = rest.get(1..).unwrap_or(&[]);
        Ok(Text { raw, escaped })
    }

    /// Passes over a list or dict, or any other value.
    pub(super) fn skip_value(&mut self) -> Sure<()> {
        // A bit for each open bracket, the innermost the lowest: 1 for a dict.
        let (mut dicts, mut depth) = (0u64, 0u32);
        loop {
            let c = self.peek()?;
            if c == b'{' || c == b'[' {
                if depth == MAX_SKIPPED {
                    return Err(Doubt);
                }
                depth += 1;
                dicts = dicts << 1 | u64::from(c == b'{');
                self.skip(1);
                let closes = if c == b'{' { b'}' } else { b']' };
                if self.peek()? != closes {
                    if c == b'{' {
                        self.name()?;
                    }
                    continue;
                }
            } else {
                self.scalar()?;
            }
            // Behind a value, or before the end of an empty list or dict.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let dict = dicts & 1 != 0;
                match self.next()? {
                    b',' => {
                        if dict {
                            self.name()?;
                        }
                        break;
                    }
                    b'}' if dict => {}
                    b']' if !dict => {}
                    _ => return Err(Doubt),
                }
                dicts >>= 1;
                depth -= 1;
            }
        }
    }

    /// The name of a field, and the colon.
    pub(super) fn name(&mut self) -> Sure<Text<'a>> {
        self.peek()?;
        let name = self.text()?;
        if self.next()? != b':' {
            return Err(Doubt);
        }
        Ok(name)
    }
}

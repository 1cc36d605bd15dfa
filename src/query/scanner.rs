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

    fn number(&mut self) -> Sure<Scalar<'a>> {
        let text = self.rest;
        let whole = text.strip_prefix(b"-").unwrap_or(text);
        let mut rest = behind_digits(whole)?;
        if whole.first() == Some(&b'0') && rest.len() + 1 != whole.len() {
            return Err(Doubt);
        }
        if let [b'.', fraction @ ..] = rest {
            rest = behind_digits(fraction)?;
        }
        if let [b'e' | b'E', exponent @ ..] = rest {
            rest = behind_digits(match exponent {
                [b'+' | b'-', digits @ ..] => digits,
                _ => exponent,
            })?;
        }
        self.rest = rest;
        Ok(Scalar::Number(text.get(..text.len() - rest.len()).unwrap_or(&[])))
    }

    pub(super) fn text(&mut self) -> Sure<Text<'a>> {
        let Some((b'"', text)) = self.rest.split_first() else { return Err(Doubt) };
        let mut escaped = false;
        let mut rest = text.iter();
        loop {
            let c = *rest.next().ok_or(Doubt)?;
            if c == b'"' {
                break;
            }
            if c == b'\\' {
                escaped = true;
                escape(&mut rest)?;
            } else if !(0x20..0x80).contains(&c) {
                character(c, &mut rest)?;
            }
        }
        let behind = rest.as_slice();
        let raw = text.get(..text.len() - behind.len() - 1).unwrap_or(&[]);
        self.rest = behind;
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

/// What is behind a digit and those that follow.
fn behind_digits(text: &[u8]) -> Sure<&[u8]> {
    let mut rest = text;
    while let [b'0'..=b'9', more @ ..] = rest {
        rest = more;
    }
    if rest.len() == text.len() {
        return Err(Doubt);
    }
    Ok(rest)
}

/// What is behind a backslash.
fn escape(rest: &mut core::slice::Iter<'_, u8>) -> Sure<()> {
    match rest.next().ok_or(Doubt)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
        b'u' => {
            let mut number = 0;
            for _ in 0..4 {
                number = number << 4 | rest.next().and_then(|&c| hex(c)).ok_or(Doubt)?;
            }
            // Halves of a pair: parsers differ in what they make of them.
            if (0xD800..0xE000).contains(&number) {
                return Err(Doubt);
            }
        }
        _ => return Err(Doubt),
    }
    Ok(())
}

/// What is behind the first byte of a character of several, as UTF-8 has them.
fn character(first: u8, rest: &mut core::slice::Iter<'_, u8>) -> Sure<()> {
    let more = match first {
        0xC2..0xE0 => 1,
        0xE0..0xF0 => 2,
        0xF0..0xF5 => 3,
        _ => return Err(Doubt),
    };
    for _ in 0..more {
        if rest.next().ok_or(Doubt)? & 0xC0 != 0x80 {
            return Err(Doubt);
        }
    }
    Ok(())
}

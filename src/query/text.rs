//! Strings as JSON has them.

use core::cmp::Ordering;

/// A string of a document: the bytes between its quotes.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) raw: &'a [u8],
    /// Whether a backslash has to be looked at. The escapes have been checked.
    pub(super) escaped: bool,
}

/// The bytes that a string stands for.
#[derive(Clone)]
pub(super) struct Bytes<'a> {
    rest: core::slice::Iter<'a, u8>,
    /// Further bytes of a character given by its number, the next one first.
    more: [u8; 2],
    left: u8,
}

pub(super) fn hex(c: u8) -> Option<u32> {
    char::from(c).to_digit(16)
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.left > 0 {
            let [first, second] = self.more;
            self.more = [second, 0];
            self.left -= 1;
            return Some(first);
        }
        let c = *self.rest.next()?;
        if c != b'\\' {
            return Some(c);
        }
        Some(match *self.rest.next()? {
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let mut number = 0;
                for _ in 0..4 {
                    number = number << 4 | hex(*self.rest.next()?)?;
                }
                let tail = |shift: u32| 0x80 | (number >> shift & 0x3F) as u8;
                match number {
                    0..=0x7F => number as u8,
                    0x80..=0x7FF => {
                        (self.more, self.left) = ([tail(0), 0], 1);
                        0xC0 | (number >> 6) as u8
                    }
                    _ => {
                        (self.more, self.left) = ([tail(6), tail(0)], 2);
                        0xE0 | (number >> 12) as u8
                    }
                }
            }
            c => c,
        })
    }
}

impl<'a> Text<'a> {
    pub(super) fn bytes(self) -> Bytes<'a> {
        Bytes { rest: self.raw.iter(), more: [0; 2], left: 0 }
    }

    /// The order of the strings, which is that of their characters' numbers.
    pub(super) fn order(self, other: &[u8]) -> Ordering {
        if self.escaped {
            self.bytes().cmp(other.iter().copied())
        } else {
            self.raw.cmp(other)
        }
    }

    pub(super) fn equals(self, other: &[u8]) -> bool {
        if !self.escaped {
            return self.raw == other;
        }
        self.bytes().eq(other.iter().copied())
    }

    pub(super) fn starts_with(self, start: &[u8]) -> bool {
        if !self.escaped {
            return self.raw.starts_with(start);
        }
        begins(self.bytes(), start)
    }

    pub(super) fn contains(self, part: &[u8]) -> bool {
        let mut bytes = self.bytes();
        if !self.escaped {
            let mut rest = self.raw;
            while !rest.starts_with(part) {
                let Some((_, after)) = rest.split_first() else { return false };
                rest = after;
            }
            return true;
        }
        while !begins(bytes.clone(), part) {
            if bytes.next().is_none() {
                return false;
            }
        }
        true
    }
}

fn begins(mut bytes: Bytes<'_>, start: &[u8]) -> bool {
    start.iter().all(|&c| bytes.next() == Some(c))
}

#[cfg(test)]
mod tests {
    use super::Text;
    use core::cmp::Ordering::{Equal, Greater, Less};

    fn text(raw: &str) -> Text<'_> {
        Text { raw: raw.as_bytes(), escaped: raw.contains('\\') }
    }

    #[test]
    fn escapes() {
        for (raw, meaning) in [
            ("", ""),
            ("plain €", "plain €"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20ac\u0000x", "Aé€\0x"),
            (r"\u20AC", "€"),
        ] {
            assert!(text(raw).equals(meaning.as_bytes()), "{raw}");
            assert!(text(raw).starts_with(meaning.as_bytes()) && text(raw).contains(meaning.as_bytes()));
            assert!(!text(raw).equals(format!("{meaning}x").as_bytes()));
            assert!(!text(raw).contains(format!("{meaning}x").as_bytes()));
        }
    }

    #[test]
    fn order() {
        assert_eq!(text("a").order(b"b"), Less);
        assert_eq!(text(r"\u0062").order(b"a"), Greater);
        assert_eq!(text(r"a\u0062").order(b"ab"), Equal);
        assert_eq!(text("a").order(b"ab"), Less);
        assert_eq!(text("€").order("é".as_bytes()), Greater);
    }

    #[test]
    fn parts() {
        assert!(text("abcd").contains(b"bc") && !text("abcd").contains(b"bd") && text("abcd").contains(b""));
        assert!(text("").contains(b"") && !text("").contains(b"a"));
        assert!(
            text(r"a\u0062cd").contains(b"bc") && text(r"\n").contains(b"\n") && !text(r"\n").contains(b"n")
        );
        assert!(text(r"x\u20acy").contains("€".as_bytes()) && text(r"x\u20acy").starts_with("x€".as_bytes()));
        assert!(text("aab").contains(b"ab") && text(r"a\u0061b").contains(b"ab"));
    }
}

//! Where JSON goes: text, or what the caller makes of it.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use std::convert::Infallible;

/// A string on its way to a [`Sink`].
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// UTF-8.
    bytes: &'a [u8],
    plain: bool,
}

impl<'a> Text<'a> {
    /// `bytes` is UTF-8.
    pub(crate) fn any(bytes: &'a [u8]) -> Self {
        Text { bytes, plain: false }
    }

    /// `bytes` is ASCII and needs no escapes.
    pub(crate) fn plain(bytes: &'a [u8]) -> Self {
        Text { bytes, plain: true }
    }

    /// The string in UTF-8.
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The string.
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.bytes).unwrap_or_default()
    }
}

/// Something that takes JSON piece by piece. Objects get a key before each value. Numbers are
/// integers of 64 bits or finite floating point numbers; anything else comes as an object with a
/// key that begins with `@`.
pub trait Sink {
    /// What can go wrong there. It ends the writing and is handed to the caller.
    type Error;

    /// `null`
    fn null(&mut self) -> Result<(), Self::Error>;
    /// `true` or `false`
    fn boolean(&mut self, value: bool) -> Result<(), Self::Error>;
    /// An integer.
    fn integer(&mut self, value: i64) -> Result<(), Self::Error>;
    /// A finite number.
    fn float(&mut self, value: f64) -> Result<(), Self::Error>;
    /// A string.
    fn string(&mut self, text: Text<'_>) -> Result<(), Self::Error>;
    /// A string that may come many times, such as the name of a class.
    fn word(&mut self, text: Text<'_>) -> Result<(), Self::Error> {
        self.string(text)
    }
    /// A string: the standard base64 text of these bytes, with padding.
    fn base64(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// The beginning of an array.
    fn array(&mut self) -> Result<(), Self::Error>;
    /// The end of the last array begun.
    fn end_array(&mut self) -> Result<(), Self::Error>;
    /// The beginning of an object.
    fn object(&mut self) -> Result<(), Self::Error>;
    /// The key of the next value of the last object begun.
    fn key(&mut self, key: Text<'_>) -> Result<(), Self::Error>;
    /// The end of the last object begun.
    fn end_object(&mut self) -> Result<(), Self::Error>;
}

/// Makes text without spaces. Non-ASCII characters stay as they are.
#[derive(Debug, Default)]
pub struct TextSink {
    /// Each value is followed by a comma, which gives way to what ends an array or object.
    text: Vec<u8>,
}

impl TextSink {
    /// An empty text with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        TextSink { text: Vec::with_capacity(capacity) }
    }

    /// The text.
    pub fn into_string(self) -> String {
        // Only UTF-8 went in.
        String::from_utf8(self.into_bytes()).unwrap_or_default()
    }

    /// The same as bytes, which costs no second look at them.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.text.pop();
        self.text
    }

    #[inline]
    fn put(&mut self, token: &[u8]) -> Result<(), Infallible> {
        self.text.extend_from_slice(token);
        Ok(())
    }

    #[inline]
    fn end(&mut self, bracket: u8) -> Result<(), Infallible> {
        match self.text.last_mut() {
            Some(comma @ b',') => *comma = bracket,
            _ => self.text.push(bracket),
        }
        self.text.push(b',');
        Ok(())
    }

    #[inline]
    fn quoted(&mut self, text: Text<'_>, behind: u8) {
        self.text.reserve(text.bytes.len() + 3);
        self.text.push(b'"');
        if text.plain {
            self.text.extend_from_slice(text.bytes);
        } else {
            self.escaped(text.bytes);
        }
        self.text.push(b'"');
        self.text.push(behind);
    }

    fn escaped(&mut self, text: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut rest = text;
        loop {
            let (ordinary, special) = rest.split_at(crate::scan::ordinary(rest));
            self.text.extend_from_slice(ordinary);
            let Some((&byte, behind)) = special.split_first() else { return };
            let escape = match byte {
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                b'"' | b'\\' => byte,
                _ => {
                    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                    self.text.extend_from_slice(b"\\u00");
                    self.text.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                    rest = behind;
                    continue;
                }
            };
            self.text.extend_from_slice(&[b'\\', escape]);
            rest = behind;
        }
    }
}

impl Sink for TextSink {
    type Error = Infallible;

    fn null(&mut self) -> Result<(), Infallible> {
        self.put(b"null,")
    }

    fn boolean(&mut self, value: bool) -> Result<(), Infallible> {
        self.put(if value { b"true," } else { b"false," })
    }

    #[inline]
    fn integer(&mut self, value: i64) -> Result<(), Infallible> {
        self.put(itoa::Buffer::new().format(value).as_bytes())?;
        self.put(b",")
    }

    #[inline]
    fn float(&mut self, value: f64) -> Result<(), Infallible> {
        self.put(ryu::Buffer::new().format_finite(value).as_bytes())?;
        self.put(b",")
    }

    #[inline]
    fn string(&mut self, text: Text<'_>) -> Result<(), Infallible> {
        self.quoted(text, b',');
        Ok(())
    }

    fn base64(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.text.push(b'"');
        let start = self.text.len();
        self.text.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        // The room is exactly enough.
        let _ = STANDARD.encode_slice(bytes, self.text.get_mut(start..).unwrap_or_default());
        self.put(b"\",")
    }

    #[inline]
    fn array(&mut self) -> Result<(), Infallible> {
        self.put(b"[")
    }

    #[inline]
    fn end_array(&mut self) -> Result<(), Infallible> {
        self.end(b']')
    }

    #[inline]
    fn object(&mut self) -> Result<(), Infallible> {
        self.put(b"{")
    }

    #[inline]
    fn key(&mut self, key: Text<'_>) -> Result<(), Infallible> {
        self.quoted(key, b':');
        Ok(())
    }

    #[inline]
    fn end_object(&mut self) -> Result<(), Infallible> {
        self.end(b'}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut TextSink) -> Result<(), Infallible>) -> String {
        let mut sink = TextSink::default();
        let Ok(()) = write(&mut sink);
        sink.into_string()
    }

    #[test]
    fn strings_are_escaped() {
        let string = |string: &str| text(|sink| sink.string(Text::any(string.as_bytes())));
        assert_eq!(string(""), r#""""#);
        assert_eq!(
            string("a\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}"),
            "\"a\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\u{7f}\""
        );
        assert_eq!(string("größe \u{2028}\u{1f600}"), "\"größe \u{2028}\u{1f600}\"");
    }

    #[test]
    fn floats_have_a_point_or_an_exponent() {
        for (value, want) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (1e-5, "0.00001"),
            (1e-6, "1e-6"),
            (5e-324, "5e-324"),
            (1.2345678901234568e17, "1.2345678901234568e17"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            assert_eq!(text(|sink| sink.float(value)), want);
        }
    }

    #[test]
    fn arrays_and_objects() {
        let all = text(|sink| {
            sink.array()?;
            sink.array()?;
            sink.end_array()?;
            sink.object()?;
            sink.end_object()?;
            sink.object()?;
            sink.key(Text::plain(b"a"))?;
            sink.base64(b"abcd")?;
            sink.key(Text::any("ä".as_bytes()))?;
            sink.null()?;
            sink.end_object()?;
            sink.integer(i64::MIN)?;
            sink.end_array()
        });
        assert_eq!(all, r#"[[],{},{"a":"YWJjZA==","ä":null},-9223372036854775808]"#);
    }
}

//! Bytes as text: what the db_dump format, the terminal and JSON have for them.

use base64::prelude::{Engine, BASE64_STANDARD};
use serde_json::{json, Value};
use std::io::{self, Write};

/// Bytes that are encoded at a time.
const CHUNK: usize = 4096;

/// Writes hexadecimal digits, in lower case.
pub fn write_hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut digits = [0; 2 * CHUNK];
    for chunk in bytes.chunks(CHUNK) {
        let text = faster_hex::hex_encode(chunk, &mut digits).map_err(io::Error::other)?;
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn write_byte(out: &mut impl Write, byte: u8) -> io::Result<()> {
    if byte == b'\\' {
        out.write_all(b"\\\\")
    } else {
        write!(out, "\\{byte:02x}")
    }
}

fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && byte != b'\\'
}

/// Writes printable ASCII as it is and other bytes as `\xx`: the format "print" of db_dump.
pub fn write_ascii(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while let Some(&byte) = bytes.first() {
        let plain = bytes.iter().position(|&b| !is_plain(b)).unwrap_or(bytes.len());
        if plain > 0 {
            out.write_all(&bytes[..plain])?;
            bytes = &bytes[plain..];
        } else {
            write_byte(out, byte)?;
            bytes = &bytes[1..];
        }
    }
    Ok(())
}

/// The same, but with what can be printed of Unicode.
pub fn write_text(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for chunk in bytes.utf8_chunks() {
        let (mut text, mut printed) = (chunk.valid(), 0);
        for (at, c) in chunk.valid().char_indices() {
            // The library knows what is printable.
            if is_plain_char(c) {
                continue;
            }
            let end = at + c.len_utf8();
            out.write_all(&text.as_bytes()[..at - printed])?;
            for byte in &chunk.valid().as_bytes()[at..end] {
                write_byte(out, *byte)?;
            }
            text = &chunk.valid()[end..];
            printed = end;
        }
        out.write_all(text.as_bytes())?;
        for byte in chunk.invalid() {
            write_byte(out, *byte)?;
        }
    }
    Ok(())
}

fn is_plain_char(c: char) -> bool {
    if c.is_ascii() {
        is_plain(c as u8)
    } else {
        c.escape_debug().count() == 1
    }
}

/// The text that `write_text` writes.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    // A vector takes everything.
    let _ = write_text(&mut text, bytes);
    String::from_utf8_lossy(&text).into_owned()
}

/// The bytes of hexadecimal digits; `None` if they are something else.
pub fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    unhex_to(digits, &mut bytes).then_some(bytes)
}

/// The same, behind what is in `bytes`; false if they are something else.
pub fn unhex_to(digits: &[u8], bytes: &mut Vec<u8>) -> bool {
    let start = bytes.len();
    bytes.resize(start + digits.len() / 2, 0);
    digits.len() % 2 == 0 && faster_hex::hex_decode(digits, &mut bytes[start..]).is_ok()
}

/// The bytes that `write_text` or `write_ascii` has written; `None` if a backslash is followed by
/// something else than they write there.
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    unescape_to(text, &mut bytes).then_some(bytes)
}

/// The same, behind what is in `bytes`.
pub fn unescape_to(mut text: &[u8], bytes: &mut Vec<u8>) -> bool {
    while let Some(at) = text.iter().position(|&byte| byte == b'\\') {
        bytes.extend_from_slice(&text[..at]);
        match text[at + 1..] {
            [b'\\', ..] => {
                bytes.push(b'\\');
                text = &text[at + 2..];
            }
            [high, low, ..] => {
                if !unhex_to(&[high, low], bytes) {
                    return false;
                }
                text = &text[at + 3..];
            }
            _ => return false,
        }
    }
    bytes.extend_from_slice(text);
    true
}

/// A string if the bytes are UTF-8, else `{"@b": base64}`.
pub fn json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "@b": BASE64_STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back() {
        for (bytes, text) in [
            (&b"plain"[..], "plain"),
            (b"a\\b", "a\\\\b"),
            (b"\0\n\x7f", "\\00\\0a\\7f"),
            ("gr\u{fc}n \u{1f600}".as_bytes(), "gr\u{fc}n \u{1f600}"),
            ("\u{202e}x".as_bytes(), "\\e2\\80\\aex"),
            (b"\xff\xc3", "\\ff\\c3"),
            (b"", ""),
        ] {
            assert_eq!(shown(bytes), text);
            assert_eq!(unescape(text.as_bytes()).as_deref(), Some(bytes));
            let mut ascii = Vec::new();
            write_ascii(&mut ascii, bytes).unwrap();
            assert!(ascii.is_ascii());
            assert_eq!(unescape(&ascii).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn hexadecimal() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * CHUNK + 1).collect();
        let mut digits = Vec::new();
        write_hex(&mut digits, &bytes).unwrap();
        assert_eq!(unhex(&digits), Some(bytes));
        assert_eq!(unhex(b"0A0a"), Some(vec![10, 10]));
        for bad in [&b"0"[..], b"0g", b"0 "] {
            assert_eq!(unhex(bad), None);
        }
        for bad in [&b"\\"[..], b"\\0", b"\\0g", b"\\n1"] {
            assert_eq!(unescape(bad), None);
        }
    }
}

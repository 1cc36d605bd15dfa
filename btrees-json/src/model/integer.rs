//! Integers that 64 bits do not hold.

use num_bigint::BigInt;
use std::str::FromStr;

/// The most bytes of an integer: what has at most 4300 digits, Python's own limit for text. The
/// conversion takes quadratic time.
pub(crate) const MAX_BIG_BYTES: usize = 1785;
const MAX_DIGITS: usize = 4300;

/// An integer in the least space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Integer {
    Small(i64),
    Big(BigInt),
}

impl Integer {
    /// From two's complement, little-endian. No bytes at all are zero.
    pub fn from_bytes(bytes: &[u8]) -> Integer {
        match small(bytes) {
            Some(value) => Integer::Small(value),
            None => Integer::Big(BigInt::from_signed_bytes_le(bytes)),
        }
    }
}

/// The number, if 64 bits hold it: the bytes beyond are all copies of the sign.
pub(crate) fn small(bytes: &[u8]) -> Option<i64> {
    let (low, high) = bytes.split_at(bytes.len().min(8));
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let sign = if negative { 0xff } else { 0 };
    let mut word = [sign; 8];
    word.iter_mut().zip(low).for_each(|(to, &from)| *to = from);
    let value = i64::from_le_bytes(word);
    (high.iter().all(|&byte| byte == sign) && (value < 0) == negative).then_some(value)
}

/// The decimal digits of two's complement, appended to `text`.
pub(crate) fn big_text(bytes: &[u8], text: &mut Vec<u8>) {
    let mut word = [if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 }; 16];
    if bytes.len() <= word.len() {
        word.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        text.extend_from_slice(itoa::Buffer::new().format(i128::from_le_bytes(word)).as_bytes());
    } else {
        text.extend_from_slice(BigInt::from_signed_bytes_le(bytes).to_string().as_bytes());
    }
}

/// The shortest two's complement of a decimal number, appended to `bytes`; None if it is no
/// number or too large.
pub(crate) fn big_from_text(text: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 38 {
        let value = BigInt::from_str(text).ok()?.to_signed_bytes_le();
        bytes.extend_from_slice(&value);
        return (value.len() <= MAX_BIG_BYTES).then_some(());
    }
    let value: i128 = text.parse().ok()?;
    let word = value.to_le_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let mut len = word.len() - word.iter().rev().take_while(|&&byte| byte == sign).count();
    // The highest bit tells the sign.
    if word.get(len.wrapping_sub(1)).is_none_or(|&byte| (byte >= 0x80) != (value < 0)) {
        len += 1;
    }
    bytes.extend_from_slice(word.get(..len).unwrap_or(&word));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut text = vec![];
        big_text(bytes, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn text_and_bytes_agree() {
        for (number, bytes) in [
            ("0", &[0][..]),
            ("127", &[0x7f]),
            ("128", &[0x80, 0]),
            ("-1", &[0xff]),
            ("-128", &[0x80]),
            ("-129", &[0x7f, 0xff]),
            ("9223372036854775808", &[0, 0, 0, 0, 0, 0, 0, 0x80, 0]),
            ("-9223372036854775809", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff]),
            ("18446744073709551615", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]),
            ("340282366920938463463374607431768211456", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] {
            let mut found = vec![];
            big_from_text(number, &mut found).unwrap();
            assert_eq!(found, bytes, "{number}");
            assert_eq!(text(bytes), number);
        }
        assert_eq!(text(&[]), "0");
        assert_eq!(text(&[5, 0, 0]), "5");
    }

    #[test]
    fn what_64_bits_hold_is_small() {
        assert_eq!(Integer::from_bytes(&[]), Integer::Small(0));
        assert_eq!(Integer::from_bytes(&[5, 0, 0]), Integer::Small(5));
        assert_eq!(Integer::from_bytes(&[0xff; 20]), Integer::Small(-1));
        assert_eq!(small(&[0, 0, 0, 0, 0, 0, 0, 0x80]), Some(i64::MIN));
        assert_eq!(small(&[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff]), Some(i64::MIN));
        assert_eq!(small(&[0, 0, 0, 0, 0, 0, 0, 0x80, 0]), None);
        assert_eq!(small(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff]), None);
    }

    #[test]
    fn what_is_no_number_or_huge_is_refused() {
        let mut bytes = vec![];
        for wrong in ["", "-", "+", "x", "1x", " 1", "1_0", "--1", "1.0"] {
            assert_eq!(big_from_text(wrong, &mut bytes), None, "{wrong}");
        }
        assert!(big_from_text(&"9".repeat(4300), &mut bytes).is_none());
        assert!(big_from_text(&"9".repeat(4301), &mut bytes).is_none());
        assert!(big_from_text(&"9".repeat(4298), &mut bytes).is_some());
        let mut largest = vec![0xff; MAX_BIG_BYTES];
        largest[MAX_BIG_BYTES - 1] = 0x7f;
        assert!(text(&largest).len() <= MAX_DIGITS);
    }
}

//! Eight bytes at a time: where strings end, whether they can be copied as they are, and their order.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// The high bit of each byte that is a control character, a quote or a backslash is set, and
/// perhaps that of bytes behind these. Bytes of 0x80 and above have any.
#[inline(always)]
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    word.wrapping_sub(ONES * 0x20) | quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES)
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether the text is ASCII and needs no escapes in JSON.
#[inline(always)]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let plain = |word: u64| (special(word) | word) & HIGH == 0;
    if let Some(last) = text.last_chunk::<8>() {
        let mut rest = text;
        while let Some((word, behind)) = rest.split_first_chunk::<8>() {
            if !plain(u64::from_le_bytes(*word)) {
                return false;
            }
            rest = behind;
        }
        return plain(u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let word = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
        return plain(word);
    }
    text.iter().all(|&byte| byte < 0x80 && !is_special(byte))
}

/// Whether `one` comes before `two`. (Of UTF-8 this is the order of the code points.)
#[inline(always)]
pub(crate) fn before(one: &[u8], two: &[u8]) -> bool {
    if let (Some(first), Some(second)) = (one.first_chunk::<8>(), two.first_chunk::<8>()) {
        let (first, second) = (u64::from_be_bytes(*first), u64::from_be_bytes(*second));
        if first != second {
            return first < second;
        }
    }
    one < two
}

/// How many bytes come before the first control character, quote or backslash.
#[inline(always)]
pub(crate) fn ordinary(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let found = special(word) & !word & HIGH;
        if found != 0 {
            return text.len() - rest.len() + found.trailing_zeros() as usize / 8;
        }
        rest = behind;
    }
    text.len() - rest.len() + rest.iter().take_while(|&&byte| !is_special(byte)).count()
}

/// The number that a text begins with, modulo 2^64, and how many digits it has.
#[inline(always)]
pub(crate) fn digits(text: &[u8]) -> (u64, usize) {
    const POWERS: [u64; 8] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];
    let (mut value, mut rest) = (0u64, text);
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let above = word.wrapping_add(ONES * (0x80 - 0x3a));
        let below = word.wrapping_sub(ONES * 0x30);
        // Exact up to the first byte that is no digit.
        let other = (word | above | below) & HIGH;
        let before = text.len() - rest.len();
        match other.trailing_zeros() {
            64 => {
                value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(below));
                rest = behind;
            }
            7 => return (value, before),
            bits => {
                let count = bits as usize / 8;
                let power = POWERS.get(count).copied().unwrap_or(1);
                let last = eight_digits(below << (64 - 8 * count));
                return (value.wrapping_mul(power).wrapping_add(last), before + count);
            }
        }
    }
    let mut count = text.len() - rest.len();
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (value, count)
}

/// The number of eight digits, 0 to 9, the first in the lowest byte.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    // Pairs of digits, then of pairs, then of fours: the lower one counts more.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_number() {
        for number in [0, 7, 12_345_678, 99_999_999, 100_000_000, 1_234_567_890_123_456_789, u64::MAX] {
            for behind in ["", "x", ".5", ",12345678", "/", ":"] {
                let text = format!("{number}{behind}");
                assert_eq!(digits(text.as_bytes()), (number, number.to_string().len()), "{text}");
            }
        }
        for place in 0..12 {
            for byte in 0..=255u8 {
                let mut text = *b"98765432109876543210";
                text[place] = byte;
                if !byte.is_ascii_digit() {
                    let number = std::str::from_utf8(&text[..place]).unwrap();
                    assert_eq!(digits(&text), (number.parse().unwrap_or(0), place), "{text:?}");
                }
            }
        }
        assert_eq!(digits(b""), (0, 0));
    }

    #[test]
    fn every_byte_at_every_place() {
        for len in 0..20 {
            for place in 0..len {
                for byte in 0..=255 {
                    // 0x21 and 0x20 are the likeliest to be wrong beside a special byte.
                    for around in [b'a', 0x20, 0x21, 0x80, 0xff] {
                        let mut text = vec![around; len];
                        text[place] = byte;
                        let ascii = text.is_ascii();
                        assert_eq!(is_plain(&text), ascii && !is_special(byte), "{text:?}");
                        let want = if is_special(byte) { place } else { len };
                        assert_eq!(ordinary(&text), want, "{text:?}");
                    }
                }
            }
        }
        assert!(is_plain(b"") && ordinary(b"") == 0);
    }

    #[test]
    fn strings_in_order() {
        let texts = [
            "",
            "a",
            "a\0",
            "abcdefg",
            "abcdefgh",
            "abcdefgh\0",
            "abcdefghi",
            "abcdefgi",
            "b",
            "\u{e9}bcdefgh",
        ];
        for (place, one) in texts.iter().enumerate() {
            for (other, two) in texts.iter().enumerate() {
                assert_eq!(before(one.as_bytes(), two.as_bytes()), place < other, "{one:?} {two:?}");
            }
        }
    }
}

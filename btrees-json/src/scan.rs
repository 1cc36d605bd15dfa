//! Eight bytes at a time: where strings end, and whether they can be copied as they are.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// The high bit of each byte that is a control character, a quote or a backslash is set, and
/// perhaps that of bytes behind these. Bytes of 0x80 and above have any.
#[inline]
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    word.wrapping_sub(ONES * 0x20) | quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES)
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether the text is ASCII and needs no escapes in JSON.
#[inline]
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

/// How many bytes come before the first control character, quote or backslash.
#[inline]
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

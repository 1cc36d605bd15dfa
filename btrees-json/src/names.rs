//! What names of classes and texts of decimal numbers look like.

/// Whether it is a name in Python.
pub(crate) fn is_identifier(name: &[u8]) -> bool {
    let Some(first) = name.first() else { return false };
    // Without branches, for it mostly is one.
    let word = |word, &byte: &u8| word & (byte.is_ascii_alphanumeric() | (byte == b'_'));
    if name.iter().fold(true, word) {
        return !first.is_ascii_digit();
    }
    if name.is_ascii() {
        return false;
    }
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    name.chars().next().is_some_and(|first| !first.is_numeric()) && name.chars().all(word)
}

/// Whether it is a name of a module: names with points between.
pub(crate) fn is_dotted(name: &[u8]) -> bool {
    name.split(|&byte| byte == b'.').all(is_identifier)
}

/// Whether Python's `Decimal` takes the text and gives it back, but for its form.
pub(crate) fn is_decimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let all_digits = |rest: Option<&[u8]>| rest.is_some_and(|rest| rest.iter().all(u8::is_ascii_digit));
    if starts(b"inf") {
        return text.len() == 3 || text.eq_ignore_ascii_case(b"infinity");
    }
    // A payload may follow.
    if starts(b"nan") {
        return all_digits(text.get(3..));
    }
    if starts(b"snan") {
        return all_digits(text.get(4..));
    }
    let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
    let (number, exponent) = text.split_at(end);
    let point = number.iter().filter(|&&byte| byte == b'.').count();
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    let exponent = exponent
        .get(1..)
        .map(|exponent| exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent));
    point <= 1
        && digits > 0
        && point + digits == number.len()
        // Python's limit is 18 digits.
        && exponent.is_none_or(|exponent| (1..=18).contains(&exponent.len()) && all_digits(Some(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for name in ["a", "_", "OOBTree", "_x9", "größe"] {
            assert!(is_identifier(name.as_bytes()), "{name}");
        }
        for name in ["", "9a", "a.b", "a b", "a\nb", "a-b", "\u{0}", "٣a"] {
            assert!(!is_identifier(name.as_bytes()), "{name}");
        }
        assert!(!is_identifier(b"\xff"));
        assert!(is_dotted(b"a.b.c") && is_dotted(b"a"));
        assert!(!is_dotted(b"a..b") && !is_dotted(b".a") && !is_dotted(b""));
    }

    #[test]
    fn decimals() {
        for text in
            ["0", "-0", "1.10", ".5", "5.", "1E+10", "1e-999999", "NaN", "sNaN", "nan12", "-Infinity", "inf"]
        {
            assert!(is_decimal(text.as_bytes()), "{text}");
        }
        for text in
            ["", "-", ".", "e5", "1e", "1e+", "1_0", " 1", "1 ", "0x1", "nanx", "infinit", "1.2.3", "--1"]
        {
            assert!(!is_decimal(text.as_bytes()), "{text}");
        }
    }
}

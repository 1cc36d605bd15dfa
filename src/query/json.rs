//! JSON texts in tokens, for a caller that makes objects of them.

use super::scanner::{Scalar, Scanner};
use super::text::Text;

/// What comes next in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Token<'a> {
    /// A bracket, or the first letter of `null`, `true` and `false`.
    Sign(u8),
    /// A whole number of up to nine digits.
    Small(i32),
    /// Another number: its text, and whether it is whole.
    Number(&'a [u8], bool),
    /// A string: the bytes between its quotes, and whether there is an escape in it.
    Text(&'a [u8], bool),
}

/// Whether a text is one JSON value that all parsers read in the same way.
pub fn is_strict(text: &[u8]) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip_value().is_ok() && scanner.at_end()
}

/// The next token of a strict text, and what is behind it; None at the end. (Of other texts, any tokens.)
pub fn token(text: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let mut scanner = Scanner::new(text);
    while let b',' | b':' = scanner.peek().ok()? {
        scanner.skip(1);
    }
    let sign = scanner.peek().ok()?;
    let token = if let b'{' | b'}' | b'[' | b']' = sign {
        scanner.skip(1);
        Token::Sign(sign)
    } else {
        match scanner.scalar().ok()? {
            Scalar::Text(text) => Token::Text(text.raw, text.escaped),
            Scalar::Number(number) => small(number).map_or_else(
                || Token::Number(number, number.iter().all(|c| matches!(c, b'-' | b'0'..=b'9'))),
                Token::Small,
            ),
            Scalar::Null | Scalar::Bool(_) => Token::Sign(sign),
        }
    };
    Some((token, scanner.rest))
}

fn small(number: &[u8]) -> Option<i32> {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if digits.len() > 9 {
        return None;
    }
    let mut value = 0i32;
    for c in digits {
        value = value.wrapping_mul(10).wrapping_add(i32::from(c.wrapping_sub(b'0')));
        if !c.is_ascii_digit() {
            return None;
        }
    }
    Some(if digits.len() < number.len() { value.wrapping_neg() } else { value })
}

/// Writes what the string `raw` of a token stands for to `to`, which is as long or longer; how many bytes
/// that is.
pub fn unescape(raw: &[u8], to: &mut [u8]) -> usize {
    let text = Text { raw, escaped: true };
    to.iter_mut().zip(text.bytes()).map(|(to, from)| *to = from).count()
}

#[cfg(test)]
mod tests {
    use super::{is_strict, token, unescape, Token};
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    /// What a strict text stands for, by its tokens alone.
    fn build(mut text: &[u8]) -> Value {
        let (mut stack, mut names): (Vec<Value>, Vec<Option<String>>) = (Vec::new(), Vec::new());
        loop {
            let (token, rest) = token(text).unwrap();
            text = rest;
            let mut value = match token {
                Token::Sign(b'{') => Value::Object(Map::new()),
                Token::Sign(b'[') => Value::Array(Vec::new()),
                Token::Sign(b'}' | b']') => {
                    names.pop();
                    stack.pop().unwrap()
                }
                Token::Sign(b'n') => Value::Null,
                Token::Sign(sign) => Value::Bool(sign == b't'),
                Token::Small(number) => number.into(),
                Token::Number(number, whole) => {
                    let number = std::str::from_utf8(number).unwrap();
                    assert_eq!(whole, !number.contains(['.', 'e', 'E']));
                    serde_json::from_str(number).unwrap()
                }
                Token::Text(raw, escaped) => {
                    let mut bytes = raw.to_vec();
                    if escaped {
                        let len = unescape(raw, &mut bytes);
                        bytes.truncate(len);
                    }
                    Value::String(String::from_utf8(bytes).unwrap())
                }
            };
            if let Token::Sign(b'{' | b'[') = token {
                stack.push(value);
                names.push(None);
                continue;
            }
            match (stack.last_mut(), names.last_mut()) {
                (None, _) => {
                    assert!(super::token(text).is_none());
                    return value;
                }
                (Some(Value::Object(map)), Some(name)) => match name.take() {
                    Some(name) => drop(map.insert(name, value)),
                    None => *name = Some(value.as_str().unwrap().to_owned()),
                },
                (Some(Value::Array(list)), _) => list.push(value.take()),
                _ => unreachable!(),
            }
        }
    }

    #[test]
    fn tokens() {
        for text in [
            "null",
            "[true, false]",
            " {} ",
            "[]",
            r#"{"a":{"b":[{},[]]},"c":""}"#,
            r#""\u00e9\n\"\\""#,
            "[999999999,-999999999,1000000000,-1000000000,123456789012345678]",
            "[1.5,-0.25,1e3,2E-1,0]",
        ] {
            assert!(is_strict(text.as_bytes()), "{text}");
            assert_eq!(build(text.as_bytes()), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        assert_eq!(token(b"-0"), Some((Token::Small(0), &b""[..])));
        assert_eq!(token(b"-000000001"), None);
        for text in ["", "{", "[1", "1 2", "[1 2]", "{\"a\"}", "nul", "01", "\"\\ud800\"", "{\"a\":1}}"] {
            assert!(!is_strict(text.as_bytes()), "{text}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            (-1_000_000_000i64..1_000_000_000).prop_map(Value::from),
            (-1000i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
            ".{0,8}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((".{0,3}", inner), 0..5)
                    .prop_map(|items| Value::Object(items.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value(value in values()) {
            let text = value.to_string();
            prop_assert!(is_strict(text.as_bytes()));
            prop_assert_eq!(build(text.as_bytes()), value);
        }

        #[test]
        fn any_text(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut rest = &text[..];
            while let Some((token, after)) = token(rest) {
                prop_assert!(after.len() < rest.len());
                if let Token::Text(raw, true) = token {
                    unescape(raw, &mut vec![0; raw.len()]);
                }
                rest = after;
            }
        }
    }
}

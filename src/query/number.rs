//! Numbers as text, compared without a floating-point type.

use core::cmp::Ordering;

/// Floats of 32 bits have about seven digits; of nine, fourteen bits have to differ for a verdict.
const DIGITS: u32 = 9;
const NEAR: u32 = 14;
/// Beyond these powers of ten a float of 32 bits is infinite or zero.
const LARGE: i32 = 37;
const SMALL: i32 = -36;

/// A number: 0.`head` times ten to the power `power`, and further digits.
struct Decimal {
    negative: bool,
    zero: bool,
    head: u64,
    power: i32,
}

fn is_int(text: &[u8]) -> bool {
    !text.iter().any(|c| matches!(c, b'.' | b'e' | b'E'))
}

fn decimal(text: &[u8]) -> Decimal {
    let mut n = Decimal { negative: false, zero: true, head: 0, power: 0 };
    let (mut digits, mut fraction, mut exponent) = (0, false, None);
    let mut minus = false;
    for &c in text {
        match (c, exponent) {
            (b'0'..=b'9', Some(e)) => {
                exponent = Some(if e < 100_000 { e * 10 + i32::from(c - b'0') } else { e });
            }
            (b'-', Some(_)) => minus = true,
            (b'0'..=b'9', None) => {
                n.zero &= c == b'0';
                if !n.zero && digits < DIGITS {
                    n.head = n.head * 10 + u64::from(c - b'0');
                    digits += 1;
                }
                // Leading zeroes of the fraction lower the power, digits before it raise it.
                n.power = n.power.saturating_add(match (n.zero, fraction) {
                    (true, true) => -1,
                    (false, false) => 1,
                    _ => 0,
                });
            }
            (b'-', None) => n.negative = true,
            (b'.', None) => fraction = true,
            (b'e' | b'E', None) => exponent = Some(0),
            _ => {}
        }
    }
    while digits < DIGITS {
        n.head *= 10;
        digits += 1;
    }
    let exponent = exponent.unwrap_or(0);
    n.power = n.power.saturating_add(if minus { -exponent } else { exponent });
    n
}

/// How the number `a` compares with `b`, both written as in JSON. `None` if that may depend on
/// how floats are rounded: the two differ too little for a verdict without them.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Option<Ordering> {
    if is_int(a) && is_int(b) {
        return Some(integers(a, b));
    }
    let (x, y) = (decimal(a), decimal(b));
    match (x.zero, y.zero) {
        (true, true) => return Some(Ordering::Equal),
        (true, false) if y.power >= SMALL => {
            return Some(if y.negative { Ordering::Greater } else { Ordering::Less })
        }
        (false, true) if x.power >= SMALL => {
            return Some(if x.negative { Ordering::Less } else { Ordering::Greater })
        }
        (false, false) => {}
        _ => return None,
    }
    if x.power.max(y.power) < SMALL || x.power.min(y.power) > LARGE {
        return None;
    }
    if x.negative != y.negative {
        return Some(if x.negative { Ordering::Less } else { Ordering::Greater });
    }
    let order = apart(&x, &y)?;
    Some(if x.negative { order.reverse() } else { order })
}

fn integers(a: &[u8], b: &[u8]) -> Ordering {
    // Whether it is below zero, and its digits.
    fn parts(text: &[u8]) -> (bool, &[u8]) {
        match text.strip_prefix(b"-") {
            Some(b"0") => (false, b"0"),
            Some(digits) => (true, digits),
            None => (false, text),
        }
    }
    let ((negative, x), (other, y)) = (parts(a), parts(b));
    let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
    match (negative, other) {
        (false, false) => order,
        (true, true) => order.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// The order of two magnitudes that are not near each other.
fn apart(x: &Decimal, y: &Decimal) -> Option<Ordering> {
    let (mut a, mut b) = (x.head, y.head);
    match x.power.saturating_sub(y.power) {
        0 => {}
        1 => a *= 10,
        -1 => b *= 10,
        difference => return Some(difference.cmp(&0)),
    }
    if a.abs_diff(b) << NEAR <= a.max(b) {
        return None;
    }
    Some(a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::compare;
    use core::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn integers_are_exact() {
        for (a, b, order) in [
            ("0", "0", Equal),
            ("-0", "0", Equal),
            ("1", "0", Greater),
            ("-1", "0", Less),
            ("5", "5", Equal),
            ("9", "10", Less),
            ("-9", "-10", Greater),
            ("-9", "9", Less),
            ("123456789012345678901234567890", "123456789012345678901234567891", Less),
            (
                "100000000000000000000000000000000000000000",
                "100000000000000000000000000000000000000001",
                Less,
            ),
        ] {
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), Some(order), "{a} {b}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes()), Some(order.reverse()), "{b} {a}");
        }
    }

    #[test]
    fn floats_that_are_apart() {
        for (a, b, order) in [
            ("1.5", "1", Greater),
            ("1.5", "2.500000000e+00", Less),
            ("-1.5", "1.5", Less),
            ("-1.5", "-2", Greater),
            ("0.0", "0", Equal),
            ("-0.0e5", "0", Equal),
            ("0.1", "0", Greater),
            ("-0.001", "0", Less),
            ("0.00001", "1e-4", Less),
            ("1e5", "99999999", Less),
            ("9.9", "10.1", Less),
            ("99.9", "100.1", Less),
            ("1e30", "1.1e30", Less),
            ("1E+2", "99", Greater),
            ("123456789.5", "1234567890", Less),
            ("1e99999999999", "1", Greater),
            ("-1e400", "-1", Less),
            ("0.0000000000000000000000000001", "1", Less),
        ] {
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), Some(order), "{a} {b}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes()), Some(order.reverse()), "{b} {a}");
        }
    }

    #[test]
    fn near_floats_are_left_to_others() {
        for (a, b) in [
            ("1.5", "1.5"),
            ("1.0", "1"),
            ("0.1", "1.000000000e-01"),
            ("100000.0", "100001"),
            ("9.9999", "10"),
            ("1e40", "1e41"),
            ("1e-40", "0"),
            ("1e-50", "-1e-45"),
            ("1e999999999999999999", "1e999999"),
            ("16777217", "16777216.0"),
        ] {
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), None, "{a} {b}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes()), None, "{b} {a}");
        }
    }
}

//! The order of keys, as Python and BTrees have it.

use crate::error::{fail, Fallible, Reason};
use crate::model::{Doc, Extra, Integer, Node, Value};
use num_bigint::BigInt;
use std::cmp::Ordering;

/// How two keys relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Known(Ordering),
    /// What their classes say, or something without a total order.
    Unknown,
    /// Python cannot compare them.
    None,
}

const EQUAL: Order = Order::Known(Ordering::Equal);

/// How deep tuples and lists in keys are looked into.
const DEEPEST: usize = 64;

/// Compares keys.
#[derive(Debug)]
pub(super) struct Comparer {
    /// Tuples can share their items, and be larger than the record by any factor.
    budget: usize,
}

impl Comparer {
    pub fn new(source: &[u8]) -> Self {
        Comparer { budget: source.len().saturating_mul(8).saturating_add(1 << 16) }
    }

    /// BTrees have None before any other key, which Python has not.
    pub fn keys(&mut self, doc: Doc, one: Node, two: Node) -> Fallible<Order> {
        match (one.value, two.value) {
            (Value::Plain(one) | Value::Str(one), Value::Plain(two) | Value::Str(two)) => {
                // UTF-8 has the order of the code points.
                Ok(Order::Known(doc.bytes(one).cmp(doc.bytes(two))))
            }
            (Value::Int(one), Value::Int(two)) => Ok(Order::Known(one.int().cmp(&two.int()))),
            (Value::None, Value::None) => Ok(EQUAL),
            (Value::None, _) => Ok(Order::Known(Ordering::Less)),
            (_, Value::None) => Ok(Order::Known(Ordering::Greater)),
            (Value::Dict(_), _) | (_, Value::Dict(_)) => Ok(Order::None),
            _ => self.compare(doc, one, two, 0),
        }
    }

    fn compare(&mut self, doc: Doc, one: Node, two: Node, depth: usize) -> Fallible<Order> {
        self.budget = match self.budget.checked_sub(1) {
            Some(budget) => budget,
            None => return fail(two.at, Reason::TooMuchOutput),
        };
        if depth > DEEPEST {
            return fail(two.at, Reason::TooDeep);
        }
        let known = |order| Ok(Order::Known(order));
        match (one.value, two.value) {
            (Value::Plain(one) | Value::Str(one), Value::Plain(two) | Value::Str(two)) => {
                known(doc.bytes(one).cmp(doc.bytes(two)))
            }
            (Value::Bytes(one), Value::Bytes(two)) => known(doc.bytes(one).cmp(doc.bytes(two))),
            (Value::None, Value::None) => Ok(EQUAL),
            (Value::Tuple(_), Value::Tuple(_)) | (Value::List(_), Value::List(_)) => {
                self.items(doc, one, two, depth)
            }
            (Value::Extra(one), Value::Extra(two)) => Ok(extras(doc, one, two)),
            _ => match (number(doc, one.value), number(doc, two.value)) {
                (Some(one), Some(two)) => Ok(numbers(&one, &two)),
                (first, second) => {
                    // A decimal number compares with others, and a class may say anything.
                    let open = |value, number| match value {
                        Value::Ref(_) | Value::Class(_) | Value::Dict(_) => true,
                        Value::Set(_) | Value::FrozenSet(_) => true,
                        Value::Extra(extra) => number && matches!(doc.extra(extra), Some(Extra::Decimal(_))),
                        _ => false,
                    };
                    let unknown = open(one.value, second.is_some()) || open(two.value, first.is_some());
                    Ok(if unknown { Order::Unknown } else { Order::None })
                }
            },
        }
    }

    /// The first items that differ decide.
    fn items(&mut self, doc: Doc, one: Node, two: Node, depth: usize) -> Fallible<Order> {
        let items = |node: Node| match node.value {
            Value::Tuple(span) => doc.tuple(span),
            Value::List(id) => doc.items(id),
            _ => doc.tuple(Default::default()),
        };
        let (mut one, mut two) = (items(one), items(two));
        loop {
            match (one.next(), two.next()) {
                (Some(one), Some(two)) => match self.compare(doc, one, two, depth + 1)? {
                    EQUAL => {}
                    order => return Ok(order),
                },
                (None, None) => return Ok(EQUAL),
                (None, Some(_)) => return Ok(Order::Known(Ordering::Less)),
                (Some(_), None) => return Ok(Order::Known(Ordering::Greater)),
            }
        }
    }
}

enum Number {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

fn number(doc: Doc, value: Value) -> Option<Number> {
    match value {
        Value::Bool(value) => Some(Number::Int(i64::from(value))),
        Value::Int(value) => Some(Number::Int(value.int())),
        Value::Float(value) => Some(Number::Float(value.float())),
        Value::Big(span) => Some(match Integer::from_bytes(doc.bytes(span)) {
            Integer::Small(value) => Number::Int(value),
            Integer::Big(value) => Number::Big(value),
        }),
        _ => None,
    }
}

fn numbers(one: &Number, two: &Number) -> Order {
    let big = |number: &Number| match number {
        Number::Int(value) => BigInt::from(*value),
        Number::Big(value) => value.clone(),
        Number::Float(value) => whole(*value),
    };
    match (one, two) {
        (Number::Int(one), Number::Int(two)) => Order::Known(one.cmp(two)),
        (Number::Float(one), Number::Float(two)) => one.partial_cmp(two).map_or(Order::Unknown, Order::Known),
        (Number::Float(one), two) if !one.is_finite() => match one.is_nan() {
            true => Order::Unknown,
            false => Order::Known(one.total_cmp(&(if matches!(two, Number::Float(_)) { *one } else { 0.0 }))),
        },
        (_, Number::Float(_)) => match numbers(two, one) {
            Order::Known(order) => Order::Known(order.reverse()),
            order => order,
        },
        (Number::Float(one), two) => {
            // The whole part first; what is behind the point only if that is equal.
            let rest = one.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal);
            Order::Known(whole(*one).cmp(&big(two)).then(rest))
        }
        _ => Order::Known(big(one).cmp(&big(two))),
    }
}

/// The whole part of a finite number.
fn whole(value: f64) -> BigInt {
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1075;
    let mantissa = BigInt::from(bits & ((1 << 52) - 1) | 1 << 52);
    let size = match exponent {
        0.. => mantissa << exponent,
        -63..0 => mantissa >> -exponent,
        _ => BigInt::ZERO,
    };
    if value < 0.0 {
        -size
    } else {
        size
    }
}

fn extras(doc: Doc, one: u32, two: u32) -> Order {
    match (doc.extra(one), doc.extra(two)) {
        (Some(Extra::Moment(one)), Some(Extra::Moment(two))) => {
            one.compare(two).map_or(Order::None, Order::Known)
        }
        (Some(Extra::Delta(one)), Some(Extra::Delta(two))) => Order::Known(one.cmp(&two)),
        (Some(Extra::Uuid(one)), Some(Extra::Uuid(two))) => Order::Known(one.cmp(&two)),
        (Some(Extra::Decimal(one)), Some(Extra::Decimal(two))) => {
            match (Decimal::parse(doc.bytes(one)), Decimal::parse(doc.bytes(two))) {
                (Some(one), Some(two)) => Order::Known(one.compare(&two)),
                _ => Order::Unknown,
            }
        }
        _ => Order::None,
    }
}

/// A decimal number, not infinite: its digits without zeros around them, and the place of the
/// first of them, counted from the point to the left.
struct Decimal {
    negative: bool,
    place: i64,
    digits: Vec<u8>,
}

impl Decimal {
    fn parse(text: &[u8]) -> Option<Decimal> {
        let negative = text.first() == Some(&b'-');
        let text = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
        if !text.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
            return None;
        }
        let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let (number, exponent) = text.split_at(end);
        let exponent: i64 = match exponent.get(1..) {
            Some(exponent) => std::str::from_utf8(exponent).ok()?.parse().ok()?,
            None => 0,
        };
        let point = number.iter().position(|&byte| byte == b'.').unwrap_or(number.len());
        let mut digits: Vec<u8> = number.iter().copied().filter(u8::is_ascii_digit).collect();
        let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
        digits.drain(..zeros);
        digits.truncate(digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1));
        Some(Decimal { negative, place: exponent + point as i64 - zeros as i64, digits })
    }

    fn compare(&self, other: &Decimal) -> Ordering {
        let sign = |number: &Decimal| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = (self.place, &self.digits).cmp(&(other.place, &other.digits));
        sign(self).cmp(&sign(other)).then(match sign(self) {
            0 => Ordering::Equal,
            1 => size,
            _ => size.reverse(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_by_their_value() {
        let ascending = [
            "-1E+999999999999999999",
            "-12",
            "-1.2",
            "-0.5",
            "-1E-9",
            "0",
            "1E-9",
            "0.5",
            "1",
            "1.1",
            "1.11",
            "2",
            "10",
            "11",
            "1E+2",
            "101",
        ];
        for (place, one) in ascending.iter().enumerate() {
            for (other, two) in ascending.iter().enumerate() {
                let compared =
                    Decimal::parse(one.as_bytes()).unwrap().compare(&Decimal::parse(two.as_bytes()).unwrap());
                assert_eq!(compared, place.cmp(&other), "{one} {two}");
            }
        }
        for (one, two) in [("1", "1.0"), ("100", "1E+2"), ("-0", "0E+5"), ("0.10", ".1")] {
            let compared =
                Decimal::parse(one.as_bytes()).unwrap().compare(&Decimal::parse(two.as_bytes()).unwrap());
            assert_eq!(compared, Ordering::Equal, "{one} {two}");
        }
        assert!(Decimal::parse(b"NaN").is_none() && Decimal::parse(b"-Infinity").is_none());
    }

    #[test]
    fn integers_and_floats_are_compared_exactly() {
        let compare = |int: i64, float: f64| numbers(&Number::Int(int), &Number::Float(float));
        let close = 9_007_199_254_740_993; // 2^53 + 1, which no float is
        assert_eq!(compare(close, 9_007_199_254_740_992.0), Order::Known(Ordering::Greater));
        assert_eq!(compare(close, 9_007_199_254_740_994.0), Order::Known(Ordering::Less));
        assert_eq!(compare(3, 3.0), EQUAL);
        assert_eq!(compare(3, 3.5), Order::Known(Ordering::Less));
        assert_eq!(compare(-3, -3.5), Order::Known(Ordering::Greater));
        assert_eq!(compare(0, -0.0), EQUAL);
        assert_eq!(compare(0, 5e-324), Order::Known(Ordering::Less));
        assert_eq!(compare(0, -5e-324), Order::Known(Ordering::Greater));
        assert_eq!(compare(i64::MAX, f64::INFINITY), Order::Known(Ordering::Less));
        assert_eq!(compare(i64::MIN, f64::NEG_INFINITY), Order::Known(Ordering::Greater));
        assert_eq!(compare(i64::MIN, i64::MIN as f64), EQUAL);
        assert_eq!(compare(0, f64::NAN), Order::Unknown);
        let big = Number::Big(BigInt::from(1) << 70);
        assert_eq!(numbers(&big, &Number::Float(2f64.powi(70))), EQUAL);
        assert_eq!(numbers(&Number::Float(2f64.powi(71)), &big), Order::Known(Ordering::Greater));
        assert_eq!(numbers(&Number::Int(5), &big), Order::Known(Ordering::Less));
    }
}

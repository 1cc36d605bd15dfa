//! A fast lane for the items that most nodes have: strings without escapes, and integers of 64 bits.
//! It takes as many as come without anything else between, and leaves the rest, and everything that
//! is wrong, to the reader proper.

use super::read::Reader;
use crate::model::{Node, Span, Value, Wide};
use crate::pickle::{put_int, put_string};
use crate::scan;
use crate::tree::Checker;
use crate::Column;

/// An item.
#[derive(Clone, Copy)]
enum Item<'a> {
    Text(&'a [u8]),
    Int(i64),
}

/// What a column may have, without looking further.
#[derive(Clone, Copy)]
pub(super) struct Fits {
    text: bool,
    least: i64,
    most: i64,
}

impl Fits {
    pub fn of(column: Column) -> Fits {
        let ints = |least, most| Fits { text: false, least, most };
        match column {
            Column::Object => Fits { text: true, least: i64::MIN, most: i64::MAX },
            Column::I32 => ints(i64::from(i32::MIN), i64::from(i32::MAX)),
            Column::U32 => ints(0, i64::from(u32::MAX)),
            Column::I64 => ints(i64::MIN, i64::MAX),
            Column::U64 => ints(0, i64::MAX),
            Column::F32 | Column::Bytes(_) => ints(1, 0),
        }
    }

    #[inline(always)]
    fn has(self, item: Item) -> bool {
        match item {
            Item::Text(_) => self.text,
            Item::Int(value) => self.has_int(value),
        }
    }

    #[inline(always)]
    pub fn has_int(self, value: i64) -> bool {
        self.least <= value && value <= self.most
    }
}

/// The item at the beginning, and what follows. Behind it there is room to copy 16 bytes at a time.
#[inline(always)]
fn item(rest: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&first, behind) = rest.split_first()?;
    if first == b'"' {
        let (text, behind) = behind.split_at_checked(scan::ordinary(behind))?;
        return Some((Item::Text(text), behind.strip_prefix(b"\"")?));
    }
    let negative = first == b'-';
    let digits = if negative { behind } else { rest };
    let (magnitude, count) = scan::digits(digits);
    let zeros = count > 1 && digits.first() == Some(&b'0');
    // Of 20 digits the magnitude need not be right.
    if count == 0 || count > 19 || zeros || magnitude > i64::MAX as u64 {
        return None;
    }
    let value = if negative { -(magnitude as i64) } else { magnitude as i64 };
    Some((Item::Int(value), digits.get(count..)?))
}

/// Whether keys ascend, as far as that is seen at once.
#[inline(always)]
fn ascend(before: Option<Item>, key: Item) -> bool {
    match (before, key) {
        (None, _) => true,
        (Some(Item::Int(before)), Item::Int(key)) => before < key,
        (Some(Item::Text(before)), Item::Text(key)) => scan::before(before, key),
        _ => false,
    }
}

#[inline(always)]
fn put(out: &mut Vec<u8>, item: Item) {
    match item {
        Item::Text(text) => put_string(out, text),
        Item::Int(value) => put_int(out, value),
    }
}

impl<'a> Reader<'a> {
    /// Appends the pickles of items that follow to the body, up to the end of the array or to
    /// something else; keys, or if there are values, pairs of both. Returns how many there were, and
    /// whether they end here.
    pub(super) fn lane(&mut self, checker: &mut Checker, pairs: bool) -> (usize, bool) {
        let json = self.json;
        let Some(mut rest) = json.get(self.pos..) else { return (0, false) };
        let prefix = checker.prefix();
        let any = Fits::of(Column::Object);
        let (keys, values) = match self.strict {
            true => (Fits::of(prefix.keys), Fits::of(prefix.values)),
            false => (any, any),
        };
        // The key before, if it is one of these.
        let mut before = match checker.before().map(|node| node.value) {
            _ if !self.strict => None,
            None => None,
            Some(Value::Int(value)) => Some(Item::Int(value.int())),
            Some(Value::Str(span)) => match json.get(span.start as usize..span.end() as usize) {
                Some(text) => Some(Item::Text(text)),
                None => return (0, false),
            },
            Some(_) => return (0, false),
        };
        let (mut count, mut last, mut ended) = (0, None, false);
        while !ended {
            let start = rest;
            let Some((key, behind)) = item(if pairs { start.get(1..).unwrap_or_default() } else { start })
            else {
                break;
            };
            if !keys.has(key) || !ascend(before, key) {
                break;
            }
            let behind = if pairs {
                let Some((value, behind)) = behind.strip_prefix(b",").and_then(item) else { break };
                let (Some(b'['), Some(behind)) = (start.first(), behind.strip_prefix(b"]")) else { break };
                if !values.has(value) || !matches!(behind.first(), Some(b',' | b']')) {
                    break;
                }
                put(self.body, key);
                put(self.body, value);
                behind
            } else {
                if !matches!(behind.first(), Some(b',' | b']')) {
                    break;
                }
                put(self.body, key);
                behind
            };
            count += if pairs { 2 } else { 1 };
            ended = behind.first() == Some(&b']');
            rest = behind.get(1..).unwrap_or_default();
            if self.strict {
                before = Some(key);
            }
            last = Some(start);
        }
        self.pos = json.len() - rest.len();
        if let (Some(start), Some(before)) = (last, before) {
            let at = (json.len() - start.len() + usize::from(pairs)) as u32;
            let value = match before {
                Item::Text(text) => Value::Str(Span { start: at + 1, len: text.len() as u32 }),
                Item::Int(value) => Value::Int(Wide::from(value)),
            };
            checker.set_before(Node { at, value });
        }
        (count, ended)
    }
}

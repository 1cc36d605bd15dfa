//! Scripts of operations: the .ops files of tests/data, and random ones.

use super::{brief, Map, Rng, HEADER};
use std::fmt::{self, Debug, Formatter, Write};

#[derive(Clone, PartialEq)]
pub enum Op {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    /// Close and open again.
    Reopen,
    Flush,
}

/// Short: items may be long.
impl Debug for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Op::Put(k, v) => write!(f, "put {}, value {} bytes", brief(k), v.len()),
            Op::Delete(k) => write!(f, "delete {}", brief(k)),
            Op::Reopen => f.write_str("reopen"),
            Op::Flush => f.write_str("flush"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    if text == "-" {
        return vec![];
    }
    let pair = |i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(pair).collect()
}

/// The text form: one operation per line, `P key value`, `D key`, `R`, `F`; hex, `-` is empty.
pub fn to_text(ops: &[Op]) -> String {
    let line = |op: &Op| match op {
        Op::Put(k, v) => format!("P {} {}\n", hex(k), hex(v)),
        Op::Delete(k) => format!("D {}\n", hex(k)),
        Op::Reopen => "R\n".to_owned(),
        Op::Flush => "F\n".to_owned(),
    };
    ops.iter().map(line).collect()
}

pub fn from_text(text: &str) -> Vec<Op> {
    let op = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["P", key, value] => Op::Put(unhex(key), unhex(value)),
            ["D", key] => Op::Delete(unhex(key)),
            ["R"] => Op::Reopen,
            ["F"] => Op::Flush,
            _ => panic!("not an operation: {line}"),
        }
    };
    // A script of nothing is an empty line.
    text.lines().filter(|line| !line.is_empty()).map(op).collect()
}

/// Applies an operation to a model; false for the deletion of a key that is not there.
pub fn apply(map: &mut Map, op: &Op) -> bool {
    match op {
        Op::Put(k, v) => {
            map.insert(k.clone(), v.clone());
            true
        }
        Op::Delete(k) => map.remove(k).is_some(),
        Op::Reopen | Op::Flush => true,
    }
}

/// Largest key and value that stay inline together (format-spec 3.1).
pub fn inline_limit(page_size: usize, min_keys: usize) -> usize {
    ((page_size - HEADER) / min_keys.max(2)).saturating_sub(14).max(30)
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys {
    /// Few different short ones, so that they are met again.
    Short,
    /// Mostly above all the others.
    Rising,
    /// Paths that share long beginnings, still inline.
    Prefix,
    /// Any bytes, also none.
    Binary,
    /// Many do not fit inline and share more than a page of bytes.
    Big,
}

impl Keys {
    pub const ALL: [Keys; 5] = [Keys::Short, Keys::Rising, Keys::Prefix, Keys::Binary, Keys::Big];

    /// A key of this kind for a page size; `step` counts operations.
    pub fn key(self, rng: &mut Rng, page_size: usize, step: usize) -> Vec<u8> {
        match self {
            Keys::Short => format!("{:04}", rng.below(1500)).into_bytes(),
            Keys::Rising if rng.once_in(5) => format!("{:08}", rng.below(step + 1)).into_bytes(),
            Keys::Rising => format!("{step:08}").into_bytes(),
            Keys::Prefix => {
                let deep = rng.below(page_size.min(2000) / 40);
                format!("/{}{:05}", "usr/share/".repeat(deep / 2), rng.below(900)).into_bytes()
            }
            Keys::Binary => {
                let len = rng.below(24);
                rng.bytes(len)
            }
            Keys::Big => {
                // Half a page to two and a half, with the difference at the very end.
                let unit = page_size / 4;
                let len = rng.pick(&[0, 1, 2, 4, 5, 8, 10]) * unit;
                let mut key = vec![rng.pick(b"bz"); len];
                key.extend(format!("{:03}", rng.below(150)).bytes());
                key
            }
        }
    }
}

/// The length of a value for a key: mostly short, often at a boundary of the format.
pub fn value_len(rng: &mut Rng, page_size: usize, limit: usize, key: usize) -> usize {
    let near = |rng: &mut Rng, n: usize, by: usize| (n + rng.below(2 * by + 1)).saturating_sub(by);
    let (full, pages) = (page_size - HEADER, 1 + rng.below(3));
    match rng.below(20) {
        0..=11 => rng.below(40),
        12..=14 => rng.below(limit + 1),
        15 | 16 => near(rng, limit.saturating_sub(key), 3),
        17 => near(rng, full * pages, 1),
        18 => rng.below(full),
        _ => rng.below(3 * full),
    }
}

/// Any key of a map, more often one behind a gap.
pub fn any_key(rng: &mut Rng, map: &Map, near: &[u8]) -> Option<Vec<u8>> {
    if rng.once_in(8) {
        return map.keys().nth(rng.below(map.len())).cloned();
    }
    map.range(near.to_vec()..).next().or_else(|| map.iter().next()).map(|(k, _)| k.clone())
}

/// What random changes are drawn from.
#[derive(Clone, Copy)]
pub struct Mix {
    pub keys: Keys,
    pub page_size: usize,
    pub limit: usize,
    /// So many of ten changes are puts, the rest deletions, most of keys that exist.
    pub puts: usize,
}

pub fn random_change(rng: &mut Rng, map: &Map, mix: Mix, step: usize) -> Op {
    let mut key = mix.keys.key(rng, mix.page_size, step);
    let put = rng.below(10) < mix.puts;
    if !put || rng.once_in(4) {
        key = any_key(rng, map, &key).filter(|_| !rng.once_in(10)).unwrap_or(key);
    }
    if put {
        let len = value_len(rng, mix.page_size, mix.limit, key.len());
        Op::Put(key, rng.bytes(len))
    } else {
        Op::Delete(key)
    }
}

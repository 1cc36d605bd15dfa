//! Random trees of random values. Their text and their pickles, in the many forms that pickles may
//! have, are made here by other code; both ways must give the same.

use crate::common::{decode_with, encode_with};
use crate::held::is_direct;
use btrees_json::{decode, encode, DecodeOptions};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Write;

#[derive(Clone, Debug)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    Big(i128),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    /// Distinct keys.
    Object(Vec<(String, Value)>),
    /// Other keys than strings, too.
    Dict(Vec<(Value, Value)>),
    Set(bool, Vec<Value>),
    Date(u16, u8, u8),
    DateTime([u8; 10], Option<i32>),
    Delta(i32, i32, i32),
    Decimal(String),
    Uuid(u128),
    Ref(u64, Option<&'static str>),
}

fn quoted(text: &str) -> String {
    let letter = |letter: char| match letter {
        '"' | '\\' => format!("\\{letter}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\0'..' ' => format!("\\u{:04x}", u32::from(letter)),
        _ => letter.to_string(),
    };
    format!("\"{}\"", text.chars().map(letter).collect::<String>())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn zone_text(seconds: i32) -> String {
    let size = seconds.abs();
    let mut text = format!("{}{:02}:{:02}", if seconds < 0 { '-' } else { '+' }, size / 3600, size / 60 % 60);
    if size % 60 != 0 {
        write!(text, ":{:02}", size % 60).unwrap();
    }
    text
}

impl Value {
    fn is_marker_like(items: &[(String, Value)]) -> bool {
        let markers = ["@b", "@t", "@ref", "@cls", "@dt", "@ns", "@f"];
        items.iter().any(|(key, _)| {
            key.starts_with("@ns:")
                || (items.len() == 1 && markers.contains(&&**key))
                || (items.len() <= 2 && key == "@dt")
                || (items.len() <= 4 && key == "@cls")
        })
    }

    fn text(&self) -> String {
        let list = |items: &[Value]| items.iter().map(Value::text).collect::<Vec<_>>().join(",");
        match self {
            Value::None => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Big(value) => format!("{{\"@bi\":\"{value}\"}}"),
            Value::Float(value) if value.is_nan() => "{\"@f\":\"nan\"}".to_owned(),
            Value::Float(value) if value.is_infinite() => format!("{{\"@f\":\"{value}\"}}"),
            Value::Float(value) => ryu_text(*value),
            Value::Str(text) => quoted(text),
            Value::Bytes(bytes) => format!("{{\"@b\":\"{}\"}}", base64(bytes)),
            Value::Tuple(items) => format!("{{\"@t\":[{}]}}", list(items)),
            Value::List(items) => format!("[{}]", list(items)),
            Value::Object(items) if Value::is_marker_like(items) => {
                let pairs = items.iter().map(|(key, value)| (Value::Str(key.clone()), value.clone()));
                Value::Dict(pairs.collect()).text()
            }
            Value::Object(items) => {
                let pair = |(key, value): &(String, Value)| format!("{}:{}", quoted(key), value.text());
                format!("{{{}}}", items.iter().map(pair).collect::<Vec<_>>().join(","))
            }
            Value::Dict(items) => {
                let pair = |(key, value): &(Value, Value)| format!("[{},{}]", key.text(), value.text());
                format!("{{\"@d\":[{}]}}", items.iter().map(pair).collect::<Vec<_>>().join(","))
            }
            Value::Set(frozen, items) => {
                format!("{{\"@{}set\":[{}]}}", if *frozen { "f" } else { "" }, list(items))
            }
            Value::Date(year, month, day) => format!("{{\"@date\":\"{year:04}-{month:02}-{day:02}\"}}"),
            Value::DateTime(bytes, zone) => {
                let &[high, low, month, day, hour, minute, second, _, _, _] = bytes;
                let micro = u32::from_be_bytes([0, bytes[7], bytes[8], bytes[9]]);
                let year = u16::from_be_bytes([high, low]);
                let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
                if micro != 0 {
                    write!(text, ".{micro:06}").unwrap();
                }
                format!("{{\"@dt\":\"{text}{}\"}}", zone.map_or(String::new(), zone_text))
            }
            Value::Delta(days, seconds, micros) => format!("{{\"@td\":[{days},{seconds},{micros}]}}"),
            Value::Decimal(text) => format!("{{\"@dec\":\"{text}\"}}"),
            Value::Uuid(number) => {
                let hex = format!("{number:032x}");
                let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                format!("{{\"@uuid\":\"{}\"}}", parts.join("-"))
            }
            Value::Ref(oid, None) => format!("{{\"@ref\":\"{oid:016x}\"}}"),
            Value::Ref(oid, Some(class)) => format!("{{\"@ref\":[\"{oid:016x}\",\"{class}\"]}}"),
        }
    }
}

/// As [`btrees_json::TextSink`] writes floats, from Rust's shortest digits.
fn ryu_text(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    match exponent {
        -5..16 => {
            let text = value.to_string();
            if text.contains('.') {
                text
            } else {
                text + ".0"
            }
        }
        _ => format!("{mantissa}e{exponent}"),
    }
}

/// Pickles, with choices that `dice` makes.
struct Pickler<'a> {
    out: Vec<u8>,
    dice: &'a mut dyn Iterator<Item = u8>,
    memo: u32,
    /// Memo numbers of strings that have come.
    known: std::collections::HashMap<String, u32>,
}

impl Pickler<'_> {
    fn choose(&mut self, count: u8) -> u8 {
        self.dice.next().unwrap_or(0) % count
    }

    fn put(&mut self) {
        let index = self.memo;
        match self.choose(4) {
            0 => return,
            1 => {
                self.out.push(b'r');
                self.out.extend(index.to_le_bytes());
            }
            2 => self.out.extend(format!("p{index}\n").bytes()),
            _ if index < 256 => self.out.extend([b'q', index as u8]),
            _ => return,
        }
        self.memo += 1;
    }

    fn get(&mut self, index: u32) {
        match u8::try_from(index) {
            Ok(index) if self.choose(2) == 0 => self.out.extend([b'h', index]),
            _ => {
                self.out.push(b'j');
                self.out.extend(index.to_le_bytes());
            }
        }
    }

    fn int(&mut self, value: i128) {
        let width = self.choose(4);
        match (width, u8::try_from(value), u16::try_from(value), i32::try_from(value)) {
            (0, Ok(value), _, _) => self.out.extend([b'K', value]),
            (0 | 1, _, Ok(value), _) => {
                self.out.push(b'M');
                self.out.extend(value.to_le_bytes());
            }
            (0..=2, _, _, Ok(value)) => {
                self.out.push(b'J');
                self.out.extend(value.to_le_bytes());
            }
            (3, ..) if self.choose(2) == 0 => {
                self.out.extend([0x8b, 16, 0, 0, 0]);
                self.out.extend(value.to_le_bytes());
            }
            _ => {
                self.out.extend([0x8a, 16]);
                self.out.extend(value.to_le_bytes());
            }
        }
    }

    fn string(&mut self, text: &str) {
        if let Some(&index) = self.known.get(text) {
            return self.get(index);
        }
        self.out.push(b'X');
        self.out.extend((text.len() as u32).to_le_bytes());
        self.out.extend(text.bytes());
        let index = self.memo;
        self.put();
        if self.memo > index {
            self.known.insert(text.to_owned(), index);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if bytes.len() < 256 && self.choose(3) > 0 {
            self.out.extend([b'C', bytes.len() as u8]);
        } else {
            self.out.push(b'B');
            self.out.extend((bytes.len() as u32).to_le_bytes());
        }
        self.out.extend(bytes);
        self.put();
    }

    fn tuple(&mut self, items: &[Value]) {
        let short = items.len() <= 3 && self.choose(4) > 0;
        if !short {
            self.out.push(b'(');
        }
        items.iter().for_each(|item| self.value(item));
        self.out.push(if short { [b')', 0x85, 0x86, 0x87][items.len()] } else { b't' });
        self.put();
    }

    fn list(&mut self, items: &[Value]) {
        if self.choose(4) == 0 {
            self.out.push(b'(');
            items.iter().for_each(|item| self.value(item));
            self.out.push(b'l');
            return self.put();
        }
        self.out.push(b']');
        self.put();
        let mut rest = items;
        while !rest.is_empty() {
            let count = 1 + usize::from(self.choose(8)).min(rest.len() - 1);
            let (batch, behind) = rest.split_at(count);
            if count == 1 && self.choose(2) == 0 {
                self.value(&batch[0]);
                self.out.push(b'a');
            } else {
                self.out.push(b'(');
                batch.iter().for_each(|item| self.value(item));
                self.out.push(b'e');
            }
            rest = behind;
        }
    }

    fn dict(&mut self, items: &[(Value, Value)]) {
        if self.choose(4) == 0 {
            self.out.push(b'(');
            items.iter().flat_map(|(key, value)| [key, value]).for_each(|item| self.value(item));
            self.out.push(b'd');
            return self.put();
        }
        self.out.push(b'}');
        self.put();
        for (key, value) in items {
            let single = self.choose(2) == 0;
            if !single {
                self.out.push(b'(');
            }
            self.value(key);
            self.value(value);
            self.out.push(if single { b's' } else { b'u' });
        }
    }

    fn global(&mut self, name: &str) {
        let key = format!("class {name}");
        if let Some(&index) = self.known.get(&key) {
            return self.get(index);
        }
        let (module, name) = name.rsplit_once('.').unwrap();
        self.out.extend(format!("c{module}\n{name}\n").bytes());
        let index = self.memo;
        self.put();
        if self.memo > index {
            self.known.insert(key, index);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::None => self.out.push(b'N'),
            Value::Bool(value) => self.out.push(if *value { 0x88 } else { 0x89 }),
            Value::Int(value) => self.int(i128::from(*value)),
            Value::Big(value) => self.int(*value),
            Value::Float(value) => {
                self.out.push(b'G');
                self.out.extend(value.to_be_bytes());
            }
            Value::Str(text) => self.string(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Tuple(items) => self.tuple(items),
            Value::List(items) => self.list(items),
            Value::Object(items) => {
                let pairs = items.iter().map(|(key, value)| (Value::Str(key.clone()), value.clone()));
                self.dict(&pairs.collect::<Vec<_>>());
            }
            Value::Dict(items) => self.dict(items),
            Value::Set(frozen, items) => {
                self.global(if *frozen { "builtins.frozenset" } else { "builtins.set" });
                self.list(items);
                self.out.extend(b"\x85R");
                self.put();
            }
            Value::Date(year, month, day) => {
                self.global("datetime.date");
                let [high, low] = year.to_be_bytes();
                self.bytes(&[high, low, *month, *day]);
                self.out.extend(b"\x85R");
            }
            Value::DateTime(bytes, zone) => {
                self.global("datetime.datetime");
                self.bytes(bytes);
                if let Some(seconds) = zone {
                    self.global("datetime.timezone");
                    self.value(&Value::Delta(seconds.div_euclid(86400), seconds.rem_euclid(86400), 0));
                    self.out.extend(b"\x85R");
                }
                self.out.extend([if zone.is_some() { 0x86 } else { 0x85 }, b'R']);
            }
            Value::Delta(days, seconds, micros) => {
                self.global("datetime.timedelta");
                [days, seconds, micros].into_iter().for_each(|part| self.int(i128::from(*part)));
                self.out.extend(b"\x87R");
                self.put();
            }
            Value::Decimal(text) => {
                self.global("decimal.Decimal");
                self.string(text);
                self.out.extend(b"\x85R");
            }
            Value::Uuid(number) => {
                self.global("uuid.UUID");
                self.out.extend(b")\x81}");
                self.string("int");
                match i128::try_from(*number) {
                    Ok(number) => self.int(number),
                    Err(_) => {
                        self.out.extend([0x8a, 17]);
                        self.out.extend(number.to_le_bytes());
                        self.out.push(0);
                    }
                }
                self.out.extend(b"sb");
            }
            Value::Ref(oid, class) => {
                self.bytes(&oid.to_be_bytes());
                if let Some(class) = class {
                    self.global(class);
                    self.out.push(0x86);
                }
                self.out.push(b'Q');
            }
        }
    }
}

/// The record of an OOBucket with one item, or of another node.
fn record(dice: &[u8], items: &[Value], class: &str, levels: usize) -> Vec<u8> {
    let mut dice = dice.iter().copied().cycle();
    let mut pickler = Pickler { out: vec![], dice: &mut dice, memo: 0, known: Default::default() };
    pickler.out.extend(b"\x80\x03");
    match pickler.choose(3) {
        0 => pickler.global(class),
        form => {
            let (module, name) = class.rsplit_once('.').unwrap();
            pickler.string(module);
            pickler.string(name);
            pickler.out.push(0x86);
            if form == 1 {
                pickler.out.extend(b"N\x86");
            }
        }
    }
    pickler.out.extend(b".\x80\x03");
    pickler.tuple(items);
    for _ in 0..levels {
        pickler.out.push(0x85);
        pickler.put();
    }
    pickler.out.push(b'.');
    pickler.out
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z]{0,6}",
        2 => any::<String>(),
        1 => "@(b|t|x|dt|ref|cls|ns|ns:|ns:YQ==|f)",
    ]
}

fn distinct<T: Clone>(items: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut seen = std::collections::HashSet::new();
    items.into_iter().filter(|(key, _)| seen.insert(key.clone())).collect()
}

fn atom() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), -300..300i64, 65_000..66_000i64, Just(i64::MIN), Just(i64::MAX)]
            .prop_map(Value::Int),
        prop_oneof![i128::from(i64::MAX) + 1..i128::MAX, i128::MIN..i128::from(i64::MIN)]
            .prop_map(Value::Big),
        // Of 17 digits the last may be either of two, and Rust and ryu choose otherwise.
        prop_oneof![any::<f64>(), -1e20..1e20f64, Just(-0.0), Just(f64::INFINITY), Just(1e16), Just(1e-5)]
            .prop_map(|value| Value::Float(format!("{value:.14e}").parse().unwrap())),
        key().prop_map(Value::Str),
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        (1..=9999u16, 1..=12u8, 1..=28u8).prop_map(|(year, month, day)| Value::Date(year, month, day)),
        (
            1..=9999u16,
            1..=12u8,
            1..=28u8,
            0..24u8,
            0..60u8,
            0..60u8,
            0..1_000_000u32,
            proptest::option::of(-86399..86400i32)
        )
            .prop_map(|(year, month, day, hour, minute, second, micro, zone)| {
                let ([high, low], [_, a, b, c]) = (year.to_be_bytes(), micro.to_be_bytes());
                Value::DateTime([high, low, month, day, hour, minute, second, a, b, c], zone)
            }),
        (-999_999_999..=999_999_999i32, 0..86_400i32, 0..1_000_000i32)
            .prop_map(|(days, seconds, micros)| Value::Delta(days, seconds, micros)),
        "-?[0-9]{1,30}(\\.[0-9]{1,9})?(E[+-][0-9]{1,6})?".prop_map(Value::Decimal),
        any::<u128>().prop_map(Value::Uuid),
        (any::<u64>(), proptest::option::of(prop_oneof![Just("mymod.P"), Just("BTrees.OOBTree.OOBTree")]))
            .prop_map(|(oid, class)| Value::Ref(oid, class)),
    ]
}

/// Set elements and keys of dicts.
fn hashable() -> impl Strategy<Value = Value> {
    atom().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Tuple),
            vec(inner, 0..3).prop_map(|items| Value::Set(true, items)),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    atom().prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            vec(inner.clone(), 0..12).prop_map(Value::List),
            vec((key(), inner.clone()), 0..6).prop_map(|items| Value::Object(distinct(items))),
            vec((key(), inner.clone()), 1..2).prop_map(|items| Value::Object(distinct(items))),
            // A key that is no string makes it one of pairs.
            (any::<i64>(), vec((hashable(), inner), 0..5)).prop_map(|(first, items)| {
                let first = (Value::Int(first), Value::None);
                Value::Dict(std::iter::once(first).chain(items).collect())
            }),
            (any::<bool>(), vec(hashable(), 0..5)).prop_map(|(frozen, items)| Value::Set(frozen, items)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_value_both_ways(value in value(), dice in vec(any::<u8>(), 1..60)) {
        let text = format!("{{\"@cls\":[\"BTrees.OOBTree\",\"OOBucket\"],\"@s\":{{\"@kv\":[[0,{}]]}}}}", value.text());
        let record = record(&dice, &[Value::Int(0), value.clone()], "BTrees.OOBTree.OOBucket", 1);
        prop_assert_eq!(&decode(&record).unwrap(), &text);
        let canonical = encode(&text).unwrap();
        is_direct(&text);
        prop_assert_eq!(&decode(&canonical).unwrap(), &text);
        prop_assert_eq!(encode_with(false, &text).is_ok(), true);
        // The text for PostgreSQL may be another, but stands for the same.
        let jsonb = decode_with(DecodeOptions { jsonb: true, ..DecodeOptions::default() }, &record).unwrap();
        prop_assert!(!jsonb.contains("\\u0000"));
        prop_assert_eq!(encode(&jsonb).unwrap(), canonical);
    }

    #[test]
    fn any_map_both_ways(
        keys in proptest::collection::btree_set(prop_oneof!["[a-c]{0,3}", "k[0-9]{1,3}", any::<String>()], 1..60),
        values in vec(atom(), 60),
        plain in any::<bool>(),
        dice in vec(any::<u8>(), 1..60),
    ) {
        let items: Vec<Value> = keys.iter().zip(values).enumerate().flat_map(|(place, (key, value))| {
            [Value::Str(key.clone()), if plain { Value::Int(place as i64) } else { value }]
        }).collect();
        let pairs: Vec<String> = items.chunks(2).map(|pair| format!("[{},{}]", pair[0].text(), pair[1].text())).collect();
        let text = format!("{{\"@cls\":[\"BTrees.OOBTree\",\"OOBTree\"],\"@s\":{{\"@kv\":[{}]}}}}", pairs.join(","));
        let record = record(&dice, &items, "BTrees.OOBTree.OOBTree", 3);
        let strict = DecodeOptions { strict: true, ..DecodeOptions::default() };
        prop_assert_eq!(&decode_with(strict, &record).unwrap(), &text);
        prop_assert!(is_direct(&text) || !plain);
        prop_assert_eq!(decode(&encode(&text).unwrap()).unwrap(), text);
        // In the wrong order it is refused, wherever that begins.
        if items.len() > 2 {
            let place = usize::from(dice[0]) % (pairs.len() - 1);
            let mut swapped = pairs.clone();
            swapped.swap(place, place + 1);
            let wrong = format!("{{\"@cls\":[\"BTrees.OOBTree\",\"OOBTree\"],\"@s\":{{\"@kv\":[{}]}}}}", swapped.join(","));
            prop_assert!(encode(&wrong).is_err());
            prop_assert!(!is_direct(&wrong));
            prop_assert!(encode_with(false, &wrong).is_ok());
        }
    }

    #[test]
    fn any_integers_both_ways(keys in proptest::collection::btree_set(prop_oneof![any::<i64>(), -1000..1000i64], 1..80), dice in vec(any::<u8>(), 1..60)) {
        let items: Vec<Value> = keys.iter().map(|&key| Value::Int(key)).collect();
        let texts: Vec<String> = items.iter().map(Value::text).collect();
        let text = format!("{{\"@cls\":[\"BTrees.LLBTree\",\"LLSet\"],\"@s\":{{\"@ks\":[{}]}}}}", texts.join(","));
        prop_assert!(is_direct(&text));
        prop_assert_eq!(decode(&record(&dice, &items, "BTrees.LLBTree.LLSet", 1)).unwrap(), text.clone());
        prop_assert_eq!(decode(&encode(&text).unwrap()).unwrap(), text);
    }
}

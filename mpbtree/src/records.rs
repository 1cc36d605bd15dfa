//! Keys and values as JSON of BTrees, and back. The crate btrees-json checks all that goes either way.

use crate::error::{code, Failure, Result};
use crate::text;
use base64::prelude::{Engine, BASE64_STANDARD};
use btrees_json::{Class, DecodeOptions, Decoder, Encoder, Kind};
use serde_json::{json, Map, Value};

/// Items that are converted at a time, and bytes of them.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// Keys that mark values that JSON has not (docs/btrees-json.md, "Values").
const OTHER_MARKERS: [&str; 14] = [
    "@b", "@cls", "@date", "@dec", "@dt", "@f", "@fset", "@ns", "@ref", "@set", "@t", "@td", "@time", "@uuid",
];

/// What keys and values are in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bytes.
    Bytes,
    /// Strings.
    Text,
    /// Keys are strings, values are what their JSON text says.
    Values,
}

/// The class of leaves or of other nodes.
pub fn class(leaf: bool) -> Class {
    let name = if leaf { "OOBucket" } else { "OOBTree" };
    // The name is a known one.
    Class::parse("BTrees.OOBTree", name).unwrap_or(Class::Length)
}

/// Whether records of a class can be items of a database.
pub fn is_map_of_objects(class: Class) -> bool {
    matches!(class, Class::Node(prefix, Kind::BTree | Kind::Bucket) if prefix.name() == "OO")
}

pub fn refused(what: &str, bytes: &[u8], why: &str) -> Failure {
    let mut shown = text::shown(bytes);
    if let Some((end, _)) = shown.char_indices().nth(60) {
        shown.truncate(end);
        shown.push('…');
    }
    Failure::new(code::DAMAGED, format!("{what} \"{shown}\" {why}"))
}

impl Form {
    /// A key or separator.
    pub fn key(self, key: &[u8]) -> Result<Value> {
        match self {
            Form::Bytes => Ok(json!({ "@b": BASE64_STANDARD.encode(key) })),
            _ => as_text(key, "key"),
        }
    }

    pub fn value(self, value: &[u8]) -> Result<Value> {
        match self {
            Form::Bytes => self.key(value),
            Form::Text => as_text(value, "value"),
            Form::Values => match serde_json::from_slice(value) {
                Ok(parsed) => Ok(marked(parsed)),
                Err(e) => Err(refused("value", value, &format!("is not JSON: {e}"))),
            },
        }
    }

    /// The bytes that a key stands for.
    pub fn key_bytes(self, key: &Value) -> Option<Vec<u8>> {
        match key {
            Value::String(text) => Some(text.clone().into_bytes()),
            Value::Object(object) if object.len() == 1 => match object.get("@b").or(object.get("@ns"))? {
                Value::String(text) => BASE64_STANDARD.decode(text).ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The bytes that a value stands for.
    pub fn value_bytes(self, value: Value) -> Option<Vec<u8>> {
        match self {
            Form::Values => Some(unmarked(value)?.to_string().into_bytes()),
            _ => self.key_bytes(&value),
        }
    }
}

fn as_text(bytes: &[u8], what: &str) -> Result<Value> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(refused(what, bytes, "is not text")),
    }
}

/// JSON as the form of BTrees has it: large integers and keys that begin with `@` are marked.
fn marked(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            if text.contains(['.', 'e', 'E']) || text.parse::<i64>().is_ok() {
                Value::Number(number)
            } else {
                json!({ "@bi": text })
            }
        }
        Value::Array(values) => values.into_iter().map(marked).collect(),
        Value::Object(object) if object.keys().any(|key| key.starts_with('@')) => {
            let pairs = object.into_iter().map(|(key, value)| json!([key, marked(value)]));
            json!({ "@d": pairs.collect::<Vec<_>>() })
        }
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, marked(value))).collect(),
        other => other,
    }
}

/// The other way; `None` if it is something that JSON has not.
fn unmarked(value: Value) -> Option<Value> {
    match value {
        Value::Array(values) => values.into_iter().map(unmarked).collect(),
        Value::Object(mut object) => {
            let only = if object.len() == 1 { object.keys().next().cloned() } else { None };
            match only.as_deref() {
                Some("@bi") => serde_json::from_str(object.get("@bi")?.as_str()?).ok(),
                Some("@d") => {
                    let Value::Array(pairs) = object.remove("@d")? else { return None };
                    let pair = |pair: Value| match pair {
                        Value::Array(pair) => match <[Value; 2]>::try_from(pair).ok()? {
                            [Value::String(key), value] => Some((key, unmarked(value)?)),
                            _ => None,
                        },
                        _ => None,
                    };
                    pairs.into_iter().map(pair).collect::<Option<Map<_, _>>>().map(Value::Object)
                }
                Some(key) if OTHER_MARKERS.contains(&key) => None,
                _ => {
                    let pair = |(key, value)| Some((key, unmarked(value)?));
                    object.into_iter().map(pair).collect::<Option<Map<_, _>>>().map(Value::Object)
                }
            }
        }
        other => Some(other),
    }
}

/// Checks states of BTrees' classes, and writes them in the one way that the format has.
#[derive(Default)]
pub struct Converter {
    encoder: Encoder,
    decoder: Decoder,
}

impl Converter {
    /// With `jsonb` the text survives a column of this type in PostgreSQL.
    pub fn new(jsonb: bool) -> Self {
        let options = DecodeOptions { jsonb, ..DecodeOptions::default() };
        Converter { encoder: Encoder::default(), decoder: Decoder::new(options) }
    }

    /// Text of the state, and the oids of what it refers to.
    pub fn state(&mut self, class: Class, state: &Value) -> Result<(String, Vec<u64>)> {
        let record = self.encoder.encode_state(class, &state.to_string());
        let record = record.map_err(|e| {
            let place = e.path().map(|path| format!("{path}: ")).unwrap_or_default();
            Failure::new(code::DAMAGED, format!("{place}{}", e.reason()))
        })?;
        let read = self.decoder.read(&record).and_then(|record| record.state_json());
        read.map_err(|e| Failure::new(code::DAMAGED, e))
    }
}

/// Refuses keys that do not ascend.
pub fn check_order(last: &[u8], key: &[u8]) -> Result<()> {
    if last < key {
        return Ok(());
    }
    let why = if key == last { "comes more than once" } else { "is not behind the one before" };
    Err(refused("key", key, &format!("{why}, which no BTree can have")))
}

/// Items of a leaf that are converted together.
#[derive(Default)]
pub struct Batch {
    pub pairs: Vec<Value>,
    bytes: usize,
    last: Option<Vec<u8>>,
}

impl Batch {
    /// Takes an item; true if the batch is to be converted now. The keys ascend.
    pub fn push(&mut self, key: &[u8], pair: Value, size: usize) -> Result<bool> {
        if let Some(last) = &mut self.last {
            check_order(last, key)?;
            last.clear();
            last.extend_from_slice(key);
        } else {
            self.last = Some(key.to_vec());
        }
        self.pairs.push(pair);
        self.bytes += size;
        Ok(self.pairs.len() >= BATCH || self.bytes >= BATCH_BYTES)
    }

    /// The state of a leaf with these items; the batch is empty then.
    pub fn take(&mut self) -> Value {
        self.bytes = 0;
        json!({ "@kv": std::mem::take(&mut self.pairs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_values_come_back() {
        for text in [
            "null",
            "[1,2.5,\"x\",true,{}]",
            "123456789012345678901234567890",
            "18446744073709551615",
            "-9223372036854775808",
            r#"{"@b":"YWJj"}"#,
            r#"{"a":{"@d":[["x",1]]},"@cls":[1,{"@bi":"1"}]}"#,
            r#"{"":[{"@":null}]}"#,
        ] {
            let value = Form::Values.value(text.as_bytes()).expect("JSON");
            let state = json!({ "@kv": [["k", value]] });
            let (text_of_state, _) = Converter::new(true).state(class(true), &state).expect("a state");
            let back: Value = serde_json::from_str(&text_of_state).expect("JSON");
            let bytes = Form::Values.value_bytes(back["@kv"][0][1].clone());
            assert_eq!(bytes.as_deref(), Some(text.as_bytes()));
        }
        assert!(Form::Values.value(b"{").is_err());
        assert!(Form::Values.value_bytes(json!({ "@t": [1] })).is_none());
    }
}

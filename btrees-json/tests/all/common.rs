//! The vectors in `tests/data`: what zodb-json-codec made of records of ZODB, and of texts.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use btrees_json::{DecodeOptions, Decoder, EncodeOptions, Encoder, Error};
use serde_json::Value;

pub struct Vector {
    pub name: String,
    /// `core`, `ext`: required; `full`: beyond what this crate does.
    pub scope: String,
    pub class: Option<(String, String)>,
    pub record: Vec<u8>,
    /// The text of the state.
    pub json: Option<String>,
    /// The record made of the state.
    pub encoded: Option<Vec<u8>>,
    pub refs: Option<Vec<i64>>,
}

impl Vector {
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    /// Whether text and record are what this crate has to make, too.
    pub fn is_required(&self) -> bool {
        self.scope != "full" && !["peerbug", "odd", "error"].contains(&self.group())
    }

    /// The text of class and state.
    pub fn text(&self) -> String {
        let (module, name) = self.class.as_ref().unwrap();
        format!("{{\"@cls\":[\"{module}\",\"{name}\"],\"@s\":{}}}", self.json.as_ref().unwrap())
    }
}

pub fn bytes(value: &Value) -> Option<Vec<u8>> {
    Some(STANDARD.decode(value.as_str()?).unwrap())
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn vectors() -> Vec<Vector> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all: Vec<Vector> = lines(include_str!("../data/vectors.jsonl"))
        .into_iter()
        .map(|line| Vector {
            name: text(&line["name"]).unwrap(),
            scope: text(&line["scope"]).unwrap(),
            class: text(&line["cls"]).map(|class| {
                let (module, name) = class.rsplit_once('.').unwrap();
                (module.to_owned(), name.to_owned())
            }),
            record: bytes(&line["raw"]).unwrap(),
            json: text(&line["json"]),
            encoded: bytes(&line["reenc"]),
            refs: line.get("refs").map(|refs| serde_json::from_value(refs.clone()).unwrap()),
        })
        .collect();
    assert_eq!(all.len(), 343);
    all
}

/// The vector of this name.
pub fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

pub fn encode_with(strict: bool, json: &str) -> Result<Vec<u8>, Error> {
    Encoder::new(EncodeOptions { strict, ..EncodeOptions::default() }).encode(json)
}

pub fn decode_with(options: DecodeOptions, record: &[u8]) -> Result<String, Error> {
    Decoder::new(options).read(record)?.to_json()
}

//! Values that the caller holds become the same record as their text, or go by way of it.

use crate::common::vectors;
use btrees_json::{encode, EncodeOptions, Encoder, Held, Style, View};
use serde_json::Value;

#[derive(Clone, Copy)]
struct Json<'a>(&'a Value);

/// Keys are values, too, so that they have to be somewhere.
fn with_keys(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(with_keys).collect(),
        Value::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| Value::from(vec![key.clone().into(), with_keys(value)]));
            Value::Object([("entries".to_owned(), entries.collect())].into_iter().collect())
        }
        leaf => leaf.clone(),
    }
}

impl<'a> Held<'a> for Json<'a> {
    fn view(self) -> View<'a> {
        match self.0 {
            Value::Null => View::Null,
            Value::Bool(value) => View::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.is_u64(), number.as_f64()) {
                (Some(value), ..) => View::Int(value),
                (None, false, Some(value)) => View::Float(value),
                _ => View::Other,
            },
            Value::String(text) => View::Text(text),
            Value::Array(items) => View::Array(items.len()),
            Value::Object(entries) => View::Object(entries["entries"].as_array().unwrap().len()),
        }
    }

    fn item(self, place: usize) -> Option<Self> {
        self.0.get(place).map(Json)
    }

    fn entries(self) -> impl Iterator<Item = (Self, Self)> {
        let entries = self.0["entries"].as_array().unwrap();
        entries.iter().map(|entry| (Json(&entry[0]), Json(&entry[1])))
    }
}

/// Whether the values of this text become a record without a text. Those that do become the same.
pub fn is_direct(text: &str) -> bool {
    // What serde_json does not take is tested as text.
    let Ok(value) = serde_json::from_str(text) else { return false };
    let held = with_keys(&value);
    for style in [Style::Codec, Style::Zodb] {
        let mut encoder = Encoder::new(EncodeOptions { style, ..EncodeOptions::default() });
        let Some(record) = encoder.encode_held(Json(&held)).map(<[u8]>::to_vec) else { return false };
        let wanted = encoder.encode(&value.to_string()).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(record, wanted, "{text}");
        assert_eq!(encoder.encode_held(Json(&held)), Some(&*wanted), "{text}");
    }
    let mut loose = Encoder::new(EncodeOptions { strict: false, ..EncodeOptions::default() });
    assert_eq!(loose.encode_held(Json(&held)), None);
    true
}

#[test]
fn the_vectors() {
    let direct = vectors().iter().filter(|vector| vector.is_required() && is_direct(&vector.text())).count();
    assert!(direct > 150, "{direct}");
}

#[test]
fn what_records_mostly_have() {
    let node = |class: &str, state: &str| {
        let (module, name) = class.split_once('.').unwrap();
        format!(r#"{{"@cls":["BTrees.{module}","{name}"],"@s":{state}}}"#)
    };
    let value = |value: &str| node("OOBTree.OOBTree", &format!(r#"{{"@kv":[["a",{value}]]}}"#));
    let deep = |depth: usize| value(&["[".repeat(depth), "]".repeat(depth)].concat());
    let long = "x".repeat(300);
    for (text, direct) in [
        (value("null"), true),
        (value(r#"[true,false,-1,255,256,65536,2147483648,-9223372036854775808,1.5,1e300,"\u0000é"]"#), true),
        (value(&format!(r#"["{long}","{}","{}"]"#, &long[..16], &long[..33])), true),
        (value(r#"{"a":{"b":[{},[]]},"c":1}"#), true),
        (value(r#"{"@b":"AAE="}"#), true),
        (value(r#"{"@t":[1,{"@t":[]},{"@t":[2,[3]]},4]}"#), true),
        (value(r#"{"@ref":["0000000000000003","mymod.sub.C"]}"#), true),
        (value(r#"[{"@ref":["0000000000000003","m.C"]},{"@ref":["000000000000000A","m.D"]}]"#), true),
        (deep(50), true),
        (deep(100), false),
        // Rare, and good.
        (value("18446744073709551615"), false),
        (value(r#"{"@dt":"2025-01-31T23:59:59"}"#), false),
        (value(r#"{"@":1}"#), false),
        (value(r#"{"@t":[],"x":1}"#), false),
        (value(r#"{"@ref":"0000000000000003"}"#), false),
        (node("OOBTree.OOSet", r#"{"@ks":[null,1]}"#), false),
        // Wrong.
        (value(r#"{"@b":"AAE"}"#), false),
        (value(r#"{"@b":"A==="}"#), false),
        (value(r#"{"@b":"AB=="}"#), false),
        (value(r#"{"@b":5}"#), false),
        (value(r#"{"@ref":["3","m.C"]}"#), false),
        (value(r#"{"@ref":["0000000000000003","os.C"]}"#), false),
        (value(r#"{"@ref":["0000000000000003","m.C\n"]}"#), false),
        (node("OOBTree.OOBTree", "{}"), false),
        (node("OOBTree.OOBTree", r#"{"@kv":[]}"#), false),
        (node("OOBTree.OOBucket", r#"{"@kv":[]}"#), true),
        (node("OOBTree.OOBTree", "null"), true),
        (node("OOBTree.OOBucket", "null"), false),
        (node("OOBTree.OOBTree", r#"{"@kv":[["a"]]}"#), false),
        (node("OOBTree.OOBTree", r#"{"@kv":[["a",1,2]]}"#), false),
        (node("OOBTree.OOSet", r#"{"@ks":["a","b"]}"#), true),
        (node("OOBTree.OOSet", r#"{"@ks":["abcdefgh","abcdefgha","b"]}"#), true),
        (node("OOBTree.OOSet", r#"{"@ks":["b","a"]}"#), false),
        (node("OOBTree.OOSet", r#"{"@ks":["abcdefgha","abcdefgh"]}"#), false),
        (node("OOBTree.OOSet", r#"{"@ks":["a","a"]}"#), false),
        (node("OOBTree.OOSet", r#"{"@ks":[1,"a"]}"#), false),
        (node("OOBTree.OOSet", r#"{"@kv":[["a",1]]}"#), false),
        (node("OOBTree.OOSet", r#"{"@ks":[{"@b":"AA=="},{"@b":"AQ=="}]}"#), true),
        (node("OOBTree.OOSet", r#"{"@ks":[{"@b":"AQ=="},{"@b":"AA=="}]}"#), false),
        (node("IIBTree.IIBTree", r#"{"@kv":[[-2147483648,2147483647]]}"#), true),
        (node("IIBTree.IIBTree", r#"{"@kv":[[1,2147483648]]}"#), false),
        (node("IIBTree.IIBTree", r#"{"@kv":[["1",1]]}"#), false),
        (node("IIBTree.IIBTree", r#"{"@kv":[[2,1],[1,1]]}"#), false),
        (node("UUBTree.UUSet", r#"{"@ks":[-1]}"#), false),
        (node("LFBTree.LFBTree", r#"{"@kv":[[1,0.1],[2,3]]}"#), true),
        (node("LFBTree.LFBTree", r#"{"@kv":[[1,1e39]]}"#), false),
        (node("fsBTree.fsBucket", r#"{"@kv":[[{"@b":"AAA="},{"@b":"AAAAAAAA"}]]}"#), true),
        (node("fsBTree.fsBucket", r#"{"@kv":[[{"@b":"AAA="},{"@b":"AAAAAA=="}]]}"#), false),
        (node("Length.Length", "5"), true),
        (node("Length.Length", "5.0"), false),
        (node("OOBTree.XX", "null"), false),
    ] {
        assert_eq!(is_direct(&text), direct, "{text}");
    }
    assert!(encode(&value("1e39")).is_ok());
}

#[test]
fn nodes_with_children() {
    let reference = |oid: u64, class: &str| format!(r#"{{"@ref":["{oid:016x}","BTrees.OOBTree.{class}"]}}"#);
    let leaf = |oid| reference(oid, "OOBucket");
    let tree = |oid| reference(oid, "OOBTree");
    let text = |children: &[String], first: &str| {
        let state = format!(r#"{{"@children":[{}],"@first":{first}}}"#, children.join(","));
        format!(r#"{{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{state}}}"#)
    };
    let key = |key: &str| format!("\"{key}\"");
    for (children, first, direct) in [
        (vec![leaf(2)], leaf(2), true),
        (vec![leaf(2), key("a"), leaf(3), key("b"), leaf(4)], leaf(2), true),
        (vec![tree(2), key("a"), tree(3)], leaf(9), true),
        (vec![], leaf(2), false),
        (vec![leaf(2), key("a")], leaf(2), false),
        (vec![key("a")], leaf(2), false),
        (vec![leaf(2), key("b"), leaf(3), key("a"), leaf(4)], leaf(2), false),
        (vec![leaf(2), key("a"), tree(3)], leaf(2), false),
        (vec![leaf(2)], leaf(3), false),
        (vec![tree(2)], leaf(2), false),
        (vec![tree(2)], tree(3), false),
        (vec![leaf(2), key("b"), leaf(2)], leaf(2), false),
        (vec![reference(2, "OOSet")], reference(2, "OOSet"), false),
        (vec![leaf(2).replace("OO", "IO")], leaf(2), false),
    ] {
        let text = text(&children, &first);
        assert_eq!(is_direct(&text), direct, "{text}");
        assert_eq!(encode(&text).is_ok(), direct, "{text}");
    }
    for (next, direct) in [(leaf(2), true), (tree(2), false), (key("a"), false)] {
        let text =
            format!(r#"{{"@cls":["BTrees.OOBTree","OOBucket"],"@s":{{"@kv":[["a",1]],"@next":{next}}}}}"#);
        assert_eq!(is_direct(&text), direct, "{text}");
        assert_eq!(encode(&text).is_ok(), direct, "{text}");
    }
}

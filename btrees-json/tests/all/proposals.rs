//! Where zodb-json-codec loses something in silence: here it comes back, or is refused. And text for
//! a jsonb column.

use crate::common::{decode_with, encode_with, vector};
use btrees_json::{decode, encode, DecodeOptions, Decoder};

const JSONB: DecodeOptions = DecodeOptions { jsonb: true, strict: false };

/// The text of the state.
fn state(options: DecodeOptions, record: &[u8]) -> String {
    Decoder::new(options).read(record).unwrap().state_json().unwrap().0
}

#[test]
fn what_the_codec_loses() {
    for (name, json, jsonb) in [
        ("peerbug/nan", r#"{"@kv":[["k",{"@f":"nan"}]]}"#, None),
        ("peerbug/inf", r#"{"@kv":[["k",{"@f":"-inf"}]]}"#, None),
        ("peerbug/IF-inf", r#"{"@kv":[[1,{"@f":"inf"}],[2,{"@f":"nan"}]]}"#, None),
        ("peerbug/nul-str", r#"{"@kv":[["k","a\u000075"]]}"#, Some(r#"{"@kv":[["k",{"@ns":"YQA3NQ=="}]]}"#)),
        (
            "peerbug/nul-dict-key",
            r#"{"@kv":[["k",{"a\u0000":1,"b":2}]]}"#,
            Some(r#"{"@kv":[["k",{"@ns:YQA=":1,"b":2}]]}"#),
        ),
        (
            "peerbug/nul-key",
            r#"{"@ks":["\u0000","delta509"]}"#,
            Some(r#"{"@ks":[{"@ns":"AA=="},"delta509"]}"#),
        ),
        ("peerbug/collide-t", r#"{"@kv":[["k",{"@d":[["@t",[1,2]]]}]]}"#, None),
        ("peerbug/collide-b", r#"{"@kv":[["k",{"@d":[["@b","YWJj"]]}]]}"#, None),
        ("peerbug/collide-ref", r#"{"@kv":[["k",{"@d":[["@ref","0000000000000003"]]}]]}"#, None),
        ("peerbug/collide-bi", r#"{"@kv":[["k",{"@d":[["@bi","60"]]}]]}"#, None),
        ("peerbug/collide-d", r#"{"@kv":[["k",{"@d":[["@d",[[1,2]]]]}]]}"#, None),
        ("peerbug/collide-badb", r#"{"@kv":[["k",{"@d":[["@b","!!"]]}]]}"#, None),
        (
            "peerbug/collide-dt-extra",
            r#"{"@kv":[["k",{"@d":[["@dt","2020-01-01T00:00:00"],["x",1]]}]]}"#,
            None,
        ),
        ("peerbug/tz-seconds", r#"{"@kv":[["k",{"@dt":"2025-01-01T00:00:00+01:02:03"}]]}"#, None),
        ("peerbug/getnewargs-persistent", r#"{"@kv":[["k",{"@ref":"0000000000000002"}]]}"#, None),
        ("peerbug/alias", r#"{"@kv":[["k",[["jap_4w9zk8"],["jap_4w9zk8"]]]]}"#, None),
    ] {
        let vector = vector(name);
        assert_eq!(state(DecodeOptions::default(), &vector.record), json, "{name}");
        assert_eq!(state(JSONB, &vector.record), jsonb.unwrap_or(json), "{name}");
        // Another text, the same record, which is a fixed point.
        let text = decode(&vector.record).unwrap();
        let record = encode(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(encode(&decode_with(JSONB, &vector.record).unwrap()).unwrap(), record, "{name}");
        assert_eq!(decode(&record).unwrap(), text, "{name}");
        // Not strict, a reference without a class is written as the codec writes it.
        let same = encode_with(false, &text).unwrap() == record;
        assert_eq!(same, name != "peerbug/getnewargs-persistent", "{name}");
    }
}

#[test]
fn references_are_complete() {
    // zodb-json-codec leaves it out, and a pack would delete the object.
    let vector = vector("peerbug/getnewargs-persistent");
    let mut decoder = Decoder::default();
    assert_eq!(decoder.read(&vector.record).unwrap().state_json().unwrap().1, [2]);
}

#[test]
fn floats_that_jsonb_would_change() {
    let text =
        |value: &str| format!(r#"{{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{{"@kv":[["a",{value}]]}}}}"#);
    for (value, jsonb) in [
        ("1e16", r#"{"@f":"1e16"}"#),
        ("-1.2345678901234568e17", r#"{"@f":"-1.2345678901234568e17"}"#),
        ("1.7976931348623157e308", r#"{"@f":"1.7976931348623157e308"}"#),
        ("-0.0", r#"{"@f":"-0.0"}"#),
        ("9999999999999998.0", "9999999999999998.0"),
        ("0.0", "0.0"),
        ("5e-324", "5e-324"),
        ("1e-7", "1e-7"),
    ] {
        let record = encode(&text(value)).unwrap();
        assert_eq!(decode(&record).unwrap(), text(value));
        assert_eq!(decode_with(JSONB, &record).unwrap(), text(jsonb));
        assert_eq!(encode(&text(jsonb)).unwrap(), record);
    }
    for wrong in ["x", "", "NaN", "infinity", "+inf", "1e999", "0x10", "1_0", " 1", "1 "] {
        assert!(encode(&text(&format!("{{\"@f\":\"{wrong}\"}}"))).is_err(), "{wrong}");
    }
    assert!(encode(&text(r#"{"@f":1.5}"#)).is_err());
    assert!(encode(&text(r#"{"@f":"1.5"}"#)).is_ok());
}

#[test]
fn markers_and_dicts_are_told_apart() {
    let text =
        |value: &str| format!(r#"{{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{{"@kv":[["a",{value}]]}}}}"#);
    for same in [
        r#"{"@x":1}"#,
        r#"{"@kv":[]}"#,
        r#"{"@t":[1],"x":2}"#,
        r#"{"@b":"!!","@t":5}"#,
        r#"{"@cls":1,"b":2,"c":3,"d":4,"e":5}"#,
        r#"{"@dt":1,"b":2,"c":3}"#,
        r#"{"@d":[["@ns:YQ==",1]]}"#,
        r#"{"@d":[["@cls",1],["x",2]]}"#,
        r#"{"@d":[["x",2],["@dt",1]]}"#,
    ] {
        let record = encode(&text(same)).unwrap_or_else(|e| panic!("{same}: {e}"));
        assert_eq!(decode(&record).unwrap(), text(same));
    }
    for wrong in [
        r#"{"@b":5}"#,
        r#"{"@b":{"@ns":"YWJj"}}"#,
        r#"{"@t":"x"}"#,
        r#"{"@dt":"2020-01-01T00:00:00","x":1}"#,
        r#"{"x":1,"@dt":"2020-01-01T00:00:00"}"#,
        r#"{"@cls":["a","b"],"x":1}"#,
        r#"{"@ns":"/w=="}"#,
        r#"{"@ns:/w==":1}"#,
        r#"{"@ns:!":1}"#,
        r#"{"@set":[[1]]}"#,
        r#"{"@fset":[{"@set":[]}]}"#,
        r#"{"@set":[{"@t":[1,[2]]}]}"#,
        r#"{"@d":[[{"a":1},1]]}"#,
        r#"{"@d":[[[],1]]}"#,
        r#"{"@d":{"a":1}}"#,
        r#"{"@d":[[1,2,3]]}"#,
        r#"{"@td":[0,86400,0]}"#,
        r#"{"@td":[0,0,1.5]}"#,
        r#"{"@uuid":"00000000-0000-0000-0000-00000000000g"}"#,
        r#"{"@time":"25:00:00"}"#,
    ] {
        assert!(encode(&text(wrong)).is_err(), "{wrong}");
        assert!(encode_with(false, &text(wrong)).is_err(), "{wrong}");
    }
}

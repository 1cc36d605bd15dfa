//! Text that becomes a record, or does not: the vectors of `encode.jsonl`, what strict import
//! refuses, and what it completes.

use crate::common::{bytes, encode_with, lines, vectors};
use crate::held::is_direct;
use btrees_json::{decode, encode, Class, EncodeOptions, Encoder, Error, Reason, Style};
use std::collections::BTreeSet;

fn text(class: &str, state: &str) -> String {
    let (module, name) = class.rsplit_once('.').unwrap();
    format!("{{\"@cls\":[\"BTrees.{module}\",\"{name}\"],\"@s\":{state}}}")
}

fn refused(class: &str, state: &str) -> Error {
    let text = text(class, state);
    let error = encode(&text).expect_err(&text);
    // (What comes twice in the text, its values have only once.)
    is_direct(&text);
    assert!(error.offset() <= text.len() && error.opcode().is_none() && error.path().is_some(), "{error}");
    error
}

/// What zodb-json-codec makes records of although something gets lost or breaks, or what it does not
/// know to be an error.
const REFUSED: [&str; 25] = [
    "prefix/mismatch",
    "prefix/py",
    "prefix/subclass",
    "prefix/unknown",
    "shape/bucket-ks",
    "shape/bucket-next-null",
    "shape/children-empty",
    "shape/children-even",
    "shape/dict-state",
    "shape/first-only",
    "shape/ks-on-tree",
    "shape/kv-and-ks",
    "shape/kv-long-pair",
    "shape/kv-next-on-tree",
    "shape/kv-not-list",
    "shape/kv-unknown-key",
    "shape/raw-4level",
    "shape/set-kv",
    "value/bi-number",
    "value/d-badpair",
    "value/date-feb31",
    "value/dec-empty",
    "value/dt-month13",
    "value/newline-class",
    "value/pkl",
];

/// More of them: references that are none, and payloads that a key of ours does not have.
const REFUSED_TOO: [&str; 8] = [
    "value/ref-list1",
    "value/ref-nodot",
    "value/ref-null",
    "value/ref-short",
    "value/reduce-items",
    "value/t-notlist",
    "value/td-two",
    "value/uuid-nodash",
];

/// Records that strict import refuses, too: BTrees could not have made the tree.
const UNSOUND: [&str; 5] =
    ["prefix/II-string-key", "shape/kv", "shape/kv-dup", "shape/kv-empty", "shape/kv-unsorted"];

#[test]
fn texts_of_the_codec() {
    let refused: BTreeSet<&str> = REFUSED.into_iter().chain(REFUSED_TOO).collect();
    let (mut same, mut wrong) = (0, 0);
    for line in lines(include_str!("../data/encode.jsonl")) {
        let (name, json) = (line["name"].as_str().unwrap(), line["json"].as_str().unwrap());
        let (loose, strict) = (encode_with(false, json), encode_with(true, json));
        match (name, bytes(&line["record"])) {
            ("value/ns", Some(other)) => {
                // There a dict, here a string with U+0000.
                let record = loose.unwrap();
                assert_ne!(record, other);
                assert!(decode(&record).unwrap().contains(r#""a\u0000b""#));
            }
            ("value/big-json-int", None) => {
                assert!(decode(&strict.unwrap()).unwrap().contains(r#"{"@bi":"1180591620717411303424"}"#));
            }
            ("shape/children-bareref", Some(other)) => {
                assert_eq!(loose.as_ref().ok(), Some(&other));
                // The class of the leaf is known.
                assert!(decode(&strict.unwrap())
                    .unwrap()
                    .contains(r#"["0000000000000002","BTrees.OOBTree.OOBucket"]"#));
            }
            (_, None) => {
                assert!(loose.is_err() && strict.is_err(), "{name}");
                wrong += 1;
            }
            (_, Some(_)) if refused.contains(name) => {
                assert!(loose.is_err() && strict.is_err(), "{name}");
                wrong += 1;
            }
            (_, Some(record)) => {
                assert_eq!(loose.unwrap_or_else(|e| panic!("{name}: {e}")), record, "{name}");
                match strict {
                    Ok(strict) => assert_eq!(strict, record, "{name}"),
                    Err(error) => assert!(UNSOUND.contains(&name), "{name}: {error}"),
                }
                same += 1;
            }
        }
    }
    assert_eq!((same, wrong), (40, 44));
}

#[test]
fn keys_must_ascend() {
    for (class, keys) in [
        ("OOBTree.OOSet", r#"["b","a"]"#),
        ("OOBTree.OOSet", r#"["a","a"]"#),
        ("OOBTree.OOSet", r#"["\u0061","a"]"#),
        ("OOBTree.OOSet", r#"["ａ","a"]"#),
        ("OOBTree.OOSet", r#"[2,1]"#),
        ("OOBTree.OOSet", r#"[1.5,1]"#),
        ("OOBTree.OOSet", r#"[true,1]"#),
        ("OOBTree.OOSet", r#"[{"@bi":"18446744073709551616"},5]"#),
        ("OOBTree.OOSet", r#"["a",null]"#),
        ("OOBTree.OOSet", r#"[null,null]"#),
        ("OOBTree.OOSet", r#"[{"@b":"Yg=="},{"@b":"YQ=="}]"#),
        // base64 has another order than the bytes.
        ("OOBTree.OOSet", r#"[{"@b":"+w=="},{"@b":"aQ=="}]"#),
        ("OOBTree.OOSet", r#"[{"@t":["a",2]},{"@t":["a",1]}]"#),
        ("OOBTree.OOSet", r#"[{"@t":["a",1]},{"@t":["a"]}]"#),
        ("OOBTree.OOSet", r#"[{"@t":[]},{"@t":[]}]"#),
        ("OOBTree.OOSet", r#"[{"@dt":"2020-01-01T00:00:00+01:00"},{"@dt":"2019-12-31T23:00:00+00:00"}]"#),
        ("OOBTree.OOSet", r#"[{"@date":"2020-01-02"},{"@date":"2020-01-01"}]"#),
        ("OOBTree.OOSet", r#"[{"@td":[0,0,1]},{"@td":[-1,0,0]}]"#),
        ("OOBTree.OOSet", r#"[{"@dec":"1E+1"},{"@dec":"9.9"}]"#),
        (
            "OOBTree.OOSet",
            r#"[{"@uuid":"00000000-0000-0000-0000-000000000001"},{"@uuid":"00000000-0000-0000-0000-000000000000"}]"#,
        ),
        ("IIBTree.IISet", "[-1,-2]"),
        ("IIBTree.IISet", "[1,2,3,4,5,6,7,8,9,9]"),
        ("fsBTree.fsSet", r#"[{"@b":"AAI="},{"@b":"AAE="}]"#),
    ] {
        let error = refused(class, &format!("{{\"@ks\":{keys}}}"));
        assert!(matches!(error.reason(), Reason::KeyOrder | Reason::DuplicateKey), "{class} {keys}: {error}");
        let pairs: Vec<String> = serde_json::from_str::<Vec<serde_json::Value>>(keys)
            .unwrap()
            .iter()
            .map(|key| {
                format!("[{key},{}]", if class.starts_with('f') { r#"{"@b":"AAAAAAAA"}"# } else { "1" })
            })
            .collect();
        let pairs = refused(&class.replace("Set", "Bucket"), &format!("{{\"@kv\":[{}]}}", pairs.join(",")));
        assert_eq!(pairs.reason(), error.reason(), "{class} {keys}");
    }
}

#[test]
fn keys_that_ascend() {
    for keys in [
        r#"["","A","a","aa","ä","ａ","😀"]"#,
        r#"[null,1,2.5,3,{"@bi":"18446744073709551616"},1e30,{"@f":"inf"}]"#,
        r#"[null,"a","b"]"#,
        r#"[false,true,2]"#,
        r#"[{"@f":"-inf"},-1,-0.5,0,0.5]"#,
        r#"[{"@b":"aQ=="},{"@b":"+w=="}]"#,
        r#"[{"@t":["a"]},{"@t":["a",1]},{"@t":["a",2]}]"#,
        r#"[{"@t":[1,{"@b":""}]},{"@t":[2,"x"]}]"#,
        r#"[[1],[1,2]]"#,
        r#"[{"@time":"00:00:00"},{"@time":"00:00:00.000001"}]"#,
        r#"[{"@dec":"-Infinity"},{"@dec":"1"},{"@dec":"1.1"},{"@dec":"NaN"}]"#,
        // Their order is for their classes to say.
        r#"[{"@ref":["0000000000000002","m.C"]},{"@ref":["0000000000000001","m.C"]}]"#,
        r#"[1,{"@dec":"0"}]"#,
    ] {
        let text = text("OOBTree.OOTreeSet", &format!("{{\"@ks\":{keys}}}"));
        let record = encode(&text).unwrap_or_else(|e| panic!("{keys}: {e}"));
        assert_eq!(decode(&record).unwrap(), text);
    }
}

#[test]
fn keys_that_cannot_be_compared() {
    for keys in [
        r#"[1,"a"]"#,
        r#"["a",{"@b":"YQ=="}]"#,
        r#"[{"@t":[1]},{"@t":["a"]}]"#,
        r#"[{"@t":[null]},{"@t":[1]}]"#,
        r#"[{"@t":[1]},[2]]"#,
        r#"[{"@date":"2020-01-01"},{"@dt":"2020-01-02T00:00:00"}]"#,
        r#"[{"@dt":"2020-01-01T00:00:00"},{"@dt":"2020-01-02T00:00:00Z"}]"#,
        r#"[{"@dec":"1"},"2"]"#,
        r#"[{"a":1},{"b":1}]"#,
    ] {
        let error = refused("OOBTree.OOSet", &format!("{{\"@ks\":{keys}}}"));
        assert_eq!(*error.reason(), Reason::KeyTypes, "{keys}: {error}");
    }
}

/// The value that a family may just have, and the next beyond.
#[test]
fn columns() {
    for (prefix, least, most, below, above) in [
        ("II", "-2147483648", "2147483647", "-2147483649", "2147483648"),
        ("UU", "0", "4294967295", "-1", "4294967296"),
        ("LL", "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"),
        ("QQ", "0", "18446744073709551615", "-1", "18446744073709551616"),
    ] {
        let class = format!("{prefix}BTree.{prefix}Bucket");
        let pairs = |key: &str, value: &str| format!("{{\"@kv\":[[{key},{value}]]}}");
        for number in [least, most, &format!("{{\"@bi\":\"{most}\"}}")] {
            encode(&text(&class, &pairs(number, number))).unwrap_or_else(|e| panic!("{class} {number}: {e}"));
        }
        for wrong in [below, above, "1.5", "\"1\"", "true", "null", "[]"] {
            for (pairs, column) in [(pairs(wrong, "1"), "key"), (pairs("1", wrong), "value")] {
                let error = refused(&class, &pairs);
                assert!(
                    matches!(error.reason(), Reason::ColumnType(found, _) if *found == column),
                    "{error}"
                );
            }
        }
    }
    for good in ["0.1", "5", r#"{"@f":"nan"}"#, r#"{"@f":"-inf"}"#, "3.4e38", "-0.0"] {
        encode(&text("LFBTree.LFBTree", &format!("{{\"@kv\":[[1,{good}]]}}"))).unwrap();
    }
    for wrong in ["3.5e38", "\"0.1\"", "null", r#"{"@bi":"18446744073709551616"}"#] {
        let error = refused("LFBTree.LFBTree", &format!("{{\"@kv\":[[1,{wrong}]]}}"));
        assert_eq!(*error.reason(), Reason::ColumnType("value", "a number that 32 bits can hold"));
    }
    for (key, value, want) in [
        (r#"{"@b":"AAA="}"#, r#"{"@b":"AAAAAAAA"}"#, None),
        (r#"{"@b":"AA=="}"#, r#"{"@b":"AAAAAAAA"}"#, Some(("key", "two bytes"))),
        (r#"{"@b":"AAA="}"#, r#"{"@b":"AAAAAAA="}"#, Some(("value", "six bytes"))),
        (r#""aa""#, r#"{"@b":"AAAAAAAA"}"#, Some(("key", "two bytes"))),
    ] {
        let result = encode(&text("fsBTree.fsBucket", &format!("{{\"@kv\":[[{key},{value}]]}}")));
        let reason = result.err().map(|error| error.reason().clone());
        assert_eq!(reason, want.map(|(column, want)| Reason::ColumnType(column, want)));
    }
}

const BUCKET: &str = r#"{"@ref":["0000000000000002","BTrees.OOBTree.OOBucket"]}"#;

#[test]
fn nodes_and_their_links() {
    let other = |class: &str| BUCKET.replace("OOBTree.OOBucket", class);
    let oid = |oid: &str| BUCKET.replace("02\"", oid);
    let third = oid("03\"");
    let tree = other("OOBTree.OOBTree");
    for (class, state, want) in [
        (
            "OOBTree.OOBucket",
            format!(r#"{{"@kv":[],"@next":{}}}"#, other("OOBTree.OOBTree")),
            "a reference to what cannot be there",
        ),
        (
            "OOBTree.OOBucket",
            format!(r#"{{"@kv":[],"@next":{}}}"#, other("OOBTree.OOSet")),
            "a reference to what cannot be there",
        ),
        (
            "OOBTree.OOBucket",
            format!(r#"{{"@kv":[],"@next":{}}}"#, other("IOBTree.IOBucket")),
            "a reference to what cannot be there",
        ),
        ("OOBTree.OOBucket", r#"{"@kv":[],"@next":5}"#.to_owned(), "state: not a reference"),
        ("OOBTree.OOBucket", "null".to_owned(), "state: null is an empty tree, but this is a leaf"),
        ("OOBTree.OOBucket", "{}".to_owned(), "state: @kv is missing"),
        ("OOBTree.OOSet", "{}".to_owned(), "state: @ks is missing"),
        (
            "OOBTree.OOBucket",
            format!(r#"{{"@children":[{BUCKET}],"@first":{BUCKET}}}"#),
            "state: @children and @first are for trees, but this is a leaf",
        ),
        ("OOBTree.OOBTree", "5".to_owned(), "state: not an object"),
        ("OOBTree.OOBTree", r#"{"@kv":[]}"#.to_owned(), "an empty tree is null, not a tree without items"),
        ("OOBTree.OOBTree", format!(r#"{{"@children":[{BUCKET}]}}"#), "state: @first is missing"),
        ("OOBTree.OOBTree", format!(r#"{{"@first":{BUCKET}}}"#), "state: @children is missing"),
        (
            "OOBTree.OOBTree",
            format!(r#"{{"@kv":[["a",1]],"@children":[{BUCKET}],"@first":{BUCKET}}}"#),
            "state: @children and @first exclude @kv and @ks",
        ),
        (
            "OOBTree.OOBTree",
            format!(r#"{{"@kv":[["a",1]],"@next":{BUCKET}}}"#),
            "state: @next is for leaves, but this is a tree",
        ),
        ("OOBTree.OOBTree", r#"{"@ks":["a"]}"#.to_owned(), "state: @ks is for sets, but this is a map"),
        ("OOBTree.OOTreeSet", r#"{"@kv":[["a",1]]}"#.to_owned(), "state: @kv is for maps, but this is a set"),
        (
            "OOBTree.OOBTree",
            r#"{"@kv":[["a",1]],"@kv":[["a",1]]}"#.to_owned(),
            "state: two keys of which only one can be",
        ),
        ("Length.Length", "null".to_owned(), "state: a Length is an integer"),
        ("Length.Length", "1.0".to_owned(), "state: a Length is an integer"),
        ("Length.Length", "{}".to_owned(), "state: a Length is an integer"),
    ] {
        let error = refused(class, &state);
        assert_eq!(error.reason().to_string(), want, "{class} {state}");
    }
    for (class, state) in [
        ("OOBTree.OOBTree", format!(r#"{{"@children":[{BUCKET},"b",{third}],"@first":{BUCKET}}}"#)),
        (
            "OOBTree.OOBTree",
            format!(
                r#"{{"@children":[{tree},"b",{}],"@first":{third}}}"#,
                oid("05\"").replace("OOBucket", "OOBTree")
            ),
        ),
        ("OOBTree.OOBucket", format!(r#"{{"@kv":[["a",1]],"@next":{BUCKET}}}"#)),
    ] {
        let text = text(class, &state);
        let record = encode(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(decode(&record).unwrap(), text);
    }
}

#[test]
fn children_that_no_tree_has() {
    let third = BUCKET.replace("02\"", "03\"");
    let tree = BUCKET.replace("OOBTree.OOBucket", "OOBTree.OOBTree");
    let (bucket, counts) = (BUCKET, "state: children are not one more than the keys between them");
    for (children, first, want) in [
        (format!(r#"{bucket},"a""#), bucket, counts),
        (String::new(), bucket, counts),
        ("\"a\"".to_owned(), bucket, "state: a child is not a reference"),
        (bucket.to_owned(), "null", "state: a child is not a reference"),
        (format!(r#"{bucket},"b",{third},"a",{third}"#), bucket, "key is not greater than the one before"),
        (format!(r#"{bucket},"b",{tree}"#), bucket, "leaves and trees beside each other"),
        (bucket.to_owned(), &third, "the first child is a leaf other than @first"),
        (tree.clone(), bucket, "@first is not the first child"),
        (format!(r#"{bucket},"b",{bucket}"#), bucket, "@first is not the first child"),
        (tree.clone(), &tree, "a reference to what cannot be there"),
    ] {
        let state = format!(r#"{{"@children":[{children}],"@first":{first}}}"#);
        assert_eq!(refused("OOBTree.OOBTree", &state).reason().to_string(), want, "{state}");
    }
}

/// The examples of the format have references without a class. It is known where a node must be.
#[test]
fn references_without_a_class() {
    let bare = |oid: u64| format!("{{\"@ref\":\"{oid:016x}\"}}");
    let full = |oid: u64, class: &str| format!("{{\"@ref\":[\"{oid:016x}\",\"BTrees.OOBTree.{class}\"]}}");
    let inner = |reference: &dyn Fn(u64, &str) -> String, first: u64, below: &str| {
        let (one, two) = (reference(5, below), reference(6, below));
        format!("{{\"@children\":[{one},\"m\",{two}],\"@first\":{}}}", reference(first, "OOBucket"))
    };
    let without = |oid: u64, _: &str| bare(oid);
    for (first, below) in [(5, "OOBucket"), (4, "OOBTree")] {
        let record = encode(&text("OOBTree.OOBTree", &inner(&without, first, below))).unwrap();
        assert_eq!(decode(&record).unwrap(), text("OOBTree.OOBTree", &inner(&full, first, below)));
    }
    let leaf = |next: String| text("OOBTree.OOSet", &format!("{{\"@ks\":[\"a\"],\"@next\":{next}}}"));
    assert_eq!(decode(&encode(&leaf(bare(3))).unwrap()).unwrap(), leaf(full(3, "OOSet")));
    // Anywhere else the class is not known: the reference is the oid alone, which ZODB can load.
    let value = text("OOBTree.OOBTree", &format!("{{\"@kv\":[[\"a\",{}]]}}", bare(3)));
    let record = encode(&value).unwrap();
    assert!(record.ends_with(b"C\x08\0\0\0\0\0\0\0\x03Q\x86\x85\x85\x85."));
    assert_eq!(decode(&record).unwrap(), value);
    // As zodb-json-codec writes such references.
    let bytes = value.replace("\"0000000000000003\"", "{\"@b\":\"AAAAAAAAAAM=\"}");
    assert_eq!(encode(&bytes).unwrap(), record);
}

#[test]
fn classes_in_references() {
    let value = |class: &str| {
        text(
            "OOBTree.OOBTree",
            &format!("{{\"@kv\":[[\"a\",{{\"@ref\":[\"0000000000000003\",\"{class}\"]}}]]}}"),
        )
    };
    for class in ["mymod.P", "a.b.c.D", "größe.Ä", "__main__.X", "BTrees.OOBTree.OOBTree"] {
        let text = value(class);
        assert_eq!(decode(&encode(&text).unwrap()).unwrap(), text);
    }
    for strict in [true, false] {
        for class in [
            "os.system",
            "subprocess.Popen",
            "builtins.eval",
            "__builtin__.eval",
            "_posixsubprocess.fork_exec",
        ] {
            let error = encode_with(strict, &value(class)).unwrap_err();
            assert_eq!(*error.reason(), Reason::NotPersistent(class.to_owned()));
        }
        for class in ["P", ".P", "a.", "a..b", "a b.C", "a\\n.b", "a.b\\n", "", "1a.b", "a.1b"] {
            let error = encode_with(strict, &value(class)).unwrap_err();
            assert_eq!(*error.reason(), Reason::ClassName, "{class}");
        }
    }
}

#[test]
fn only_classes_of_btrees_are_values() {
    let value = |value: &str| text("OOBTree.OOBTree", &format!("{{\"@kv\":[[\"a\",{value}]]}}"));
    let length = value(r#"{"@cls":["BTrees.Length","Length"]}"#);
    assert_eq!(decode(&encode(&length).unwrap()).unwrap(), length);
    for wrong in [
        r#"{"@cls":["os","system"]}"#,
        r#"{"@cls":["os","system"],"@s":{}}"#,
        r#"{"@s":{},"@cls":["os","system"]}"#,
        r#"{"@cls":["BTrees.OOBTree","OOBTree"],"@s":null}"#,
        r#"{"@reduce":{"callable":5,"args":{"@t":["ls"]}}}"#,
        r#"{"@reduce":{"callable":{"@cls":["os","system"]},"args":{"@t":["ls"]}}}"#,
        r#"{"@pkl":"Lg=="}"#,
    ] {
        for strict in [true, false] {
            assert!(encode_with(strict, &value(wrong)).is_err(), "{wrong}");
        }
    }
}

#[test]
fn what_is_not_a_record() {
    for (text, want) in [
        ("", "offset 0, at $: the input ends here"),
        ("[]", "offset 0, at $: JSON: a record is an object"),
        ("{}", "offset 0, at $: state: a record has @cls"),
        (r#"{"@s":null}"#, "offset 0, at $: state: a record has @cls"),
        (r#"{"@cls":["BTrees.OOBTree","OOBTree"]}"#, "offset 0, at $: state: a record has @s"),
        (
            r#"{"@cls":["BTrees.OOBTree","OOBTree"],"@s":null,"x":1}"#,
            "offset 47, at $: state: a record has @cls and @s, and nothing else",
        ),
        (
            r#"{"@cls":["BTrees.OOBTree","OOBTree"],"@s":null,"@s":null}"#,
            "offset 47, at $: JSON: key occurs twice",
        ),
        (
            r#"{"@s":null,"@s":null,"@cls":["BTrees.OOBTree","OOBTree"]}"#,
            "offset 11, at $: JSON: key occurs twice",
        ),
        (
            r#"{"@cls":"BTrees.OOBTree","@s":null}"#,
            "offset 8, at $[\"@cls\"]: JSON: @cls is an array of two strings",
        ),
        (
            r#"{"@cls":["BTrees.OOBTree"],"@s":null}"#,
            "offset 25, at $[\"@cls\"][0]: JSON: @cls is an array of two strings",
        ),
        (
            r#"{"@cls":["BTrees.OOBTree","OOBTree"],"@s":null}x"#,
            "offset 47, at $: JSON: text goes on behind its end",
        ),
        (r#"{"@cls":["BTrees.OOBTree","OOBTree"],"@s":null"#, "offset 46, at $[\"@s\"]: the input ends here"),
        (
            r#"{"@s":null x,"@cls":["BTrees.OOBTree","OOBTree"]}"#,
            "offset 11, at $[\"@s\"]: JSON: neither a comma nor the end of an object",
        ),
    ] {
        assert_eq!(encode(text).unwrap_err().to_string(), want, "{text}");
    }
}

/// PostgreSQL's jsonb has keys in another order, and spaces.
#[test]
fn any_order_of_keys_and_any_space() {
    for vector in vectors().iter().filter(|vector| vector.is_required()) {
        let state = vector.json.as_ref().unwrap();
        let (module, name) = vector.class.as_ref().unwrap();
        let late = format!("\n{{ \"@s\" :\t{state} , \"@cls\" : [ \"{module}\" , \"{name}\" ] }} \r\n");
        assert_eq!(encode_with(false, &late).ok(), vector.encoded, "{}", vector.name);
        if !state.contains("\\u") {
            // Text in strings never has a bracket behind a comma here.
            let spaced = state.replace("],[", " ] ,\n [ ").replace("{\"@", "{ \"@").replace("\":{", "\" : {");
            let class = Class::parse(module, name).unwrap();
            let mut encoder = Encoder::new(EncodeOptions { strict: false, ..EncodeOptions::default() });
            assert_eq!(encoder.encode_state(class, &spaced).ok(), vector.encoded, "{}", vector.name);
        }
    }
    let tree = format!("{{\"@first\":{BUCKET},\"@children\":[{BUCKET}]}}");
    let usual = format!("{{\"@children\":[{BUCKET}],\"@first\":{BUCKET}}}");
    assert_eq!(encode(&text("OOBTree.OOBTree", &tree)), encode(&text("OOBTree.OOBTree", &usual)));
    let leaf = format!("{{\"@next\":{BUCKET},\"@kv\":[[\"a\",1]]}}");
    let usual = format!("{{\"@kv\":[[\"a\",1]],\"@next\":{BUCKET}}}");
    assert_eq!(encode(&text("OOBTree.OOBucket", &leaf)), encode(&text("OOBTree.OOBucket", &usual)));
}

#[test]
fn records_as_zodb_begins_them() {
    let mut encoder = Encoder::new(EncodeOptions { style: Style::Zodb, ..EncodeOptions::default() });
    let text = text("IIBTree.IITreeSet", r#"{"@ks":[1]}"#);
    let record = encoder.encode(&text).unwrap();
    assert_eq!(record, b"\x80\x03cBTrees.IIBTree\nIITreeSet\nq\x00.\x80\x03K\x01\x85\x85\x85\x85.");
    assert_eq!(decode(&record).unwrap(), text);
}

#[test]
fn json_that_is_none() {
    let wrong = [
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "[",
        "{",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{a:1}",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\u+123\"",
        "01",
        "-",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "tru",
        "True",
        "1e999",
        "-1e999",
        "\u{feff}1",
        "\"\\",
        "\"\\u",
        "",
        "]",
        "}",
        ":",
        "\u{0}",
    ];
    for value in wrong {
        let text = text("OOBTree.OOBTree", &format!("{{\"@kv\":[[\"a\",{value}]]}}"));
        let error = encode(&text).expect_err(&text);
        assert!(error.offset() > 50 && error.offset() <= text.len(), "{text}: {error}");
        let nested = text.replace(value, &format!("{{\"k\":[{value}]}}"));
        assert!(value.is_empty() || encode(&nested).is_err(), "{nested}");
    }
    for (value, want) in [
        ("-0", "0"),
        ("0e5", "0.0"),
        ("1E+2", "100.0"),
        ("-0e-0", "-0.0"),
        ("1e-400", "0.0"),
        ("9223372036854775808", r#"{"@bi":"9223372036854775808"}"#),
        ("-9223372036854775808", "-9223372036854775808"),
        (r#""\ud83d\ude00\/\b\f""#, r#""😀/\u0008\u000c""#),
        ("[ ]", "[]"),
        ("{ }", "{}"),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
    ] {
        let pairs = |value: &str| text("OOBTree.OOBTree", &format!("{{\"@kv\":[[\"a\",{value}]]}}"));
        assert_eq!(decode(&encode(&pairs(value)).unwrap()).unwrap(), pairs(want));
    }
}

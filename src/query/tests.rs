use super::{Program, Verdict};
use Verdict::{No, Unsure, Yes};

const EQ: u8 = 1;
const GT: u8 = 2;
const LT: u8 = 4;
const IN: u8 = 6;
const EXISTS: u8 = 7;
const CONTAINS: u8 = 8;
const STARTSWITH: u8 = 9;
const AND: u8 = 16;
const OR: u8 = 17;
const NOT: u8 = 18;

fn text(out: &mut Vec<u8>, s: &str) {
    out.extend((s.len() as u16).to_le_bytes());
    out.extend(s.as_bytes());
}

/// A condition; values: JSON scalars, or ? for a list or dict.
fn leaf(kind: u8, path: &str, values: &[&str]) -> Vec<u8> {
    let parts: Vec<_> = path.split('.').filter(|_| path != "_id").collect();
    let place = match path {
        "_id" => 1,
        "tags" => 2,
        _ => 0,
    };
    let mut out = vec![kind, place, parts.len() as u8];
    for part in parts {
        out.extend(part.parse::<u16>().unwrap_or(0xFFFF).to_le_bytes());
        text(&mut out, part);
    }
    out.push(values.len() as u8);
    for value in values {
        match value.chars().next().unwrap() {
            'n' => out.push(b'n'),
            't' => out.push(b't'),
            'f' => out.push(b'f'),
            '?' => out.push(b'?'),
            '"' => {
                out.push(b's');
                text(&mut out, value.trim_matches('"'));
            }
            _ => {
                out.push(b'i');
                text(&mut out, value);
            }
        }
    }
    out
}

fn program(leaves: &[Vec<u8>], code: &[u8]) -> Vec<u8> {
    let mut out = vec![1, leaves.len() as u8];
    out.extend(1000u64.to_le_bytes());
    let all = leaves.concat();
    out.extend((all.len() as u16).to_le_bytes());
    out.extend(all);
    out.extend(code);
    out
}

fn one(kind: u8, path: &str, values: &[&str], record: &str) -> Verdict {
    let program = program(&[leaf(kind, path, values)], &[0]);
    Program::parse(&program).unwrap().matches(b"the key", record.as_bytes())
}

#[test]
fn equality() {
    for (values, record, verdict) in [
        (["5"], r#"{"a": 5}"#, Yes),
        (["5"], r#"{"a": 6}"#, No),
        (["5"], r#"{"a":"5"}"#, No),
        (["5"], r#"{"b":5}"#, No),
        (["5"], r#"{"b":{"a":5}}"#, No),
        (["5"], r#"{"a":[1,5]}"#, Yes),
        (["5"], r#"{"a":[1,[5]]}"#, No),
        (["5"], r#"{"a":5.0}"#, Unsure),
        (["5"], r#"{"a":5.1}"#, No),
        (["\"x\""], r#"{"a":"x"}"#, Yes),
        (["\"x\""], r#"{"a":"\u0078"}"#, Yes),
        (["true"], r#"{"a":true}"#, Yes),
        (["true"], r#"{"a":1}"#, No),
        (["1"], r#"{"a":true}"#, No),
        (["null"], r#"{"a":null}"#, Yes),
        (["null"], r#"{"b":1}"#, Yes),
        (["null"], r#"{"a":0}"#, No),
        (["?"], r#"{"a":[]}"#, Unsure),
        (["?"], r#"{"a":{}}"#, Unsure),
        (["?"], r#"{"a":[[1]]}"#, Unsure),
        (["?"], r#"{"a":7}"#, No),
        (["5"], r#"{"\u0061":5}"#, Yes),
        (["5"], "17", No),
        (["null"], "17", Yes),
    ] {
        assert_eq!(one(EQ, "a", &values, record), verdict, "{values:?} {record}");
    }
}

#[test]
fn kinds() {
    for (kind, values, record, verdict) in [
        (GT, ["5"], r#"{"a":6}"#, Yes),
        (GT, ["5"], r#"{"a":5}"#, No),
        (GT, ["5"], r#"{"a":"6"}"#, No),
        (3, ["5"], r#"{"a":5}"#, Yes),
        (LT, ["5"], r#"{"a":[9,-1e3]}"#, Yes),
        (5, ["\"b\""], r#"{"a":"b"}"#, Yes),
        (LT, ["\"b\""], r#"{"a":"ab"}"#, Yes),
        (LT, ["\"b\""], r#"{"a":null}"#, No),
        (CONTAINS, ["\"ell\""], r#"{"a":"hello"}"#, Yes),
        (CONTAINS, ["\"ell\""], r#"{"a":["hello","ell"]}"#, Yes),
        (CONTAINS, ["\"ell\""], r#"{"a":["hello"]}"#, No),
        (CONTAINS, ["5"], r#"{"a":[4,5]}"#, Yes),
        (CONTAINS, ["5"], r#"{"a":5}"#, No),
        (CONTAINS, ["?"], r#"{"a":[4,[]]}"#, Unsure),
        (STARTSWITH, ["\"he\""], r#"{"a":"hello"}"#, Yes),
        (STARTSWITH, ["\"el\""], r#"{"a":"hello"}"#, No),
        (STARTSWITH, ["\"el\""], r#"{"a":["x","ely"]}"#, Yes),
    ] {
        assert_eq!(one(kind, "a", &values, record), verdict, "{kind} {values:?} {record}");
    }
    assert_eq!(one(IN, "a", &["1", "\"x\"", "null"], r#"{"a":"x"}"#), Yes);
    assert_eq!(one(IN, "a", &["1", "\"x\"", "null"], r#"{"b":"x"}"#), Yes);
    assert_eq!(one(IN, "a", &[], r#"{"b":"x"}"#), No);
    assert_eq!(one(IN, "a", &["1", "?"], r#"{"a":[[],1]}"#), Yes);
    assert_eq!(one(EXISTS, "a", &[], r#"{"a":null}"#), Yes);
    assert_eq!(one(EXISTS, "a", &[], r#"{"b":{"a":1}}"#), No);
}

#[test]
fn paths() {
    for (path, record, verdict) in [
        ("a.b", r#"{"a":{"b":5}}"#, Yes),
        ("a.b", r#"{"a":{"c":{"b":5},"b":6}}"#, No),
        ("a.b", r#"{"a":[{"b":4},{"c":1},{"b":5}]}"#, Yes),
        ("a.b", r#"{"a":[[{"b":5}]]}"#, No),
        ("a.1", r#"{"a":[4,5]}"#, Yes),
        ("a.1", r#"{"a":[5,4]}"#, No),
        ("a.1", r#"{"a":{"1":5}}"#, Yes),
        ("a.1", r#"{"a":[{"1":5}]}"#, Yes),
        ("a.0.1", r#"{"a":[[4,5]]}"#, Yes),
        ("a.0", r#"{"a":[[4,5]]}"#, Yes),
        ("a.b.c", r#"{"a":{"b":[{"c":[5]}]}, "z":{}}"#, Yes),
        ("a.b.c", r#"{"a":[{"b":{"c":5}}]}"#, Yes),
        ("0", r#"{"0":5}"#, Yes),
        ("0.a", r#"[[{"a":5}]]"#, Yes),
        ("a", r#"[[{"a":5}]]"#, Yes),
        ("a", r#"[{"a":5}]"#, Yes),
    ] {
        assert_eq!(one(EQ, path, &["5"], record), verdict, "{path} {record}");
    }
    let deep = "a.".repeat(12) + "a";
    assert_eq!(one(EQ, &deep, &["5"], &("{\"a\":".repeat(13) + "5" + &"}".repeat(13))), Unsure);
}

#[test]
fn records() {
    for (record, verdict) in [
        (r#"[{"a":5}]"#, Yes),
        (r#"[{"a":5},null]"#, Yes),
        (r#"[{"a":5},1001]"#, Yes),
        (r#"[{"a":5},1000]"#, No),
        (r#" [ {"a" : 5} , 5 , [ ] ] "#, No),
        (r#"[{"a":5},null,["x","y"]]"#, Yes),
        (r#"[{"a":5},"soon"]"#, Unsure),
        (r#"[{"a":5},-1]"#, Unsure),
        (r#"[{"a":5},1e9]"#, Unsure),
        (r#"[{"a":5},null,"x"]"#, Unsure),
        (r#"[{"a":5},null,[5]]"#, Unsure),
        (r#"[{"a":5},null,["x"],1]"#, Unsure),
        ("[]", Unsure),
        ("", Unsure),
        (r#"{"a":5"#, Unsure),
        (r#"{"a":5}}"#, Unsure),
        (r#"{"a":5,}"#, Unsure),
        (r#"{"a":5,"a":6}"#, Unsure),
        (r#"{"a":5,"b":1,"b":2}"#, Yes),
        (r#"{"a":5,"b":[1,2}}"#, Unsure),
        (r#"{"a":5,"b":tru}"#, Unsure),
        (r#"{"a":5,"b":01}"#, Unsure),
        (r#"{"a":5,"b":1.}"#, Unsure),
        (r#"{"a":5,"b":-}"#, Unsure),
        (r#"{"a":5,"b":1e}"#, Unsure),
        (r#"{"a":5,"b":"\x"}"#, Unsure),
        (r#"{"a":5,"b":"\u12g4"}"#, Unsure),
        (r#"{"a":5,"b":"\ud83d\ude00"}"#, Unsure),
        ("{\"a\":5,\"b\":\"\n\"}", Unsure),
        (r#"{"a":5,"b":"€😀"}"#, Yes),
        (r#"{"a":5,5:1}"#, Unsure),
        (r#"{"a" 5}"#, Unsure),
    ] {
        assert_eq!(one(EQ, "a", &["5"], record), verdict, "{record}");
    }
    let at = |bytes: &[u8]| {
        let program = program(&[leaf(EQ, "a", &["5"])], &[0]);
        Program::parse(&program).unwrap().matches(b"", bytes)
    };
    assert_eq!(at(b"{\"a\":5,\"b\":\"\xff\"}"), Unsure);
    assert_eq!(at(b"{\"a\":5,\"b\":\"\xe2\x82\"}"), Unsure);
    assert_eq!(at(format!("{{\"a\":5,\"b\":{}{}}}", "[".repeat(59), "]".repeat(59)).as_bytes()), Yes);
    assert_eq!(at(format!("{{\"a\":5,\"b\":{}{}}}", "[".repeat(61), "]".repeat(61)).as_bytes()), Unsure);
}

#[test]
fn tags_and_keys() {
    for (record, verdict) in [
        (r#"[{},null,["x","y"]]"#, Yes),
        (r#"[{},null,["z"]]"#, No),
        (r#"[{"tags":"x"},null,["z"]]"#, Yes),
        (r#"{"tags":["a","x"]}"#, Yes),
        (r#"{"tags":["a"]}"#, No),
        (r#"[{"a":{"tags":"x"}},null,[]]"#, No),
    ] {
        assert_eq!(one(EQ, "tags", &["\"x\""], record), verdict, "{record}");
    }
    assert_eq!(one(EXISTS, "tags", &[], r#"[{},null,["x"]]"#), Yes);
    assert_eq!(one(EXISTS, "tags", &[], r#"[{},null,[]]"#), No);
    assert_eq!(one(EQ, "tags", &["?"], r#"[{},null,["x"]]"#), Unsure);
    assert_eq!(one(EQ, "tags", &["null"], "[{},null,[]]"), Yes);
    assert_eq!(one(CONTAINS, "tags", &["\"x\""], r#"[{"tags":"axb"}]"#), Yes);
    assert_eq!(one(CONTAINS, "tags", &["\"x\""], r#"[{},null,["axb"]]"#), No);
    assert_eq!(one(EQ, "_id", &["\"the key\""], "{}"), Yes);
    assert_eq!(one(STARTSWITH, "_id", &["\"the\""], "5"), Yes);
    assert_eq!(one(GT, "_id", &["\"u\""], "{}"), No);
    assert_eq!(one(EXISTS, "_id", &[], "{}"), Yes);
}

#[test]
fn logic() {
    let leaves = [leaf(EQ, "a", &["1"]), leaf(EQ, "b", &["?"]), leaf(EQ, "c", &["3"])];
    // a is true, b is unknown, c is false.
    let record = br#"{"a":1,"b":[],"c":4}"#;
    for (code, verdict) in [
        (&[0][..], Yes),
        (&[2], No),
        (&[1], Unsure),
        (&[0, NOT], No),
        (&[2, NOT], Yes),
        (&[1, NOT], Unsure),
        (&[0, 1, AND], Unsure),
        (&[0, 1, OR], Yes),
        (&[2, 1, AND], No),
        (&[2, 1, OR], Unsure),
        (&[0, 2, NOT, AND, 2, OR], Yes),
        (&[19], Yes),
        (&[19, 2, AND], No),
    ] {
        let program = program(&leaves, code);
        assert_eq!(Program::parse(&program).unwrap().matches(b"", record), verdict, "{code:?}");
    }
}

#[test]
fn programs_that_are_none() {
    let good =
        program(&[leaf(IN, "a.b", &["1", "\"x\"", "null"]), leaf(EXISTS, "c", &[])], &[0, 1, AND, NOT]);
    assert!(Program::parse(&good).is_some());
    for len in 0..good.len() {
        // Cut off behind a whole operand it would be sound.
        if len != good.len() - 1 && len != good.len() - 3 {
            assert!(Program::parse(&good[..len]).is_none(), "{len}");
        }
    }
    // Any byte changed: no panic, whatever comes out.
    for at in 0..good.len() {
        for byte in 0..=255 {
            let mut bad = good.clone();
            bad[at] = byte;
            if let Some(program) = Program::parse(&bad) {
                program.matches(b"key", br#"[{"a":[{"b":1.5}],"c":"x"},null,["x"]]"#);
            }
        }
    }
    let leaves: Vec<_> = (0..17).map(|_| leaf(EXISTS, "_id", &[])).collect();
    assert!(Program::parse(&program(&leaves[..16], &[15])).is_some());
    assert!(Program::parse(&program(&leaves, &[0])).is_none());
    assert!(Program::parse(&program(&[leaf(EXISTS, &("a.".repeat(30) + "a"), &[])], &[0])).is_some());
    assert!(Program::parse(&program(&[leaf(EXISTS, &("a.".repeat(31) + "a"), &[])], &[0])).is_none());
    assert!(Program::parse(&program(&leaves[..1], &[0; 18])).is_none());
    assert!(Program::parse(&program(&leaves[..1], &[0, 0])).is_none());
    assert!(Program::parse(&program(&leaves[..1], &[AND])).is_none());
    assert!(Program::parse(&program(&leaves[..1], &[])).is_none());
}

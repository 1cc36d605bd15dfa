//! JSON of BTrees: what is written is what btrees-json takes, and it comes back.

use crate::common::{data, Work};
use btrees_json::{Class, Encoder};
use serde_json::{json, Value};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn golden_files_go_round() {
    let work = Work::new();
    for path in data("golden").iter().chain(&data("golden_be")) {
        let path = path.canonicalize().expect("a path").display().to_string();
        if path.contains("cbug") {
            continue;
        }
        if path.contains("dups") {
            let refused = work.run(&format!("export {path}")).code(3);
            assert!(refused.err.contains("comes more than once, which no BTree can have"), "{}", refused.err);
            continue;
        }
        let stat: Value =
            serde_json::from_slice(&work.run(&format!("stat {path} --json")).ok().out).expect("JSON");
        let one = work.run(&format!("export --json {path}")).ok();
        // The record in the very words of the crate.
        let record = btrees_json::encode(one.text()).expect("a record");
        assert_eq!(btrees_json::decode(&record).expect("JSON"), one.text().trim_end(), "{path}");
        work.feed("import a.db --replace", &one.out).ok();
        work.run(&format!("diff a.db {path}")).ok();

        let pages = work.run(&format!("export --structural {path}")).ok();
        let records = lines(pages.text());
        let nodes = stat["leaves"].as_u64().zip(stat["internals"].as_u64()).map(|(a, b)| (a + b) as usize);
        assert_eq!(Some(records.len()), nodes, "{path}");
        let mut encoder = Encoder::default();
        for record in &records {
            let class = Class::parse(
                record["class_mod"].as_str().expect("a name"),
                record["class_name"].as_str().expect("a name"),
            );
            encoder.encode_state(class.expect("a class"), &record["state"].to_string()).expect("a record");
        }
        work.feed("import a.db --replace", &pages.out).ok();
        work.run(&format!("diff a.db {path}")).ok();

        let items = work.run(&format!("export --lines {path}")).ok();
        assert_eq!(Some(lines(items.text()).len() as u64), stat["items"].as_u64());
        if !items.out.is_empty() {
            work.feed("import a.db --replace", &items.out).ok();
            work.run(&format!("diff a.db {path}")).ok();
        }
    }
}

#[test]
fn text_and_values() {
    let work = Work::new();
    assert_eq!(work.feed("load -T a.db", b"").ok().code, 0);
    assert_eq!(
        work.run("export a.db").ok().text(),
        "{\"@cls\":[\"BTrees.OOBTree\",\"OOBTree\"],\"@s\":null}\n"
    );
    work.feed("load -T a.db", "gr\u{fc}n\n{\"@b\": [1, 2.50, 12345678901234567890]}\nx\n\"s\"\n".as_bytes())
        .ok();
    let head = "{\"@cls\":[\"BTrees.OOBTree\",\"OOBTree\"],\"@s\":";
    assert_eq!(
        work.run("export a.db --json-values").ok().text(),
        format!("{head}{{\"@kv\":[[\"gr\u{fc}n\",{{\"@d\":[[\"@b\",[1,2.5,{{\"@bi\":\"12345678901234567890\"}}]]]}}],[\"x\",\"s\"]]}}}}\n")
    );
    for option in ["--json-values", "--json-values --lines", "--json-values --structural"] {
        let text = work.run(&format!("export a.db {option}")).ok();
        work.feed("import b.db --replace --json-values", &text.out).ok();
        assert_eq!(
            work.run("list b.db").ok().text(),
            "gr\u{fc}n\t{\"@b\":[1,2.5,12345678901234567890]}\nx\t\"s\"\n"
        );
    }
    let text = work.run("export a.db --text").ok();
    work.feed("import b.db --replace", &text.out).ok();
    work.run("diff a.db b.db").ok();

    work.run("put a.db -x ff 00").ok();
    let refused = work.run("export a.db --text").code(3);
    assert!(refused.err.contains("key \"\\ff\" is not text"), "{}", refused.err);
    work.run("del a.db -x ff").ok();
    work.run("put a.db bad {").ok();
    let refused = work.run("export a.db --json-values --lines").code(3);
    assert!(refused.err.contains("value \"{\" is not JSON"), "{}", refused.err);
}

/// jsonb has no U+0000.
#[test]
fn lines_for_postgresql_have_no_zero() {
    let work = Work::new();
    work.run("put -c a.db -x 6100 0062").ok();
    for option in ["--text --lines", "--text --structural"] {
        let text = work.run(&format!("export a.db {option}")).ok();
        assert!(!text.text().contains("\\u0000") && text.text().contains("@ns"), "{}", text.text());
        work.feed("import b.db --replace", &text.out).ok();
        work.run("diff a.db b.db").ok();
    }
}

/// A separator may end within a character, and is no text then.
#[test]
fn separators_of_text_are_text() {
    let work = Work::new();
    let mut text = String::new();
    // Characters that differ in their last byte only.
    for c in '\u{4e00}'..'\u{4f00}' {
        text += &format!("{c}{c}\n{}\n", "v".repeat(60));
    }
    work.feed("load -T a.db --pagesize 512", text.as_bytes()).ok();
    let pages = work.run("export a.db --text --structural").ok();
    let records = lines(pages.text());
    assert!(records.len() > 20);
    work.feed("import b.db", &pages.out).ok();
    work.run("diff a.db b.db").ok();
    let first = |record: &Value| record["state"]["@kv"][0][0].as_str().map(str::to_owned);
    let leaves: Vec<_> = records.iter().filter_map(first).collect();
    let root = &records[0]["state"]["@children"].as_array().expect("children")[..];
    let separators: Vec<_> = root.iter().filter_map(Value::as_str).collect();
    for separator in separators {
        assert!(leaves.iter().any(|first| separator <= first.as_str()));
    }
}

#[test]
fn bad_input_is_refused_and_the_file_stays() {
    let work = Work::new();
    work.run("put -c a.db x 1").ok();
    let before = work.read("a.db");
    let record = |state: Value| json!({ "@cls": ["BTrees.OOBTree", "OOBTree"], "@s": state }).to_string();
    let line = |zoid: u64, name: &str, state: Value| {
        json!({ "zoid": zoid, "class_mod": "BTrees.OOBTree", "class_name": name, "state": state, "refs": [] })
            .to_string()
    };
    let leaf = |oid: u64| json!({ "@ref": [format!("{oid:016x}"), "BTrees.OOBTree.OOBucket"] });
    for (text, message) in [
        (String::new(), "nothing is there"),
        ("GIF89a".into(), "expected value at line 1"),
        ("[1]".into(), "expected a record or an item"),
        ("{}".into(), "neither a record nor an item"),
        (r#"{"key":"a"}"#.into(), "neither a record nor an item"),
        (r#"{"key":"a","value":"b","zoid":1}"#.into(), "neither a record nor an item"),
        (r#"{"key":"a","key":"b","value":"b"}"#.into(), "comes twice: key"),
        (r#"{"key":1,"value":"b"}"#.into(), "key 1: neither text nor bytes"),
        (r#"{"key":"a","value":5}"#.into(), "the value is neither text nor bytes"),
        (r#"{"key":{"@b":"!"},"value":"b"}"#.into(), "line 1:"),
        (
            "{\"key\":\"a\",\"value\":\"b\"}\n{\"key\":\"a\",\"value\":\"c\"}".into(),
            "line 2: the key comes again",
        ),
        (r#"{"@cls":["os","system"],"@s":null}"#.into(), "os.system is no OOBTree"),
        (r#"{"@cls":["BTrees.IIBTree","IIBTree"],"@s":null}"#.into(), "is no OOBTree"),
        (record(json!({ "@kv": [["b", "1"], ["a", "2"]] })), "\"a\" is not behind the one before"),
        (record(json!({ "@kv": [["a", "1"], ["a", "2"]] })), "\"a\" comes more than once"),
        (record(json!({ "@kv": [["a"]] })), "line 1"),
        (record(json!({ "@kv": [] })), "line 1"),
        (record(json!({ "@what": 1 })), "unknown key"),
        (record(json!({ "@kv": [["a", "1"]], "@next": leaf(3) })), "line 1"),
        (
            record(json!({ "@children": [leaf(2), "b", leaf(3)], "@first": leaf(2) })),
            "0000000000000002 is missing",
        ),
        (record(json!({ "@children": [leaf(2), "b", leaf(3)], "@first": leaf(3) })), "line 1"),
        (
            line(1, "OOBTree", json!(null)) + "\n" + &line(1, "OOBTree", json!(null)),
            "line 2: a record with this oid",
        ),
        (
            line(1, "OOBucket", json!({ "@kv": [["a", "1"]], "@next": leaf(9) })),
            "0000000000000009 is missing",
        ),
        (record(json!({ "@kv": [["a", "1"]] })) + "{", "EOF"),
        ("[".repeat(100_000), "line 1"),
        (format!("{{\"@s\":{}", "[".repeat(100_000)), "line 1"),
    ] {
        let run = work.feed("import a.db", text.as_bytes()).code(3);
        let shown: String = text.chars().take(200).collect();
        assert!(run.err.contains(message), "{shown}: {}", run.err);
        assert_eq!((work.read("a.db"), work.files()), (before.clone(), vec!["a.db".to_string()]), "{shown}");
    }
}

/// Records of ZODB, in any order of lines.
#[test]
fn records_of_a_tree_in_any_order() {
    let work = Work::new();
    let path = data("golden").into_iter().find(|path| path.ends_with("rand_512.db")).expect("the file");
    let path = path.canonicalize().expect("a path").display().to_string();
    let pages = work.run(&format!("export --structural {path}")).ok();
    let mut lines: Vec<_> = pages.text().lines().collect();
    lines.reverse();
    work.feed("import a.db", lines.join("\n").as_bytes()).ok();
    work.run(&format!("diff a.db {path}")).ok();
    lines.remove(3);
    work.feed("import b.db", lines.join("\n").as_bytes()).code(3);
    assert_eq!(work.files(), ["a.db"]);
}

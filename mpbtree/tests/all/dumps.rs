//! Text of db_dump: against what the C library's own files hold, and in turns with Berkeley DB's tools.

use crate::common::{data, feed, Work};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::Command;

/// Asserts that a program is here. `make test-cli` installs those that these tests need.
fn need(program: &str) {
    assert!(
        Command::new(program).arg("-V").output().is_ok(),
        "{program} is missing: make test-cli installs it"
    );
}

fn unhex(line: &str) -> Vec<u8> {
    let digit = |i: usize| u8::from_str_radix(&line[i..i + 2], 16).expect("hexadecimal");
    (0..line.len()).step_by(2).map(digit).collect()
}

/// The strings in a dump that is not in print format.
fn strings(dump: &str) -> Vec<Vec<u8>> {
    let (_, data) = dump.split_once("HEADER=END\n").expect("a header");
    data.lines().filter(|line| *line != "DATA=END").map(|line| unhex(line.trim_start())).collect()
}

/// The hash that the manifests have: lengths and bytes of all keys and values.
fn canonical(strings: &[Vec<u8>]) -> String {
    let mut hash = Sha256::new();
    for string in strings {
        hash.update((string.len() as u32).to_le_bytes());
        hash.update(string);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn manifest(folder: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(folder).join("manifest.json");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).expect("a manifest")).expect("JSON");
    manifest["files"].as_array().expect("files").clone()
}

fn path_of(folder: &str, facts: &serde_json::Value) -> String {
    let name = facts["file"].as_str().expect("a name");
    let path = data(folder).into_iter().find(|path| path.ends_with(name)).expect("the file");
    path.canonicalize().expect("a path").display().to_string()
}

#[test]
fn dumps_are_what_the_files_hold() {
    for folder in ["golden", "golden_be"] {
        for facts in manifest(folder) {
            let (work, path) = (Work::new(), path_of(folder, &facts));
            let dump = work.run(&format!("dump {path}")).ok();
            assert_eq!(canonical(&strings(dump.text())), facts["dump_sha256"], "{path}");
            // Both formats load into a file that is dumped alike.
            let print = work.run(&format!("dump --print {path}")).ok();
            for (name, text) in [("a", &dump.out), ("b", &print.out)] {
                if facts["known_c_bug"].is_string() {
                    // Items in the wrong order come in another when they are stored anew.
                    continue;
                }
                work.feed(&format!("load {name}"), text).ok();
                work.run(&format!("check {name}")).ok();
                let again = work.run(&format!("dump {name}")).ok();
                assert_eq!(strings(again.text()), strings(dump.text()), "{path}");
            }
        }
    }
}

#[test]
fn the_tool_for_the_old_library_agrees() {
    need("db_dump185");
    for facts in manifest("golden") {
        // It takes an empty file for something else, and does not write what bugs have lost.
        if facts["known_c_bug"].is_string() || facts["size"] == 0 {
            continue;
        }
        let (work, path) = (Work::new(), path_of("golden", &facts));
        for print in ["", " -p"] {
            let mut command = work.command("sh");
            command.args(["-c", &format!("db_dump185{print} '{path}'")]);
            let theirs = feed(&mut command, b"").ok();
            // It has no VERSION, and reads no file of ours otherwise.
            work.feed("load a --replace", &theirs.out).ok();
            let ours = work.run(&format!("dump {path}")).ok();
            assert_eq!(work.run("dump a").ok().out, ours.out, "{path}");
            let again = feed(work.command("sh").args(["-c", &format!("db_dump185{print} a")]), b"").ok();
            assert_eq!(again.out, theirs.out, "{path}");
        }
    }
}

#[test]
fn berkeley_db_5_reads_and_writes_the_same() {
    need("db5.3_load");
    need("db5.3_dump");
    for facts in manifest("golden") {
        if facts["known_c_bug"].is_string() {
            continue;
        }
        let (work, path) = (Work::new(), path_of("golden", &facts));
        for print in ["", " -p"] {
            let ours = work.run(&format!("dump{print} {path}")).ok();
            feed(work.command("db5.3_load").arg("five"), &ours.out).ok();
            let mut command = work.command("sh");
            command.args(["-c", &format!("db5.3_dump{print} five")]);
            let theirs = feed(&mut command, b"").ok();
            work.feed("load a", &theirs.out).ok();
            assert_eq!(
                strings(work.run("dump a").ok().text()),
                strings(work.run(&format!("dump {path}")).ok().text()),
                "{path}"
            );
            for name in ["a", "five"] {
                std::fs::remove_file(work.path(name)).expect("removed");
            }
        }
    }
}

#[test]
fn what_a_header_says_is_used() {
    let work = Work::new();
    let text = "VERSION=3\nformat=print\ntype=btree\ndb_lorder=4321\ndb_pagesize=1024\nduplicates=1\n\
                bt_minkey=4\nHEADER=END\n a\n 1\n a\n 2\nDATA=END\n";
    work.feed("load a.db", text.as_bytes()).ok();
    let stat: serde_json::Value =
        serde_json::from_slice(&work.run("stat a.db --json").ok().out).expect("JSON");
    assert_eq!((&stat["order"], &stat["pagesize"]), (&"big".into(), &1024.into()));
    assert_eq!((&stat["duplicates"], &stat["items"]), (&true.into(), &2.into()));
    // Arguments come before it.
    work.feed("load b.db --pagesize 2048 --order little", text.as_bytes()).ok();
    let stat: serde_json::Value =
        serde_json::from_slice(&work.run("stat b.db --json").ok().out).expect("JSON");
    assert_eq!((&stat["order"], &stat["pagesize"]), (&"little".into(), &2048.into()));
    // A size that is no power of two is not told to others.
    work.run("convert a.db c.db --pagesize 1000").ok();
    assert!(!work.run("dump c.db").ok().text().contains("db_pagesize"));
}

#[test]
fn loading_adds_or_replaces() {
    let work = Work::new();
    work.run("put -c a.db a 1 b 2").ok();
    let text = b"a\nx\nc\ny\n";
    assert_eq!(work.feed("load -T -n a.db --json", text).code(1).text(), "{\"stored\":1,\"skipped\":1}\n");
    assert_eq!(work.run("list a.db").ok().text(), "a\t1\nb\t2\nc\ty\n");
    work.feed("load -T a.db", text).ok();
    assert_eq!(work.run("list a.db").ok().text(), "a\tx\nb\t2\nc\ty\n");
    work.feed("load -T --replace a.db", text).ok();
    assert_eq!(work.run("list a.db").ok().text(), "a\tx\nc\ty\n");
    work.feed("load -T --replace a.db", b"").ok();
    assert_eq!(work.run("list --count a.db").ok().text(), "0\n");
    assert_eq!(work.files(), ["a.db"]);
}

/// The second of two values would be all that is kept.
#[test]
fn duplicates_are_not_lost_in_silence() {
    let work = Work::new();
    work.run("put -c a.db x 1").ok();
    let before = work.read("a.db");
    let text = "format=print\ntype=btree\nduplicates=1\nHEADER=END\na\n1\na\n2\n";
    let refused = work.feed("load a.db", text.as_bytes()).code(3);
    assert!(refused.err.contains("line 8: the key comes again"), "{}", refused.err);
    assert_eq!(work.read("a.db"), before);
}

#[test]
fn damaged_texts_are_refused_and_the_file_stays() {
    let work = Work::new();
    work.run("put -c a.db x 1").ok();
    let before = work.read("a.db");
    let head = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n";
    for (text, message) in [
        ("", "line 0: the header has no end"),
        ("GIF89a", "line 1: not a line of a header"),
        ("VERSION=3\nformat=print\n", "line 2: the header has no end"),
        ("VERSION=x\n", "line 1: VERSION: not a number"),
        ("format=base64\n", "line 1: format"),
        ("type=recno\n", "line 1: type: recno has no keys"),
        ("db_lorder=12\n", "line 1: db_lorder"),
        ("what=1\n", "line 1: unknown line: what"),
        ("keys=0\n", "line 1: the text has values only"),
        (&format!("{head} 61\n"), "line 5: the text is cut off"),
        (&format!("{head} 61\n 62\n"), "line 6: the text is cut off"),
        (&format!("{head} 61\nDATA=END\n"), "line 6: the last key has no value"),
        (&format!("{head} 6\n"), "line 5: not hexadecimal"),
        (&format!("{head} 6g\n"), "line 5: not hexadecimal"),
        (&format!("{head}61\n"), "line 5: neither an item nor DATA=END"),
        (&format!("{head} 61\n 62\nDATA=END\n{head}"), "line 8: more than one database"),
        ("format=print\nHEADER=END\na\\\nb\n", "line 3: a backslash"),
        ("format=print\nHEADER=END\na\n", "line 3: the last key has no value"),
    ] {
        let run = work.feed("load a.db -", text.as_bytes()).code(3);
        assert!(run.err.contains(message), "{text:?}: {}", run.err);
        assert_eq!((work.read("a.db"), work.files()), (before.clone(), vec!["a.db".to_string()]));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(12))]
    /// Whatever is stored comes back, by way of both formats and all page sizes.
    #[test]
    fn any_items_go_round(
        items in proptest::collection::btree_map(
            proptest::collection::vec(proptest::num::u8::ANY, 0..300),
            proptest::collection::vec(proptest::num::u8::ANY, 0..2000),
            0..60,
        ),
        page in 256u32..2000,
    ) {
        let work = Work::new();
        let mut text = String::from("format=bytevalue\ntype=btree\nHEADER=END\n");
        for string in items.iter().flat_map(|(key, value)| [key, value]) {
            text.extend(string.iter().map(|byte| format!("{byte:02x}")));
            text.push('\n');
        }
        work.feed(&format!("load a.db --pagesize {}", page * 2), text.as_bytes()).ok();
        work.run("check a.db").ok();
        let dump = work.run("dump a.db").ok();
        let expected: Vec<_> = items.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
        proptest::prop_assert_eq!(strings(dump.text()), expected);
        let print = work.run("dump -p a.db").ok();
        work.feed("load b.db", &print.out).ok();
        work.run("diff a.db b.db").ok();
    }
}

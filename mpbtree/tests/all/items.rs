//! Single items, lists, and what a change leaves behind.

use crate::common::{feed, Work};

#[test]
fn items_are_stored_and_found() {
    let work = Work::new();
    // Without --create a name that is misspelt makes no file.
    let missing = work.run("put a.db k v").code(4);
    assert!(missing.err.contains("a.db: No such file"), "{}", missing.err);
    assert_eq!(work.files(), [""; 0]);

    work.run("put --create --pagesize 512 a.db k v key2 value2").ok();
    assert_eq!(work.read("a.db").len(), 1024);
    assert_eq!(work.run("get a.db k").ok().text(), "v\n");
    assert_eq!(work.run("get a.db k --raw").ok().text(), "v");
    assert_eq!(work.run("get a.db k --json").ok().text(), "\"v\"\n");
    assert_eq!(work.run("get a.db 6b --hex").ok().text(), "76\n");
    let none = work.run("get a.db K").code(1);
    assert_eq!((none.text(), none.err.as_str()), ("", "no such key\n"));

    work.run("put a.db -n new x k w").code(1);
    work.run("put -c c.db -n new x new w").code(1);
    assert!(!work.path("c.db").exists());
    work.run("get a.db new").code(1);
    work.run("put a.db k w").ok();
    assert_eq!(work.run("list a.db").ok().text(), "k\tw\nkey2\tvalue2\n");

    assert_eq!(work.run("del a.db k nothing --json").code(1).text(), "{\"deleted\":1,\"missing\":1}\n");
    assert_eq!(work.run("list a.db --json").ok().text(), "{\"key\":\"key2\",\"value\":\"value2\"}\n");
    assert_eq!(work.files(), ["a.db"]);
}

#[test]
fn every_byte_can_be_written_and_read() {
    let work = Work::new();
    let bytes: Vec<u8> = (0..=255).collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    work.run(&format!("put -c a.db -x {hex} {hex}")).ok();
    assert_eq!(work.run(&format!("get a.db -x {hex}")).ok().text(), format!("{hex}\n"));
    let shown = work.run("list a.db --keys").ok();
    let shown = shown.text().trim_end();
    let got = work.tool().args(["get", "a.db", "--raw", "--escapes", shown]).output().expect("it runs");
    assert_eq!(got.stdout, bytes);

    work.feed("put a.db all --from -", &bytes).ok();
    assert_eq!(work.run("get a.db --raw all").ok().out, bytes);
    work.write("value", &[7; 100_000]);
    work.run("put a.db big --from value").ok();
    assert_eq!(work.run("get a.db --raw big").ok().out, [7; 100_000]);
    let json: serde_json::Value =
        serde_json::from_slice(&work.run("get --json a.db all").ok().out).expect("JSON");
    assert!(json["@b"].is_string());
}

#[test]
fn ranges() {
    let work = Work::new();
    work.run("put -c a.db a 1 b 2 b1 3 b2 4 c 5").ok();
    for (arguments, keys) in [
        ("", "a b b1 b2 c"),
        ("--desc", "c b2 b1 b a"),
        ("--start b", "b b1 b2 c"),
        ("--start aa --end c", "b b1 b2"),
        ("--start aa --end c -i", "b b1 b2 c"),
        ("--end b", "a"),
        ("--prefix b", "b b1 b2"),
        ("--prefix b --desc", "b2 b1 b"),
        ("--prefix b --desc --limit 2", "b2 b1"),
        ("--start bb --desc", "b2 b1 b a"),
        ("--start b2 --end b --desc", "b2 b1"),
        ("--start b2 --end b --desc -i", "b2 b1 b"),
        ("--prefix x", ""),
        ("--limit 0", ""),
    ] {
        let run = work.run(&format!("list a.db --keys {arguments}")).ok();
        assert_eq!(run.text().split_whitespace().collect::<Vec<_>>().join(" "), keys, "{arguments}");
        let count = work.run(&format!("list a.db --count {arguments}")).ok();
        assert_eq!(count.text().trim(), keys.split_whitespace().count().to_string(), "{arguments}");
    }
    work.run("list a.db --prefix b --start c").code(2);
    work.run("list a.db -i").code(2);

    assert_eq!(
        work.run("del a.db --start aa --end b2 --json").ok().text(),
        "{\"deleted\":2,\"missing\":0}\n"
    );
    assert_eq!(work.run("list a.db -k").ok().text(), "a\nb2\nc\n");
    work.run("del a.db").code(2);
}

#[test]
fn duplicates() {
    let work = Work::new();
    work.run("put -c --duplicates a.db k 1 k 2 j 0 k 3").ok();
    assert_eq!(work.run("list a.db -v").ok().text(), "0\n1\n2\n3\n");
    assert_eq!(work.run("get a.db k").ok().text(), "1\n");
    assert_eq!(work.run("get a.db k --all").ok().text(), "1\n2\n3\n");
    work.run("del a.db k").ok();
    assert_eq!(work.run("list a.db -v").ok().text(), "0\n");
}

/// A journal is behind the end of a file while it is changed. It does not stay.
#[test]
fn a_file_does_not_grow_by_changes() {
    for order in ["little", "big"] {
        let work = Work::new();
        let mut text = String::new();
        for i in 0..500 {
            text += &format!("key{i:04}\nvalue{i}\n");
        }
        work.feed(&format!("load --text a.db --pagesize 512 --order {order}"), text.as_bytes()).ok();
        // A page that was free before.
        work.feed("put a.db big --from -", &[1; 3000]).ok();
        work.run("del a.db big").ok();
        let size = work.read("a.db").len();
        for i in 0..20 {
            work.run(&format!("put a.db key{:04} changed{i}", i * 20)).ok();
            work.run("check a.db").ok();
        }
        assert_eq!(work.read("a.db").len(), size);
        assert!(work.run("stat a.db").ok().text().contains("no journal"));
    }
}

#[test]
fn a_failing_change_changes_nothing() {
    let work = Work::new();
    work.run("put -c a.db a 1").ok();
    let before = work.read("a.db");
    work.run("put a.db b 2 c").code(2);
    work.run("put a.db -x 62 zz").code(2);
    work.run("put a.db -e \\6 1").code(2);
    work.run("put a.db b --from nowhere").code(4);
    work.run("put -c b.db a 1 --pagesize 513").code(2);
    work.run("put -c b.db a 1 --minkeypage 1").code(2);
    assert_eq!((work.read("a.db"), work.files()), (before, vec!["a.db".to_string()]));
}

#[test]
fn locked_files_are_left_alone() {
    let work = Work::new();
    work.run("put -c a.db a 1").ok();
    let file = std::fs::File::open(work.path("a.db")).expect("a file");
    fs4::FileExt::lock_shared(&file).expect("a lock");
    work.run("get a.db a").ok();
    let refused = work.run("put a.db a 2").code(4);
    assert!(refused.err.contains("another program is using the file"), "{}", refused.err);
    assert_eq!(work.run("get a.db a").ok().text(), "1\n");
}

#[test]
fn errors_for_programs() {
    let work = Work::new();
    work.write("bad.db", b"GIF89a is something else entirely");
    let run = work.run("stat bad.db --json").code(3);
    let error: serde_json::Value = serde_json::from_str(&run.err).expect("JSON");
    let expected = serde_json::json!({ "error": {
        "code": 3, "file": "bad.db", "text": "page 0 offset 0: not a btree file",
        "page": 0, "offset": 0, "reason": "not a btree file",
    }});
    assert_eq!(error, expected);
    let run = work.run("list bad.db --start --json").code(2);
    let error: serde_json::Value = serde_json::from_str(&run.err).expect("JSON");
    assert_eq!(error["error"]["code"], 2);
    let run = work.run("get --json").code(2);
    let text = "the following required arguments were not provided: <FILE> <KEY>";
    let expected = serde_json::json!({ "error": { "code": 2, "text": text } });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&run.err).expect("JSON"), expected);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let work = Work::new();
    let text: String = (0..100_000).map(|i| format!("{i:06}\nvalue\n")).collect();
    work.feed("load -T a.db", text.as_bytes()).ok();
    let mut shell = work.command("bash");
    shell.args(["-c", "\"$0\" dump a.db | head -n 1; echo ${PIPESTATUS[0]}", env!("CARGO_BIN_EXE_mpbtree")]);
    let run = feed(&mut shell, b"").ok();
    assert_eq!((run.text(), run.err.as_str()), ("VERSION=3\n141\n", ""));
}

#[test]
fn help_completions_and_manual() {
    let work = Work::new();
    let help = work.run("--help").ok();
    let listed = help.text().split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let commands: Vec<_> =
        listed.expect("commands").lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in &commands {
        assert!(!work.run(&format!("help {command}")).ok().out.is_empty());
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(work.run(&format!("completions {shell}")).ok().text().contains("salvage"));
    }
    assert!(work.run("man").ok().text().contains(".TH mpbtree"));
    std::fs::create_dir(work.path("man")).expect("a directory");
    work.run("man man").ok();
    for command in commands.iter().filter(|command| **command != "help") {
        assert!(work.path("man").join(format!("mpbtree-{command}.1")).exists(), "{command}");
    }
    assert!(work.run("--version").ok().text().starts_with("mpbtree "));
    work.run("").code(2);
    work.run("nonsense").code(2);
}

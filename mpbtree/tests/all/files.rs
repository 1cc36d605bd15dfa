//! Whole files: compact, convert, salvage, diff, pictures, and how an old file gives way to a new one.

use crate::common::{data, Work};
use std::os::unix::fs::{symlink, PermissionsExt};

fn some_items(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| format!("key{i:05}\nvalue {i} of some length\n").into_bytes()).collect()
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn compact_makes_a_small_file_in_the_place_of_the_old() {
    let work = Work::new();
    work.feed("load -T a.db --pagesize 512", &some_items(2000)).ok();
    work.run("del a.db --start key00010").ok();
    std::fs::set_permissions(work.path("a.db"), std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("a.db", work.path("link.db")).expect("a link");
    let before = work.run("dump a.db").ok().out;
    let report = json(&work.run("compact link.db --json").ok().out);
    assert_eq!(report["items"], 10);
    assert!(report["bytes"].as_u64() < Some(3000), "{report}");
    assert_eq!(report["bytes"], work.read("a.db").len());
    assert_eq!(work.run("dump a.db").ok().out, before);
    let mode = std::fs::metadata(work.path("a.db")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(std::fs::symlink_metadata(work.path("link.db")).expect("a link").is_symlink());

    work.run("compact a.db b.db").ok();
    let refused = work.run("compact a.db b.db").code(2);
    assert!(refused.err.contains("b.db: is there already"), "{}", refused.err);
    work.run("compact a.db b.db --force").ok();
    assert_eq!((work.read("b.db"), work.files().len()), (work.read("a.db"), 3));
}

#[test]
fn keys_that_are_out_of_order() {
    let work = Work::new();
    for path in data("golden").into_iter().filter(|path| path.display().to_string().contains("cbug")) {
        let path = path.canonicalize().expect("a path").display().to_string();
        for command in ["compact", "convert --pagesize 1024"] {
            let unordered = !work.run(&format!("list {path} --keys --hex")).ok().text().lines().is_sorted();
            let report = json(&work.run(&format!("{command} {path} b.db -f --json")).ok().out);
            let checked = json(&work.run("check b.db --json").ok().out);
            assert_eq!(report["items"], checked["items"], "{path} {command}");
            let keys = work.run("list b.db --keys --hex").ok();
            assert!(keys.text().lines().is_sorted(), "{path} {command}");
            // They cannot be compared side by side.
            let run = work.run(&format!("diff {path} b.db")).code(if unordered { 3 } else { 0 });
            assert_eq!(unordered, run.err.contains("is not behind the one before"), "{}", run.err);
        }
    }
}

/// A key that a search does not find: the range would never be empty.
#[test]
fn a_range_with_keys_out_of_order_is_not_removed() {
    let work = Work::new();
    work.feed("load -T a.db --pagesize 512", &some_items(100)).ok();
    let mut bytes = work.read("a.db");
    let at = bytes.windows(8).rposition(|key| key == b"key00050").expect("a key");
    bytes[at + 3] = b'9';
    work.write("a.db", &bytes);
    for arguments in ["del a.db --start key", "del a.db --prefix key --journal off"] {
        let mut limited = work.command("timeout");
        limited.args(["60", env!("CARGO_BIN_EXE_mpbtree")]).args(arguments.split_whitespace());
        let run = crate::common::feed(&mut limited, b"").code(3);
        assert!(run.err.contains("key \"key90050\" is there, but out of order"), "{}", run.err);
        assert_eq!(work.read("a.db"), bytes, "{arguments}");
    }
    work.run("compact a.db").ok();
    work.run("del a.db --start key").ok();
    assert_eq!(work.run("list a.db --count").ok().text(), "0\n");
}

#[test]
fn convert_keeps_the_items() {
    let work = Work::new();
    for path in data("golden").iter().chain(&data("golden_be")) {
        if path.display().to_string().contains("cbug") {
            continue;
        }
        let path = path.canonicalize().expect("a path").display().to_string();
        let before = json(&work.run(&format!("stat {path} --json")).ok().out);
        for (arguments, field, value) in [
            ("--pagesize 1000", "pagesize", serde_json::json!(1000)),
            ("--order big --pagesize 65536", "order", serde_json::json!("big")),
            ("--order little --minkeypage 6", "order", serde_json::json!("little")),
            ("--duplicates", "duplicates", serde_json::json!(true)),
        ] {
            work.run(&format!("convert {path} b.db -f {arguments}")).ok();
            work.run("check b.db").ok();
            work.run(&format!("diff {path} b.db")).ok();
            let after = json(&work.run("stat b.db --json").ok().out);
            assert_eq!(after[field], value, "{path} {arguments}");
            assert_eq!(after["items"], before["items"], "{path} {arguments}");
        }
    }
}

#[test]
fn minkeypage_sends_large_items_to_pages_of_their_own() {
    let work = Work::new();
    work.feed("load -T a.db --pagesize 512", &some_items(100)).ok();
    work.run("convert a.db --minkeypage 20").ok();
    assert!(json(&work.run("stat a.db --json").ok().out)["overflow"].as_u64() > Some(80));
    work.run("check a.db").ok();
    work.run("convert a.db --minkeypage 2").ok();
    assert_eq!(json(&work.run("stat a.db --json").ok().out)["overflow"], 0);
}

#[test]
fn salvage_takes_what_is_left() {
    let work = Work::new();
    work.feed("load -T a.db --pagesize 512", &some_items(1000)).ok();
    let sound = work.read("a.db");
    // Without its header, and without one of its leaves.
    let mut bytes = sound.clone();
    bytes[..24].fill(0);
    work.write("lost.db", &bytes);
    work.run("list lost.db").code(3);
    work.run("salvage lost.db new.db").ok();
    work.run("check new.db").ok();
    work.run("diff a.db new.db").ok();

    let line = work.run("tree a.db --all --json").ok();
    let leaf = line.text().lines().map(|line| json(line.as_bytes())).find(|page| page["kind"] == "leaf");
    let leaf = leaf.expect("a leaf");
    let (page, lost) = (leaf["page"].as_u64().expect("a page") as usize, &leaf["entries"]);
    let mut bytes = sound;
    bytes[page * 512..page * 512 + 20].fill(0xff);
    work.write("holed.db", &bytes);
    work.run("check holed.db").code(1);
    let report = json(&work.run("salvage holed.db new.db -f --json").ok().out);
    assert_eq!(report["items"].as_u64(), lost.as_u64().map(|lost| 1000 - lost));
    work.run("check new.db").ok();
    let left = work.run("diff a.db new.db --keys").code(1);
    assert_eq!(left.text().lines().count() as u64, lost.as_u64().expect("a number"));
}

/// An old copy of a leaf behind the tree: the value that the tree has counts.
#[test]
fn salvage_prefers_what_the_tree_has() {
    let work = Work::new();
    work.run("put -c a.db --pagesize 512 a old b 1").ok();
    let old = work.read("a.db");
    work.run("put a.db a new").ok();
    let mut bytes = work.read("a.db");
    bytes.extend_from_slice(&old[512..]);
    bytes[1024] = 2;
    work.write("a.db", &bytes);
    work.run("check a.db").code(1);
    let report = json(&work.run("salvage a.db b.db --json").ok().out);
    assert_eq!((&report["items"], &report["repeated"]), (&2.into(), &2.into()));
    assert_eq!(report["conflicts"], 1);
    assert_eq!(work.run("list b.db").ok().text(), "a\tnew\nb\t1\n");
    work.run("salvage a.db c.db --all").ok();
    assert_eq!(work.run("list c.db").ok().text(), "a\tnew\na\told\nb\t1\nb\t1\n");
}

#[test]
fn differences() {
    let work = Work::new();
    work.run("put -c a.db a 1 b 2 c 3").ok();
    work.run("put -c b.db a 1 b 4 d 5 --pagesize 512 --order big").ok();
    assert_eq!(work.run("diff a.db b.db").code(1).text(), "- b\t2\n+ b\t4\n- c\t3\n+ d\t5\n");
    assert_eq!(work.run("diff a.db b.db --keys").code(1).text(), "- b\n+ b\n- c\n+ d\n");
    assert_eq!(work.run("diff a.db b.db --brief").code(1).text(), "");
    let lines = work.run("diff a.db b.db --json").code(1);
    let lines: Vec<_> = lines.text().lines().map(|line| json(line.as_bytes())["change"].clone()).collect();
    assert_eq!(lines, ["changed", "removed", "added"]);
    assert_eq!(work.run("diff a.db a.db").ok().text(), "");
    work.run("diff a.db none.db").code(4);
    let colored = work.run("diff a.db b.db --color always").code(1);
    assert!(colored.text().starts_with("\u{1b}[31m- b"), "{:?}", colored.text());
}

#[test]
fn pictures_and_trees() {
    let work = Work::new();
    work.feed("load -T a.db --pagesize 512", &some_items(600)).ok();
    work.feed("put a.db big --from -", &[1; 2000]).ok();
    work.feed("put a.db gone --from -", &[1; 3000]).ok();
    work.run("del a.db gone").ok();
    let stat = json(&work.run("stat a.db --json").ok().out);
    let map = json(&work.run("map a.db --json").ok().out);
    let pages = &map["pages"];
    assert_eq!(pages["meta"], 1);
    assert_eq!((&pages["leaf"], &pages["internal"]), (&stat["leaves"], &stat["internals"]));
    assert_eq!((&pages["overflow"], &pages["free"]), (&stat["overflow"], &stat["free"]));
    assert_eq!((&pages["unused"], &pages["damaged"]), (&0.into(), &0.into()));
    assert_eq!(map["levels"].as_array().map(Vec::len), stat["depth"].as_u64().map(|n| n as usize));

    work.run("map a.db -o a.svg").ok();
    let svg = String::from_utf8(work.read("a.svg")).expect("text");
    let titles = svg.matches("<title>").count() as u64;
    assert_eq!(Some(titles), stat["pages"].as_u64());
    work.run("map a.db -o a.png").ok();
    let decoder = png::Decoder::new(std::io::Cursor::new(work.read("a.png")));
    let mut reader = decoder.read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    assert_eq!(info.width, 1000);
    // Leaves are green, and the overflow pages are there, too.
    for color in [[0, 158, 115], [230, 159, 0], [240, 228, 66]] {
        assert!(pixels.chunks_exact(3).any(|pixel| pixel == color), "{color:?}");
    }

    let tree = work.run("tree a.db --all --json").ok();
    let lines: Vec<_> = tree.text().lines().map(|line| json(line.as_bytes())).collect();
    let items: u64 = lines.iter().filter(|l| l["kind"] == "leaf").filter_map(|l| l["entries"].as_u64()).sum();
    assert_eq!(Some(items), stat["items"].as_u64());
    let shown = work.run("tree a.db --children 4").ok();
    assert!(shown.text().contains("more\n") && shown.text().contains("└── page"));
    assert_eq!(work.run("tree a.db --depth 1").ok().text().lines().count(), 1);
    work.run("tree a.db --page 0").code(2);
    work.run("tree a.db --page 100000").code(2);
    let page = json(&work.run("tree a.db --page 1 --json").ok().out);
    assert_eq!(page["kind"], "internal");
}

/// What `--output` names is written to as it is, unless it is a file.
#[test]
fn pipes_and_devices() {
    let work = Work::new();
    work.run("put -c a.db a 1").ok();
    let dump = work.run("dump a.db").ok().out;
    for arguments in ["dump a.db -o -", "dump a.db -o /dev/stdout"] {
        assert_eq!(work.run(arguments).ok().out, dump, "{arguments}");
    }
    for arguments in ["dump a.db", "export a.db", "map a.db", "map a.db --json"] {
        let run = work.run(&format!("{arguments} -o /dev/full")).code(4);
        assert!(run.err.contains("/dev/full") && run.err.contains("No space left"), "{}", run.err);
        let line = format!("\"$0\" {arguments} > /dev/full");
        let run = work.command("sh").args(["-c", &line, env!("CARGO_BIN_EXE_mpbtree")]).output().expect("sh");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(said.contains("No space left") && !said.contains("a.db"), "{arguments}: {said}");
    }
    assert!(work.command("mkfifo").arg("pipe").status().expect("mkfifo").success());
    for arguments in ["stat pipe", "put pipe a 1", "load pipe -T", "compact a.db pipe -f", "diff a.db pipe"] {
        let run = work.run(arguments).code(4);
        assert_eq!(run.err, "mpbtree: pipe: not a regular file\n", "{arguments}");
    }
    let line = "cat pipe & \"$0\" dump a.db -o pipe && wait";
    let run = work.command("sh").args(["-c", line, env!("CARGO_BIN_EXE_mpbtree")]).output().expect("sh");
    assert_eq!((run.stdout, work.files().len()), (dump, 2));
    work.run("map a.db --json -o a.json").ok();
    assert_eq!(json(&work.read("a.json"))["pages"]["leaf"], 1);
}

/// No room on the medium: the old file stays as it was, and nothing is left beside it.
#[test]
fn an_old_file_stays_if_the_new_one_cannot_be_written() {
    let work = Work::new();
    work.feed("load -T a.db", &some_items(2000)).ok();
    let before = work.read("a.db");
    let limited = |arguments: &str| {
        let mut shell = work.command("bash");
        let line = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" {arguments}");
        crate::common::feed(shell.args(["-c", &line, env!("CARGO_BIN_EXE_mpbtree")]), &some_items(3000))
    };
    for arguments in ["load -T a.db", "compact a.db", "convert a.db --pagesize 512", "load -T --replace a.db"]
    {
        let run = limited(arguments).code(4);
        assert!(run.err.contains("File too large"), "{}", run.err);
        assert_eq!((work.read("a.db") == before, work.files()), (true, vec!["a.db".to_string()]));
    }
    // In its place, by way of the journal, the change does not happen.
    limited("put a.db new --from a.db").code(4);
    work.run("get a.db new").code(1);
    work.run("diff a.db a.db").ok();
}

#[test]
fn an_interrupted_program_leaves_nothing() {
    let work = Work::new();
    work.run("put -c a.db a 1").ok();
    let before = work.read("a.db");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        // Its input has no end.
        let mut child = work
            .tool()
            .args(["load", "-T", "a.db"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("it runs");
        while work.files().len() < 2 {
            std::thread::yield_now();
        }
        // (Waiting for it would end its input.)
        let input = child.stdin.take();
        let line = format!("kill -{signal} {}", child.id());
        assert!(work.command("sh").args(["-c", &line]).status().expect("a signal").success());
        assert_eq!(child.wait().expect("it ends").code(), Some(code));
        drop(input);
        assert_eq!((work.read("a.db"), work.files()), (before.clone(), vec!["a.db".to_string()]));
    }
}

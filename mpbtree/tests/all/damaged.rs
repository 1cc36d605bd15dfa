//! Every command on every file of tests/data, sound and damaged: a result or a located error, never a
//! crash, and the file as it was.

use crate::common::{data, feed, Work};

/// What only reads. `X` is the file.
const READING: &[&str] = &[
    "stat X",
    "stat X --fast --json",
    "get X k000100",
    "list X",
    "list X --desc --json",
    "dump X",
    "check X",
    "check X --json",
    "tree X",
    "tree X --json",
    "tree X --page 1",
    "map X",
    "map X --format png",
    "map X --json",
    "export X",
    "export X --text",
    "export X --json-values",
    "export X --structural",
    "export X --lines",
    "diff X other.db",
    "diff other.db X --brief",
    "compact X new.db --force",
    "convert X new.db --force --pagesize 2048 --order big",
    "salvage X new.db --force",
    "salvage X new.db --force --all",
];

/// What changes a file in its place.
const CHANGING: &[&str] =
    &["put X k000100 changed new new", "del X k000100", "del X --prefix k0001", "checkpoint X", "compact X"];

fn run_all(folder: &str, sound: bool) {
    let work = Work::new();
    work.run("put -c other.db k000100 other").ok();
    for path in data(folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("a file");
        // A bug of the C library has put some files out of order.
        let sound = sound && !name.contains("cbug");
        for (commands, reads) in [(READING, true), (CHANGING, false)] {
            for command in commands {
                work.write("x.db", &bytes);
                let command = command.replace('X', "x.db");
                let mut limited = work.command("timeout");
                limited.args(["60", env!("CARGO_BIN_EXE_mpbtree")]).args(command.split_whitespace());
                let run = feed(&mut limited, b"");
                let known = matches!(run.code, 0 | 1 | 3);
                assert!(known, "{name}: {command}: {} {}", run.code, run.err);
                assert!(!run.err.contains("panicked"), "{name}: {command}: {}", run.err);
                if run.code == 3 {
                    let export = command.starts_with("export");
                    let located = run.err.contains("page ") && run.err.contains("offset ");
                    let unordered = command.starts_with("diff") && run.err.contains("the one before");
                    let told = located || unordered || run.err.contains("damaged") || export;
                    assert!(told, "{name}: {command}: {}", run.err);
                    assert!(export || !sound, "{name}: {command}: {}", run.err);
                    assert_eq!(work.read("x.db"), bytes, "{name}: {command}: a change that failed");
                }
                if reads {
                    assert_eq!(work.read("x.db"), bytes, "{name}: {command}: a command that reads");
                } else if sound {
                    work.run("check x.db").ok();
                }
                let leftover = work.files().into_iter().find(|name| name.contains(".mpbtree-"));
                assert_eq!(leftover, None, "{name}: {command}");
            }
        }
    }
}

#[test]
fn sound_files() {
    run_all("golden", true);
}

#[test]
fn sound_files_of_the_other_byte_order() {
    run_all("golden_be", true);
}

#[test]
fn damaged_files() {
    run_all("golden_bad", false);
}

/// Bytes changed at random places of a file with everything in it.
#[test]
fn mutants() {
    let work = Work::new();
    work.run("put -c other.db k other").ok();
    let path = data("golden").into_iter().find(|path| path.ends_with("bigkey_bigval_512.db"));
    let bytes = std::fs::read(path.expect("the file")).expect("a file");
    let mut seed = 1u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for round in 0..40 {
        let mut mutant = bytes.clone();
        for _ in 0..=random(4) {
            let at = random(mutant.len());
            mutant[at] = random(256) as u8;
        }
        work.write("x.db", &mutant);
        for command in
            ["check X", "dump X", "tree X", "map X --json", "stat X", "export -s X", "salvage X n.db -f"]
        {
            let mut limited = work.command("timeout");
            let command = command.replace('X', "x.db");
            limited.args(["60", env!("CARGO_BIN_EXE_mpbtree")]).args(command.split_whitespace());
            let run = feed(&mut limited, b"");
            assert!(matches!(run.code, 0 | 1 | 3), "{round}: {command}: {} {}", run.code, run.err);
        }
    }
}

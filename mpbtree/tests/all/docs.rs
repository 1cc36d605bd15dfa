//! The examples in docs/mpbtree.md and README.md print what is said there.

use crate::common::{feed, Work};
use std::path::Path;

/// The blocks of a document that are marked as console.
fn blocks(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = std::fs::read_to_string(path).expect("a document");
    let mut parts = text.split("```console\n");
    parts.next();
    parts.filter_map(|part| part.split("```").next().map(str::to_owned)).collect()
}

fn run(document: &str, least: usize) {
    let work = Work::new();
    let tool = Path::new(env!("CARGO_BIN_EXE_mpbtree"));
    let directory = tool.parent().expect("a directory").display().to_string();
    let path = format!("{directory}:{}", std::env::var("PATH").expect("a path"));
    let mut count = 0;
    for block in blocks(document) {
        let mut lines = block.lines().peekable();
        while let Some(line) = lines.next() {
            let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{document}: no command: {line}"));
            let mut expected = String::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                expected.push_str(line);
                expected.push('\n');
            }
            let mut shell = work.command("sh");
            shell.env("PATH", &path).args(["-c", &format!("{{ {command}\n}} 2>&1")]);
            let result = feed(&mut shell, b"");
            assert_eq!(result.text(), expected, "{document}: {command}");
            count += 1;
        }
    }
    assert!(count >= least, "{document}: {count} examples");
}

#[test]
fn examples_of_the_manual() {
    run("docs/mpbtree.md", 25);
}

#[test]
fn examples_of_the_readme() {
    run("README.md", 3);
}

//! Files larger than what the tool may have in memory.

use crate::common::{feed, Work};

/// Runs a command and prints the most memory that it has had, in KiB.
const MEASURE: &str = "
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
";
const MIB: u64 = 1024;

#[test]
fn memory_does_not_depend_on_the_size_of_the_file() {
    let work = Work::new();
    let mut text = String::new();
    for i in 0..40_000 {
        // Not in the order of keys.
        text += &format!("key{:05}\n{}\n", i * 7919 % 40_000, "v".repeat(1000));
    }
    work.write("text", text.as_bytes());
    let size = |name: &str| std::fs::metadata(work.path(name)).expect("a file").len();
    for command in [
        "load -T a.db text",
        "check a.db",
        "stat a.db",
        "list a.db",
        "dump a.db -o dump",
        "load b.db dump",
        "compact a.db c.db",
        "convert a.db d.db --pagesize 1024",
        "salvage a.db e.db",
        "diff a.db e.db",
        "map a.db",
        "tree a.db --all",
        "export a.db -o one.json",
        "import f.db one.json",
        "export a.db -s -o pages.json",
        "import g.db pages.json",
        "diff a.db g.db",
        "put a.db key00001 changed",
    ] {
        let mut python = work.command("python3");
        python.args(["-c", MEASURE, env!("CARGO_BIN_EXE_mpbtree"), "--cache", "1"]);
        let run = feed(python.args(command.split_whitespace()), b"").ok();
        let (code, used) = run.text().trim().split_once(' ').expect("two numbers");
        assert_eq!(code, "0", "{command}: {}", run.err);
        let used: u64 = used.parse().expect("a number");
        assert!(used < 20 * MIB, "{command}: {used} KiB");
    }
    assert!(size("a.db") > 40 * MIB * 1000);
    assert_eq!(size("b.db"), size("c.db"));
}

/// A line that memory does not hold is an error, and leaves nothing.
#[test]
fn a_line_that_is_too_long() {
    let work = Work::new();
    let mut shell = work.command("bash");
    let line = "ulimit -v 300000; head -c 400000000 /dev/zero | \"$0\" load -T a.db; exit ${PIPESTATUS[1]}";
    let run = feed(shell.args(["-c", line, env!("CARGO_BIN_EXE_mpbtree")]), b"").code(4);
    assert!(run.err.contains("standard input: out of memory"), "{}", run.err);
    assert!(work.files().is_empty());
}

//! libdb1, the original BerkeleyDB 1.85, in a child process (tests/oracle.py): it can crash.

use super::ops::{to_text, Op};
use super::tests_dir;
use serde_json::{json, Value};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One Python process for any number of requests: a line of JSON each, a line of JSON back.
pub struct Libdb1 {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    scripts: PathBuf,
}

impl Libdb1 {
    /// `dir` is where the scripts go that libdb1 is to run; they stay there for a post-mortem.
    pub fn start(dir: &Path) -> Self {
        let mut child = Command::new("python3")
            .arg(tests_dir().join("oracle.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs tests/oracle.py");
        let (to, from) = (child.stdin.take(), child.stdout.take().expect("piped"));
        let mut oracle = Libdb1 { child, to, from: BufReader::new(from), scripts: dir.to_owned() };
        oracle.ask(json!({"do": "hello"}));
        oracle
    }

    fn ask(&mut self, request: Value) -> Value {
        let to = self.to.as_mut().expect("open until dropped");
        // A child that is gone is noticed by the empty answer.
        let _ = writeln!(to, "{request}").and_then(|()| to.flush());
        let mut line = String::new();
        self.from.read_line(&mut line).expect("pipe from oracle.py");
        assert!(!line.is_empty(), "libdb1 crashed at {request}: {:?}", self.child.wait());
        let answer: Value = serde_json::from_str(&line).expect("oracle.py prints JSON");
        assert!(answer["error"].is_null(), "libdb1 failed at {request}: {}", answer["error"]);
        answer
    }

    /// Runs a script on a file, created if it is not there; tells for each operation
    /// whether it did something (false: deletion of a missing key).
    pub fn run(&mut self, db: &Path, ops: &[Op], page_size: usize, min_keys: usize) -> Vec<bool> {
        let script = self.scripts.join("script.ops");
        std::fs::write(&script, to_text(ops)).expect("target directory is writable");
        let request =
            json!({"do": "run", "db": db, "ops": script, "psize": page_size, "minkeypage": min_keys});
        let answer = self.ask(request);
        let results = answer["results"].as_str().expect("oracle.py tells results");
        results.bytes().map(|b| b == b'0').collect()
    }

    /// Number and dump hash of the items of a file, after libdb1 has scanned it both ways and
    /// looked up every key with the same answers.
    pub fn dump(&mut self, db: &Path) -> (u64, String) {
        let answer = self.ask(json!({"do": "dump", "db": db}));
        let hash = answer["dump_sha256"].as_str().expect("oracle.py tells the hash");
        (answer["items"].as_u64().expect("oracle.py counts items"), hash.to_owned())
    }
}

impl Drop for Libdb1 {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

/// What `db_dump185 -p` prints for a file.
pub fn db_dump185(db: &Path) -> Vec<u8> {
    let out = match Command::new("db_dump185").arg("-p").arg(db).output() {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            panic!("db_dump185 is missing: install Debian's package libdb1-compat")
        }
        out => out.expect("db_dump185 runs"),
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

//! The independent checker, tests/bdbcheck.py.

use super::tests_dir;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// Runs the checker over files and returns its reports; panics if a file is not clean.
fn check(args: &[&str], files: &[PathBuf]) -> Vec<Value> {
    let mut reports = vec![];
    for chunk in files.chunks(50) {
        let out = Command::new("python3")
            .arg(tests_dir().join("bdbcheck.py"))
            .args(args)
            .args(chunk)
            .output()
            .expect("python3 runs tests/bdbcheck.py");
        let stream = serde_json::Deserializer::from_slice(&out.stdout).into_iter::<Value>();
        for report in stream {
            let report = report.expect("bdbcheck.py prints JSON");
            assert_eq!(report["ok"], true, "not clean: {report:#}");
            reports.push(report);
        }
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(reports.len(), files.len());
    reports
}

/// Files written by us from the first byte on: clean, these items, and no stale bytes anywhere.
pub fn check_ours(args: &[&str], files: &[(PathBuf, String)]) -> Vec<Value> {
    let reports = check_contents(args, files);
    for report in reports.iter().filter(|r| r["empty_file"] != true) {
        assert_eq!(report["nonzero_slack_bytes"], 0, "{}", report["file"]);
    }
    reports
}

/// Clean, and these items.
pub fn check_contents(args: &[&str], files: &[(PathBuf, String)]) -> Vec<Value> {
    let paths: Vec<_> = files.iter().map(|f| f.0.clone()).collect();
    let reports = check(args, &paths);
    for (report, (path, hash)) in reports.iter().zip(files) {
        assert_eq!(report["dump_sha256"], hash.as_str(), "{}", path.display());
    }
    reports
}

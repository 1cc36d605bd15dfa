//! `Db::check` against the independent checker, tests/bdbcheck.py, on all files of tests/data and
//! on thousands of damaged ones; and its findings one by one.

mod common;

use common::faulty::{FaultyMemory, FaultyStorage, Kind, Plan, EIO};
use common::golden::{golden, Golden};
use common::*;
use modbtree::{Db, Error, Finding, HeapMemory, NoStorage, Options, Reason, Report, Severity, VecStorage};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const ALL: u32 = u32::MAX;

/// What `check` says of a file; `None` if it cannot be opened.
fn check(bytes: &[u8]) -> Option<(Report, Vec<Finding>)> {
    let mut file = VecStorage { bytes: bytes.to_vec(), ..VecStorage::default() };
    let mut findings = vec![];
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).ok()?;
    let report = db.check(ALL, &mut |finding| findings.push(finding)).expect("reads all");
    drop(db);
    assert!(file.writes == 0 && file.bytes == bytes, "checking does not write");
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    assert_eq!((report.errors as usize, report.warnings as usize), (errors, findings.len() - errors));
    Some((report, findings))
}

fn sound(bytes: &[u8]) -> bool {
    check(bytes).is_some_and(|(report, _)| report.errors == 0)
}

fn reasons(bytes: &[u8]) -> Vec<Reason> {
    let harmless = [Reason::LeakedChain, Reason::Preserved];
    let findings = check(bytes).expect("opens").1;
    let mut reasons: Vec<_> = findings.iter().map(|f| f.reason).filter(|r| !harmless.contains(r)).collect();
    reasons.dedup();
    reasons
}

/// The verdicts of bdbcheck.py, and the kinds of its findings.
fn verdicts(files: &[PathBuf]) -> Vec<(bool, String)> {
    let share = files.len().div_ceil(std::thread::available_parallelism().map_or(1, |n| n.get())).max(1);
    let run = |files: &[PathBuf]| {
        let script = tests_dir().join("bdbcheck.py");
        let out = Command::new("python3").arg(script).arg("--summary").args(files).output();
        let out = out.expect("python3 runs tests/bdbcheck.py");
        let text = String::from_utf8(out.stdout).expect("text");
        let lines: Vec<_> = text
            .lines()
            .map(|line| {
                let verdict = line.split(' ').nth(1).expect("a verdict");
                (verdict == "ok", line.split_once('{').map_or("", |l| l.1).to_owned())
            })
            .collect();
        assert_eq!(lines.len(), files.len(), "{}", String::from_utf8_lossy(&out.stderr));
        lines
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = files.chunks(share).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn good() -> Vec<Golden> {
    golden("golden").into_iter().chain(golden("golden_be")).collect()
}

#[test]
fn the_same_verdict_on_all_golden_files() {
    let files: Vec<_> = good().into_iter().chain(golden("golden_bad")).collect();
    let paths: Vec<_> = files.iter().map(|g| g.path.clone()).collect();
    for (g, (expected, why)) in files.iter().zip(verdicts(&paths)) {
        // An empty file is sound, and is opened as a new one.
        let ours = sound(&g.bytes());
        assert_eq!(ours, expected, "{}: {:?} {why}", g.name, check(&g.bytes()));
        if expected {
            let (report, _) = check(&g.bytes()).expect("opens");
            assert_eq!(report.items as usize, g.items(), "{}", g.name);
        }
    }
}

#[test]
fn counts_are_those_of_the_other_checker() {
    for g in good().iter().filter(|g| g.number("size") > 0 && !g.is_c_bug()) {
        let out = Command::new("python3").arg(tests_dir().join("bdbcheck.py")).arg(&g.path).output();
        let report: serde_json::Value = serde_json::from_slice(&out.expect("runs").stdout).expect("JSON");
        let (ours, findings) = check(&g.bytes()).expect("opens");
        let pages = &report["pages"];
        for (name, count) in [
            ("leaf", ours.leaves),
            ("internal", ours.internals),
            ("overflow", ours.overflow),
            ("free", ours.free),
            ("leaked", ours.leaked),
        ] {
            assert_eq!(pages[name], count, "{} {name}", g.name);
        }
        let theirs = report["warnings"].as_array().expect("list").len();
        assert_eq!(findings.is_empty(), theirs == 0, "{} {findings:?}", g.name);
    }
}

/// One field of a file changed, mostly to something that could stand there.
fn mutate(rng: &mut Rng, good: &[u8], page_size: usize, big: bool) -> Vec<u8> {
    let mut bad = good.to_vec();
    let pages = good.len() / page_size;
    let page = rng.below(pages) * page_size;
    let small = rng.below(pages + 2) as u32;
    let put = |bad: &mut Vec<u8>, at: usize, width: usize, value: u32| {
        let bytes = if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let part = if big { &bytes[4 - width..] } else { &bytes[..width] };
        if let Some(to) = bad.get_mut(at..at + width) {
            to.copy_from_slice(part);
        }
    };
    let u16_at = |at: usize| {
        let pair = [good[at], good[at + 1]];
        usize::from(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let entries = u16_at(page + 16).saturating_sub(HEADER).min(page_size - HEADER) / 2;
    let slot = page + HEADER + 2 * rng.below(entries);
    let entry = page + u16_at(slot).min(page_size - 24);
    match rng.below(12) {
        0 => put(&mut bad, page + rng.pick(&[0, 4, 8, 12]), 4, small),
        1 => put(&mut bad, page + 12, 4, rng.pick(&[0, 1, 2, 4, 0x24, 0x22, 8])),
        2 => put(&mut bad, page + rng.pick(&[16, 18]), 2, rng.below(page_size) as u32),
        3 => put(&mut bad, slot, 2, rng.below(page_size) as u32),
        4 => {
            // Two entries change places.
            let other = page + HEADER + 2 * rng.below(entries);
            put(&mut bad, slot, 2, u16_at(other) as u32);
            put(&mut bad, other, 2, u16_at(slot) as u32);
        }
        5 => put(&mut bad, entry + rng.pick(&[0, 4]), 4, small),
        6 => bad[entry + 8] = rng.pick(&[0, 1, 2, 3, 4, 0x80]),
        7 => bad[entry + 9 + rng.below(8)] = rng.next() as u8,
        8 => put(&mut bad, entry + 9, 4, small),
        9 => put(&mut bad, rng.pick(&[8, 12, 16, 20]), 4, rng.pick(&[0, 1, 2, small, 0x20, 512, 1024])),
        10 => {
            let at = page + rng.below(page_size);
            bad[at] = rng.next() as u8;
        }
        _ => {
            // A page in the place of another.
            let from = rng.below(pages) * page_size;
            bad[page..page + page_size].copy_from_slice(&good[from..from + page_size]);
            if rng.once_in(2) {
                put(&mut bad, page, 4, (page / page_size) as u32);
            }
        }
    }
    bad
}

#[test]
fn the_same_verdict_on_damaged_files() {
    let dir = work_dir("check");
    let mut rng = Rng::new(44);
    let (mut paths, mut ours) = (vec![], vec![]);
    let files: Vec<_> = good().into_iter().filter(|g| (1024..50_000).contains(&g.number("size"))).collect();
    for i in 0..3000 {
        let g = &files[i % files.len()];
        let page_size = g.number("pagesize") as usize;
        let bad = mutate(&mut rng, &g.bytes(), page_size, g.facts["byteorder"] == "big");
        ours.push(check(&bad));
        paths.push(write_file(dir.join(format!("{i}_{}", g.name)), &bad));
    }
    let (mut kinds, mut differ, mut both) = (BTreeMap::<String, usize>::new(), 0, [0, 0]);
    for ((path, report), (theirs, why)) in paths.iter().zip(&ours).zip(verdicts(&paths)) {
        let sound = report.as_ref().is_some_and(|(report, _)| report.errors == 0);
        if sound == theirs {
            both[usize::from(sound)] += 1;
            for finding in report.iter().flat_map(|r| &r.1) {
                *kinds.entry(format!("{:?}", finding.reason)).or_default() += 1;
            }
            continue;
        }
        // Where we are stricter: our pager takes no internal page from the free list that has more
        // than one entry left (FORMAT.md, section 8), and the other checker does not look.
        let (_, findings) = report.as_ref().expect("what cannot be opened is unsound for both");
        let errors = findings.iter().filter(|f| f.severity == Severity::Error);
        if theirs && errors.clone().all(|f| (f.offset, f.reason) == (16, Reason::FreeList)) {
            continue;
        }
        differ += 1;
        println!("{}: sound {sound}, for bdbcheck.py {theirs} {why} {report:?}", path.display());
    }
    println!("{both:?} unsound and sound; {kinds:?}");
    assert_eq!(differ, 0);
    assert!(both[0] > 1000 && both[1] > 300 && kinds.len() > 20);
}

/// A file with several levels, chains of all kinds and free pages.
fn sample(page_size: u32, duplicates: bool) -> Vec<u8> {
    let mut file = VecStorage::default();
    let options = Options { page_size, duplicates, ..Options::default() };
    let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
    fill(&mut db);
    db.flush().expect("flushes");
    drop(db);
    file.bytes
}

fn fill<S: modbtree::Storage, M: modbtree::Memory>(db: &mut Db<S, M>) {
    for i in 0..400u32 {
        let i = i * 211 % 400;
        let key = format!("{i:04}").into_bytes();
        // Every tenth key is long, and so are the separators between neighbours like these.
        let key = if i % 40 < 4 { [&[b'0'; 900][..], &key].concat() } else { key };
        assert_eq!(db.put(&key, &vec![b'v'; i as usize % 17 * 60], true), Ok(true));
    }
    for i in (100..200u32).step_by(2) {
        assert_eq!(db.delete(format!("{i:04}").as_bytes()), Ok(i % 40 >= 4));
    }
}

/// Chains that have lost their separators are normal in a file that has them.
fn no_error(finding: Finding) {
    assert_eq!(finding.severity, Severity::Warning, "{finding:?}");
}

#[test]
fn changes_not_yet_flushed_are_seen() {
    for duplicates in [false, true] {
        let options = Options { page_size: 512, duplicates, ..Options::default() };
        let mut file = VecStorage::default();
        let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
        let empty = db.check(ALL, &mut no_error).expect("reads");
        assert_eq!(empty, Report { leaves: 1, ..Report::default() });
        fill(&mut db);
        let before = db.check(ALL, &mut no_error).expect("reads");
        assert_eq!(before.items, db.count().expect("reads"));
        assert!(before.overflow > 100 && before.free > 10 && before.internals > 2, "{before:?}");
        db.flush().expect("flushes");
        assert_eq!(db.check(ALL, &mut no_error), Ok(before));
        let mut memory = Db::open(NoStorage, HeapMemory, &options).expect("opens");
        fill(&mut memory);
        assert_eq!(memory.check(ALL, &mut no_error), Ok(before));
    }
}

/// Memory for a few pages only: most changes are in the file before they are flushed.
#[test]
fn spilled_changes_are_seen() {
    let (plan, mut file) = (Plan::new(), VecStorage::default());
    let storage = FaultyStorage { file: &mut file, plan: &plan };
    let options = Options { page_size: 512, ..Options::default() };
    let mut db = Db::open(storage, FaultyMemory(&plan), &options).expect("opens");
    plan.budget.set(30_000);
    fill(&mut db);
    // The pages take all there is, and checking takes some for itself.
    plan.budget.set(32_000);
    let before = db.check(ALL, &mut no_error).expect("reads");
    assert!(before.items == db.count().expect("reads") && before.errors == 0, "{before:?}");
    db.flush().expect("flushes");
    let after = db.check(ALL, &mut no_error).expect("reads");
    assert_eq!(Report { free: before.free, ..after }, before);
    drop(db);
    assert!(file.writes > 500 && sound(&file.bytes));
}

#[test]
fn a_limit_of_findings() {
    let mut bytes = sample(512, false);
    let pages = bytes.len() / 512;
    bytes[512..].fill(0);
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
    for limit in [0, 1, 7] {
        let mut findings = 0;
        let report = db.check(limit, &mut |_| findings += 1).expect("reads");
        assert!(findings == limit && report.errors as usize > pages - 4, "{report:?}");
    }
}

#[test]
fn failing_storage_and_memory_are_no_findings() {
    let good = sample(512, false);
    for kind in [Kind::Read, Kind::ShortRead, Kind::Alloc] {
        for n in (0..400).step_by(3) {
            let plan = Plan::new();
            let mut file = VecStorage { bytes: good.clone(), ..VecStorage::default() };
            let storage = FaultyStorage { file: &mut file, plan: &plan };
            let mut db = Db::open(storage, FaultyMemory(&plan), &Options::default()).expect("opens");
            plan.arm(kind, n, false);
            let mut findings = 0;
            let mut count = |f: Finding| findings += u32::from(f.severity == Severity::Error);
            match db.check(ALL, &mut count) {
                Err(e) => {
                    assert!(findings == 0 && e == if kind == Kind::Alloc { Error::NoMemory } else { EIO })
                }
                Ok(report) => {
                    assert!(findings == 0 || kind == Kind::ShortRead, "{kind:?} {n}");
                    assert_eq!(findings, report.errors);
                }
            }
            plan.disarm();
            assert_eq!(db.check(ALL, &mut no_error).expect("reads").errors, 0);
            drop(db);
            assert_eq!(plan.used.get(), 0);
        }
    }
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn get32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Byte offsets of the pages of a type.
fn pages_of(bytes: &[u8], kind: u32) -> Vec<usize> {
    (512..bytes.len()).step_by(512).filter(|at| get32(bytes, at + 12) == kind).collect()
}

// Without `repack`, separators share the chains of leaves, and so other damage follows.
#[cfg(feature = "repack")]
#[test]
fn kinds_of_damage() {
    let good = sample(512, false);
    assert!(reasons(&good).is_empty());
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(&mut bad);
        reasons(&bad)
    };
    let in_tree = |at: &usize| good[at + 16] > 24;
    let leaves: Vec<usize> = pages_of(&good, 2).into_iter().filter(in_tree).collect();
    let internals: Vec<usize> = pages_of(&good, 1).into_iter().filter(in_tree).collect();
    let (leaf, inner) = (leaves[5], internals[1]);
    let entry = |page: usize, i: usize| {
        let slot = page + 20 + 2 * i;
        page + usize::from(u16::from_le_bytes([good[slot], good[slot + 1]]))
    };
    let mut separators = vec![];
    for &page in &internals {
        separators.extend((1..(usize::from(good[page + 16]) - 20) / 2).map(|i| entry(page, i)));
    }
    let reference = separators.into_iter().find(|at| good[at + 8] == 2).expect("a long separator");
    let preserved = get32(&good, reference + 9) as usize * 512;
    assert_eq!(with(&|b| b.extend([0; 100])), [Reason::PartialPage]);
    assert_eq!(with(&|b| b.extend([0; 512])), [Reason::Leaked]);
    assert_eq!(with(&|b| b[16] = 1), [Reason::NotZero]);
    assert_eq!(with(&|b| b[100] = 1), [Reason::MetaTail]);
    assert_eq!(with(&|b| b[12..16].fill(0))[..1], [Reason::Leaked]);
    assert_eq!(with(&|b| put32(b, 12, 1))[..1], [Reason::FreeList]);
    assert_eq!(with(&|b| put32(b, 12, 1_000_000))[..1], [Reason::FreeList]);
    assert_eq!(with(&|b| put32(b, preserved + 12, 4)), [Reason::PreserveFlag]);
    assert_eq!(with(&|b| put32(b, preserved + 4, 1)), [Reason::NotZero]);
    assert_eq!(with(&|b| put32(b, leaf + 4, 0)), [Reason::Sibling]);
    assert_eq!(with(&|b| put32(b, leaf + 8, 1)), [Reason::Sibling]);
    assert_eq!(with(&|b| b[entry(leaf, 1) + 9] = 0xff)[0], Reason::KeyOrder);
    assert!(with(&|b| b[entry(leaf, 0) + 9] = 0).contains(&Reason::KeyBound));
    assert!(with(&|b| b[entry(inner, 1) + 9] = 0xff).contains(&Reason::KeyOrder));
    assert!(
        with(&|b| put32(b, entry(inner, 1) + 4, get32(&good, entry(inner, 0) + 4))).contains(&Reason::Shared)
    );
    assert_eq!(with(&|b| put32(b, entry(inner, 1) + 4, 1_000_000))[0], Reason::PageRange);
    // A child that is a page of its parent's level.
    assert!(with(&|b| put32(b, entry(512, 0) + 4, leaf as u32 / 512)).contains(&Reason::Level));
}

/// Separators that refer to two long chains of the same bytes in turns: millions of comparisons.
#[test]
fn long_equal_keys_come_to_an_end() {
    let (chain, inner, page_size) = (300usize, 200usize, 512usize);
    let mut bytes = vec![0; page_size * (2 + 2 * chain + inner)];
    let header = |bytes: &mut Vec<u8>, page: usize, next: u32, kind: u32| {
        for (i, value) in [page as u32, 0, next, kind].into_iter().enumerate() {
            put32(bytes, page * page_size + 4 * i, value);
        }
    };
    for (i, value) in [0x53162, 3, page_size as u32, 0, 0, 0x20].into_iter().enumerate() {
        put32(&mut bytes, 4 * i, value);
    }
    for page in 2..2 + 2 * chain {
        let last = page == 1 + chain || page == 1 + 2 * chain;
        let first = page == 2 || page == 2 + chain;
        header(&mut bytes, page, if last { 0 } else { page as u32 + 1 }, if first { 0x24 } else { 4 });
    }
    let tree: Vec<usize> = [1].into_iter().chain(2 + 2 * chain..2 + 2 * chain + inner).collect();
    for (n, &page) in tree.iter().enumerate() {
        header(&mut bytes, page, 0, 1);
        let at = page * page_size;
        let entries = 22;
        bytes[at + 16..at + 18].copy_from_slice(&(20 + 2 * entries as u16).to_le_bytes());
        let upper = page_size - 20 * entries;
        bytes[at + 18..at + 20].copy_from_slice(&(upper as u16).to_le_bytes());
        for i in 0..entries {
            let off = upper + 20 * i;
            bytes[at + 20 + 2 * i..at + 22 + 2 * i].copy_from_slice(&(off as u16).to_le_bytes());
            put32(&mut bytes, at + off, 8);
            put32(&mut bytes, at + off + 4, tree.get(22 * n + i + 1).map_or(0, |&p| p as u32));
            bytes[at + off + 8] = 2;
            put32(&mut bytes, at + off + 9, (2 + i % 2 * chain) as u32);
            put32(&mut bytes, at + off + 13, (chain * (page_size - HEADER)) as u32);
        }
    }
    let mut file = VecStorage { bytes, ..VecStorage::default() };
    let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
    let mut found = vec![];
    let report = db.check(ALL, &mut |f| found.push(f.reason)).expect("reads");
    drop(db);
    assert!(found.contains(&Reason::Effort) && report.internals == 201, "{report:?}");
    assert!(file.reads < 80 * 801, "{} reads", file.reads);
}

//! Files with a journal that a device has left: read as of the last flush, and not changed by reading.

use crate::common::Work;
use modbtree::{Cursor, Db, HeapMemory, Journal, Options, VecStorage};

/// A file as a power cut leaves it: a checkpoint with `old`, flushes with `new`, and a change that was
/// not flushed.
fn cut_off() -> Vec<u8> {
    let mut file = VecStorage::default();
    let options = Options { page_size: 512, journal: Journal::On, ..Options::default() };
    let mut db = Db::open(&mut file, HeapMemory, &options).expect("a database");
    for i in 0..200 {
        db.put(format!("key{i:03}").as_bytes(), b"old", true).expect("stored");
    }
    db.checkpoint().expect("a checkpoint");
    for i in 0..50 {
        db.put(format!("key{i:03}").as_bytes(), b"new", true).expect("stored");
        db.put(format!("more{i:03}").as_bytes(), &[b'm'; 40], true).expect("stored");
        if i % 10 == 9 {
            db.flush().expect("flushed");
        }
    }
    db.put(b"key000", b"lost", true).expect("stored");
    drop(db);
    file.bytes
}

#[test]
fn reading_shows_the_last_flush_and_changes_nothing() {
    let work = Work::new();
    let bytes = cut_off();
    work.write("a.db", &bytes);
    let mut permissions = std::fs::metadata(work.path("a.db")).expect("a file").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(work.path("a.db"), permissions).expect("a mode");
    assert_eq!(work.run("get a.db key000").ok().text(), "new\n");
    assert_eq!(work.run("get a.db key100").ok().text(), "old\n");
    assert_eq!(work.run("list a.db --count").ok().text(), "250\n");
    work.run("check a.db").ok();
    let stat: serde_json::Value =
        serde_json::from_slice(&work.run("stat a.db --json").ok().out).expect("JSON");
    assert_eq!((&stat["journal"], &stat["items"]), (&5.into(), &250.into()));
    let map: serde_json::Value = serde_json::from_slice(&work.run("map a.db --json").ok().out).expect("JSON");
    assert!(map["pages"]["journal"].as_u64() > Some(0), "{map}");
    assert_eq!((&map["pages"]["damaged"], &map["pages"]["unused"]), (&0.into(), &0.into()));
    for command in ["dump a.db", "tree a.db", "export a.db -s", "diff a.db a.db", "compact a.db b.db"] {
        work.run(command).ok();
    }
    work.run("diff a.db b.db").ok();

    let checkpoint = work.run("list a.db --journal discard").ok();
    assert_eq!(checkpoint.text().lines().count(), 200);
    assert!(checkpoint.text().starts_with("key000\told\n"));
    assert_eq!(work.read("a.db"), bytes);
}

#[test]
fn a_change_goes_on_from_the_last_flush() {
    for arguments in ["", " --journal off"] {
        let work = Work::new();
        work.write("a.db", &cut_off());
        work.run(&format!("put a.db key001 newer{arguments}")).ok();
        assert_eq!(work.run("get a.db key000").ok().text(), "new\n");
        assert_eq!(work.run("get a.db key001").ok().text(), "newer\n");
        work.run("check a.db").ok();
        assert!(work.run("stat a.db").ok().text().contains("no journal"));
    }
    let work = Work::new();
    work.write("a.db", &cut_off());
    work.run("put a.db key001 newer --journal discard").ok();
    assert_eq!(work.run("get a.db key000").ok().text(), "old\n");
    assert_eq!(work.run("list a.db --count").ok().text(), "200\n");
    work.run("check a.db").ok();
}

#[test]
fn a_checkpoint_leaves_a_file_for_all_programs() {
    let work = Work::new();
    work.write("a.db", &cut_off());
    let before = work.run("dump a.db").ok().out;
    work.run("checkpoint a.db").ok();
    assert_eq!(work.run("dump a.db").ok().out, before);
    // Without the journal there is nothing more in it.
    assert_eq!(work.run("dump a.db --journal discard").ok().out, before);
    work.run("check a.db").ok();
    let bytes = work.read("a.db");
    assert_eq!(work.run("checkpoint a.db").ok().err, "the file has no journal\n");
    assert_eq!(work.read("a.db"), bytes);
    work.run("checkpoint a.db --journal off").code(2);
}

#[test]
fn a_file_that_another_program_has_changed_is_refused() {
    let work = Work::new();
    let mut bytes = cut_off();
    // The value of an item that the journal has, too.
    let at = bytes.windows(9).position(|window| window == b"key000old").expect("the item");
    bytes[at + 6..at + 9].copy_from_slice(b"OLD");
    work.write("a.db", &bytes);
    let refused = work.run("list a.db").code(3);
    assert!(
        refused.err.contains("changed by another program since the journal was written"),
        "{}",
        refused.err
    );
    work.run("put a.db x y").code(3);
    assert_eq!(work.read("a.db"), bytes);
    assert_eq!(work.run("get a.db key000 --journal discard").ok().text(), "OLD\n");
}

type Items = Vec<(Vec<u8>, Vec<u8>)>;

/// The items of a file, or None if it cannot be opened.
fn items(bytes: Vec<u8>, journal: Journal) -> Option<Items> {
    let file = VecStorage { bytes, ..VecStorage::default() };
    let mut db = Db::open(file, HeapMemory, &Options { journal, ..Options::default() }).ok()?;
    let mut cursor = Cursor::new(HeapMemory);
    let mut items = vec![];
    while let Some((key, value)) = db.step(&mut cursor, false).ok()? {
        items.push((db.to_vec(&key).ok()?, db.to_vec(&value).ok()?));
    }
    Some(items)
}

/// The items that a salvage gets, and what it says.
fn salvaged(work: &Work, bytes: &[u8], arguments: &str) -> (Items, String, serde_json::Value) {
    work.write("a.db", bytes);
    let said = work.run(&format!("salvage a.db b.db -f{arguments}")).ok().err;
    let report = work.run(&format!("salvage a.db b.db -f --json{arguments}")).ok().out;
    work.run("check b.db").ok();
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    (items(work.read("b.db"), Journal::Off).expect("a sound file"), said, report["journal"].clone())
}

#[test]
fn salvage_takes_the_last_whole_flush() {
    let work = Work::new();
    let bytes = cut_off();
    let (found, said, journal) = salvaged(&work, &bytes, "");
    assert_eq!(Some(found), items(bytes.clone(), Journal::Off));
    assert!(said.starts_with("the file is taken as flush 5 in its journal has left it\n"), "{said}");
    assert_eq!(journal, serde_json::json!({ "flushes": 5, "torn": false, "changed": 0 }));
    // On request what was before the journal.
    let (found, _, journal) = salvaged(&work, &bytes, " --journal discard");
    assert!(found.len() >= 200 && found.contains(&(b"key000".to_vec(), b"old".to_vec())));
    assert!(journal.is_null());
}

#[test]
fn salvage_of_files_that_are_cut_off() {
    let work = Work::new();
    let bytes = cut_off();
    // Without a journal the file is that of the last checkpoint.
    let checkpoint = items(bytes.clone(), Journal::Discard).expect("a sound file");
    let (mut last, mut flushes_seen) = (u64::MAX, vec![]);
    for end in (0..bytes.len() - 1).rev().step_by(300).filter(|&end| end >= 1024) {
        let (found, said, journal) = salvaged(&work, &bytes[..end], "");
        let flushes = journal["flushes"].as_u64().expect("a number");
        assert!(flushes <= last, "{end}");
        last = flushes;
        flushes_seen.push(flushes);
        match items(bytes[..end].to_vec(), Journal::Off) {
            // As the core would read it.
            Some(wanted) => assert!(found == wanted, "{end}"),
            // The first flush is gone, which the core does not forgive: the mark says that it was there.
            None => {
                assert_eq!((flushes, &journal["torn"]), (0, &true.into()), "{end}");
                assert!(
                    said.contains("flush 1 in the journal is not whole; the last checkpoint counts"),
                    "{said}"
                );
                assert!(found.iter().all(|item| checkpoint.contains(item)), "{end}");
            }
        }
    }
    flushes_seen.dedup();
    assert_eq!(flushes_seen, [4, 3, 2, 1, 0]);
    // Of a file that ends in the middle of the tree at least that part comes back.
    let base = bytes.len() / 512 / 2;
    let (found, ..) = salvaged(&work, &bytes[..512 * 6], "");
    assert!(!found.is_empty() && found.len() < 200 && base > 6, "{}", found.len());
}

#[test]
fn salvage_of_a_journal_with_damage_in_it() {
    let work = Work::new();
    let bytes = cut_off();
    // A page that only the third flush has.
    let at = (0..bytes.len()).rev().find(|&at| bytes[at..].starts_with(b"more025")).expect("a key");
    let mut damaged = bytes.clone();
    damaged[at + 4] ^= 1;
    let (found, said, journal) = salvaged(&work, &damaged, "");
    let flushes = journal["flushes"].as_u64().expect("a number");
    assert!((1..5).contains(&flushes) && journal["torn"] == true, "{journal}");
    assert!(said.contains(&format!("flush {} in the journal is not whole; those before count", flushes + 1)));
    assert_eq!(found.iter().filter(|item| item.1 == b"new").count() as u64, 10 * flushes);
    // Pages of the tree itself, of which the journal has newer copies.
    let at = bytes.windows(9).position(|window| window == b"key000old").expect("the item");
    let mut damaged = bytes.clone();
    damaged[at..at / 512 * 512 + 512].fill(0xff);
    work.write("a.db", &damaged);
    work.run("list a.db").code(3);
    let (found, said, _) = salvaged(&work, &damaged, "");
    assert_eq!(Some(found), items(bytes.clone(), Journal::Off));
    assert!(said.contains("1 pages have changed since the journal was written"), "{said}");
}

#[test]
fn salvage_of_a_checkpoint_that_was_cut_off() {
    let work = Work::new();
    let mut bytes = cut_off();
    let wanted = items(bytes.clone(), Journal::Off);
    // The flag in the header says that pages are being brought home, of which any may be torn.
    bytes[23] |= 1;
    let at = bytes.windows(9).position(|window| window == b"key000old").expect("the item");
    bytes[at / 512 * 512..][..512].fill(0);
    let (found, _, journal) = salvaged(&work, &bytes, "");
    assert_eq!((Some(found), &journal["flushes"]), (wanted, &5.into()));
}

#[test]
fn salvage_of_any_damage_ends() {
    let work = Work::new();
    let bytes = cut_off();
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as usize % n
    };
    for _ in 0..100 {
        let mut damaged = bytes.clone();
        for _ in 0..=below(4) {
            // Rather in the meta page, the marks and the descriptors than in items.
            let at = match below(3) {
                0 => below(80),
                1 => below(bytes.len() / 512) * 512 + below(120),
                _ => below(bytes.len()),
            };
            damaged[at] = [0, 1, 0x7f, 0xff, damaged[at] ^ 1 << below(8)][below(5)];
        }
        damaged.truncate(bytes.len() - [0, below(bytes.len())][below(2)]);
        work.write("a.db", &damaged);
        let run = work.run("salvage a.db b.db -f");
        assert!([0, 3].contains(&run.code), "{} {}", run.code, run.err);
    }
}

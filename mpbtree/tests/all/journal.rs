//! Files with a journal that a device has left: read as of the last flush, and not changed by reading.

use crate::common::Work;
use modbtree::{Db, HeapMemory, Journal, Options, VecStorage};

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

//! Files on a device, with a program in the place of mpremote that keeps them in a directory, and runs
//! programs for the device with a Python interpreter.

use crate::common::{Run, Work};
use std::os::unix::fs::PermissionsExt;

/// Takes `[connect DEVICE] [resume] fs cp FROM TO` and `[connect DEVICE] [resume] exec PROGRAM`.
const MPREMOTE: &str = r#"#!/usr/bin/env python3
import os, shutil, sys
here = os.path.dirname(os.path.abspath(__file__))
args = sys.argv[1:]
with open(os.path.join(here, "log"), "a") as log:
    print(" ".join(args[:5]).split("\n")[0], file=log)
if args[0] == "connect":
    if args[1] != "port:fake":
        print("mpremote: failed to access", args[1])
        sys.exit(1)
    args = args[2:]
if args[0] == "resume":
    args = args[1:]
device = os.path.join(here, "device")
if args[0] == "fs" and args[1] == "cp":
    place = lambda name: device + "/" + name[1:].lstrip("/") if name[0] == ":" else name
    shutil.copy(place(args[2]), place(args[3]))
    if os.path.exists(here + "/spoil") and args[3][0] == ":":
        with open(place(args[3]), "r+b") as f:
            f.write(b"?")
    if os.path.exists(here + "/meddle") and args[3][0] == ":":
        with open(place(args[3])[:-4], "ab") as f:
            f.write(b"?")
elif args[0] == "exec":
    os.chdir(device)
    exec(args[1].replace("'/", "'./"), {})
else:
    sys.exit("what?")
"#;

struct Device(Work);

impl Device {
    fn new() -> Self {
        let work = Work::new();
        work.write("fake", MPREMOTE.as_bytes());
        std::fs::set_permissions(work.path("fake"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        std::fs::create_dir(work.path("device")).expect("a directory");
        Device(work)
    }

    fn run(&self, arguments: &str) -> Run {
        let fake = self.0.path("fake").display().to_string();
        self.0
            .tool()
            .env("MPREMOTE", fake)
            .args(arguments.split_whitespace())
            .output()
            .expect("it runs")
            .into()
    }
}

#[test]
fn files_of_a_device_are_read_and_changed() {
    let device = Device::new();
    device.run("put -c :/data.db a 1 b 2").ok();
    assert_eq!(device.run("get :/data.db a").ok().text(), "1\n");
    assert_eq!(device.run("list :data.db --json").ok().text().lines().count(), 2);
    device.run("put :/data.db a 3").ok();
    device.run("del :/data.db b").ok();
    assert_eq!(device.run("list :/data.db --device port:fake").ok().text(), "a\t3\n");
    device.run("compact :/data.db :/small.db").ok();
    device.run("diff :/data.db :/small.db").ok();
    device.run("dump :/data.db -o :/data.txt").ok();
    device.run("load :/other.db :/data.txt").ok();
    device.run("diff :/other.db :/small.db").ok();
    let mut names: Vec<_> = std::fs::read_dir(device.0.path("device"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    assert_eq!(names, ["data.db", "data.txt", "other.db", "small.db"]);
    // The copies here are gone.
    assert_eq!(device.0.files(), ["device", "fake", "log"]);
}

#[test]
fn reading_sends_nothing_to_the_device() {
    let device = Device::new();
    device.run("put -c :/data.db a 1").ok();
    std::fs::write(device.0.path("log"), "").expect("written");
    device.run("get :/data.db a").ok();
    device.run("put :/data.db a 1 --resume").ok();
    let log = String::from_utf8(device.0.read("log")).expect("text");
    assert!(!log.contains(".new"), "{log}");
    assert!(log.starts_with("exec"), "{log}");
}

#[test]
fn what_goes_wrong_on_a_device_is_told() {
    let device = Device::new();
    assert!(device.run("get :/none.db a").code(4).err.contains(":/none.db: No such file"));
    device.run("put -c :/data.db a 1").ok();
    let run = device.run("get :/data.db a --device port:other").code(4);
    assert!(run.err.contains("mpremote: failed to access port:other"), "{}", run.err);
    let run = device.run("get :/data.db a --mpremote /nowhere/mpremote").code(4);
    assert!(run.err.contains("cannot run /nowhere/mpremote"), "{}", run.err);
    device.run("get : a").code(2);

    let path = device.0.path("device/data.db");
    let before = std::fs::read(&path).expect("a file");
    device.0.write("spoil", b"");
    let run = device.run("put :/data.db a 2").code(4);
    assert!(run.err.contains("is not what was sent"), "{}", run.err);
    assert_eq!(std::fs::read(&path).expect("a file"), before);
    std::fs::remove_file(device.0.path("spoil")).expect("removed");
    device.0.write("meddle", b"");
    let run = device.run("put :/data.db a 2").code(4);
    assert!(run.err.contains("has been changed meanwhile"), "{}", run.err);
    assert!(std::fs::read(&path).expect("a file").starts_with(&before));
}

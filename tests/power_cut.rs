//! Power cuts: a script runs on a medium that writes down every byte and sync (common/device.rs),
//! and every file that a cut at any moment may leave is opened again. What must be found then
//! depends on the medium and the mode; afterwards the database must go on working, and close as a
//! plain, sound file. What it does then is cut, too.
//!
//! CUTS=<number> tries so many times more by chance, SEED=<number> other ones.

#[path = "power_cut/checker.rs"]
mod checker;
mod common;
#[path = "mutants/exercise.rs"]
mod exercise;
#[path = "power_cut/script.rs"]
mod script;

use checker::{Checker, Sample};
use common::device::{Effort, Medium, DEAD};
use common::ops::Op;
use common::{scan, Map, Rng};
use modbtree::{Db, HeapMemory, VecStorage};
use script::{Mode, Promise, Script};

/// How many times more than in an ordinary test run.
fn more() -> usize {
    std::env::var("CUTS").map_or(1, |s| s.parse().expect("CUTS is a number"))
}

/// Cuts a script everywhere on a medium.
fn cut_everywhere(
    script: &Script,
    medium: Medium,
    effort: Effort,
    nested: usize,
    what: &str,
    sample: &mut Sample,
) {
    // A medium need not know that it is atomic.
    for atomic in [false, true] {
        if atomic && medium != Medium::Atomic {
            continue;
        }
        let script = Script { atomic, ..script.clone() };
        let what =
            format!("{what}, {:?}, pages of {}, atomic {atomic}", script.mode, script.options.page_size);
        let (trace, states) = script.trace(script.file(), &what);
        let rng = Rng::new(trace.written() as u64);
        let mut checker = Checker { script: &script, sample, rng, what };
        checker.everywhere(&trace, &states, medium, effort, nested);
    }
}

fn put(key: &str, len: usize) -> Op {
    Op::Put(key.into(), vec![key.as_bytes()[0]; len])
}

fn delete(key: &str) -> Op {
    Op::Delete(key.into())
}

fn items(count: usize, len: usize) -> Map {
    (0..count).map(|i| (format!("{i:03}").into_bytes(), vec![i as u8; len])).collect()
}

/// Scripts with few writes: every cut there is.
fn small_scripts(mode: Mode) -> Vec<(&'static str, Script)> {
    let new = |start: Map, ops| Script::new(mode, 512, start, ops);
    vec![
        ("a new file", new(Map::new(), vec![put("a", 10), Op::Flush, put("b", 20), Op::Flush])),
        ("a page", new(items(20, 40), vec![put("005", 40), Op::Flush, delete("007"), Op::Reopen])),
        ("a split", new(items(12, 30), vec![put("0055", 100), Op::Flush, put("0056", 100), Op::Flush])),
        (
            "an overflow chain",
            new(
                items(8, 30),
                vec![put("big", 900), Op::Flush, delete("big"), Op::Flush, put("big", 600), Op::Reopen],
            ),
        ),
        (
            "the root grows and shrinks",
            new(
                items(10, 20),
                [
                    (0..6).map(|i| put(&format!("9{i}"), 60)).collect(),
                    vec![Op::Flush],
                    (0..6).map(|i| delete(&format!("9{i}"))).collect(),
                    vec![Op::Flush],
                ]
                .concat(),
            ),
        ),
    ]
}

#[test]
fn every_cut_of_small_scripts() {
    let mut sample = Sample::new("small", 50);
    for mode in Mode::ALL {
        for (what, script) in small_scripts(mode) {
            for medium in Medium::ALL {
                let effort = Effort { all: 600, random: 60 * more() };
                cut_everywhere(&script, medium, effort, 200, what, &mut sample);
            }
        }
    }
    sample.check(15000, 20, 3000, 2000);
}

/// Some cuts of long scripts, pages of all sizes.
#[test]
fn cuts_of_random_scripts() {
    let (mut sample, mut rng) = (Sample::new("random", 100), Rng::new(7));
    for turn in 0..8 * more() {
        for mode in Mode::ALL {
            let start = if turn % 3 == 0 { Map::new() } else { items(150, 10 + turn % 50) };
            let (page_size, len) = ([512, 512, 1024, 4096][turn % 4], 60 + rng.below(140));
            let script = Script::random(&mut rng, mode, start, page_size, len);
            for medium in Medium::ALL {
                // What promises nothing takes longer to look at.
                let random = if mode == Mode::Default && medium != Medium::Atomic { 0 } else { 2 };
                let effort = Effort { all: 30, random };
                cut_everywhere(&script, medium, effort, 600, &format!("script {turn}"), &mut sample);
            }
        }
    }
    sample.check(5000, 200, 500, 200);
}

/// Power fails again and again, and each time the database goes on with what it finds.
#[test]
fn a_life_of_power_cuts() {
    let (mut sample, mut rng) = (Sample::new("life", 1), Rng::new(8));
    for turn in 0..20 * more() {
        for mode in Mode::ALL {
            let page_size = rng.pick(&[512, 1024, 4096]);
            let (mut map, mut file) = (Map::new(), vec![]);
            for age in 0..6 {
                let medium = if file.is_empty() { Medium::Atomic } else { mode.safe_on(&mut rng) };
                let len = 60 + rng.below(140);
                let mut script = Script::random(&mut rng, mode, map.clone(), page_size, len);
                script.atomic = medium == Medium::Atomic && rng.once_in(2);
                let what = format!("life {turn}, cut {age}, {mode:?}");
                let (trace, states) = script.trace(file, &what);
                // One of them, without keeping all.
                let (mut choice, mut seen, mut chosen) = (Rng::new(rng.next()), 0, None);
                let effort = Effort { all: 8, random: 2 };
                trace.cuts(medium, effort, &mut rng, &mut |image, cut| {
                    seen += 1;
                    if choice.below(seen) == 0 {
                        chosen = Some((image, cut));
                    }
                });
                let (image, cut) = chosen.expect("cuts");
                let mut allowed = vec![&states[cut.flushed]];
                allowed.extend(states.get(cut.flushed + 1).filter(|_| cut.flushing));
                let seed = Rng::new(rng.next());
                let mut checker = Checker { script: &script, sample: &mut sample, rng: seed, what };
                let found = checker.image(image.clone(), &allowed, Promise::Whole, None, &cut);
                (map, file) = (found.expect("a whole state"), image);
            }
        }
    }
    sample.check(240, 0, 0, 0);
}

/// What is here called a cut is what a database sees when the power fails: every call fails from
/// then on, no change or flush claims success, and the file is one of those that `cuts` makes.
#[test]
fn the_device_tells_the_truth() {
    for mode in Mode::ALL {
        let (what, script) = small_scripts(mode).swap_remove(2);
        let (trace, _) = script.trace(script.file(), what);
        let mut images = vec![];
        let effort = Effort { all: 2000, random: 0 };
        trace.cuts(Medium::InOrder, effort, &mut Rng::new(1), &mut |image, _| images.push(image));
        for bytes in 0..trace.written() {
            let device = script.device(script.file());
            device.fail_after(bytes);
            let error = script.play(&device, &mut vec![]).expect_err("no power");
            assert_eq!(error, DEAD, "{bytes} bytes");
            assert!(images.contains(&device.bytes()), "{bytes} bytes");
        }
    }
}

/// The opposite: where a mode promises nothing, cuts do damage. Otherwise the tests above would
/// prove nothing.
#[test]
fn cuts_do_damage() {
    for medium in [Medium::InOrder, Medium::Cached] {
        let (what, script) = small_scripts(Mode::Default).swap_remove(2);
        let (trace, states) = script.trace(script.file(), what);
        let (mut good, mut bad) = (0, 0);
        let effort = Effort { all: 2000, random: 500 };
        trace.cuts(medium, effort, &mut Rng::new(1), &mut |image, cut| {
            let mut file = VecStorage { bytes: image, ..VecStorage::default() };
            let found = Db::open(&mut file, HeapMemory, &script.options).map_err(|e| e.error);
            let found = found.and_then(|mut db| scan(&mut db, false));
            let whole = found.is_ok_and(|found| {
                let found: Map = found.into_iter().collect();
                found == states[cut.flushed] || Some(&found) == states.get(cut.flushed + 1)
            });
            *(if whole { &mut good } else { &mut bad }) += 1;
        });
        assert!(good > 10 && bad > 50, "{medium:?}: {good} whole states, {bad} others");
    }
}

//! Tens of thousands of damaged files, the same each time: every one is read, changed, written
//! and read again (mutants/exercise.rs), and nothing that damage does not excuse may happen.
//!
//! MUTANTS=<number> makes more of them, SEED=<number> others, ONLY=<file>:<number> a single one.

mod common;
#[path = "mutants/engine.rs"]
mod engine;
#[path = "mutants/exercise.rs"]
mod exercise;

use common::golden::golden;
use common::{scan, work_dir, write_file, Rng};
use engine::{mutant, Damage, Original};
use exercise::{exercise, Outcome};
use modbtree::{Db, HeapMemory, Options, Order, VecStorage};
use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How many there are without MUTANTS.
const MUTANTS: usize = 24_000;
/// Processor time for one, on any machine.
const LONG: Duration = Duration::from_secs(1);
/// Every so many, if not larger, stay as files: `make test-corpus` gives them to MicroPython.
const SAMPLE: usize = 16;
const SAMPLE_SIZE: usize = 24 * 1024;
/// When to give up waiting for one.
const ENDLESS: Duration = Duration::from_secs(60);

/// Options, number of items, bytes of keys in common, bytes of values.
type Recipe = (Options, usize, usize, usize);

/// Files with what the golden ones have little of: depth, free pages, duplicates, big keys.
fn recipes() -> Vec<Recipe> {
    let size = |page_size| Options { page_size, ..Options::default() };
    let small = size(512);
    let dups = |page_size| Options { duplicates: true, ..size(page_size) };
    let big_endian = Options { order: Some(Order::Big), ..small };
    vec![
        (small, 60, 222, 0),
        (small, 90, 60, 40),
        (small, 12, 700, 5),
        (small, 40, 2, 600),
        (small, 250, 0, 10),
        (Options { min_keys: 8, ..small }, 60, 30, 60),
        (size(514), 80, 10, 90),
        (size(1024), 60, 480, 20),
        (size(4096), 150, 20, 150),
        (size(65536), 60, 100, 3000),
        (dups(512), 90, 20, 30),
        (dups(512), 40, 500, 300),
        (dups(1024), 150, 100, 3),
        (big_endian, 80, 100, 60),
        (big_endian, 20, 600, 600),
        (Options { duplicates: true, ..big_endian }, 90, 60, 9),
    ]
}

/// A file of our own; every third item was deleted again, or replaced.
fn build((options, count, common, len): Recipe) -> Vec<u8> {
    let (mut file, mut rng) = (VecStorage::default(), Rng::new(count as u64));
    let mut db = Db::open(&mut file, HeapMemory, &options).expect("opens");
    let key = |i: usize| [vec![b'p'; common], format!("{:04}", i * 7919 % 1000).into_bytes()].concat();
    for i in 0..count {
        // Duplicates in groups.
        let key = if options.duplicates && i % 3 > 0 { key(i / 30) } else { key(i) };
        let len = if rng.once_in(4) { 2 * len } else { len };
        let value = rng.bytes(len);
        db.put(&key, &value, true).expect("puts");
    }
    for i in (0..count).step_by(3) {
        db.delete(&key(i)).expect("deletes");
        if i % 2 == 0 && !options.duplicates {
            db.put(&key(i), &rng.bytes(len), true).expect("puts");
        }
    }
    db.flush().expect("flushes");
    drop(db);
    file.bytes
}

fn originals() -> Vec<Original> {
    let ours = recipes().into_iter().map(|recipe| {
        let (options, count, common, len) = recipe;
        (format!("ours_{}_{count}_{common}_{len}", options.page_size), build(recipe))
    });
    let theirs = golden("golden").into_iter().chain(golden("golden_be"));
    let theirs = theirs.filter(|g| g.number("size") > 0 && !g.is_c_bug());
    let files: Vec<_> = ours.chain(theirs.map(|g| (g.name.clone(), g.bytes()))).collect();
    let original = |(name, bytes): (String, Vec<u8>)| {
        let mut file = VecStorage { bytes: bytes.clone(), ..VecStorage::default() };
        let mut db = Db::open(&mut file, HeapMemory, &Options::default()).expect("opens");
        let items = scan(&mut db, false).expect("a sound file");
        let page_size = db.stat().expect("a sound file").page_size as usize;
        let big_endian = bytes[3] == 0x62;
        let flags = if big_endian { bytes[23] } else { bytes[20] };
        Original { name, bytes, page_size, big_endian, unique: flags & 0x20 != 0, items }
    };
    files.into_iter().map(original).collect()
}

/// Processor time of the calling thread: other programs do not count.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is good for the call.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(done, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Sums of outcomes.
#[derive(Clone, Default)]
struct Count {
    all: usize,
    refused: usize,
    read: usize,
    change: usize,
    other: usize,
    lost: usize,
    sound: usize,
}

impl Count {
    fn add(&mut self, outcome: Outcome) {
        self.all += 1;
        self.refused += usize::from(outcome.refused);
        self.read += usize::from(outcome.read_errors > 0);
        self.change += usize::from(outcome.read_errors == 0 && outcome.change_errors > 0);
        self.other += usize::from(outcome.other_items && outcome.change_errors == 0);
        self.lost += usize::from(outcome.lost);
        self.sound += usize::from(outcome.sound);
    }

    fn row(&self, name: &str) -> String {
        let harmless = self.all - self.refused - self.read - self.change - self.other - self.lost;
        format!(
            "{name:10} {:6} {:7} {:6} {:7} {:6} {:6} {harmless:9} {:6}",
            self.all, self.refused, self.read, self.change, self.other, self.lost, self.sound
        )
    }
}

/// One mutant, for which all random numbers depend on file and number only.
fn run(file: usize, number: usize, original: &Original) -> (Damage, Vec<u8>, Result<Outcome, String>) {
    let mut rng = Rng::new((file * 1_000_000 + number + 1) as u64);
    let (damage, bytes) = mutant(original, &mut rng);
    let start = cpu_time();
    let work = AssertUnwindSafe(|| exercise(&bytes, &original.items, original.unique, &mut |n| rng.below(n)));
    let result = match catch_unwind(work) {
        Err(panic) => Err(match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().unwrap_or(&"panic").to_string(),
        }),
        Ok(_) if cpu_time() - start > LONG => Err(format!("{:?}", cpu_time() - start)),
        Ok(outcome) => Ok(outcome),
    };
    (damage, bytes, result)
}

/// What each thread is at, and since when.
type Busy = Mutex<BTreeMap<usize, (String, Instant)>>;

#[test]
fn mutants() {
    let total = std::env::var("MUTANTS").map_or(MUTANTS, |n| n.parse().expect("MUTANTS is a number"));
    let only = std::env::var("ONLY").ok();
    let (originals, dir, sample) = (originals(), work_dir("mutants"), work_dir("mutants_sample"));
    // Small files are done more often: they take less time and are damaged where it matters.
    let weight = |o: &Original| 1.0 / (4096.0 + o.bytes.len() as f64);
    let all: f64 = originals.iter().map(weight).sum();
    let jobs: Vec<(usize, usize)> = originals
        .iter()
        .enumerate()
        .flat_map(|(file, o)| {
            let count = (total as f64 * weight(o) / all).ceil() as usize;
            (0..count).map(move |number| (file, number))
        })
        .collect();
    let name = |(file, number): (usize, usize)| format!("{}:{number}", originals[file].name);
    let (next, busy) = (AtomicUsize::new(0), Busy::default());
    let (counts, failures) = (Mutex::new(BTreeMap::<usize, Count>::new()), Mutex::new(vec![]));

    let work = |me: usize| {
        while let Some(&job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = name(job);
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            busy.lock().expect("no panic").insert(me, (name.clone(), Instant::now()));
            let (damage, bytes, result) = run(job.0, job.1, &originals[job.0]);
            if job.1 % SAMPLE == 0 && bytes.len() <= SAMPLE_SIZE {
                write_file(sample.join(name.replace(':', "-")), &bytes);
            }
            match result {
                Ok(outcome) => {
                    counts.lock().expect("no panic").entry(damage as usize).or_default().add(outcome)
                }
                Err(why) => {
                    let path = write_file(dir.join(name.replace(':', "-")), &bytes);
                    failures
                        .lock()
                        .expect("no panic")
                        .push(format!("{name}, {damage:?}: {why}; {}", path.display()));
                }
            }
        }
        busy.lock().expect("no panic").remove(&me);
    };
    let start = Instant::now();
    let threads = thread::available_parallelism().map_or(2, |n| n.get());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|me| {
                scope.spawn({
                    let work = &work;
                    move || work(me)
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(20));
            for (name, since) in busy.lock().expect("no panic").values() {
                if since.elapsed() > ENDLESS {
                    // No other way to end a thread.
                    eprintln!("{name}: no end; ONLY={name} runs it alone");
                    std::process::exit(1);
                }
            }
        }
    });
    println!("{} mutants of {} files in {:?}", jobs.len(), originals.len(), start.elapsed());
    println!("damage        all refused  reads changes  other   lost  harmless  sound");
    for (damage, count) in counts.into_inner().expect("no panic") {
        println!("{}", count.row(&format!("{:?}", Damage::ALL[damage])));
    }
    let failures = failures.into_inner().expect("no panic");
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures[..failures.len().min(20)].join("\n")
    );
}

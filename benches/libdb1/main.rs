//! The core against Debian's libdb1, in pairs in the same run.
//!
//! `cargo bench` prints for each workload the time per operation of both in their fastest rounds
//! (other work on the machine only adds to it), the ratio of the two, and page reads and writes
//! per operation (system calls as the kernel counts them; libdb1 and our `FileStorage` use one
//! each per page). Both sync at the end of a workload that writes. Files lie in /dev/shm if there
//! is one, so that no disk is measured.

mod oracle;

use modbtree::{Cursor, Db, FileStorage, HeapMemory, NoStorage, Options, Storage};
use oracle::{LibDb1, Oracle};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Instant;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 15;
const VALUE: [u8; 16] = *b"sixteen bytes...";
const OTHER: [u8; 20] = *b"twenty bytes........";

/// What both sides can do.
trait Side {
    fn put(&mut self, key: &[u8], value: &[u8]);
    fn get(&mut self, key: &[u8]) -> Option<usize>;
    fn delete(&mut self, key: &[u8]) -> bool;
    fn scan(&mut self) -> (usize, usize);
    fn sync(&mut self);
}

impl Side for Oracle {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        Oracle::put(self, key, value);
    }
    fn get(&mut self, key: &[u8]) -> Option<usize> {
        Oracle::get(self, key)
    }
    fn delete(&mut self, key: &[u8]) -> bool {
        Oracle::delete(self, key)
    }
    fn scan(&mut self) -> (usize, usize) {
        Oracle::scan(self)
    }
    fn sync(&mut self) {
        Oracle::sync(self);
    }
}

impl<S: Storage> Side for Db<S, HeapMemory> {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        assert_eq!(Db::put(self, key, value, true), Ok(true));
    }
    fn get(&mut self, key: &[u8]) -> Option<usize> {
        Db::get(self, key).expect("get").map(|item| item.len())
    }
    fn delete(&mut self, key: &[u8]) -> bool {
        Db::delete(self, key).expect("delete")
    }
    fn scan(&mut self) -> (usize, usize) {
        let mut cursor = Cursor::new(HeapMemory);
        let (mut count, mut bytes) = (0, 0);
        while let Some((key, value)) = self.step(&mut cursor, false).expect("step") {
            count += 1;
            bytes += key.len() + value.len();
        }
        (count, bytes)
    }
    fn sync(&mut self) {
        self.flush().expect("flush");
    }
}

/// A workload: its name, what the database holds before, and what is timed.
struct Row {
    name: &'static str,
    load: Load,
    run: fn(&mut dyn Side, &Keys) -> usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Load {
    Nothing,
    Random,
}

struct Keys {
    sorted: Vec<[u8; 8]>,
    shuffled: Vec<[u8; 8]>,
    missing: Vec<[u8; 8]>,
}

impl Keys {
    fn new() -> Self {
        let key = |i: usize| format!("{i:08}").into_bytes().try_into().expect("eight digits");
        let sorted: Vec<[u8; 8]> = (0..ITEMS).map(|i| key(i * 10)).collect();
        let mut shuffled = sorted.clone();
        let mut state = 1u64;
        for i in (1..ITEMS).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        let missing = shuffled
            .iter()
            .map(|k| {
                let mut k = *k;
                k[7] = b'5';
                k
            })
            .collect();
        Keys { sorted, shuffled, missing }
    }
}

const ROWS: [Row; 8] = [
    Row { name: "put sequential", load: Load::Nothing, run: |db, keys| put_all(db, &keys.sorted, &VALUE) },
    Row { name: "put random", load: Load::Nothing, run: |db, keys| put_all(db, &keys.shuffled, &VALUE) },
    Row { name: "get hit", load: Load::Random, run: |db, keys| get_all(db, &keys.shuffled, true) },
    Row { name: "get miss", load: Load::Random, run: |db, keys| get_all(db, &keys.missing, false) },
    Row {
        name: "scan",
        load: Load::Random,
        run: |db, _| {
            assert_eq!(db.scan(), (ITEMS, ITEMS * 24));
            ITEMS
        },
    },
    Row {
        name: "replace same size",
        load: Load::Random,
        run: |db, keys| put_all(db, &keys.shuffled, &VALUE),
    },
    Row { name: "replace longer", load: Load::Random, run: |db, keys| put_all(db, &keys.shuffled, &OTHER) },
    Row {
        name: "delete",
        load: Load::Random,
        run: |db, keys| {
            for key in &keys.shuffled {
                assert!(db.delete(key));
            }
            db.sync();
            ITEMS
        },
    },
];

fn put_all(db: &mut dyn Side, keys: &[[u8; 8]], value: &[u8]) -> usize {
    for key in keys {
        db.put(key, value);
    }
    db.sync();
    keys.len()
}

fn get_all(db: &mut dyn Side, keys: &[[u8; 8]], hit: bool) -> usize {
    for key in keys {
        assert_eq!(db.get(key).is_some(), hit);
    }
    keys.len()
}

/// Read and write calls of this process so far.
fn calls() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let figure = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or(": 0");
        line.trim_start_matches(": ").parse().unwrap_or(0.0)
    };
    (figure("syscr"), figure("syscw"))
}

/// Nanoseconds, page reads and page writes per operation.
#[derive(Clone, Copy)]
struct Cost {
    ns: f64,
    reads: f64,
    writes: f64,
}

fn measure(db: &mut dyn Side, row: &Row, keys: &Keys) -> Cost {
    let before = calls();
    let own = calls();
    let start = Instant::now();
    let ops = (row.run)(db, keys) as f64;
    let ns = start.elapsed().as_nanos() as f64 / ops;
    let after = calls();
    // What reading the counters costs is known from doing it twice.
    let (r, w) = (own.0 - before.0, own.1 - before.1);
    Cost { ns, reads: (after.0 - own.0 - r) / ops, writes: (after.1 - own.1 - w) / ops }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Setting {
    page_size: u32,
    cache_size: u32,
    file: bool,
}

fn ours(setting: &Setting, path: &Path) -> Box<dyn Side> {
    let options =
        Options { page_size: setting.page_size, cache_size: setting.cache_size, ..Options::default() };
    if !setting.file {
        return Box::new(Db::open(NoStorage, HeapMemory, &options).expect("open"));
    }
    let file: File =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).expect("file");
    Box::new(Db::open(FileStorage::new(file), HeapMemory, &options).expect("open"))
}

fn theirs(lib: LibDb1, setting: &Setting, path: &Path) -> Box<dyn Side> {
    let path = setting.file.then_some(path);
    // In memory, libdb1 needs a cache for everything.
    let cache = if setting.file { setting.cache_size } else { 64 << 20 };
    Box::new(lib.open(path, setting.page_size, cache))
}

/// Runs a workload on a database made by `open`, reopened after loading if it is a file.
fn run(open: &dyn Fn() -> Box<dyn Side>, setting: &Setting, row: &Row, keys: &Keys) -> Cost {
    let mut db = open();
    if row.load == Load::Random {
        put_all(db.as_mut(), &keys.shuffled, &VALUE);
        if setting.file {
            drop(db);
            db = open();
        }
    }
    measure(db.as_mut(), row, keys)
}

fn main() {
    let Some(lib) = LibDb1::load() else {
        eprintln!("libdb1.so.2 is not installed: apt-get install libdb1-compat");
        std::process::exit(1);
    };
    let keys = Keys::new();
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { shm.to_path_buf() } else { std::env::temp_dir() };
    let dir: PathBuf = dir.join(format!("modbtree-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("temporary directory");
    let path = dir.join("db");
    println!(
        "{ITEMS} items of 8 + 16 bytes, {ROUNDS} pairs each; ratio: libdb1 / modbtree, above 1 is faster"
    );
    println!("                                    us per operation          page reads        page writes");
    println!("                                 modbtree  libdb1  ratio    ours    libdb1     ours    libdb1");
    for (file, page_size, cache_size) in [
        (false, 512, 0),
        (false, 4096, 0),
        (true, 512, 0),
        (true, 4096, 0),
        (true, 512, 65536),
        (true, 4096, 65536),
    ] {
        let setting = Setting { page_size, cache_size, file };
        let place = if file { "file" } else { "memory" };
        println!("{place}, {page_size}-byte pages, cachesize {cache_size}");
        for row in &ROWS {
            let title = format!("{place} {page_size} {cache_size} {}", row.name);
            if !std::env::args().skip(1).all(|word| word.starts_with('-') || title.contains(&word)) {
                continue;
            }
            let (mut a, mut b) = (vec![], vec![]);
            for _ in 0..ROUNDS {
                let _ = std::fs::remove_file(&path);
                let x = run(&|| ours(&setting, &path), &setting, row, &keys);
                let _ = std::fs::remove_file(&path);
                let y = run(&|| theirs(lib, &setting, &path), &setting, row, &keys);
                a.push(x);
                b.push(y);
            }
            let fastest = |costs: &[Cost]| costs.iter().map(|c| c.ns).fold(f64::INFINITY, f64::min);
            let (x, y) = (fastest(&a), fastest(&b));
            let mid = |costs: &[Cost], f: fn(&Cost) -> f64| median(costs.iter().map(f).collect());
            println!(
                "  {:28} {:8.3} {:8.3} {:6.2}  {:7.3} {:8.3}  {:7.3} {:8.3}",
                row.name,
                x / 1000.0,
                y / 1000.0,
                y / x,
                mid(&a, |c| c.reads),
                mid(&b, |c| c.reads),
                mid(&a, |c| c.writes),
                mid(&b, |c| c.writes),
            );
        }
    }
    let _ = std::fs::remove_dir_all(&dir);
}

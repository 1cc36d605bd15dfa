//! Everything that can be done with a file, whatever it holds, under watch: reads, memory and
//! what errors say. Used by tests/mutants.rs and the fuzz target `image`; knows nothing of tests/common.

use modbtree::{
    Cursor, Db, Error, HeapMemory, Item, Memory, Options, Reason, Result, Storage, VecStorage, Where,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::mem::replace;
use std::ptr::NonNull;

/// What an operation may take, and what the current one has taken.
#[derive(Default)]
struct Watch {
    reads: Cell<u64>,
    most_reads: Cell<u64>,
    /// Bytes of memory in use now.
    used: Cell<usize>,
    most_used: Cell<usize>,
    /// The end of the file at the most.
    most_bytes: Cell<u64>,
}

impl Watch {
    /// Starts an operation on a file of so many pages.
    fn allow(&self, pages: usize, page_size: usize) {
        self.reads.set(0);
        self.most_reads.set(READS_PER_PAGE * pages as u64 + 100);
        // As much as the whole file, and some pages to work with.
        self.most_used.set(self.used.get() + (pages + 16) * page_size + 4096);
        self.most_bytes.set((pages * page_size) as u64);
    }
}

struct Watched<'a> {
    file: &'a mut VecStorage,
    watch: &'a Watch,
}

impl Storage for Watched<'_> {
    fn size(&mut self) -> Result<u64> {
        self.file.size()
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let reads = self.watch.reads.get() + 1;
        self.watch.reads.set(reads);
        assert!(reads <= self.watch.most_reads.get(), "{reads} reads in one operation");
        self.file.read(at, buf)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        let (end, most) = (at + buf.len() as u64, self.watch.most_bytes.get());
        assert!(end <= most, "written up to {end} of {most}");
        self.file.write(at, buf)
    }

    fn sync(&mut self) -> Result<()> {
        self.file.sync()
    }
}

#[derive(Clone, Copy)]
struct Metered<'a>(&'a Watch);

// SAFETY: the guarantees are those of HeapMemory.
unsafe impl Memory for Metered<'_> {
    fn alloc(&self, size: usize) -> Option<NonNull<u8>> {
        let (used, most) = (self.0.used.get() + size, self.0.most_used.get());
        assert!(used <= most, "{size} more bytes of memory: {used}, where {most} are enough");
        self.0.used.set(used);
        HeapMemory.alloc(size)
    }

    // SAFETY: callers keep to the contract of the trait.
    unsafe fn free(&self, block: NonNull<u8>, size: usize) {
        self.0.used.set(self.0.used.get() - size);
        // SAFETY: by the contract of this function.
        unsafe { HeapMemory.free(block, size) }
    }
}

/// What came of a file.
#[derive(Clone, Copy, Default, Debug)]
pub struct Outcome {
    /// Not opened.
    pub refused: bool,
    /// By the rules of the format.
    pub sound: bool,
    /// Errors before the first change, and from then on.
    pub read_errors: u32,
    pub change_errors: u32,
    /// Without an error, but not with the items it should have.
    pub other_items: bool,
    /// As it should be until it was changed, then without an error what the changes do not make of it.
    pub lost: bool,
}

pub type Pair = (Vec<u8>, Vec<u8>);
pub type Items = Vec<Pair>;

/// What a scan has seen, and the error at its end.
#[derive(PartialEq, Default)]
struct View {
    items: Items,
    end: Option<Reason>,
}

/// A change, drawn beforehand so that it can be done twice.
#[derive(Debug)]
enum Change {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

/// Random numbers below the given one.
pub type Below<'r> = dyn FnMut(usize) -> usize + 'r;

/// Puts of all sizes and some deletions, of keys that are there and others.
fn draw_changes(keys: &[&Vec<u8>], page_size: usize, below: &mut Below) -> Vec<Change> {
    let mut changes = vec![];
    for i in 0..PUTS + DELETES {
        let mut key = match keys.len() {
            0 => vec![],
            n => keys[below(n)].clone(),
        };
        if i % 4 == 3 {
            continue_key(&mut key, page_size, below);
        }
        if i % 4 == 1 {
            changes.push(Change::Delete(key));
            continue;
        }
        let half = (page_size - 20) / 2;
        let len = match below(10) {
            0 => 0,
            1..=4 => below(40),
            5 => below(half),
            6 => (half - 14).saturating_sub(key.len()) + below(3),
            7 => page_size - 21 + below(3),
            _ => below(2 * page_size),
        };
        changes.push(Change::Put(key, vec![below(256) as u8; len.min(9000)]));
    }
    changes
}

/// Makes another key of a key.
fn continue_key(key: &mut Vec<u8>, page_size: usize, below: &mut Below) {
    match below(4) {
        0 => key.truncate(below(key.len() + 1)),
        1 => key.insert(0, below(256) as u8),
        2 => key.push(below(256) as u8),
        _ => key.extend(vec![b'x'; below(page_size)]),
    }
}

/// Puts and deletions for each file.
const PUTS: usize = 30;
const DELETES: usize = 10;

/// Pages read in one operation at the most, for each page of the file: a search may compare its key
/// with several keys that are, or look, as long as the file.
const READS_PER_PAGE: u64 = 16;

/// The same for `check`.
const CHECK_READS_PER_PAGE: u64 = 100;

type Database<'a> = Db<Watched<'a>, Metered<'a>>;

/// A database under watch.
struct Run<'a> {
    db: Database<'a>,
    watch: &'a Watch,
    page_size: usize,
    /// Pages that the file has or may come to have.
    pages: usize,
    errors: u32,
}

impl<'a> Run<'a> {
    /// `None` if the file is refused.
    fn open(file: &'a mut VecStorage, watch: &'a Watch) -> Option<Self> {
        let field = file.bytes.get(8..12).map_or([0; 4], |b| [b[0], b[1], b[2], b[3]]);
        // In the wrong byte order it is too small or too large; without a size the file is refused.
        let sizes = [u32::from_le_bytes(field), u32::from_be_bytes(field)];
        let page_size = sizes.into_iter().find(|size| (512..=65536).contains(size)).unwrap_or(4096) as usize;
        let pages = file.bytes.len() / page_size + 2;
        watch.allow(pages, page_size);
        match Db::open(Watched { file, watch }, Metered(watch), &Options::default()) {
            Ok(db) => Some(Run { db, watch, page_size, pages, errors: 0 }),
            Err(e) => {
                assert!(
                    matches!(e.error, Error::Corrupt(r) if e.fault.is_some_and(|f| f.reason == r)),
                    "{e:?}"
                );
                None
            }
        }
    }

    /// Whether the file, as it is now, has each key only once.
    fn unique(&self) -> bool {
        // The flag is in the first or the last byte of its field; a new file has it.
        self.db.storage().file.bytes.get(20..24).is_none_or(|field| field[0] | field[3] != 0)
    }

    /// One operation, which must not take more than the file is worth. `None` is an error that may be.
    fn op<T>(&mut self, change: bool, op: impl FnOnce(&mut Database<'a>) -> Result<T>) -> Option<T> {
        self.watch.allow(self.pages, self.page_size);
        let result = op(&mut self.db);
        result.map_err(|error| self.note(error, change)).ok()
    }

    /// Checks that an error is about damage and names the place.
    fn note(&mut self, error: Error, change: bool) {
        self.errors += 1;
        let Error::Corrupt(reason) = error else {
            // The entries of a damaged page can be too uneven to be split, or the tree too deep.
            assert!(error == Error::Full && change, "{error:?}, in a change: {change}");
            return;
        };
        let fault = self.db.fault().expect("damage has a place");
        // A bad link is reported as the page that it leads to.
        let link = matches!(reason, Reason::PageRange | Reason::Chain | Reason::FreeList);
        let inside = fault.offset as usize <= self.page_size && (fault.page as usize) < self.pages;
        assert!(fault.reason == reason && (inside || link), "{error:?} at {fault:?}");
    }

    /// Whether the file breaks no rule of the format.
    fn sound(&mut self) -> bool {
        self.watch.allow(self.pages, self.page_size);
        self.watch.most_reads.set(CHECK_READS_PER_PAGE * self.pages as u64);
        let report = self.db.check(10, &mut |_| {});
        report.expect("damage is no error here").errors == 0
    }

    fn change(&mut self, change: &Change) -> Option<bool> {
        let (Change::Put(key, _) | Change::Delete(key)) = change;
        let value = if let Change::Put(_, value) = change { value.len() } else { 0 };
        // Its own pages, and some for splits.
        self.pages += (key.len() + value) / (self.page_size - 20) + 12;
        self.op(true, |db| match change {
            Change::Put(key, value) => db.put(key, value, true),
            Change::Delete(key) => db.delete(key),
        })
    }

    /// An item that a scan or search has found.
    fn bytes(db: &mut Database<'a>, item: &Item) -> Result<Vec<u8>> {
        let file = db.storage().watch.most_bytes.get();
        assert!(item.len() as u64 <= file, "an item of {} bytes, in a file of {file}", item.len());
        db.to_vec(item)
    }

    fn step(&mut self, cursor: &mut Cursor<Metered<'a>>, backward: bool) -> Option<Option<Pair>> {
        self.op(false, |db| {
            let Some((key, value)) = db.step(cursor, backward)? else { return Ok(None) };
            Ok(Some((Self::bytes(db, &key)?, Self::bytes(db, &value)?)))
        })
    }

    fn get(&mut self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        self.op(false, |db| match db.get(key)? {
            Some(item) => Self::bytes(db, &item).map(Some),
            None => Ok(None),
        })
    }

    /// A cursor, and up to `most` items by it.
    fn walk(&mut self, place: Where, key: &[u8], backward: bool, most: usize) -> View {
        let mut view = View::default();
        let mut cursor = Cursor::new(Metered(self.watch));
        self.watch.allow(self.pages, self.page_size + key.len());
        assert_eq!(cursor.seek(place, key), Ok(()));
        while view.items.len() < most {
            match self.step(&mut cursor, backward) {
                Some(Some(item)) => view.items.push(item),
                Some(None) => break,
                None => {
                    view.end = self.db.fault().map(|f| f.reason);
                    break;
                }
            }
        }
        view
    }

    /// All items, in ascending order either way, until the first error.
    fn scan(&mut self, backward: bool) -> View {
        // A leaf has fewer entries than this, and a scan no more leaves than pages.
        let most = self.pages * self.page_size / 12;
        let mut view = self.walk(if backward { Where::Last } else { Where::First }, b"", backward, most);
        assert!(view.items.len() < most, "a scan without an end");
        if backward {
            view.items.reverse();
        }
        view
    }

    /// Reads everything in every way; whether all is as in `items`.
    fn read_all(&mut self, items: &Items, unique: bool, below: &mut Below) -> bool {
        let (forward, backward) = (self.scan(false), self.scan(true));
        let mut good = forward.items == *items && backward.items == *items;
        if let Some(count) = self.op(false, |db| db.count()) {
            // Both follow the links from leaf to leaf.
            assert!(forward.end.is_some() || count as usize == forward.items.len(), "count {count}");
        }
        self.op(false, |db| db.stat());
        for (key, value) in items {
            match self.get(key) {
                Some(Some(found)) => good &= !unique || found == *value,
                _ => good = false,
            }
        }
        for place in [Where::Lower, Where::Upper, Where::PrefixUpper] {
            let key = items.get(below(items.len().max(1))).map_or(&b""[..], |(key, _)| key);
            for backward in [false, true] {
                self.walk(place, key, backward, 3);
            }
        }
        good && self.errors == 0
    }
}

/// Checks that change number `failed`, the first with an error, has left everything as it was.
fn undone(image: &[u8], changes: &[Change], failed: usize, run: &mut Run) {
    let now = [run.scan(false), run.scan(true)];
    let (mut file, watch) = (VecStorage { bytes: image.to_vec(), ..VecStorage::default() }, Watch::default());
    let mut again = Run::open(&mut file, &watch).expect("opened before");
    for change in &changes[..failed] {
        assert!(again.change(change).is_some(), "no error the first time: {change:?}");
    }
    let before = [again.scan(false), again.scan(true)];
    assert!(now == before, "change {failed} failed and left something behind");
}

/// Opens a file, reads all of it, changes it, writes it and reads it again. `items` are those it
/// should have, and `unique` tells whether a key occurs once at most. Panics if anything is
/// wrong that damage does not excuse.
pub fn exercise(image: &[u8], items: &Items, unique: bool, below: &mut Below) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut file, watch) = (VecStorage { bytes: image.to_vec(), ..VecStorage::default() }, Watch::default());
    let Some(mut run) = Run::open(&mut file, &watch) else {
        assert!(file.bytes == image, "a file that is refused stays as it is");
        return Outcome { refused: true, ..outcome };
    };
    let sound = run.sound();
    let good = run.read_all(items, unique, below);
    assert!(!sound || run.errors == 0, "nothing is wrong but something cannot be read");
    outcome.sound = sound;
    outcome.read_errors = run.errors;
    outcome.other_items = !good && run.errors == 0;
    run.errors = 0;

    let mut model: BTreeMap<_, _> = items.iter().cloned().collect();
    let changes = draw_changes(&model.keys().collect::<Vec<_>>(), run.page_size, below);
    let (mut cursor, mut failed) = (Cursor::new(Metered(&watch)), false);
    for (i, change) in changes.iter().enumerate() {
        let done = run.change(change);
        // A key that occurs several times is deleted item by item.
        let whole = run.unique() || matches!(change, Change::Put(..));
        if done.is_none() && !replace(&mut failed, true) && whole {
            let errors = run.errors;
            undone(image, &changes, i, &mut run);
            run.errors = errors;
        }
        match change {
            Change::Put(key, value) if done.is_some() => drop(model.insert(key.clone(), value.clone())),
            Change::Delete(key) if done.is_some() => drop(model.remove(key)),
            _ => {}
        }
        if i % 3 == 0 {
            run.step(&mut cursor, i % 2 == 0);
        }
    }
    outcome.change_errors = run.errors;
    let before = [run.scan(false), run.scan(true)];
    let model: Items = model.into_iter().collect();
    let lost = before.iter().any(|view| view.items != model);
    outcome.lost = good && unique && run.unique() && run.errors == 0 && lost;
    assert!(!sound || (run.errors == 0 && !outcome.lost && run.sound()), "damage in a sound file");
    let failed = run.op(true, |db| db.flush()).is_none();
    drop((cursor, run));
    assert_eq!(watch.used.get(), 0, "memory in use at the end");
    if failed {
        return outcome;
    }

    let mut run = Run::open(&mut file, &watch).expect("opened before");
    let after = [run.scan(false), run.scan(true)];
    assert!(before == after, "a flush and the items are others");
    if below(4) == 0 {
        // Whatever it was, it is an empty file then.
        run.op(true, |db| db.clear());
        if run.op(true, |db| db.flush()).is_some() && run.errors == 0 {
            assert!(run.scan(false) == View::default(), "items in an empty file");
        }
    }
    outcome
}

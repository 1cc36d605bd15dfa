//! A medium that loses power. `Device` is a storage that writes down what is done to it; from
//! that, `Trace::cuts` makes the files that may be found after a power cut at any moment.

use super::Rng;
use modbtree::{Error, Result, Storage};
use std::cell::{Cell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash, Hasher};

/// Bytes that a medium writes at once, unless it is torn.
pub const SECTOR: usize = 512;

/// What every call returns when there is no power.
pub const DEAD: Error = Error::Io(19);

#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    Write {
        at: usize,
        data: Vec<u8>,
    },
    /// The file was shortened to so many bytes.
    Truncate(usize),
    Sync,
    /// The user has called `flush`, or something else that may sync.
    Begun,
    /// It has returned.
    Done,
}

/// A storage in memory that remembers all that is done to it.
#[derive(Default)]
pub struct Device {
    /// It says of itself that it is atomic.
    pub atomic: bool,
    before: Vec<u8>,
    bytes: RefCell<Vec<u8>>,
    events: RefCell<Vec<Event>>,
    /// Bytes that it can still write before the power fails.
    fuse: Cell<Option<usize>>,
}

impl Device {
    pub fn new(bytes: Vec<u8>) -> Self {
        Device { before: bytes.clone(), bytes: RefCell::new(bytes), ..Device::default() }
    }

    /// Lets the power fail after so many bytes.
    pub fn fail_after(&self, bytes: usize) {
        self.fuse.set(Some(bytes));
    }

    /// Whether the power has failed.
    pub fn dead(&self) -> bool {
        self.fuse.get() == Some(0)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    pub fn begun(&self) {
        self.events.borrow_mut().push(Event::Begun);
    }

    pub fn done(&self) {
        self.events.borrow_mut().push(Event::Done);
    }

    pub fn into_trace(self) -> Trace {
        Trace { before: self.before, events: self.events.into_inner() }
    }

    fn powered(&self) -> Result<()> {
        if self.dead() {
            return Err(DEAD);
        }
        Ok(())
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

impl Storage for &Device {
    fn size(&mut self) -> Result<u64> {
        self.powered()?;
        Ok(self.bytes.borrow().len() as u64)
    }

    fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<usize> {
        self.powered()?;
        let bytes = self.bytes.borrow();
        let rest = bytes.get(at as usize..).unwrap_or(&[]);
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write(&mut self, at: u64, buf: &[u8]) -> Result<()> {
        self.powered()?;
        let (at, mut data) = (at as usize, buf);
        if let Some(left) = self.fuse.get() {
            data = &buf[..left.min(buf.len())];
            self.fuse.set(Some(left - data.len()));
        }
        if !data.is_empty() {
            write(&mut self.bytes.borrow_mut(), at, data);
            self.events.borrow_mut().push(Event::Write { at, data: data.to_vec() });
        }
        if data.len() < buf.len() {
            return Err(DEAD);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.powered()?;
        self.events.borrow_mut().push(Event::Sync);
        Ok(())
    }

    fn atomic(&self) -> bool {
        self.atomic
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        assert!(self.atomic, "only an atomic file may be shortened");
        self.powered()?;
        self.bytes.borrow_mut().truncate(size as usize);
        self.events.borrow_mut().push(Event::Truncate(size as usize));
        Ok(())
    }
}

/// What a medium may do with what was written and not synced.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Medium {
    /// All of it or nothing: littlefs.
    Atomic,
    /// Nothing is lost but what comes after some byte: a chip.
    InOrder,
    /// Each sector is as before, as after any of the writes to it, or torn between two of these, and
    /// so is the length, whose new part may hold anything: FAT, files of POSIX, a chip with a cache.
    Cached,
}

impl Medium {
    pub const ALL: [Medium; 3] = [Medium::Atomic, Medium::InOrder, Medium::Cached];
}

/// How many of the possible files to make.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Cut at every byte, and all combinations of sectors as long as these are not more than so many.
    pub all: usize,
    /// Where not all are made: so many by chance at each moment.
    pub random: usize,
}

/// Where the power failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cut {
    pub medium: &'static str,
    /// The event that was not completed, and which of the files this is that may be found then.
    pub event: usize,
    pub variant: usize,
    /// Flushes that had returned.
    pub flushed: usize,
    /// Whether another was under way.
    pub flushing: bool,
}

/// What was done to a device.
pub struct Trace {
    pub before: Vec<u8>,
    pub events: Vec<Event>,
}

impl Trace {
    pub fn syncs(&self) -> usize {
        self.events.iter().filter(|e| **e == Event::Sync).count()
    }

    /// The file in the end.
    pub fn after(&self) -> Vec<u8> {
        let mut bytes = self.before.clone();
        for event in &self.events {
            match event {
                Event::Write { at, data } => write(&mut bytes, *at, data),
                Event::Truncate(size) => bytes.truncate(*size),
                _ => {}
            }
        }
        bytes
    }

    /// Bytes written.
    pub fn written(&self) -> usize {
        let len = |e: &Event| if let Event::Write { data, .. } = e { data.len() } else { 0 };
        self.events.iter().map(len).sum()
    }

    /// Shows every file that a power cut may leave, once for each number of flushes before it.
    pub fn cuts(&self, medium: Medium, effort: Effort, rng: &mut Rng, see: &mut dyn FnMut(Vec<u8>, Cut)) {
        let mut seen = HashSet::new();
        let mut found = |image: Vec<u8>, cut: Cut| {
            let mut hasher = DefaultHasher::new();
            (&image, cut.flushed, cut.flushing).hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                see(image, cut);
            }
        };
        let name = match medium {
            Medium::Atomic => "atomic",
            Medium::InOrder => "in order",
            Medium::Cached => "cached",
        };
        let mut cut = Cut { medium: name, event: 0, variant: 0, flushed: 0, flushing: false };
        // What is on the medium for sure, and what was written to it since.
        let (mut synced, mut now, mut pending) = (self.before.clone(), self.before.clone(), vec![]);
        for (i, event) in self.events.iter().chain([&Event::Sync]).enumerate() {
            (cut.event, cut.variant) = (i, 0);
            let mut show = |image| {
                cut.variant += 1;
                found(image, cut);
            };
            match (medium, event) {
                (Medium::InOrder, Event::Write { at, data }) => {
                    torn_write(&now, *at, data, effort, rng, &mut show);
                }
                (Medium::Cached, Event::Write { .. }) => {}
                // What may be found while more is written may also be found when all of it is.
                (Medium::Cached, _) => Cache::new(&synced, &pending).images(effort, rng, &mut show),
                _ => show(synced.clone()),
            }
            match event {
                Event::Write { at, data } => {
                    write(&mut now, *at, data);
                    pending.push((*at, data.as_slice()));
                }
                Event::Truncate(size) => now.truncate(*size),
                Event::Sync => {
                    synced.clone_from(&now);
                    pending.clear();
                    show(synced.clone());
                }
                Event::Begun => cut.flushing = true,
                Event::Done => {
                    cut.flushing = false;
                    cut.flushed += 1;
                }
            }
            if medium == Medium::InOrder {
                synced.clone_from(&now);
            }
        }
    }
}

/// A write that ends at any of its bytes.
fn torn_write(
    now: &[u8],
    at: usize,
    data: &[u8],
    effort: Effort,
    rng: &mut Rng,
    show: &mut dyn FnMut(Vec<u8>),
) {
    let mut ends: BTreeSet<usize> = (0..effort.random).map(|_| rng.below(data.len())).collect();
    ends.extend((0..data.len()).step_by(SECTOR));
    if data.len() <= effort.all {
        ends.extend(1..data.len());
    }
    ends.insert(data.len());
    for end in ends {
        // The same as one byte earlier.
        if end > 0 && now.get(at + end - 1) == Some(&data[end - 1]) && end < data.len() {
            continue;
        }
        let mut image = now.to_vec();
        write(&mut image, at, &data[..end]);
        show(image);
    }
}

/// Writes that wait in a cache, by sectors.
struct Cache<'a> {
    synced: &'a [u8],
    /// What a sector may hold: first what it held before, `None` for what was not there.
    sectors: Vec<(usize, Vec<Option<Vec<u8>>>)>,
    /// The length before, and after each write that changed it.
    lengths: Vec<usize>,
}

/// What is found in a part of a file that was never written.
#[derive(Clone, Copy)]
enum Fill {
    Zero,
    Noise,
    /// Something that once was in this file, in another place.
    Stale,
}

impl<'a> Cache<'a> {
    fn new(synced: &'a [u8], pending: &[(usize, &[u8])]) -> Self {
        let (mut now, mut lengths) = (synced.to_vec(), vec![synced.len()]);
        let mut sectors: BTreeMap<usize, Vec<Option<Vec<u8>>>> = BTreeMap::new();
        let of = |bytes: &[u8], sector: usize| {
            let rest = bytes.get(sector * SECTOR..)?;
            Some(rest[..rest.len().min(SECTOR)].to_vec()).filter(|part| !part.is_empty())
        };
        for &(at, data) in pending {
            write(&mut now, at, data);
            for sector in at / SECTOR..(at + data.len()).div_ceil(SECTOR) {
                let versions = sectors.entry(sector).or_insert_with(|| vec![of(synced, sector)]);
                let new = of(&now, sector);
                if versions.last() != Some(&new) {
                    versions.push(new);
                }
            }
            if lengths.last() != Some(&now.len()) {
                lengths.push(now.len());
            }
        }
        Cache { synced, sectors: sectors.into_iter().filter(|s| s.1.len() > 1).collect(), lengths }
    }

    /// The file with a certain version of each sector. `torn`: a sector that holds its version only up to
    /// some byte, and another one behind that.
    fn image(
        &self,
        versions: &[usize],
        torn: Option<(usize, usize, usize)>,
        length: usize,
        fill: Fill,
        rng: &mut Rng,
    ) -> Vec<u8> {
        let mut image = self.synced.to_vec();
        while image.len() < length {
            let part = match fill {
                Fill::Zero => vec![0; SECTOR],
                Fill::Noise => rng.bytes(SECTOR),
                Fill::Stale if !self.synced.is_empty() => {
                    let from = rng.below(self.synced.len().div_ceil(SECTOR)) * SECTOR;
                    self.synced[from..self.synced.len().min(from + SECTOR)].to_vec()
                }
                Fill::Stale => vec![0xff; SECTOR],
            };
            image.extend(part);
        }
        let put = |image: &mut Vec<u8>, sector: usize, bytes: &[u8]| {
            // A sector of the file's old end keeps what lies behind it.
            write(image, sector * SECTOR, bytes);
        };
        for (i, (sector, contents)) in self.sectors.iter().enumerate() {
            if let Some(bytes) = &contents[versions[i]] {
                put(&mut image, *sector, bytes);
            }
            if let Some((_, end, other)) = torn.filter(|t| t.0 == i) {
                if let Some(bytes) = &contents[other] {
                    put(&mut image, *sector, &bytes[..end.min(bytes.len())]);
                }
            }
        }
        image.resize(length, 0);
        image
    }

    fn images(&self, effort: Effort, rng: &mut Rng, show: &mut dyn FnMut(Vec<u8>)) {
        let count = self.sectors.len();
        let (old, new) = (self.lengths[0], *self.lengths.last().unwrap_or(&0));
        let mut lengths: Vec<_> = self.lengths.clone();
        if lengths.len() > 4 {
            lengths = vec![old, self.lengths[1], self.lengths[lengths.len() - 2], new];
        }
        let fills: &[Fill] = if new > old { &[Fill::Zero, Fill::Noise, Fill::Stale] } else { &[Fill::Zero] };
        let last: Vec<usize> = self.sectors.iter().map(|s| s.1.len() - 1).collect();
        let combinations = last
            .iter()
            .try_fold(lengths.len() * fills.len(), |n, v| n.checked_mul(v + 1))
            .filter(|&n| n <= effort.all);
        let mut sets = vec![vec![0; count], last.clone()];
        if combinations.is_some() {
            sets = vec![vec![]];
            for most in &last {
                sets = sets
                    .into_iter()
                    .flat_map(|set| (0..=*most).map(move |v| [set.clone(), vec![v]].concat()))
                    .collect();
            }
        } else {
            // One sector lost, or nothing but one sector kept.
            for i in 0..count {
                let (mut lost, mut kept) = (last.clone(), vec![0; count]);
                (lost[i], kept[i]) = (0, last[i]);
                sets.extend([lost, kept]);
            }
        }
        for set in &sets {
            for &length in &lengths {
                for &fill in fills {
                    show(self.image(set, None, length, fill, rng));
                }
            }
        }
        if count == 0 {
            return;
        }
        // A torn sector among any others.
        for _ in 0..effort.random {
            let set: Vec<_> = match rng.below(3) {
                0 => last.clone(),
                _ => last.iter().map(|&most| rng.below(most + 1)).collect(),
            };
            let (i, end) = (rng.below(count), 1 + rng.below(SECTOR - 1));
            let torn = Some((i, end, rng.below(last[i] + 1))).filter(|_| !rng.once_in(4));
            let (length, fill) = (rng.pick(&lengths), rng.pick(fills));
            show(self.image(&set, torn, length, fill, rng));
        }
    }
}

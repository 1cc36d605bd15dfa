//! `map`: a picture of a file.

use crate::app::App;
use crate::args::{Map, Picture};
use crate::canvas::{Canvas, Png, Svg};
use crate::disk::{self, Tree};
use crate::error::{code, Failure, Result};
use crate::layout::{draw, WIDTH};
use crate::output::{self, Out};
use crate::place::Place;
use modbtree::{Error, PageKind};
use serde_json::json;
use std::io::{IsTerminal, Write};

/// Levels that a tree can have.
const DEEPEST: usize = 40;

/// What a page is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Use {
    Unused,
    Meta,
    Internal,
    Leaf,
    Overflow,
    Free,
    Journal,
    Damaged,
}

/// In the order of `Use`.
pub const USES: [(Use, &str); 8] = [
    (Use::Unused, "unused"),
    (Use::Meta, "meta"),
    (Use::Internal, "internal"),
    (Use::Leaf, "leaf"),
    (Use::Overflow, "overflow"),
    (Use::Free, "free"),
    (Use::Journal, "journal"),
    (Use::Damaged, "damaged"),
];

/// A page in a picture: three bytes for each page of the file.
#[derive(Clone, Copy)]
pub struct Cell {
    pub used_for: Use,
    /// How full the page is, 0 to 255.
    pub fill: u8,
    /// Level of an internal page: 0 is the root.
    pub level: u8,
}

#[derive(Clone, Copy, Default)]
pub struct Level {
    pub pages: u64,
    /// Of all its pages.
    pub fill: f64,
}

/// Everything that a picture shows.
pub struct FileMap {
    pub name: String,
    pub bytes: u64,
    pub page_size: u32,
    pub cells: Vec<Cell>,
    pub levels: Vec<Level>,
    /// Leaves in the order of their keys.
    pub leaves: Vec<u32>,
}

impl FileMap {
    pub fn count(&self, used_for: Use) -> usize {
        self.cells.iter().filter(|cell| cell.used_for == used_for).count()
    }

    /// Per cent of the leaves that lie right behind the one before.
    pub fn in_order(&self) -> f64 {
        let pairs = self.leaves.windows(2);
        let total = pairs.len();
        let near = pairs.filter(|pair| pair[1] == pair[0].wrapping_add(1)).count();
        if total == 0 {
            100.0
        } else {
            (near as f64 / total as f64 * 1000.0).round() / 10.0
        }
    }
}

pub fn map(app: &mut App, args: &Map) -> Result<()> {
    let place = Place::existing(app, &args.file)?;
    let size = std::fs::metadata(&place.local).map_err(|e| place.name_error(e))?.len();
    let bar = app.progress("reading", size, true);
    let mut tree = disk::read(app, &place, bar.clone())?;
    let map = collect(&mut tree, size)?;
    bar.finish_and_clear();
    if app.common.json {
        output::write(app, args.output.as_ref(), |out| figures(out, &map))?;
        if map.count(Use::Damaged) > 0 {
            return Err(Failure::new(code::DAMAGED, "some pages are damaged").at(&map.name));
        }
        return Ok(());
    }
    let format = args.format.unwrap_or_else(|| {
        let name = args.output.as_ref().and_then(|path| path.extension());
        if name.is_some_and(|ext| ext.eq_ignore_ascii_case("png")) {
            Picture::Png
        } else {
            Picture::Svg
        }
    });
    let (mut svg, mut png);
    let canvas: &mut dyn Canvas = match format {
        Picture::Svg => {
            svg = Svg::new(WIDTH);
            &mut svg
        }
        Picture::Png => {
            png = Png::new(WIDTH);
            &mut png
        }
    };
    draw(&map, canvas);
    let bytes = canvas.finish()?;
    let printed = args.output.as_ref().is_none_or(|path| output::is_standard(path));
    if printed && format == Picture::Png && std::io::stdout().is_terminal() {
        return Err(Failure::usage("a PNG file is nothing for a terminal: use --output"));
    }
    output::write(app, args.output.as_ref(), |out| Ok(out.write_all(&bytes)?))
}

/// Finds out what every page is used for. Damage becomes a part of the picture.
pub fn collect(tree: &mut Tree, bytes: u64) -> Result<FileMap> {
    let options = tree.db.options();
    let stored = (bytes / u64::from(options.page_size)).max(u64::from(tree.db.pages()));
    let unused = Cell { used_for: Use::Unused, fill: 0, level: 0 };
    let mut cells = Vec::new();
    let count = usize::try_from(stored).unwrap_or(usize::MAX);
    // A file may claim to be larger than any memory.
    cells.try_reserve_exact(count).map_err(|_| Failure::new(code::SYSTEM, "out of memory").at(&tree.name))?;
    cells.resize(count, unused);
    let mut map = FileMap {
        name: tree.name.clone(),
        bytes,
        page_size: options.page_size,
        cells,
        levels: Vec::new(),
        leaves: Vec::new(),
    };
    if let Some(base) = tree.db.journal_base() {
        for cell in map.cells.iter_mut().skip(base as usize) {
            cell.used_for = Use::Journal;
        }
    }
    let mut walk = Walk { map, capacity: f64::from(tree.db.page_capacity()) };
    walk.set(0, Use::Meta, 1.0);
    walk.tree(tree)?;
    walk.free_list(tree)?;
    for level in &mut walk.map.levels {
        level.fill /= level.pages.max(1) as f64;
    }
    Ok(walk.map)
}

struct Walk {
    map: FileMap,
    capacity: f64,
}

/// Damage as none, other errors as they are.
fn sound<T>(tree: &mut Tree, result: modbtree::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Corrupt(_)) => Ok(None),
        Err(e) => tree.run(|_| Err(e)),
    }
}

impl Walk {
    fn is_new(&self, page: u32) -> bool {
        page != 0
            && self
                .map
                .cells
                .get(page as usize)
                .is_some_and(|cell| cell.used_for == Use::Unused || cell.used_for == Use::Journal)
    }

    fn set(&mut self, page: u32, used_for: Use, fill: f64) {
        if let Some(cell) = self.map.cells.get_mut(page as usize) {
            *cell = Cell { used_for, fill: (fill.clamp(0.0, 1.0) * 255.0).round() as u8, level: 0 };
        }
    }

    /// Goes through the tree from left to right.
    fn tree(&mut self, tree: &mut Tree) -> Result<()> {
        // Internal pages on the way down, and their next children.
        let mut path: Vec<(u32, u32, u32)> = Vec::new();
        let mut next = Some(1);
        loop {
            if let Some(page) = next.take().filter(|&page| self.is_new(page)) {
                if let Some(entries) = self.page(tree, page, path.len())? {
                    path.push((page, 0, entries));
                }
            }
            let Some((page, i, entries)) = path.last_mut() else { return Ok(()) };
            if *i == *entries {
                path.pop();
                continue;
            }
            let entry = tree.db.page_entry(*page, *i);
            *i += 1;
            next = sound(tree, entry)?.map(|entry| entry.child);
        }
    }

    /// Takes a page into the map; the number of children of an internal one.
    fn page(&mut self, tree: &mut Tree, page: u32, level: usize) -> Result<Option<u32>> {
        if level >= DEEPEST {
            self.set(page, Use::Damaged, 1.0);
            return Ok(None);
        }
        let verified = tree.db.verify_page(page);
        let head = tree.db.page_head(page);
        let (Some(()), Some(head)) = (sound(tree, verified)?, sound(tree, head)?) else {
            self.set(page, Use::Damaged, 1.0);
            return Ok(None);
        };
        let fill = f64::from(head.used) / self.capacity;
        if self.map.levels.len() <= level {
            self.map.levels.resize(level + 1, Level::default());
        }
        self.map.levels[level].pages += 1;
        self.map.levels[level].fill += fill;
        let leaf = head.kind == PageKind::Leaf;
        self.set(page, if leaf { Use::Leaf } else { Use::Internal }, fill);
        if leaf {
            self.map.leaves.push(page);
        } else {
            self.map.cells[page as usize].level = level as u8;
        }
        for i in 0..head.entries {
            let entry = tree.db.page_entry(page, i);
            let Some(entry) = sound(tree, entry)? else { continue };
            for item in [Some(entry.key), entry.value].into_iter().flatten() {
                if let Some(first) = item.chain_page() {
                    self.chain(tree, first, item.len())?;
                }
            }
        }
        Ok((!leaf).then_some(head.entries))
    }

    fn chain(&mut self, tree: &mut Tree, first: u32, size: usize) -> Result<()> {
        let (mut page, mut left) = (first, size as f64);
        while left > 0.0 && self.is_new(page) {
            let head = tree.db.page_head(page);
            let head = sound(tree, head)?.filter(|head| matches!(head.kind, PageKind::Overflow { .. }));
            let Some(head) = head else {
                self.set(page, Use::Damaged, 1.0);
                return Ok(());
            };
            self.set(page, Use::Overflow, left / self.capacity);
            left -= self.capacity;
            page = head.next;
        }
        Ok(())
    }

    fn free_list(&mut self, tree: &mut Tree) -> Result<()> {
        let mut page = tree.db.first_free();
        while self.is_new(page) {
            let head = tree.db.page_head(page);
            let Some(head) = sound(tree, head)? else { return Ok(()) };
            self.set(page, Use::Free, 1.0);
            page = head.next;
        }
        Ok(())
    }
}

fn figures(out: &mut Out, map: &FileMap) -> Result<()> {
    let pages: serde_json::Map<_, _> =
        USES.iter().map(|(used_for, name)| ((*name).to_string(), json!(map.count(*used_for)))).collect();
    let levels: Vec<_> = map
        .levels
        .iter()
        .map(|level| json!({ "pages": level.pages, "fill": (level.fill * 1000.0).round() / 10.0 }))
        .collect();
    let figures = json!({
        "file": map.name,
        "bytes": map.bytes,
        "pagesize": map.page_size,
        "pages": pages,
        "levels": levels,
        "in_order": map.in_order(),
    });
    Ok(writeln!(out, "{figures}")?)
}

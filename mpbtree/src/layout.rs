//! What a picture of a file looks like: its pages from left to right and down, how full the levels of
//! the tree are, and where the leaves lie.

use crate::canvas::{Canvas, Color, CHAR};
use crate::commands::map::{Cell, FileMap, Use, USES};

/// Pixels across.
pub const WIDTH: u32 = 1000;
/// The margin on all sides.
const MARGIN: u32 = 20;
const INNER: u32 = WIDTH - 2 * MARGIN;
/// More pages than this share a square with others.
const MOST_CELLS: usize = 4800;
/// Pixels of the picture of leaves.
const PLOT: u32 = 200;

const GRID: Color = [235, 235, 235];
const INK: Color = [60, 60, 60];

/// Colours that people with colour blindness can tell apart.
fn color(used_for: Use) -> Color {
    match used_for {
        Use::Unused => [200, 200, 200],
        Use::Meta => [0, 0, 0],
        Use::Internal => [0, 114, 178],
        Use::Leaf => [0, 158, 115],
        Use::Overflow => [230, 159, 0],
        Use::Free => [240, 228, 66],
        Use::Journal => [204, 121, 167],
        Use::Damaged => [213, 0, 0],
    }
}

/// The colour of the part of a page that is empty.
fn pale([r, g, b]: Color) -> Color {
    [r, g, b].map(|c| 255 - (255 - c) / 4)
}

/// Draws the picture.
pub fn draw(map: &FileMap, canvas: &mut dyn Canvas) {
    // Fixes the width of a picture that grows.
    canvas.rect(0, 0, WIDTH, 1, [255; 3]);
    let mut y = MARGIN;
    canvas.text(
        MARGIN,
        y,
        &format!("{}: {} bytes, {} pages of {} bytes", map.name, map.bytes, map.cells.len(), map.page_size),
    );
    y += 20;
    let mut x = MARGIN;
    for (used_for, name) in USES {
        let count = map.count(used_for);
        if count == 0 {
            continue;
        }
        let label = format!("{name} {count}");
        canvas.rect(x, y, 10, 10, color(used_for));
        canvas.text(x + 15, y + 1, &label);
        x += 15 + (label.len() as u32 + 3) * CHAR.0;
    }
    y += 25;
    y = pages(map, canvas, y);
    y = levels(map, canvas, y + 20);
    leaves(map, canvas, y + 20);
}

/// A square for each page, or for some of them: from below as full as it is.
fn pages(map: &FileMap, canvas: &mut dyn Canvas, top: u32) -> u32 {
    let each = map.cells.len().div_ceil(MOST_CELLS).max(1);
    let squares = map.cells.len().div_ceil(each) as u32;
    let columns = if squares <= 64 {
        16
    } else if squares <= 1024 {
        40
    } else {
        96
    };
    let side = INNER / columns;
    let each_text = if each == 1 { "1 page".to_string() } else { format!("{each} pages") };
    canvas.text(MARGIN, top, &format!("pages in the order of the file; a square is {each_text}"));
    let top = top + 15;
    for (i, cells) in (0..).zip(map.cells.chunks(each)) {
        let (x, y) = (MARGIN + i % columns * side, top + i / columns * side);
        canvas.begin(&title(i as usize * each, cells));
        square(cells, canvas, x, y, side - 1);
        canvas.end();
    }
    top + squares.div_ceil(columns) * side
}

fn percent(cell: &Cell) -> u32 {
    u32::from(cell.fill) * 100 / 255
}

fn title(first: usize, cells: &[Cell]) -> String {
    if let [cell] = cells {
        let (_, name) = USES[cell.used_for as usize];
        return match cell.used_for {
            Use::Internal => {
                format!("page {first}: {name} on level {}, {} % full", cell.level, percent(cell))
            }
            Use::Leaf | Use::Overflow => format!("page {first}: {name}, {} % full", percent(cell)),
            _ => format!("page {first}: {name}"),
        };
    }
    let mut text = format!("pages {first} to {}:", first + cells.len() - 1);
    for (used_for, name) in USES {
        let count = cells.iter().filter(|cell| cell.used_for == used_for).count();
        if count > 0 {
            text += &format!(" {count} {name}");
        }
    }
    text
}

/// The kinds of pages in a square as columns, each full from below.
fn square(cells: &[Cell], canvas: &mut dyn Canvas, x: u32, y: u32, side: u32) {
    let (mut before, mut right) = (0, 0);
    for (used_for, _) in USES {
        let of_kind = cells.iter().filter(|cell| cell.used_for == used_for);
        let (mut count, mut fill) = (0, 0);
        for cell in of_kind {
            count += 1;
            fill += u32::from(cell.fill);
        }
        if count == 0 {
            continue;
        }
        // All columns together are as wide as the square, and none is invisible.
        let left = right;
        before += count;
        right = ((before as u32 * side) / cells.len() as u32).max(left + 1).min(side);
        if left == right {
            continue;
        }
        let color = color(used_for);
        let whole = matches!(used_for, Use::Unused | Use::Meta | Use::Free | Use::Journal | Use::Damaged);
        let height = if whole { side } else { (fill * side).div_ceil(255 * count as u32) };
        if height < side {
            canvas.rect(x + left, y, right - left, side - height, pale(color));
        }
        canvas.rect(x + left, y + side - height, right - left, height, color);
    }
}

/// A bar for each level: how full its pages are on the average.
fn levels(map: &FileMap, canvas: &mut dyn Canvas, top: u32) -> u32 {
    canvas.text(MARGIN, top, "levels of the tree, from the root down, and how full their pages are");
    let (mut y, bar) = (top + 15, INNER / 2);
    for (i, level) in map.levels.iter().enumerate() {
        let leaves = i + 1 == map.levels.len();
        let color = color(if leaves { Use::Leaf } else { Use::Internal });
        let full = (f64::from(bar) * level.fill).round() as u32;
        canvas.rect(MARGIN, y, bar, 12, pale(color));
        canvas.rect(MARGIN, y, full.min(bar), 12, color);
        let text = format!("level {i}: {} pages, {:.0} %", level.pages, level.fill * 100.0);
        canvas.text(MARGIN + bar + 10, y + 2, &text);
        y += 16;
    }
    y
}

/// Where the leaves lie: the order of keys from left to right, the place in the file from the top down.
/// A line from corner to corner is a file that is read in one go.
fn leaves(map: &FileMap, canvas: &mut dyn Canvas, top: u32) {
    canvas.text(
        MARGIN,
        top,
        &format!(
            "leaves from the first key to the last, and where in the file they are: {} % lie right behind \
             the one before",
            map.in_order()
        ),
    );
    let top = top + 15;
    canvas.rect(MARGIN, top, INNER, PLOT, GRID);
    let pages = map.cells.len().max(1) as u64;
    let count = map.leaves.len().max(1) as u64;
    let mut last = None;
    for (i, &page) in (0u64..).zip(&map.leaves) {
        let x = (i * u64::from(INNER) / count) as u32;
        let y = (u64::from(page) * u64::from(PLOT) / pages) as u32;
        // Leaves that fall on the same pixel are drawn once.
        if last.replace((x, y)) != Some((x, y)) {
            let width = (u64::from(INNER) / count).clamp(2, 12) as u32;
            canvas.rect(MARGIN + x, top + y.min(PLOT - 2), width.min(INNER - x), 2, INK);
        }
    }
}

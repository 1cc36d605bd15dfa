//! `tree`: the pages of a tree, and what is on one page.

use super::list::bytes;
use crate::app::App;
use crate::args::ShowTree;
use crate::disk::{self, Tree};
use crate::error::{code, Failure, Result};
use crate::place::Place;
use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;
use modbtree::{PageEntry, PageHead, PageKind};
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;

/// Characters of a key or value that are shown.
const SHOWN: usize = 32;
/// Levels that a tree can have; deeper ones are a circle.
const DEEPEST: usize = 40;

struct View<'a> {
    args: &'a ShowTree,
    /// Internal pages seen: what is below them is shown once.
    seen: HashSet<u32>,
    damaged: bool,
    capacity: f64,
}

pub fn tree(app: &mut App, args: &ShowTree) -> Result<()> {
    let place = Place::existing(app, &args.file)?;
    let mut tree = disk::read(app, &place, ProgressBar::hidden())?;
    if let Some(page) = args.page {
        return show_page(app, &mut tree, page);
    }
    let capacity = f64::from(tree.db.page_capacity());
    let mut view = View { args, seen: HashSet::new(), damaged: false, capacity };
    view.page(app, &mut tree, 1, 0, 0, &mut Vec::new())?;
    if view.damaged {
        return Err(Failure::new(code::DAMAGED, "the tree is damaged").at(&place.name));
    }
    Ok(())
}

impl View<'_> {
    /// Prints a page and those below it. `branch` tells for each level whether more pages follow.
    fn page(
        &mut self,
        app: &mut App,
        tree: &mut Tree,
        page: u32,
        parent: u32,
        level: usize,
        branch: &mut Vec<bool>,
    ) -> Result<()> {
        let node = match self.look(tree, page, level) {
            Err(e) if e.code == code::DAMAGED => {
                self.damaged = true;
                return damage(app, page, parent, level, &e, branch);
            }
            node => node?,
        };
        self.line(app, tree, page, parent, level, &node, branch)?;
        if node.kind != PageKind::Internal || self.args.depth.is_some_and(|depth| level + 1 >= depth) {
            return Ok(());
        }
        let most = if self.args.all || app.common.json { u32::MAX } else { self.args.children };
        let hidden = node.entries.saturating_sub(most);
        let head = (node.entries - hidden).div_ceil(2);
        for i in 0..node.entries {
            if hidden > 0 && i == head {
                indent(app, branch, true)?;
                writeln!(app.out, "… {hidden} more")?;
            }
            if (head..head + hidden).contains(&i) {
                continue;
            }
            let entry = tree.run(|db| db.page_entry(page, i))?;
            branch.push(i + 1 < node.entries);
            self.page(app, tree, entry.child, page, level + 1, branch)?;
            branch.pop();
        }
        Ok(())
    }

    /// Reads a page and makes sure that its entries can be read.
    fn look(&mut self, tree: &mut Tree, page: u32, level: usize) -> Result<PageHead> {
        tree.run(|db| {
            if page == 0 || page >= db.pages() {
                return db.damaged(page, 0, modbtree::Reason::PageRange);
            }
            if level >= DEEPEST {
                return db.damaged(page, 0, modbtree::Reason::Depth);
            }
            let head = db.page_head(page)?;
            db.verify_page(page)?;
            if head.kind == PageKind::Internal && !self.seen.insert(page) {
                return db.damaged(page, 0, modbtree::Reason::Shared);
            }
            Ok(head)
        })
    }

    #[allow(clippy::too_many_arguments)]
    fn line(
        &self,
        app: &mut App,
        tree: &mut Tree,
        page: u32,
        parent: u32,
        level: usize,
        head: &PageHead,
        branch: &[bool],
    ) -> Result<()> {
        let leaf = head.kind == PageKind::Leaf;
        let fill = f64::from(head.used) / self.capacity * 100.0;
        // The first separator of a page means nothing.
        let first = if leaf { 0 } else { 1 };
        let ends = [first, head.entries.saturating_sub(1)];
        let mut keys = Vec::new();
        if head.entries > first {
            for i in ends {
                let entry = tree.run(|db| db.page_entry(page, i))?;
                keys.push(start(tree, &entry.key)?);
            }
        }
        if app.common.json {
            let keys: Vec<_> = keys.iter().map(|key| app.json(&key.0)).collect();
            return app.json_line(&json!({
                "page": page,
                "parent": if parent == 0 { None } else { Some(parent) },
                "level": level,
                "kind": kind_name(head.kind),
                "entries": head.entries,
                "fill": (fill * 10.0).round() / 10.0,
                "first": keys.first(),
                "last": keys.last(),
            }));
        }
        indent(app, branch, false)?;
        let color = if leaf { AnsiColor::Green } else { AnsiColor::Blue };
        let style = app.style(Style::new().fg_color(Some(color.into())));
        let what = if leaf { "items" } else { "children" };
        write!(
            app.out,
            "{style}page {page}{style:#} {}, {} {what}, {fill:.0} % full",
            kind_name(head.kind),
            head.entries
        )?;
        if let [first, last] = keys.as_slice() {
            app.out.write_all(b": ")?;
            shown(app, first)?;
            if head.entries > if leaf { 1 } else { 2 } {
                app.out.write_all(b" .. ")?;
                shown(app, last)?;
            }
        }
        app.out.write_all(b"\n")?;
        Ok(())
    }
}

fn damage(
    app: &mut App,
    page: u32,
    parent: u32,
    level: usize,
    failure: &Failure,
    branch: &[bool],
) -> Result<()> {
    if app.common.json {
        return app.json_line(&json!({
            "page": page, "parent": parent, "level": level, "kind": "damaged", "error": failure.text,
        }));
    }
    indent(app, branch, false)?;
    let style = app.style(Style::new().fg_color(Some(AnsiColor::Red.into())));
    writeln!(app.out, "{style}page {page} damaged: {}{style:#}", failure.text)?;
    Ok(())
}

/// Draws the branches to the left of a line.
fn indent(app: &mut App, branch: &[bool], more: bool) -> Result<()> {
    let whole = branch.len() - usize::from(!more && !branch.is_empty());
    for &follows in &branch[..whole] {
        app.out.write_all(if follows { "│   ".as_bytes() } else { b"    " })?;
    }
    if let (Some(&follows), false) = (branch.last(), more) {
        app.out.write_all(if follows { "├── ".as_bytes() } else { "└── ".as_bytes() })?;
    }
    Ok(())
}

pub fn kind_name(kind: PageKind) -> &'static str {
    match kind {
        PageKind::Internal => "internal",
        PageKind::Leaf => "leaf",
        PageKind::Overflow { .. } => "overflow",
        PageKind::Other(_) => "unknown",
    }
}

/// The first bytes of an item, and whether there are more.
fn start(tree: &mut Tree, item: &modbtree::Item) -> Result<(Vec<u8>, bool)> {
    let mut start = Vec::new();
    if item.chain_page().is_some() {
        tree.run(|db| {
            db.read_pieces(item, &mut |piece| {
                start.extend_from_slice(&piece[..piece.len().min(SHOWN)]);
                false
            })
        })?;
    } else {
        let bytes = bytes(tree, item)?;
        start.extend_from_slice(&bytes[..bytes.len().min(SHOWN)]);
    }
    let more = item.len() > start.len();
    Ok((start, more))
}

fn shown(app: &mut App, (bytes, more): &(Vec<u8>, bool)) -> Result<()> {
    app.out.write_all(b"\"")?;
    app.print(bytes)?;
    app.out.write_all(if *more { "…\"".as_bytes() } else { b"\"" })?;
    Ok(())
}

/// Prints what is on one page.
fn show_page(app: &mut App, tree: &mut Tree, page: u32) -> Result<()> {
    let pages = tree.db.pages();
    if page == 0 || page >= pages {
        return Err(Failure::usage(format!("the pages are 1 to {}", pages.saturating_sub(1))).at(&tree.name));
    }
    let head = tree.run(|db| db.page_head(page))?;
    if !app.common.json {
        writeln!(app.out, "page {page}: {}", kind_name(head.kind))?;
        match head.kind {
            PageKind::Overflow { preserved: true } => writeln!(app.out, "separators may refer to the chain")?,
            PageKind::Other(number) => writeln!(app.out, "type {number:#x}")?,
            _ => {}
        }
        if head.number != page {
            writeln!(app.out, "its own number is {}", head.number)?;
        }
        writeln!(app.out, "left neighbour {}, right neighbour or next {}", head.prev, head.next)?;
    }
    let mut entries = Vec::new();
    if matches!(head.kind, PageKind::Leaf | PageKind::Internal) {
        tree.run(|db| db.verify_page(page))?;
        for i in 0..head.entries {
            let entry = tree.run(|db| db.page_entry(page, i))?;
            let (key, value) =
                (start(tree, &entry.key)?, entry.value.map(|value| start(tree, &value)).transpose()?);
            if app.common.json {
                entries.push(entry_json(app, &entry, &key.0, value.as_ref().map(|value| &value.0[..])));
                continue;
            }
            write!(app.out, "offset {:5}  ", entry.offset)?;
            shown(app, &key)?;
            match value {
                Some(value) => {
                    app.out.write_all(b" = ")?;
                    shown(app, &value)?;
                }
                None => write!(app.out, " -> page {}", entry.child)?,
            }
            for chain in
                [Some(entry.key), entry.value].into_iter().flatten().filter_map(|item| item.chain_page())
            {
                write!(app.out, ", chain from page {chain}")?;
            }
            app.out.write_all(b"\n")?;
        }
    }
    if app.common.json {
        app.json_line(&json!({
            "page": page, "number": head.number, "kind": kind_name(head.kind),
            "prev": head.prev, "next": head.next, "used": head.used, "entries": entries,
        }))?;
    }
    Ok(())
}

fn entry_json(app: &App, entry: &PageEntry, key: &[u8], value: Option<&[u8]>) -> serde_json::Value {
    let mut json = json!({
        "offset": entry.offset, "key": app.json(key), "key_len": entry.key.len(),
    });
    if let Some(page) = entry.key.chain_page() {
        json["key_chain"] = json!(page);
    }
    match (entry.value, value) {
        (Some(item), Some(value)) => {
            json["value"] = app.json(value);
            json["value_len"] = json!(item.len());
            if let Some(page) = item.chain_page() {
                json["value_chain"] = json!(page);
            }
        }
        _ => json["child"] = json!(entry.child),
    }
    json
}

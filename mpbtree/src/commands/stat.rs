//! `stat`: figures of a file.

use crate::app::App;
use crate::args::Stat;
use crate::disk;
use crate::error::Result;
use crate::place::Place;
use crate::survey::survey;
use modbtree::Order;
use serde_json::{json, Value};
use std::io::Write;

pub fn stat(app: &mut App, args: &Stat) -> Result<()> {
    let place = Place::existing(app, &args.file)?;
    let size = std::fs::metadata(&place.local).map_err(|e| place.name_error(e))?.len();
    let bar = if args.fast { indicatif::ProgressBar::hidden() } else { app.progress("reading", size, true) };
    let mut tree = disk::read(app, &place, bar.clone())?;
    let options = tree.db.options();
    let figures = tree.run(|db| db.stat())?;
    let mut table = Table::new(app);
    table.row("file", "file", json!(place.name), "");
    table.row("size", "bytes", json!(size), "bytes");
    table.row("page size", "pagesize", json!(figures.page_size), "bytes");
    let order = if options.order == Some(Order::Big) { "big" } else { "little" };
    table.row("byte order", "order", json!(order), "");
    table.row("duplicate keys", "duplicates", json!(options.duplicates), "");
    let journal = match tree.db.journal_commits() {
        None => json!(null),
        Some(commits) => json!(commits),
    };
    table.row("flushes in the journal", "journal", journal, "");
    table.row("pages", "pages", json!(figures.pages), "");
    table.row("free pages", "free", json!(figures.free), "");
    table.row("levels", "depth", json!(figures.depth), "");
    if !args.fast {
        let all = survey(&mut tree)?;
        let capacity = f64::from(tree.db.page_capacity());
        let fill = |pages: u64, used: u64| percent(used as f64, pages as f64 * capacity);
        let leaves = all.levels.last().copied().unwrap_or_default();
        table.row("items", "items", json!(leaves.entries), "");
        table.row("bytes of keys", "key_bytes", json!(all.key_bytes), "");
        table.row("bytes of values", "value_bytes", json!(all.value_bytes), "");
        table.row("longest key", "longest_key", json!(all.longest_key), "bytes");
        table.row("longest value", "longest_value", json!(all.longest_value), "bytes");
        table.row("leaves", "leaves", json!(leaves.pages), "");
        table.row("leaves are full to", "leaf_fill", json!(fill(leaves.pages, leaves.used)), "%");
        let pairs = leaves.pages.saturating_sub(1) as f64;
        table.row("leaves behind one another", "in_order", json!(percent(all.in_order as f64, pairs)), "%");
        let inner = &all.levels[..all.levels.len().saturating_sub(1)];
        let (pages, used) =
            inner.iter().fold((0, 0), |(pages, used), level| (pages + level.pages, used + level.used));
        table.row("internal pages", "internals", json!(pages), "");
        table.row("internal pages are full to", "internal_fill", json!(fill(pages, used)), "%");
        table.row("overflow pages of items", "overflow", json!(all.overflow), "");
    }
    bar.finish_and_clear();
    table.print(app)
}

/// Per cent with one decimal; 100 of nothing.
fn percent(part: f64, whole: f64) -> f64 {
    if whole == 0.0 {
        return 100.0;
    }
    (part / whole * 1000.0).round() / 10.0
}

/// Names and values, for people or programs.
struct Table {
    json: bool,
    values: serde_json::Map<String, Value>,
    lines: Vec<(&'static str, String)>,
}

impl Table {
    fn new(app: &App) -> Self {
        Table { json: app.common.json, values: serde_json::Map::new(), lines: Vec::new() }
    }

    fn row(&mut self, title: &'static str, name: &str, value: Value, unit: &str) {
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "yes".into(),
            Value::Bool(false) => "no".into(),
            Value::Null => "no journal".into(),
            number => number.to_string(),
        };
        self.lines.push((title, format!("{text} {unit}").trim_end().to_string()));
        self.values.insert(name.into(), value);
    }

    fn print(self, app: &mut App) -> Result<()> {
        if self.json {
            return app.json_line(&self.values.into());
        }
        for (title, text) in self.lines {
            writeln!(app.out, "{title:<26}  {text}")?;
        }
        Ok(())
    }
}

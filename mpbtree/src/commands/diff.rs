//! `diff`: how two files differ.

use crate::app::App;
use crate::args::Diff;
use crate::disk::{self, Tree};
use crate::error::{Failure, Result};
use crate::place::Place;
use crate::records::refused;
use anstyle::{AnsiColor, Style};
use modbtree::{Cursor, HeapMemory};
use serde_json::json;
use std::cmp::Ordering;
use std::io::Write;

/// A way through a file, key by key.
struct Side {
    tree: Tree,
    cursor: Cursor<HeapMemory>,
    /// The item behind those of the current key.
    ahead: Option<(Vec<u8>, Vec<u8>)>,
    key: Option<Vec<u8>>,
    values: Vec<Vec<u8>>,
}

impl Side {
    fn new(tree: Tree) -> Result<Self> {
        let mut side =
            Side { tree, cursor: Cursor::new(HeapMemory), ahead: None, key: None, values: Vec::new() };
        side.ahead = side.item()?;
        side.advance()?;
        Ok(side)
    }

    fn item(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let cursor = &mut self.cursor;
        self.tree.run(|db| match db.step(cursor, false)? {
            Some((key, value)) => Ok(Some((db.to_vec(&key)?, db.to_vec(&value)?))),
            None => Ok(None),
        })
    }

    /// Goes to the next key and takes all its values.
    fn advance(&mut self) -> Result<()> {
        self.values.clear();
        self.key = None;
        while let Some((key, value)) = self.ahead.take() {
            if let Some(current) = self.key.as_ref().filter(|current| **current != key) {
                // Files are compared side by side, which takes an order.
                if *current > key {
                    let why = "is not behind the one before; compact puts it right";
                    return Err(refused("key", &key, why).at(&self.tree.name));
                }
                self.ahead = Some((key, value));
                break;
            }
            self.key = Some(key);
            self.values.push(value);
            self.ahead = self.item()?;
        }
        Ok(())
    }
}

pub fn diff(app: &mut App, args: &Diff) -> Result<()> {
    let (old, new) = (Place::existing(app, &args.old)?, Place::existing(app, &args.new)?);
    let size = |place: &Place| std::fs::metadata(&place.local).map_err(|e| place.name_error(e));
    let total = size(&old)?.len() + size(&new)?.len();
    let bar = app.progress_beside_output("comparing", total, true);
    let mut old = Side::new(disk::read(app, &old, bar.clone())?)?;
    let mut new = Side::new(disk::read(app, &new, bar.clone())?)?;
    let mut count = 0u64;
    loop {
        let order = match (&old.key, &new.key) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        let both = order == Ordering::Equal;
        if !both || old.values != new.values {
            count += 1;
            if args.brief {
                break;
            }
            let key = old.key.as_ref().filter(|_| order.is_le()).or(new.key.as_ref());
            let removed = if order.is_le() { old.values.as_slice() } else { &[] };
            let added = if order.is_ge() { new.values.as_slice() } else { &[] };
            show(app, args, key.map_or(&[], Vec::as_slice), removed, added)?;
        }
        if order.is_le() {
            old.advance()?;
        }
        if order.is_ge() {
            new.advance()?;
        }
    }
    bar.finish_and_clear();
    if count == 0 {
        return Ok(());
    }
    if args.brief {
        app.remark("the files differ");
    }
    Err(Failure::no())
}

fn show(app: &mut App, args: &Diff, key: &[u8], removed: &[Vec<u8>], added: &[Vec<u8>]) -> Result<()> {
    if app.common.json {
        let values = |app: &App, values: &[Vec<u8>]| -> serde_json::Value {
            match values {
                [] => json!(null),
                [value] => app.json(value),
                values => values.iter().map(|value| app.json(value)).collect(),
            }
        };
        let mut line = json!({ "key": app.json(key) });
        if !args.keys {
            line["old"] = values(app, removed);
            line["new"] = values(app, added);
        }
        line["change"] = match (removed, added) {
            ([], _) => json!("added"),
            (_, []) => json!("removed"),
            _ => json!("changed"),
        };
        return app.json_line(&line);
    }
    for (sign, color, values) in [(b'-', AnsiColor::Red, removed), (b'+', AnsiColor::Green, added)] {
        let style = app.style(Style::new().fg_color(Some(color.into())));
        for value in values {
            write!(app.out, "{style}{} ", sign as char)?;
            app.print(key)?;
            if !args.keys {
                app.out.write_all(b"\t")?;
                app.print(value)?;
            }
            writeln!(app.out, "{style:#}")?;
            if args.keys {
                break;
            }
        }
    }
    Ok(())
}

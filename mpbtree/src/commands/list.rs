//! `list`: items in order, and the way through a range that other commands use, too.

use crate::app::{App, Bounds};
use crate::args::List;
use crate::disk::{self, Tree};
use crate::error::Result;
use crate::place::Place;
use modbtree::{Cursor, HeapMemory, Item, Where};
use serde_json::{json, Map};
use std::borrow::Cow;
use std::io::Write;

/// Calls `each` for the items of a range, in order, until it returns false.
pub fn scan(
    tree: &mut Tree,
    bounds: &Bounds,
    backward: bool,
    each: &mut dyn FnMut(&mut Tree, Item, Item) -> Result<bool>,
) -> Result<()> {
    let mut cursor = Cursor::new(HeapMemory);
    let (place, key) = match (&bounds.prefix, &bounds.start, backward) {
        (Some(prefix), _, false) => (Where::Lower, prefix.as_slice()),
        (Some(prefix), _, true) => (Where::PrefixUpper, prefix.as_slice()),
        (None, Some(start), false) => (Where::Lower, start.as_slice()),
        (None, Some(start), true) => (Where::Upper, start.as_slice()),
        (None, None, false) => (Where::First, &[][..]),
        (None, None, true) => (Where::Last, &[][..]),
    };
    tree.run(|_| cursor.seek(place, key))?;
    let bounded = bounds.prefix.is_some() || bounds.end.is_some();
    while let Some((key, value)) = tree.run(|db| db.step(&mut cursor, backward))? {
        if bounded {
            let key = bytes(tree, &key)?;
            if !bounds.has(&key, backward) {
                break;
            }
        }
        if !each(tree, key, value)? {
            break;
        }
    }
    Ok(())
}

/// The bytes of an item, copied only if it is a chain of pages.
pub fn bytes<'a>(tree: &'a mut Tree, item: &Item) -> Result<Cow<'a, [u8]>> {
    if item.chain_page().is_some() {
        return tree.run(|db| db.to_vec(item)).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(tree.db.inline_bytes(item).unwrap_or(&[])))
}

impl Bounds {
    /// Whether a key that a scan has reached is not behind the end.
    fn has(&self, key: &[u8], backward: bool) -> bool {
        if let Some(prefix) = &self.prefix {
            return key.starts_with(prefix);
        }
        let Some(end) = &self.end else { return true };
        if key == end {
            return self.inclusive;
        }
        (key < end) != backward
    }
}

pub fn list(app: &mut App, args: &List) -> Result<()> {
    let bounds = app.range(&args.range)?;
    let place = Place::existing(app, &args.file)?;
    let mut tree = disk::read(app, &place, app.progress_beside_output("listing", 0, true))?;
    let (limit, mut count) = (args.limit.unwrap_or(u64::MAX), 0);
    if limit > 0 {
        scan(&mut tree, &bounds, args.desc, &mut |tree, key, value| {
            count += 1;
            if !args.count {
                print(app, args, tree, &key, &value)?;
            }
            Ok(count < limit)
        })?;
    }
    if args.count {
        if app.common.json {
            app.json_line(&json!({ "count": count }))?;
        } else {
            writeln!(app.out, "{count}")?;
        }
    }
    Ok(())
}

fn print(app: &mut App, args: &List, tree: &mut Tree, key: &Item, value: &Item) -> Result<()> {
    if app.common.json {
        let mut line = Map::new();
        if !args.values {
            line.insert("key".into(), app.json(&bytes(tree, key)?));
        }
        if !args.keys {
            line.insert("value".into(), app.json(&bytes(tree, value)?));
        }
        return app.json_line(&line.into());
    }
    if !args.values {
        app.print(&bytes(tree, key)?)?;
    }
    if !args.values && !args.keys {
        app.out.write_all(b"\t")?;
    }
    if !args.keys {
        app.print(&bytes(tree, value)?)?;
    }
    app.out.write_all(b"\n")?;
    Ok(())
}

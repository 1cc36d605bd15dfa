//! `load`: items from text into a file, which is replaced as a whole.

use crate::app::App;
use crate::args::Load;
use crate::disk::{open_file, Disk, Tree};
use crate::dumptext::{Reader, TextHeader};
use crate::error::{Failure, Result};
use crate::place::{Place, Replacement};
use indicatif::ProgressBar;
use modbtree::Options;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Changed pages that may wait in memory, at least and at most: the core numbers no more than twice as
/// many.
const WAITING: std::ops::RangeInclusive<u32> = 64..=16_000;

/// Opens a text: a file, or standard input.
pub fn input(app: &App, path: Option<&PathBuf>) -> Result<(String, Box<dyn BufRead>, ProgressBar)> {
    match path.filter(|path| *path != Path::new("-")) {
        None => {
            let bar = app.progress("reading", 0, true);
            let input = bar.wrap_read(io::stdin());
            Ok(("standard input".into(), Box::new(BufReader::with_capacity(1 << 16, input)), bar))
        }
        Some(path) => {
            let place = Place::existing(app, path)?;
            let file = File::open(&place.local).map_err(|e| place.name_error(e))?;
            let size = file.metadata().map_err(|e| place.name_error(e))?.len();
            let bar = app.progress("reading", size, true);
            let input = bar.wrap_read(file);
            Ok((place.name, Box::new(BufReader::with_capacity(1 << 16, input)), bar))
        }
    }
}

pub fn load(app: &mut App, args: &Load) -> Result<()> {
    let mut options = app.creating(&args.new)?;
    let (name, input, bar) = input(app, args.input.as_ref())?;
    let mut reader = Reader::new(input);
    let wrong = |wrong| Failure::from(wrong).at(&name);
    let header = if args.text { TextHeader::default() } else { reader.header().map_err(wrong)? };
    if options.page_size == 0 {
        options.page_size = header.page_size;
    }
    if options.min_keys == 0 {
        options.min_keys = header.min_keys;
    }
    options.order = options.order.or(header.order);
    options.duplicates |= header.duplicates;
    if args.text {
        reader.plain_text();
    }
    let (mut stored, mut skipped) = (0u64, 0u64);
    let overwrite = !args.no_overwrite;
    rebuild(app, &args.file, &options, args.replace, &mut |tree| {
        let unique = !tree.db.options().duplicates;
        let (mut key, mut value, mut last) = (Vec::new(), Vec::new(), None);
        while reader.item(&mut key, &mut value).map_err(wrong)? {
            // The text has all values of a key, and one of them is all that the file could keep.
            if unique && header.duplicates {
                if last.as_ref() == Some(&key) {
                    return Err(wrong(reader.wrong("the key comes again, but the file has no duplicates")));
                }
                last.get_or_insert_default().clone_from(&key);
            }
            if tree.run(|db| db.put(&key, &value, overwrite))? {
                stored += 1;
            } else {
                skipped += 1;
            }
            flush_some(app, tree)?;
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if app.common.json {
        app.json_line(&json!({ "stored": stored, "skipped": skipped }))?;
    }
    if skipped > 0 {
        app.remark(&format!("{skipped} items were skipped, as their keys were there"));
        return Err(Failure::no());
    }
    Ok(())
}

/// Writes changed pages if they are more than the cache may have, so that memory is bounded. For files
/// that are not in their place yet.
pub fn flush_some(app: &App, tree: &mut Tree) -> Result<()> {
    let most = (app.common.cache << 20) / tree.db.options().page_size;
    if tree.db.changed_pages() >= most.clamp(*WAITING.start(), *WAITING.end()) {
        tree.run(|db| db.flush())?;
    }
    Ok(())
}

/// Makes a new file, beginning with a copy of the old one unless `replace`, and puts it into its place.
pub fn rebuild(
    app: &App,
    path: &Path,
    options: &Options,
    replace: bool,
    work: &mut dyn FnMut(&mut Tree) -> Result<()>,
) -> Result<()> {
    let place = Place::any(app, path)?;
    // Held until the new file is in place.
    let old = if place.exists() { Some(open_file(&place, true)?) } else { None };
    let new = Replacement::new(&place)?;
    if let (Some(old), false) = (&old, replace) {
        let copy = old.try_clone().and_then(|mut old| io::copy(&mut old, &mut new.file()?));
        copy.map_err(|e| place.name_error(e))?;
    }
    let mut tree = Tree::new(Disk::unsynced(new.file()?), options, &place.name)?;
    if replace || old.is_none() {
        // One to which nothing is done would stay without even a header.
        tree.run(|db| db.clear())?;
    }
    work(&mut tree)?;
    finish(app, tree, new, place)
}

/// Ends a new file.
pub fn finish(app: &App, mut tree: Tree, new: Replacement, place: Place) -> Result<()> {
    tree.run(|db| db.close())?;
    drop(tree);
    new.finish(place, app)
}

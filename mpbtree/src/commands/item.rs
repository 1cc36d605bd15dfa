//! `get`, `put`, `del`, `checkpoint`: single items, and changes of a file in its place.

use super::list::scan;
use super::load::finish;
use crate::app::{App, Bounds};
use crate::args::{Del, Get, JournalUse, NewFile, OneFile, Put};
use crate::disk::{self, open_file, Disk, Tree};
use crate::error::{Failure, Result};
use crate::place::{Place, Replacement};
use crate::records::refused;
use crate::trim::trim;
use indicatif::ProgressBar;
use modbtree::{Item, Journal, Options};
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Keys that are removed before the next look at the range.
const BATCH: usize = 1000;

pub fn get(app: &mut App, args: &Get) -> Result<()> {
    let key = app.bytes(&args.key)?.into_owned();
    let place = Place::existing(app, &args.file)?;
    let mut tree = disk::read(app, &place, ProgressBar::hidden())?;
    let mut found = false;
    if args.all {
        let bounds = Bounds { start: Some(key.clone()), end: Some(key), inclusive: true, prefix: None };
        scan(&mut tree, &bounds, false, &mut |tree, _, value| {
            found = true;
            show(app, tree, &value, args.raw)?;
            Ok(true)
        })?;
    } else if let Some(value) = tree.run(|db| db.get(&key))? {
        found = true;
        show(app, &mut tree, &value, args.raw)?;
    }
    if found {
        Ok(())
    } else {
        app.remark("no such key");
        Err(Failure::no())
    }
}

fn show(app: &mut App, tree: &mut Tree, value: &Item, raw: bool) -> Result<()> {
    if raw {
        return write_pieces(tree, value, &mut |piece| app.out.write_all(piece));
    }
    let value = tree.run(|db| db.to_vec(value))?;
    if app.common.json {
        let value = app.json(&value);
        return app.json_line(&value);
    }
    app.print(&value)?;
    app.out.write_all(b"\n")?;
    Ok(())
}

/// Hands an item to a writer, a page at a time.
pub fn write_pieces(
    tree: &mut Tree,
    item: &Item,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<()> {
    let mut result = Ok(());
    tree.run(|db| {
        db.read_pieces(item, &mut |piece| {
            result = write(piece);
            result.is_ok()
        })
    })?;
    Ok(result?)
}

pub fn put(app: &mut App, args: &Put) -> Result<()> {
    let mut items =
        args.items.iter().map(|item| Ok(app.bytes(item)?.into_owned())).collect::<Result<Vec<_>>>()?;
    if let Some(from) = &args.from {
        if items.len() != 1 {
            return Err(Failure::usage("--from takes one key, and no value"));
        }
        let mut value = Vec::new();
        if from == Path::new("-") {
            io::stdin().read_to_end(&mut value)?;
        } else {
            let read = File::open(from).and_then(|mut file| file.read_to_end(&mut value));
            read.map_err(|e| Failure::from(e).at(from.display()))?;
        }
        items.push(value);
    }
    if items.len() % 2 != 0 {
        return Err(Failure::usage("the last key has no value"));
    }
    let place = if args.create { Place::any(app, &args.file)? } else { Place::existing(app, &args.file)? };
    let store = |tree: &mut Tree| {
        for pair in items.chunks_exact(2) {
            if !tree.run(|db| db.put(&pair[0], &pair[1], !args.no_overwrite))? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    if place.exists() {
        return change(app, place, &args.new, store);
    }
    let new = Replacement::new(&place)?;
    let options = app.creating(&args.new)?;
    let mut tree = Tree::new(Disk::unsynced(new.file()?), &options, &place.name)?;
    if !store(&mut tree)? {
        return Err(Failure::no());
    }
    tree.run(|db| db.flush())?;
    new.finish(place, app)
}

/// Changes a file in its place, as a whole or not at all if there is a journal. The answer false
/// means that nothing is to be changed.
pub fn change(
    app: &App,
    place: Place,
    new: &NewFile,
    work: impl FnOnce(&mut Tree) -> Result<bool>,
) -> Result<()> {
    let options = app.changing(new)?;
    let file = open_file(&place, true)?;
    let copy = file.try_clone()?;
    let mut tree = Tree::new(Disk::new(file), &options, &place.name)?;
    if options.journal == Journal::Discard && tree.db.journal_base().is_some() {
        return change_copy(app, place, tree, work);
    }
    if !work(&mut tree)? {
        return Err(Failure::no());
    }
    tree.run(|db| db.close())?;
    if options.journal == Journal::On {
        drop(tree);
        trim(&copy).map_err(|e| place.name_error(e))?;
    }
    place.changed(app)
}

/// Changes a copy without the journal, which takes the place of the file. In the file itself the pages
/// of the journal would stay without use.
fn change_copy(
    app: &App,
    place: Place,
    mut tree: Tree,
    work: impl FnOnce(&mut Tree) -> Result<bool>,
) -> Result<()> {
    let new = Replacement::new(&place)?;
    let options = Options { cache_size: app.reading().cache_size, ..tree.db.options() };
    let mut copy = Tree::new(Disk::unsynced(new.file()?), &options, &place.name)?;
    tree.run(|db| db.copy_to(&mut copy.db))?;
    if !work(&mut copy)? {
        return Err(Failure::no());
    }
    finish(app, copy, new, place)
}

pub fn del(app: &mut App, args: &Del) -> Result<()> {
    let keys = args.keys.iter().map(|key| Ok(app.bytes(key)?.into_owned())).collect::<Result<Vec<_>>>()?;
    let bounds = app.range(&args.range)?;
    let ranged = bounds.start.is_some() || bounds.end.is_some() || bounds.prefix.is_some();
    let place = Place::existing(app, &args.file)?;
    let (mut missing, mut count) = (0, 0u64);
    let remove = |tree: &mut Tree| {
        for key in &keys {
            if tree.run(|db| db.delete(key))? {
                count += 1;
            } else {
                missing += 1;
            }
        }
        if ranged {
            count += remove_range(tree, &bounds)?;
        }
        Ok(true)
    };
    change(app, place, &NewFile::default(), remove)?;
    if app.common.json {
        app.json_line(&json!({ "deleted": count, "missing": missing }))?;
    }
    if missing > 0 {
        app.remark(if missing == 1 { "no such key" } else { "some keys were not there" });
        return Err(Failure::no());
    }
    Ok(())
}

/// Removes the keys of a range, some at a time. Returns how many there were.
fn remove_range(tree: &mut Tree, bounds: &Bounds) -> Result<u64> {
    let mut count = 0;
    loop {
        let mut batch = Vec::new();
        scan(tree, bounds, false, &mut |tree, key, _| {
            batch.push(tree.run(|db| db.to_vec(&key))?);
            Ok(batch.len() < BATCH)
        })?;
        if batch.is_empty() {
            return Ok(count);
        }
        // In a file with duplicates a key may have come more than once.
        batch.dedup();
        for key in batch {
            if !tree.run(|db| db.delete(&key))? {
                // The search does not find what is there. It would be found here again and again.
                let why = "is there, but out of order; compact puts it right";
                return Err(refused("key", &key, why).at(&tree.name));
            }
            count += 1;
        }
    }
}

/// Brings a journal home.
pub fn checkpoint(app: &mut App, args: &OneFile) -> Result<()> {
    if app.common.journal == JournalUse::Off {
        return Err(Failure::usage("a journal is what checkpoint is about: not with --journal off"));
    }
    let place = Place::existing(app, &args.file)?;
    if disk::read(app, &place, ProgressBar::hidden())?.db.journal_commits().is_none() {
        app.remark("the file has no journal");
        return Ok(());
    }
    change(app, place, &NewFile::default(), |tree| {
        if app.common.journal == JournalUse::On {
            tree.run(|db| db.checkpoint())?;
        }
        Ok(true)
    })
}

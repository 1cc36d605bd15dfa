//! `compact` and `convert`: all items to a new file.

use super::list::{bytes, scan};
use super::load::{finish, flush_some};
use crate::app::{App, Bounds};
use crate::args::{Compact, Convert};
use crate::disk::{open_file, Disk, Tree};
use crate::error::{failed, Failure, Result};
use crate::place::{Place, Replacement};
use indicatif::ProgressBar;
use modbtree::Options;
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file that is read, and the new one, which may be to take its place.
pub struct Pair {
    pub from: Place,
    pub file: File,
    pub bar: ProgressBar,
    pub size: u64,
    pub to: Option<Place>,
}

impl Pair {
    pub fn new(
        app: &App,
        from: &Path,
        to: Option<&PathBuf>,
        force: bool,
        what: &'static str,
    ) -> Result<Self> {
        let from = Place::existing(app, from)?;
        let file = open_file(&from, to.is_none())?;
        let size = file.metadata().map_err(|e| from.name_error(e))?.len();
        let to = to.map(|to| Place::any(app, to)).transpose()?;
        if let Some(to) = to.as_ref().filter(|to| to.exists() && !force) {
            return Err(Failure::usage("is there already; --force replaces it").at(&to.name));
        }
        Ok(Pair { bar: app.progress(what, size, true), from, file, size, to })
    }

    pub fn disk(&self) -> Result<Disk> {
        let file = self.file.try_clone().map_err(|e| self.from.name_error(e))?;
        Ok(Disk::new(file).with_bar(self.bar.clone()))
    }

    pub fn target(&self) -> &Place {
        self.to.as_ref().unwrap_or(&self.from)
    }

    pub fn replacement(&self) -> Result<Replacement> {
        Replacement::new(self.target())
    }

    /// Puts the new file into its place and reports.
    fn end(self, app: &mut App, mut tree: Tree, new: Replacement, items: u64) -> Result<()> {
        tree.run(|db| db.close())?;
        let size = new.file().and_then(|file| file.metadata());
        let size = size.map_err(|e| self.target().name_error(e))?.len();
        self.bar.finish_and_clear();
        finish(app, tree, new, self.to.unwrap_or(self.from))?;
        if app.common.json {
            app.json_line(&json!({ "items": items, "bytes_before": self.size, "bytes": size }))?;
        } else {
            app.remark(&format!("{items} items; {} bytes before, {size} now", self.size));
        }
        Ok(())
    }
}

pub fn compact(app: &mut App, args: &Compact) -> Result<()> {
    let pair = Pair::new(app, &args.file, args.output.as_ref(), args.force, "compacting")?;
    let mut tree = Tree::new(pair.disk()?, &app.reading(), &pair.from.name)?;
    let new = pair.replacement()?;
    let options = Options { cache_size: app.reading().cache_size, ..tree.db.options() };
    let mut copy = Tree::new(Disk::unsynced(new.file()?), &options, &pair.target().name)?;
    let items = match tree.db.copy_to(&mut copy.db) {
        Ok(items) => items,
        // The place of a damage is known to the one of the two that has it.
        Err(e) if copy.db.fault().is_some() => return Err(failed(e, copy.db.fault()).at(&copy.name)),
        Err(e) => return Err(failed(e, tree.db.fault()).at(&tree.name)),
    };
    drop(tree);
    pair.end(app, copy, new, u64::from(items))
}

pub fn convert(app: &mut App, args: &Convert) -> Result<()> {
    let pair = Pair::new(app, &args.file, args.output.as_ref(), args.force, "converting")?;
    let mut tree = Tree::new(pair.disk()?, &app.reading(), &pair.from.name)?;
    let (old, mut options) = (tree.db.options(), app.creating(&args.new)?);
    if options.page_size == 0 {
        options.page_size = old.page_size;
    }
    options.order = options.order.or(old.order);
    options.duplicates |= old.duplicates;
    let new = pair.replacement()?;
    let mut copy = Tree::new(Disk::unsynced(new.file()?), &options, &pair.target().name)?;
    // Makes an empty database a file, too.
    copy.run(|db| db.clear())?;
    let mut items = 0;
    scan(&mut tree, &Bounds::default(), false, &mut |tree, key, value| {
        let key = bytes(tree, &key)?.into_owned();
        let value = bytes(tree, &value)?;
        // Where a damaged file has a key again, the first item stays.
        items += u64::from(copy.run(|db| db.put(&key, &value, options.duplicates))?);
        flush_some(app, &mut copy)?;
        Ok(true)
    })?;
    drop(tree);
    pair.end(app, copy, new, items)
}

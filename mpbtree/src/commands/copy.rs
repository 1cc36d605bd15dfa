//! `compact`, `convert` and `salvage`: all items to a new file.

use super::list::{bytes, scan};
use super::load::{finish, flush_some};
use crate::app::{App, Bounds};
use crate::args::{Compact, Convert, Salvage};
use crate::disk::{open_file, Disk, Tree};
use crate::error::{failed, Failure, Result};
use crate::place::{Place, Replacement};
use indicatif::ProgressBar;
use modbtree::{Db, Error, HeapMemory, Options, Order};
use serde_json::json;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Errors of the medium that a salvage goes past, at most.
const PATIENCE: u64 = 1_000_000;

/// A file that is read, and the new one, which may be to take its place.
struct Pair {
    from: Place,
    file: File,
    bar: ProgressBar,
    size: u64,
    to: Option<Place>,
}

impl Pair {
    fn new(app: &App, from: &Path, to: Option<&PathBuf>, force: bool, what: &'static str) -> Result<Self> {
        let from = Place::existing(app, from)?;
        let file = open_file(&from, to.is_none())?;
        let size = file.metadata().map_err(|e| from.name_error(e))?.len();
        let to = to.map(|to| Place::any(app, to)).transpose()?;
        if let Some(to) = to.as_ref().filter(|to| to.exists() && !force) {
            return Err(Failure::usage("is there already; --force replaces it").at(&to.name));
        }
        Ok(Pair { bar: app.progress(what, size, true), from, file, size, to })
    }

    fn disk(&self) -> Result<Disk> {
        let file = self.file.try_clone().map_err(|e| self.from.name_error(e))?;
        Ok(Disk::new(file).with_bar(self.bar.clone()))
    }

    fn target(&self) -> &Place {
        self.to.as_ref().unwrap_or(&self.from)
    }

    fn replacement(&self) -> Result<Replacement> {
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
        items += 1;
        let key = bytes(tree, &key)?.into_owned();
        let value = bytes(tree, &value)?;
        copy.run(|db| db.put(&key, &value, true))?;
        flush_some(app, &mut copy)?;
        Ok(true)
    })?;
    drop(tree);
    pair.end(app, copy, new, items)
}

/// Whether the header, if it can be read, says that a key may occur more than once.
fn has_duplicates(file: &File) -> bool {
    let mut head = [0; 24];
    if file.read_exact_at(&mut head, 0).is_err() {
        return false;
    }
    let magic = 0x0005_3162u32;
    let known = head[..4] == magic.to_le_bytes() || head[..4] == magic.to_be_bytes();
    known && head[20..] == [0; 4]
}

/// What a salvage has found.
#[derive(Default)]
struct Found {
    items: u64,
    repeated: u64,
    conflicts: u64,
    errors: u64,
}

pub fn salvage(app: &mut App, args: &Salvage) -> Result<()> {
    let pair = Pair::new(app, &args.file, Some(&args.output), args.force, "salvaging")?;
    let damaged = Db::open_damaged(pair.disk()?, HeapMemory, args.pagesize.unwrap_or(0));
    let damaged = damaged.map_err(|e| failed(e, None).at(&pair.from.name))?;
    let mut tree = Tree { db: damaged, name: pair.from.name.clone() };
    // The file as it is meant to be, if it can be opened: its tree tells which of two values counts.
    let mut sound = Tree::new(Disk::new(pair.file.try_clone()?), &app.reading(), &pair.from.name).ok();
    if sound.as_ref().is_some_and(|sound| sound.db.journal_commits().is_some_and(|commits| commits > 0)) {
        app.remark("the file has a journal, which a salvage does not read");
    }
    let options = Options {
        cache_size: app.reading().cache_size,
        duplicates: args.all || has_duplicates(&pair.file),
        ..tree.db.options()
    };
    let new = pair.replacement()?;
    let mut copy = Tree::new(Disk::unsynced(new.file()?), &options, &pair.target().name)?;
    // Makes an empty database a file, too.
    copy.run(|db| db.clear())?;
    let mut at = tree.run(modbtree::Salvage::new)?;
    let mut found = Found::default();
    loop {
        let item = match tree.db.salvage(&mut at) {
            Ok(None) => break,
            Ok(Some(item)) => item,
            // The medium is damaged, too. The next call goes on behind the place.
            Err(Error::Io(_)) if found.errors < PATIENCE => {
                found.errors += 1;
                continue;
            }
            Err(e) => return Err(failed(e, tree.db.fault()).at(&tree.name)),
        };
        let (key, value) = tree.run(|db| Ok((db.to_vec(&item.0)?, db.to_vec(&item.1)?)))?;
        keep(&mut copy, sound.as_mut(), &key, &value, &mut found)?;
        flush_some(app, &mut copy)?;
    }
    let (name, skipped) = (pair.target().name.clone(), at.skipped());
    drop((tree, sound));
    let (order, page_size) = (options.order, options.page_size);
    let size = pair.size;
    pair.bar.finish_and_clear();
    let to = pair.to.unwrap_or(pair.from);
    finish(app, copy, new, to)?;
    let Found { items, repeated, conflicts, errors } = found;
    if app.common.json {
        return app.json_line(&json!({
            "items": items,
            "skipped": skipped,
            "repeated": repeated,
            "conflicts": conflicts,
            "read_errors": errors,
            "pagesize": page_size,
            "order": if order == Some(Order::Big) { "big" } else { "little" },
            "bytes_before": size,
        }));
    }
    app.remark(&format!(
        "{name}: {items} items; {skipped} could not be read whole, {repeated} came again, \
         {conflicts} of these with another value"
    ));
    if errors > 0 {
        app.remark(&format!("{errors} pages could not be read from the medium"));
    }
    Ok(())
}

/// Stores a salvaged item. Of several values of a key the one that the tree has counts, or the first.
fn keep(
    copy: &mut Tree,
    sound: Option<&mut Tree>,
    key: &[u8],
    value: &[u8],
    found: &mut Found,
) -> Result<()> {
    if copy.db.options().duplicates {
        found.items += 1;
        return copy.run(|db| db.put(key, value, true)).map(drop);
    }
    if copy.run(|db| db.put(key, value, false))? {
        found.items += 1;
        return Ok(());
    }
    found.repeated += 1;
    if copy.run(|db| db.get_vec(key))?.as_deref() == Some(value) {
        return Ok(());
    }
    found.conflicts += 1;
    let counts = sound.and_then(|sound| sound.db.get_vec(key).ok().flatten());
    if counts.as_deref() == Some(value) {
        copy.run(|db| db.put(key, value, true))?;
    }
    Ok(())
}

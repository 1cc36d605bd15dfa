//! `salvage`: what can be read of a damaged file, to a new one.

use super::copy::Pair;
use super::load::{finish, flush_some};
use crate::app::App;
use crate::args::{JournalUse, Salvage};
use crate::disk::{Disk, Tree};
use crate::error::{failed, Result};
use crate::journal::{Replay, Report};
use modbtree::{Db, Error, FileStorage, HeapMemory, Options, Order};
use serde_json::json;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

/// Errors of the medium that a salvage goes past, at most.
const PATIENCE: u64 = 1_000_000;
/// In the flags of a header: keys occur once, and a checkpoint is under way.
const NO_DUPLICATES: u32 = 0x20;

/// Whether the header, if it can be read, says that a key may occur more than once.
fn has_duplicates(file: &File) -> bool {
    let mut head = [0; 24];
    if file.read_exact_at(&mut head, 0).is_err() {
        return false;
    }
    let field = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
    match 0x0005_3162u32 {
        magic if field(0) == magic.to_le_bytes() => u32::from_le_bytes(field(20)) & NO_DUPLICATES == 0,
        magic if field(0) == magic.to_be_bytes() => u32::from_be_bytes(field(20)) & NO_DUPLICATES == 0,
        _ => false,
    }
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
    let open = |replay: Option<&Rc<Replay>>, page_size| {
        let disk = pair.disk()?.with_replay(replay.cloned());
        Db::open_damaged(disk, HeapMemory, page_size).map_err(|e| failed(e, None).at(&pair.from.name))
    };
    let mut db = open(None, args.pagesize.unwrap_or(0))?;
    let mut replay = None;
    if app.common.journal != JournalUse::Discard {
        let mut file = FileStorage::new(pair.file.try_clone()?);
        replay = Replay::find(&mut file, &db.options())?.map(Rc::new);
        if replay.is_some() {
            db = open(replay.as_ref(), db.options().page_size)?;
        }
    }
    let journal = replay.as_ref().map(|replay| replay.report);
    let mut tree = Tree { db, name: pair.from.name.clone() };
    // The file as it is meant to be, if it can be opened: its tree tells which of two values counts.
    let disk = Disk::new(pair.file.try_clone()?).with_replay(replay);
    let mut sound = Tree::new(disk, &app.reading(), &pair.from.name).ok();
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
            "journal": journal.map(|journal| json!({
                "flushes": journal.flushes,
                "torn": journal.torn,
                "changed": journal.changed,
            })),
        }));
    }
    tell(app, journal.unwrap_or_default());
    app.remark(&format!(
        "{name}: {items} items; {skipped} could not be read whole, {repeated} came again, \
         {conflicts} of these with another value"
    ));
    if errors > 0 {
        app.remark(&format!("{errors} pages could not be read from the medium"));
    }
    Ok(())
}

/// Says what was taken of a journal.
fn tell(app: &App, journal: Report) {
    let Report { flushes, torn, changed } = journal;
    if flushes > 0 {
        app.remark(&format!("the file is taken as flush {flushes} in its journal has left it"));
    }
    if torn {
        let before = if flushes > 0 { "those before count" } else { "the last checkpoint counts" };
        app.remark(&format!("flush {} in the journal is not whole; {before}", flushes + 1));
    }
    if changed > 0 {
        app.remark(&format!(
            "{changed} pages have changed since the journal was written; what the journal has of them was \
             taken, and with --journal discard it is left out"
        ));
    }
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

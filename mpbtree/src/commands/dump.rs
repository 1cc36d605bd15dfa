//! `dump`: all items in the text format of db_dump.

use super::item::write_pieces;
use super::list::scan;
use crate::app::{App, Bounds};
use crate::args::Dump;
use crate::disk::{self, Tree};
use crate::dumptext;
use crate::error::Result;
use crate::place::{Place, Replacement};
use crate::text;
use std::io::{BufWriter, Write};

pub fn dump(app: &mut App, args: &Dump) -> Result<()> {
    let place = Place::existing(app, &args.file)?;
    let mut tree = disk::read(app, &place, app.progress_beside_output("dumping", 0, true))?;
    match &args.output {
        Some(output) => {
            let target = Place::any(app, output)?;
            let new = Replacement::new(&target)?;
            let mut out = BufWriter::with_capacity(1 << 16, new.file()?);
            dump_to(&mut tree, args.print, &mut out)?;
            out.flush().map_err(|e| target.name_error(e))?;
            new.finish(target, app)
        }
        None => dump_to(&mut tree, args.print, &mut app.out),
    }
}

fn dump_to(tree: &mut Tree, print: bool, out: &mut impl Write) -> Result<()> {
    out.write_all(dumptext::header(&tree.db.options(), print).as_bytes())?;
    let everything = Bounds::default();
    scan(tree, &everything, false, &mut |tree, key, value| {
        for item in [key, value] {
            out.write_all(b" ")?;
            write_pieces(tree, &item, &mut |piece| {
                if print {
                    text::write_ascii(out, piece)
                } else {
                    text::write_hex(out, piece)
                }
            })?;
            out.write_all(b"\n")?;
        }
        Ok(true)
    })?;
    out.write_all(b"DATA=END\n")?;
    Ok(())
}

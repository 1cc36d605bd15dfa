//! `dump`: all items in the text format of db_dump.

use super::item::write_pieces;
use super::list::scan;
use crate::app::{App, Bounds};
use crate::args::Dump;
use crate::disk::{self, Tree};
use crate::dumptext;
use crate::error::Result;
use crate::output::{self, Out};
use crate::place::Place;
use crate::text;
use std::io::Write;

pub fn dump(app: &mut App, args: &Dump) -> Result<()> {
    let place = Place::existing(app, &args.file)?;
    let mut tree = disk::read(app, &place, app.progress_beside_output("dumping", 0, true))?;
    output::write(app, args.output.as_ref(), |out| dump_to(&mut tree, args.print, out))
}

fn dump_to(tree: &mut Tree, print: bool, out: &mut Out) -> Result<()> {
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

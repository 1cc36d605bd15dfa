//! `export`: a database as JSON of BTrees.

use super::list::{bytes, scan};
use crate::app::{App, Bounds};
use crate::args::Export;
use crate::disk::{self, Tree};
use crate::error::{Failure, Result};
use crate::output;
use crate::place::Place;
use crate::python::Python;
use crate::records::{check_order, class, Batch, Converter, Form};
use indicatif::ProgressBar;
use modbtree::{PageKind, Reason};
use serde_json::{json, Value};
use std::io::Write;
use std::path::Path;

pub fn export(app: &mut App, args: &Export) -> Result<()> {
    let place = Place::existing(app, &args.file)?;
    if let Some(storage) = &args.to.zodb {
        if args.lines || args.output.is_some() {
            return Err(Failure::usage("--zodb is for a FileStorage; not with --lines or --output"));
        }
        return export_zodb(app, args, &place, storage);
    }
    let mut tree = disk::read(app, &place, app.progress_beside_output("exporting", 0, true))?;
    output::write(app, args.output.as_ref(), |out| {
        let form = args.form.form();
        if args.structural {
            structural(&mut tree, form, out)
        } else if args.lines {
            lines(&mut tree, form, out)
        } else {
            logical(&mut tree, form, out)
        }
    })
}

/// To a FileStorage: as a tree of BTrees' own making, or the very pages.
fn export_zodb(app: &App, args: &Export, place: &Place, storage: &Path) -> Result<()> {
    // Opened here, too: it is held, and what is wrong with it is told in our words.
    let mut tree = disk::read(app, place, ProgressBar::hidden())?;
    let mut program = Python::new(&args.to)?;
    let form = args.form.form();
    if args.structural {
        program.arg("load").arg("-");
    } else {
        program.arg("export").file(&place.local)?;
    }
    program.file(storage)?;
    match form {
        _ if args.structural => {}
        Form::Bytes => {}
        Form::Text => {
            program.arg("--text");
        }
        Form::Values => {
            program.arg("--json-values");
        }
    }
    if args.replace {
        program.arg("--replace");
    }
    let said = program.feed(&mut |input| match args.structural {
        true => structural(&mut tree, form, input),
        false => Ok(()),
    });
    if said.is_err() && !args.structural {
        // If it is the database, we can say so in our words, and where.
        batches(&mut tree, form, false, &mut |_| Ok(()))?;
    }
    let said = said?;
    app.remark(said.trim_end());
    Ok(())
}

/// Calls `each` for all items in batches, as the text of pairs in the order of keys.
fn batches(tree: &mut Tree, form: Form, jsonb: bool, each: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    let (mut batch, mut converter) = (Batch::default(), Converter::new(jsonb));
    let mut convert = |batch: &mut Batch| {
        let (text, _) = converter.state(class(true), &batch.take())?;
        // What is between the brackets.
        let pairs = text.strip_prefix("{\"@kv\":[").and_then(|text| text.strip_suffix("]}"));
        each(pairs.unwrap_or_default())
    };
    let name = tree.name.clone();
    scan(tree, &Bounds::default(), false, &mut |tree, key, value| {
        let key = bytes(tree, &key)?.into_owned();
        let value = bytes(tree, &value)?;
        let pair = json!([form.key(&key)?, form.value(&value)?]);
        if batch.push(&key, pair, key.len() + value.len())? {
            convert(&mut batch)?;
        }
        Ok(true)
    })
    .map_err(|e| e.at(&name))?;
    if !batch.pairs.is_empty() {
        convert(&mut batch).map_err(|e| e.at(&name))?;
    }
    Ok(())
}

/// One record: an OOBTree with all items.
fn logical(tree: &mut Tree, form: Form, out: &mut dyn Write) -> Result<()> {
    out.write_all(b"{\"@cls\":[\"BTrees.OOBTree\",\"OOBTree\"],\"@s\":")?;
    let mut first = true;
    batches(tree, form, false, &mut |pairs| {
        out.write_all(if first { b"{\"@kv\":[" } else { b"," })?;
        first = false;
        Ok(out.write_all(pairs.as_bytes())?)
    })?;
    // An empty tree has no list.
    out.write_all(if first { b"null}\n" } else { b"]}}\n" })?;
    Ok(())
}

/// A line for each item, for a table of keys and values.
fn lines(tree: &mut Tree, form: Form, out: &mut dyn Write) -> Result<()> {
    let mut converter = Converter::new(true);
    let name = tree.name.clone();
    scan(tree, &Bounds::default(), false, &mut |tree, key, value| {
        let key = form.key(&bytes(tree, &key)?)?;
        let pair = json!([key, form.value(&bytes(tree, &value)?)?]);
        let (text, _) = converter.state(class(true), &json!({ "@kv": [pair] }))?;
        let pair: Value = serde_json::from_str(&text).map_err(std::io::Error::from)?;
        let (key, value) = (&pair["@kv"][0][0], &pair["@kv"][0][1]);
        writeln!(out, "{{\"key\":{key},\"value\":{value}}}")?;
        Ok(true)
    })
    .map_err(|e| e.at(&name))
}

fn oid(page: u32) -> String {
    format!("{page:016x}")
}

/// A reference to a page.
fn reference(page: u32, leaf: bool) -> Value {
    let class = class(leaf);
    json!({ "@ref": [oid(page), format!("{}.{}", class.module(), class.name())] })
}

/// A line for each page of the tree: the oid is the page's number.
fn structural(tree: &mut Tree, form: Form, out: &mut dyn Write) -> Result<()> {
    let mut structure = Structure { converter: Converter::new(true), form, pages: 0, last: None };
    structure.page(tree, 1, 0, out)
}

/// Levels that a tree can have.
const DEEPEST: usize = 40;

struct Structure {
    converter: Converter,
    form: Form,
    /// Pages written so far.
    pages: u32,
    /// The last key of the leaf before.
    last: Option<Vec<u8>>,
}

impl Structure {
    fn page(&mut self, tree: &mut Tree, page: u32, level: usize, out: &mut dyn Write) -> Result<()> {
        self.pages += 1;
        let pages = self.pages;
        let head = tree.run(|db| {
            // A circle, or pages that several others refer to.
            if level >= DEEPEST || pages > db.pages() {
                return db.damaged(page, 0, Reason::Depth);
            }
            db.verify_page(page)?;
            db.page_head(page)
        })?;
        let leaf = head.kind == PageKind::Leaf;
        let (mut list, mut children) = (Vec::new(), Vec::new());
        let mut first = None;
        for i in 0..head.entries {
            let entry = tree.run(|db| db.page_entry(page, i))?;
            let name = tree.name.clone();
            if let Some(value) = entry.value {
                let key = bytes(tree, &entry.key)?.into_owned();
                if let Some(last) = &self.last {
                    check_order(last, &key).map_err(|e| e.at(&name))?;
                }
                let pair = json!([
                    self.form.key(&key).map_err(|e| e.at(&name))?,
                    self.form.value(&bytes(tree, &value)?).map_err(|e| e.at(&name))?
                ]);
                list.push(pair);
                self.last = Some(key);
                continue;
            }
            if i > 0 {
                list.push(self.separator(tree, page, i)?);
            }
            let (leftmost, below) = leftmost_leaf(tree, entry.child)?;
            first.get_or_insert(leftmost);
            list.push(reference(entry.child, below == 0));
            children.push(entry.child);
        }
        let mut state = match first {
            Some(leftmost) => json!({ "@children": list, "@first": reference(leftmost, true) }),
            None if list.is_empty() => Value::Null,
            None => json!({ "@kv": list }),
        };
        if leaf && head.next != 0 {
            state["@next"] = reference(head.next, true);
        }
        // A root that is a leaf is a tree, too.
        let class = class(leaf && page != 1);
        let (state, refs) = self.converter.state(class, &state).map_err(|e| {
            let place = format!("page {page}: {}", e.text);
            Failure::new(e.code, place).at(&tree.name)
        })?;
        writeln!(
            out,
            "{{\"zoid\":{page},\"class_mod\":\"{}\",\"class_name\":\"{}\",\"state\":{state},\"refs\":{}}}",
            class.module(),
            class.name(),
            json!(refs)
        )?;
        for child in children {
            self.page(tree, child, level + 1, out)?;
        }
        Ok(())
    }

    /// The separator of an entry. Ours are as short as possible and may end within a character; then
    /// the first key behind it does as well.
    fn separator(&mut self, tree: &mut Tree, page: u32, i: u32) -> Result<Value> {
        let entry = tree.run(|db| db.page_entry(page, i))?;
        let key = bytes(tree, &entry.key)?.into_owned();
        if let Ok(key) = self.form.key(&key) {
            return Ok(key);
        }
        let (leftmost, _) = leftmost_leaf(tree, entry.child)?;
        let entry = tree.run(|db| db.page_entry(leftmost, 0))?;
        let key = bytes(tree, &entry.key)?.into_owned();
        self.form.key(&key).map_err(|e| e.at(&tree.name))
    }
}

/// The first leaf below a page, and how many levels it is below.
fn leftmost_leaf(tree: &mut Tree, page: u32) -> Result<(u32, usize)> {
    let mut page = page;
    for level in 0..DEEPEST {
        let child = tree.run(|db| {
            db.verify_page(page)?;
            match db.page_head(page)?.kind {
                PageKind::Leaf => Ok(None),
                _ => db.page_entry(page, 0).map(|entry| Some(entry.child)),
            }
        })?;
        match child {
            Some(child) => page = child,
            None => return Ok((page, level)),
        }
    }
    tree.run(|db| db.damaged(page, 0, Reason::Depth))
}

//! `check`: everything that is wrong with a file.

use crate::app::App;
use crate::args::Check;
use crate::disk;
use crate::error::{place, Failure, Result};
use crate::place::Place;
use anstyle::{AnsiColor, Style};
use modbtree::{Fault, Finding, Severity};
use serde_json::json;
use std::io::Write;

pub fn check(app: &mut App, args: &Check) -> Result<()> {
    let file = Place::existing(app, &args.file)?;
    let size = std::fs::metadata(&file.local).map_err(|e| file.name_error(e))?.len();
    let bar = app.progress("checking", size, true);
    let mut tree = disk::read(app, &file, bar.clone())?;
    let mut written = Ok(());
    let report = tree.run(|db| {
        db.check(args.limit, &mut |finding| {
            if written.is_ok() {
                written = bar.suspend(|| show(app, &finding));
            }
        })
    })?;
    bar.finish_and_clear();
    written?;
    if app.common.json {
        app.json_line(&json!({
            "items": report.items,
            "leaves": report.leaves,
            "internals": report.internals,
            "overflow": report.overflow,
            "free": report.free,
            "leaked": report.leaked,
            "errors": report.errors,
            "warnings": report.warnings,
        }))?;
    } else if !app.common.quiet {
        writeln!(
            app.out,
            "{} items on {} leaves, below {} internal pages; {} overflow pages, {} free, {} leaked",
            report.items, report.leaves, report.internals, report.overflow, report.free, report.leaked
        )?;
        let color = if report.errors == 0 { AnsiColor::Green } else { AnsiColor::Red };
        let style = app.style(Style::new().fg_color(Some(color.into())));
        writeln!(app.out, "{style}{} errors, {} warnings{style:#}", report.errors, report.warnings)?;
    }
    if report.errors > 0 {
        return Err(Failure::no());
    }
    Ok(())
}

fn show(app: &mut App, finding: &Finding) -> Result<()> {
    let Finding { page, offset, reason, severity } = *finding;
    let warning = severity == Severity::Warning;
    if app.common.json {
        return app.json_line(&json!({
            "page": page,
            "offset": offset,
            "reason": reason.text(),
            "severity": if warning { "warning" } else { "error" },
        }));
    }
    let color = if warning { AnsiColor::Yellow } else { AnsiColor::Red };
    let style = app.style(Style::new().fg_color(Some(color.into())));
    let kind = if warning { "warning: " } else { "" };
    writeln!(app.out, "{style}{kind}{}{style:#}", place(&Fault { page, offset, reason }))?;
    Ok(())
}

//! mpbtree: a command-line tool for the database files of MicroPython's btree module.
//!
//! - `args`: the command line
//! - `commands`: one function for each command
//! - `place`, `device`, `disk`: files here and on a device, and how the core gets at them
//! - `journal`: what a salvage makes of a journal
//! - `records`, `python`: JSON of BTrees, and ZODB by way of Python
//! - `dumptext`: the text format of db_dump
//! - `output`: what is written to a file or standard output
//! - `app`, `error`, `text`: exit codes, bytes as text

mod app;
mod args;
mod canvas;
mod commands;
mod device;
mod disk;
mod dumptext;
mod error;
mod journal;
mod layout;
mod output;
mod place;
mod python;
mod records;
mod survey;
mod text;
mod trim;

use app::App;
use args::{Cli, Command};
use clap::Parser;
use commands::{check, copy, diff, dump, export, import, item, list, load, manual, map, salvage, stat, tree};
use error::{Failure, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::Write;
use std::process::ExitCode;
use std::thread;

/// Added to the number of a signal, the exit code of a program that it has ended.
const SIGNALLED: i32 = 128;

fn run(app: &mut App, command: &Command) -> Result<()> {
    match command {
        Command::Stat(args) => stat::stat(app, args),
        Command::Get(args) => item::get(app, args),
        Command::Put(args) => item::put(app, args),
        Command::Del(args) => item::del(app, args),
        Command::List(args) => list::list(app, args),
        Command::Dump(args) => dump::dump(app, args),
        Command::Load(args) => load::load(app, args),
        Command::Check(args) => check::check(app, args),
        Command::Salvage(args) => salvage::salvage(app, args),
        Command::Compact(args) => copy::compact(app, args),
        Command::Convert(args) => copy::convert(app, args),
        Command::Diff(args) => diff::diff(app, args),
        Command::Tree(args) => tree::tree(app, args),
        Command::Map(args) => map::map(app, args),
        Command::Export(args) => export::export(app, args),
        Command::Import(args) => import::import(app, args),
        Command::Checkpoint(args) => item::checkpoint(app, args),
        Command::Completions(args) => manual::completions(app, args),
        Command::Man(args) => manual::man(app, args),
    }
}

/// Ends the program because of its arguments, or because they ask for help.
fn refuse(error: &clap::Error) -> ! {
    if error.exit_code() == i32::from(error::code::USAGE) && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.to_string();
        // Hints and usage come behind an empty line.
        let words = text.split("\n\n").next().unwrap_or_default().split_whitespace();
        let line = words.collect::<Vec<_>>().join(" ");
        let failure = Failure::usage(line.strip_prefix("error: ").unwrap_or(&line));
        // Nobody is left to tell if this fails.
        let _ = writeln!(std::io::stderr(), "{}", failure.json());
        std::process::exit(error.exit_code());
    }
    error.exit()
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|e| refuse(&e));
    let handler = Signals::new([SIGINT, SIGTERM]).map(|mut signals| {
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                python::interrupt();
                place::clean_up();
                std::process::exit(SIGNALLED + signal);
            }
        });
    });
    let json = cli.common.json;
    let mut app = App::new(cli.common);
    let result = handler.map_err(|e| Failure::new(error::code::SYSTEM, e)).and_then(|()| {
        let result = run(&mut app, &cli.command);
        // What was printed before an error belongs to the answer.
        let flushed = app.out.flush().map_err(Failure::from);
        result.and(flushed)
    });
    place::clean_up();
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if !failure.text.is_empty() {
        let line = if json { failure.json() } else { format!("mpbtree: {}", failure.line()) };
        // Nobody is left to tell if this fails.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    ExitCode::from(failure.code)
}

//! The command line.

use crate::records::Form;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

const AFTER: &str = "\
Files: a path, or `:PATH` for a file on a MicroPython device, which is copied by way of mpremote, and
back if it was changed. `./:NAME` is a local file whose name begins with a colon.

Keys and values are shown as text; `\\` is `\\\\`, and bytes that are no printable UTF-8 are `\\` and two
hexadecimal digits. Arguments are taken as they are, unless --escapes or --hex is given.

Exit codes:
  0    done; for questions: yes
  1    no such key, the files differ, check has found errors, load -n has skipped items
  2    wrong arguments
  3    a file is damaged, or not of the kind that was expected
  4    input, output, memory or the device has failed
  130  interrupted; files are as they were (143: told to end)
  141  the reader of the output has gone away";

/// Reads, checks, repairs and changes the database files of MicroPython's btree module, which are
/// BerkeleyDB 1.85 B-trees.
#[derive(Parser)]
#[command(name = "mpbtree", version, after_long_help = AFTER, propagate_version = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = false, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands have in common.
#[derive(Args)]
pub struct Common {
    /// Print JSON; if there are several results, one on each line
    #[arg(long, global = true)]
    pub json: bool,

    /// Keys and values are in hexadecimal, in arguments and in what is printed
    #[arg(long, short = 'x', global = true)]
    pub hex: bool,

    /// `\\` and `\XX` in arguments mean what they mean in what is printed
    #[arg(long, short, global = true, conflicts_with = "hex")]
    pub escapes: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,

    /// Show no progress bar and no remarks
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// What to do about a journal
    #[arg(long, global = true, value_name = "USE", default_value = "on")]
    pub journal: JournalUse,

    /// MiB of pages to keep in memory
    #[arg(long, global = true, value_name = "MIB", default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub cache: u32,

    /// The device for `:PATH`, as in `mpremote connect DEVICE`; without it the first that mpremote finds
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Do not reset the device before its files are used
    #[arg(long, global = true)]
    pub resume: bool,

    /// The command that mpremote is, with arguments if need be
    #[arg(long, global = true, value_name = "COMMAND", env = "MPREMOTE", default_value = "mpremote")]
    pub mpremote: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JournalUse {
    /// Read what a journal has; make changes by way of one, so that a power cut leaves all or nothing
    On,
    /// Read what a journal has; make changes in place
    Off,
    /// Use the file as it was at the last checkpoint; with a change the journal is lost
    Discard,
}

#[derive(Subcommand)]
pub enum Command {
    /// Print figures of a file
    Stat(Stat),
    /// Print the value of a key
    Get(Get),
    /// Store values
    Put(Put),
    /// Remove keys
    Del(Del),
    /// Print keys and values in order
    List(List),
    /// Write all items as text that db_load reads
    Dump(Dump),
    /// Store items from text that db_dump or db_dump185 has written
    Load(Load),
    /// Verify a whole file, and print everything that is wrong with it
    Check(Check),
    /// Take the items of all intact leaves of a damaged file to a new one
    Salvage(Salvage),
    /// Make the smallest file with the same items
    Compact(Compact),
    /// Change page size, byte order or kind of a file
    Convert(Convert),
    /// Print how two files differ
    Diff(Diff),
    /// Print the pages of the tree, or what is on one page
    Tree(ShowTree),
    /// Draw a picture of a file: what its pages are, how full, and in which order
    Map(Map),
    /// Write a file as JSON of BTrees: one OOBTree, or a record for each page
    Export(Export),
    /// Store items from JSON that export has written, or from records of an OOBTree
    Import(Import),
    /// Bring a journal home, so that any program reads the file
    Checkpoint(OneFile),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Man),
}

#[derive(Args)]
pub struct OneFile {
    /// The database
    pub file: PathBuf,
}

#[derive(Args)]
pub struct Stat {
    /// The database
    pub file: PathBuf,
    /// Only what needs no reading of all pages
    #[arg(long)]
    pub fast: bool,
}

#[derive(Args)]
pub struct Get {
    /// The database
    pub file: PathBuf,
    /// The key
    pub key: OsString,
    /// Write the bytes of the value and nothing else
    #[arg(long, short, conflicts_with_all = ["json", "hex"])]
    pub raw: bool,
    /// All values of the key, in a file with duplicates
    #[arg(long, short)]
    pub all: bool,
}

#[derive(Args)]
pub struct Put {
    /// The database
    pub file: PathBuf,
    /// Keys and values in turns
    #[arg(value_name = "KEY VALUE", required = true, num_args = 1..)]
    pub items: Vec<OsString>,
    /// The value of the only key is the content of a file; `-`: of standard input
    #[arg(long, short, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Change nothing if one of the keys is there
    #[arg(long, short)]
    pub no_overwrite: bool,
    /// Make a new file if there is none
    #[arg(long, short)]
    pub create: bool,
    #[command(flatten)]
    pub new: NewFile,
}

/// How a new file is to be.
#[derive(Args, Clone, Copy, Default)]
pub struct NewFile {
    /// Bytes per page of a new file, 512 to 65536 and even
    #[arg(long, value_name = "BYTES")]
    pub pagesize: Option<u32>,
    /// Byte order of a new file
    #[arg(long, value_name = "ORDER")]
    pub order: Option<ByteOrder>,
    /// Entries that must fit on a page, at least 2; larger ones go to pages of their own
    #[arg(long, value_name = "NUMBER")]
    pub minkeypage: Option<u32>,
    /// A key may occur more than once in a new file
    #[arg(long)]
    pub duplicates: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ByteOrder {
    Little,
    Big,
}

/// Which items.
#[derive(Args)]
pub struct Range {
    /// From this key on
    #[arg(long, short, value_name = "KEY")]
    pub start: Option<OsString>,
    /// Up to this key, which is left out
    #[arg(long, short = 'E', value_name = "KEY")]
    pub end: Option<OsString>,
    /// The end belongs to the range
    #[arg(long, short, requires = "end")]
    pub inclusive: bool,
    /// Keys that begin with this
    #[arg(long, short, value_name = "KEY", conflicts_with_all = ["start", "end"])]
    pub prefix: Option<OsString>,
}

#[derive(Args)]
pub struct Del {
    /// The database
    pub file: PathBuf,
    /// The keys
    #[arg(required_unless_present_any = ["start", "end", "prefix"])]
    pub keys: Vec<OsString>,
    #[command(flatten)]
    pub range: Range,
}

#[derive(Args)]
pub struct List {
    /// The database
    pub file: PathBuf,
    #[command(flatten)]
    pub range: Range,
    /// From high to low; start is the high end, then
    #[arg(long, short)]
    pub desc: bool,
    /// Only keys
    #[arg(long, short, conflicts_with = "values")]
    pub keys: bool,
    /// Only values
    #[arg(long, short)]
    pub values: bool,
    /// No more than so many
    #[arg(long, short, value_name = "NUMBER")]
    pub limit: Option<u64>,
    /// Only the number of items
    #[arg(long, short, conflicts_with_all = ["keys", "values"])]
    pub count: bool,
}

#[derive(Args)]
pub struct Dump {
    /// The database
    pub file: PathBuf,
    /// Printable characters as they are
    #[arg(long, short)]
    pub print: bool,
    /// Where to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Args)]
pub struct Load {
    /// The database; a new one if there is no such file
    pub file: PathBuf,
    /// The text; `-` or nothing: standard input
    pub input: Option<PathBuf>,
    /// Leave items alone that are there; the exit code is 1 if there were any
    #[arg(long, short)]
    pub no_overwrite: bool,
    /// Lines of text, keys and values in turns, without a header
    #[arg(long, short = 'T')]
    pub text: bool,
    /// Put a new file in the place of the old one
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub new: NewFile,
}

#[derive(Args)]
pub struct Check {
    /// The database
    pub file: PathBuf,
    /// No more findings than this; the numbers at the end count all
    #[arg(long, short, value_name = "NUMBER", default_value_t = u32::MAX, hide_default_value = true)]
    pub limit: u32,
}

#[derive(Args)]
pub struct Salvage {
    /// The damaged file
    pub file: PathBuf,
    /// The new file
    pub output: PathBuf,
    /// Replace the new file if it is there
    #[arg(long, short)]
    pub force: bool,
    /// Bytes per page, if the header is lost and they are not found
    #[arg(long, value_name = "BYTES")]
    pub pagesize: Option<u32>,
    /// Keep everything that is found: the new file has duplicate keys
    #[arg(long, short)]
    pub all: bool,
}

#[derive(Args)]
pub struct Compact {
    /// The database
    pub file: PathBuf,
    /// The new file; without it the old one is replaced
    pub output: Option<PathBuf>,
    /// Replace the new file if it is there
    #[arg(long, short)]
    pub force: bool,
}

#[derive(Args)]
pub struct Convert {
    /// The database
    pub file: PathBuf,
    /// The new file; without it the old one is replaced
    pub output: Option<PathBuf>,
    /// Replace the new file if it is there
    #[arg(long, short)]
    pub force: bool,
    #[command(flatten)]
    pub new: NewFile,
}

#[derive(Args)]
pub struct Diff {
    /// One database
    pub old: PathBuf,
    /// The other
    pub new: PathBuf,
    /// Only keys
    #[arg(long, short)]
    pub keys: bool,
    /// Only whether they differ
    #[arg(long, short)]
    pub brief: bool,
}

#[derive(Args)]
pub struct ShowTree {
    /// The database
    pub file: PathBuf,
    /// So many levels from the root down
    #[arg(long, short, value_name = "NUMBER")]
    pub depth: Option<usize>,
    /// So many children of a page, from both ends
    #[arg(long, short, value_name = "NUMBER", default_value_t = 16)]
    pub children: u32,
    /// All children
    #[arg(long, short)]
    pub all: bool,
    /// Only this page, with its entries
    #[arg(long, short, value_name = "NUMBER", conflicts_with_all = ["depth", "children", "all"])]
    pub page: Option<u32>,
}

#[derive(Args)]
pub struct Map {
    /// The database
    pub file: PathBuf,
    /// Where to write instead of standard output; a name with .png makes a PNG picture
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Kind of picture
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Picture>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    Svg,
    Png,
}

/// What keys and values are in JSON. Without an option: bytes, as base64.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
pub struct FormArgs {
    /// Keys and values are strings
    #[arg(long)]
    pub text: bool,
    /// Keys are strings, and values what their own JSON text says
    #[arg(long)]
    pub json_values: bool,
}

impl FormArgs {
    pub fn form(self) -> Form {
        match self {
            FormArgs { json_values: true, .. } => Form::Values,
            FormArgs { text: true, .. } => Form::Text,
            _ => Form::Bytes,
        }
    }
}

/// A FileStorage of ZODB, by way of Python.
#[derive(Args)]
pub struct Zodb {
    /// Use a tree in a FileStorage of ZODB; the Python packages modbtree, ZODB and BTrees do the work
    #[arg(long, value_name = "DATA.FS")]
    pub zodb: Option<PathBuf>,
    /// Name of the tree in the root of the FileStorage
    #[arg(long, value_name = "NAME", default_value = "btree", requires = "zodb")]
    pub name: String,
    /// The command that Python is, with arguments if need be
    #[arg(long, value_name = "COMMAND", env = "MPBTREE_PYTHON", default_value = "python3")]
    pub python: String,
}

#[derive(Args)]
pub struct Export {
    /// The database
    pub file: PathBuf,
    #[command(flatten)]
    pub form: FormArgs,
    /// A line for each page: a record with the page's number as its oid, for PostgreSQL
    #[arg(long, short)]
    pub structural: bool,
    /// A line for each item: an object with a key and a value, for PostgreSQL
    #[arg(long, short, conflicts_with = "structural")]
    pub lines: bool,
    /// Where to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub to: Zodb,
    /// Replace what the root of the FileStorage has by this name
    #[arg(long, requires = "zodb")]
    pub replace: bool,
}

#[derive(Args)]
pub struct Import {
    /// The database; a new one if there is no such file
    pub file: PathBuf,
    /// The JSON; `-` or nothing: standard input
    #[arg(conflicts_with = "zodb")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub from: Zodb,
    /// Values are stored as their JSON text; otherwise strings and bytes only
    #[arg(long)]
    pub json_values: bool,
    /// Leave items alone that are there; the exit code is 1 if there were any
    #[arg(long, short)]
    pub no_overwrite: bool,
    /// Put a new file in the place of the old one
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub new: NewFile,
}

#[derive(Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub struct Man {
    /// Where to put the pages, one for each command
    pub directory: Option<PathBuf>,
}

//! What every command has at hand: the common arguments, standard output, colours and progress.

use crate::args::{Common, JournalUse, NewFile, Range, When};
use crate::error::{Failure, Result};
use crate::text;
use anstyle::Style;
use indicatif::{ProgressBar, ProgressStyle};
use modbtree::{Journal, Options, Order};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

pub struct App {
    pub common: Common,
    pub out: BufWriter<StdoutLock<'static>>,
    colors: bool,
}

impl App {
    pub fn new(common: Common) -> Self {
        let stdout = io::stdout();
        let colors = match common.color {
            When::Always => true,
            When::Never => false,
            When::Auto => anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        };
        App { colors: colors && !common.json, common, out: BufWriter::with_capacity(1 << 16, stdout.lock()) }
    }

    /// A style, or none where there are no colours.
    pub fn style(&self, style: Style) -> Style {
        if self.colors {
            style
        } else {
            Style::new()
        }
    }

    /// A remark for people.
    pub fn remark(&self, text: &str) {
        if !self.common.quiet && !self.common.json {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// A bar for `total` bytes, pages or items; 0: not known. It shows itself on terminals only, and
    /// not where the output would run into it.
    pub fn progress(&self, what: &'static str, total: u64, bytes: bool) -> ProgressBar {
        if self.common.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
        let template = match (total, bytes) {
            (0, _) => "{spinner} {msg} {human_pos} ({per_sec})",
            (_, true) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            _ => "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// The same for a command that prints while it works.
    pub fn progress_beside_output(&self, what: &'static str, total: u64, bytes: bool) -> ProgressBar {
        if io::stdout().is_terminal() {
            return ProgressBar::hidden();
        }
        self.progress(what, total, bytes)
    }

    /// The bytes that an argument stands for.
    pub fn bytes<'a>(&self, argument: &'a OsStr) -> Result<Cow<'a, [u8]>> {
        let bytes = argument.as_bytes();
        if self.common.hex {
            return match text::unhex(bytes) {
                Some(bytes) => Ok(bytes.into()),
                None => Err(Failure::usage(format!("not hexadecimal: {}", text::shown(bytes)))),
            };
        }
        if self.common.escapes {
            return match text::unescape(bytes) {
                Some(bytes) => Ok(bytes.into()),
                None => Err(Failure::usage(format!(
                    "a backslash is neither doubled nor before two hexadecimal digits: {}",
                    text::shown(bytes)
                ))),
            };
        }
        Ok(bytes.into())
    }

    /// The keys that the arguments of a range stand for.
    pub fn range(&self, range: &Range) -> Result<Bounds> {
        let take = |argument: &Option<_>| -> Result<Option<Vec<u8>>> {
            argument.as_deref().map(|argument| Ok(self.bytes(argument)?.into_owned())).transpose()
        };
        Ok(Bounds {
            start: take(&range.start)?,
            end: take(&range.end)?,
            inclusive: range.inclusive,
            prefix: take(&range.prefix)?,
        })
    }

    /// Prints a key or value for people.
    pub fn print(&mut self, bytes: &[u8]) -> Result<()> {
        if self.common.hex {
            text::write_hex(&mut self.out, bytes)?;
        } else {
            text::write_text(&mut self.out, bytes)?;
        }
        Ok(())
    }

    /// A key or value in JSON.
    pub fn json(&self, bytes: &[u8]) -> serde_json::Value {
        if self.common.hex {
            let mut hex = Vec::new();
            // A vector takes everything.
            let _ = text::write_hex(&mut hex, bytes);
            return String::from_utf8_lossy(&hex).into();
        }
        text::json(bytes)
    }

    /// Prints a line of JSON.
    pub fn json_line(&mut self, value: &serde_json::Value) -> Result<()> {
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    fn cache_size(&self) -> u32 {
        self.common.cache.saturating_mul(1 << 20)
    }

    /// How to open a file that is only read.
    pub fn reading(&self) -> Options {
        let discard = self.common.journal == JournalUse::Discard;
        let journal = if discard { Journal::Discard } else { Journal::Off };
        Options { cache_size: self.cache_size(), journal, ..Options::default() }
    }

    /// How to open a file that is changed in its place.
    pub fn changing(&self, new: &NewFile) -> Result<Options> {
        let journal = match self.common.journal {
            JournalUse::On => Journal::On,
            JournalUse::Off => Journal::Off,
            JournalUse::Discard => Journal::Discard,
        };
        Ok(Options { journal, ..self.creating(new)? })
    }

    /// How to make a file that will take its place when it is whole.
    pub fn creating(&self, new: &NewFile) -> Result<Options> {
        let options = Options {
            page_size: new.pagesize.unwrap_or(0),
            cache_size: self.cache_size(),
            min_keys: new.minkeypage.unwrap_or(0),
            duplicates: new.duplicates,
            order: new.order.map(Order::from),
            journal: Journal::Off,
        };
        let size = options.page_size;
        if size != 0 && !((512..=65536).contains(&size) && size % 2 == 0) {
            return Err(Failure::usage("a page has 512 to 65536 bytes, an even number"));
        }
        if new.minkeypage.is_some_and(|keys| keys < 2) {
            return Err(Failure::usage("at least 2 entries must fit on a page"));
        }
        Ok(options)
    }
}

/// The keys of a range; by default all.
#[derive(Default)]
pub struct Bounds {
    pub start: Option<Vec<u8>>,
    pub end: Option<Vec<u8>>,
    pub inclusive: bool,
    pub prefix: Option<Vec<u8>>,
}

impl From<crate::args::ByteOrder> for Order {
    fn from(order: crate::args::ByteOrder) -> Self {
        match order {
            crate::args::ByteOrder::Little => Order::Little,
            crate::args::ByteOrder::Big => Order::Big,
        }
    }
}

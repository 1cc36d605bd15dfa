//! JSON: written from values, and read into values.

mod convert;
mod direct;
mod lane;
mod lex;
mod marker;
mod path;
mod read;
mod sink;
mod state;
mod write;

pub(crate) use direct::Direct;
pub use direct::{Held, View};
pub(crate) use path::path_at;
pub(crate) use read::Reader;
pub use sink::{Sink, Text, TextSink};
pub(crate) use state::Draft;
pub(crate) use write::{Failure, Writer};

//! ZODB records of BTrees to JSON text and back.
//!
//! A record of ZODB is two pickles: the class of an object, and its state. This crate knows the
//! classes of the BTrees package ([`Class`]) and turns their records into JSON of the form that
//! `docs/btrees-json.md` describes, and such JSON into records. Nothing in a record is ever called
//! or imported, and nothing that a record could call goes into one, but for the few types of values
//! that the format has.
//!
//! ```
//! let text = r#"{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{"@kv":[["a",1],["b",[true,null]]]}}"#;
//! let record = btrees_json::encode(text)?;
//! assert_eq!(btrees_json::decode(&record)?, text);
//!
//! let error = btrees_json::decode(&record[..50]).unwrap_err();
//! assert_eq!(error.to_string(), "offset 48, opcode BINUNICODE: the input ends here");
//! # Ok::<(), btrees_json::Error>(())
//! ```
//!
//! The modules, each knowing only the ones before it:
//!
//! - `class`, `error`, `names`, `stdlib`, `scan`: what there is to know of classes, errors, names, bytes
//! - `model`: values between pickle and JSON, which refer to the input instead of copying it
//! - `tree`: the states of nodes of trees, and whether they are sound
//! - `pickle`, `json`: each a reader and a writer of these
//! - `codec`: records as a whole; its face is [`Decoder`] and [`Encoder`]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod class;
mod codec;
mod error;
mod json;
mod model;
mod names;
mod pickle;
mod scan;
mod stdlib;
mod tree;

pub use class::{Class, Column, Kind, Prefix, PREFIXES};
pub use codec::{decode, encode, DecodeOptions, Decoder, EncodeOptions, Encoder, Record, Style, WriteError};
pub use error::{Error, Reason, Result};
pub use json::{Held, Sink, Text, TextSink, View};

/// How deep values may be inside each other.
pub const MAX_DEPTH: usize = 1000;

/// The examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../docs/btrees-json.md")]
struct Documentation;

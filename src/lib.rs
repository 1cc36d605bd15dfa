//! BerkeleyDB 1.85 B-trees, byte for byte, for microcontrollers and the PC.
//!
//! The layers, each knowing only the ones before it:
//!
//! - `page`: pages as bytes (FORMAT.md), no I/O
//! - [`Storage`], [`Memory`]: what the outside world provides
//! - `pager`: pages by number, the cache, the free list, operations that can be undone
//! - `tree`: keys, splits, merging, overflow chains, cursors; its face is [`Db`]
//! - `check` (feature `check`): whether a whole file is sound
//! - `query` (feature `match`): queries on JSON text, for the document store
//! - `ffi` (feature `micropython`): the C functions of `modbtree.h`
//!
//! The core never panics, never allocates but through [`Memory`], and a failed operation
//! leaves the tree as it was.
//!
//! ```
//! use modbtree::{Cursor, Db, HeapMemory, Options, VecStorage};
//!
//! let mut file = VecStorage::default();
//! let mut db = Db::open(&mut file, HeapMemory, &Options::default()).unwrap();
//! db.put(b"2", b"two", true).unwrap();
//! db.put(b"1", b"one", true).unwrap();
//! assert_eq!(db.get_vec(b"2").unwrap().as_deref(), Some(b"two".as_slice()));
//! let mut cursor = Cursor::new(HeapMemory);
//! let keys: Vec<_> = db.iter(&mut cursor).map(|item| item.unwrap().0).collect();
//! assert_eq!(keys, [b"1", b"2"]);
//! db.flush().unwrap();
//! ```
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[cfg(feature = "check")]
mod check;
mod error;
#[cfg(feature = "micropython")]
mod ffi;
mod memory;
mod page;
mod pager;
#[cfg(feature = "match")]
mod query;
mod storage;
mod tree;

#[cfg(feature = "check")]
pub use check::{Finding, Report, Salvage, Severity};
pub use error::{Error, Fault, Reason, Result};
#[cfg(any(test, feature = "std"))]
pub use memory::HeapMemory;
pub use memory::Memory;
pub use page::Order;
#[cfg(feature = "journal")]
pub use pager::Journal;
pub use pager::{OpenError, Options};
#[cfg(feature = "match")]
pub use query::{json, Program, Verdict};
#[cfg(any(test, feature = "std"))]
pub use storage::{FileStorage, VecStorage};
pub use storage::{NoStorage, Storage};
#[cfg(any(test, feature = "std"))]
pub use tree::Iter;
pub use tree::{Cursor, Db, Item, Stat, Where};
#[cfg(all(feature = "std", feature = "check"))]
pub use tree::{PageEntry, PageHead, PageKind};

/// The bytes of a journal (FORMAT.md, section 14), for tools that read a damaged one.
#[cfg(all(feature = "std", feature = "journal"))]
pub mod log {
    pub use crate::page::log::{header, Commit, Crc, Mark, State, AT, ENTRY, HEAD, HOME_SUM, MARKS, SUM};
    pub use crate::page::meta::{CHECKPOINT, FLAGS, FREE};
}

/// Reached by no code path; here because a staticlib without the standard library needs one.
#[cfg(all(feature = "micropython", not(any(test, feature = "std"))))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

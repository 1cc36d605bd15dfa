//! Pickles: the few opcodes that records of BTrees have, read and written.

mod op;
mod read;
mod reduce;
mod write;

pub(crate) use op::opcode_name;
pub(crate) use read::{Machine, Reader};
pub(crate) use write::{put_int, put_string, Writer};

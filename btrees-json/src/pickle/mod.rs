//! Pickles: the few opcodes that records of BTrees have, read and written.

pub(crate) mod op;
mod read;
mod reduce;
mod write;

pub(crate) use op::opcode_name;
pub(crate) use read::{Machine, Reader};
pub(crate) use write::{
    put_bytes, put_float, put_global, put_int, put_start, put_string, tuple_start, Writer,
};

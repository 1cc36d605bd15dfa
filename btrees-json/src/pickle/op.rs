//! The opcodes of pickles, as Python's `pickletools` names them.

pub(super) const MARK: u8 = b'(';
pub(super) const EMPTY_TUPLE: u8 = b')';
pub(super) const STOP: u8 = b'.';
pub(super) const BINBYTES: u8 = b'B';
pub(super) const SHORT_BINBYTES: u8 = b'C';
pub(super) const BINFLOAT: u8 = b'G';
pub(super) const BININT: u8 = b'J';
pub(super) const BININT1: u8 = b'K';
pub(super) const BININT2: u8 = b'M';
pub(super) const NONE: u8 = b'N';
pub(super) const BINPERSID: u8 = b'Q';
pub(super) const REDUCE: u8 = b'R';
pub(super) const BINUNICODE: u8 = b'X';
pub(super) const EMPTY_LIST: u8 = b']';
pub(super) const APPEND: u8 = b'a';
pub(super) const BUILD: u8 = b'b';
pub(super) const GLOBAL: u8 = b'c';
pub(super) const DICT: u8 = b'd';
pub(super) const APPENDS: u8 = b'e';
pub(super) const BINGET: u8 = b'h';
pub(super) const LONG_BINGET: u8 = b'j';
pub(super) const LIST: u8 = b'l';
pub(super) const PUT: u8 = b'p';
pub(super) const BINPUT: u8 = b'q';
pub(super) const LONG_BINPUT: u8 = b'r';
pub(super) const SETITEM: u8 = b's';
pub(super) const TUPLE: u8 = b't';
pub(super) const SETITEMS: u8 = b'u';
pub(super) const EMPTY_DICT: u8 = b'}';
pub(super) const PROTO: u8 = 0x80;
pub(super) const NEWOBJ: u8 = 0x81;
pub(super) const TUPLE1: u8 = 0x85;
pub(super) const TUPLE2: u8 = 0x86;
pub(super) const TUPLE3: u8 = 0x87;
pub(super) const NEWTRUE: u8 = 0x88;
pub(super) const NEWFALSE: u8 = 0x89;
pub(super) const LONG1: u8 = 0x8a;
pub(super) const LONG4: u8 = 0x8b;

/// The name of an opcode of any protocol.
pub(crate) fn opcode_name(byte: u8) -> Option<&'static str> {
    let (_, name) = NAMES.iter().find(|(code, _)| *code == byte)?;
    Some(name)
}

const NAMES: [(u8, &str); 68] = [
    (MARK, "MARK"),
    (EMPTY_TUPLE, "EMPTY_TUPLE"),
    (STOP, "STOP"),
    (b'0', "POP"),
    (b'1', "POP_MARK"),
    (b'2', "DUP"),
    (BINBYTES, "BINBYTES"),
    (SHORT_BINBYTES, "SHORT_BINBYTES"),
    (b'F', "FLOAT"),
    (BINFLOAT, "BINFLOAT"),
    (b'I', "INT"),
    (BININT, "BININT"),
    (BININT1, "BININT1"),
    (b'L', "LONG"),
    (BININT2, "BININT2"),
    (NONE, "NONE"),
    (b'P', "PERSID"),
    (BINPERSID, "BINPERSID"),
    (REDUCE, "REDUCE"),
    (b'S', "STRING"),
    (b'T', "BINSTRING"),
    (b'U', "SHORT_BINSTRING"),
    (b'V', "UNICODE"),
    (BINUNICODE, "BINUNICODE"),
    (EMPTY_LIST, "EMPTY_LIST"),
    (APPEND, "APPEND"),
    (BUILD, "BUILD"),
    (GLOBAL, "GLOBAL"),
    (DICT, "DICT"),
    (APPENDS, "APPENDS"),
    (b'g', "GET"),
    (BINGET, "BINGET"),
    (b'i', "INST"),
    (LONG_BINGET, "LONG_BINGET"),
    (LIST, "LIST"),
    (b'o', "OBJ"),
    (PUT, "PUT"),
    (BINPUT, "BINPUT"),
    (LONG_BINPUT, "LONG_BINPUT"),
    (SETITEM, "SETITEM"),
    (TUPLE, "TUPLE"),
    (SETITEMS, "SETITEMS"),
    (EMPTY_DICT, "EMPTY_DICT"),
    (PROTO, "PROTO"),
    (NEWOBJ, "NEWOBJ"),
    (0x82, "EXT1"),
    (0x83, "EXT2"),
    (0x84, "EXT4"),
    (TUPLE1, "TUPLE1"),
    (TUPLE2, "TUPLE2"),
    (TUPLE3, "TUPLE3"),
    (NEWTRUE, "NEWTRUE"),
    (NEWFALSE, "NEWFALSE"),
    (LONG1, "LONG1"),
    (LONG4, "LONG4"),
    (0x8c, "SHORT_BINUNICODE"),
    (0x8d, "BINUNICODE8"),
    (0x8e, "BINBYTES8"),
    (0x8f, "EMPTY_SET"),
    (0x90, "ADDITEMS"),
    (0x91, "FROZENSET"),
    (0x92, "NEWOBJ_EX"),
    (0x93, "STACK_GLOBAL"),
    (0x94, "MEMOIZE"),
    (0x95, "FRAME"),
    (0x96, "BYTEARRAY8"),
    (0x97, "NEXT_BUFFER"),
    (0x98, "READONLY_BUFFER"),
];

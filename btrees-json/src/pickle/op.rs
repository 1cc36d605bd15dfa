//! The opcodes of pickles, as Python's `pickletools` names them.

pub(crate) const MARK: u8 = b'(';
pub(crate) const EMPTY_TUPLE: u8 = b')';
pub(crate) const STOP: u8 = b'.';
pub(crate) const BINBYTES: u8 = b'B';
pub(crate) const SHORT_BINBYTES: u8 = b'C';
pub(crate) const BINFLOAT: u8 = b'G';
pub(crate) const BININT: u8 = b'J';
pub(crate) const BININT1: u8 = b'K';
pub(crate) const BININT2: u8 = b'M';
pub(crate) const NONE: u8 = b'N';
pub(crate) const BINPERSID: u8 = b'Q';
pub(crate) const REDUCE: u8 = b'R';
pub(crate) const BINUNICODE: u8 = b'X';
pub(crate) const EMPTY_LIST: u8 = b']';
pub(crate) const APPEND: u8 = b'a';
pub(crate) const BUILD: u8 = b'b';
pub(crate) const GLOBAL: u8 = b'c';
pub(crate) const DICT: u8 = b'd';
pub(crate) const APPENDS: u8 = b'e';
pub(crate) const BINGET: u8 = b'h';
pub(crate) const LONG_BINGET: u8 = b'j';
pub(crate) const LIST: u8 = b'l';
pub(crate) const PUT: u8 = b'p';
pub(crate) const BINPUT: u8 = b'q';
pub(crate) const LONG_BINPUT: u8 = b'r';
pub(crate) const SETITEM: u8 = b's';
pub(crate) const TUPLE: u8 = b't';
pub(crate) const SETITEMS: u8 = b'u';
pub(crate) const EMPTY_DICT: u8 = b'}';
pub(crate) const PROTO: u8 = 0x80;
pub(crate) const NEWOBJ: u8 = 0x81;
pub(crate) const TUPLE1: u8 = 0x85;
pub(crate) const TUPLE2: u8 = 0x86;
pub(crate) const TUPLE3: u8 = 0x87;
pub(crate) const NEWTRUE: u8 = 0x88;
pub(crate) const NEWFALSE: u8 = 0x89;
pub(crate) const LONG1: u8 = 0x8a;
pub(crate) const LONG4: u8 = 0x8b;

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

//! What can be wrong with a record or with JSON text, and where.

use std::fmt;

/// Why a record or a text was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The input ends in the middle of something.
    Truncated,
    /// No such opcode exists.
    UnknownOpcode(u8),
    /// The opcode, or this use of it, is not among those of records of BTrees.
    UnsupportedOpcode,
    /// Protocols above 3 are not written by ZODB.
    UnsupportedProtocol(u8),
    /// The opcode wants more items than there are on the stack above the last mark.
    StackUnderflow,
    /// The opcode wants a mark on the stack, and there is none.
    NoMark,
    /// More than one object, or a mark, is on the stack at the end of a pickle.
    StackLeft,
    /// The memo has nothing under this number.
    NoMemo(u32),
    /// A number for the memo that is larger than the record has bytes.
    MemoIndex(u32),
    /// The operand is what it must not be.
    Operand(&'static str),
    /// A length below zero.
    NegativeLength(i32),
    /// A string that is not UTF-8; lone surrogates, which Python can pickle, are not.
    NotUtf8,
    /// An integer of more than 4300 decimal digits.
    HugeInteger,
    /// A map whose items are not pairs.
    OddItems(usize),
    /// Objects inside each other, more than [`MAX_DEPTH`](crate::MAX_DEPTH) deep, or an object
    /// that contains itself.
    TooDeep,
    /// The text would be out of proportion to the record (see [`Decoder`](crate::Decoder)).
    TooMuchOutput,
    /// More input than 1 GiB.
    TooMuchInput,
    /// A callable or a class that is not one of the few that a record may use; `module.name`.
    Callable(String),
    /// A class other than those of BTrees; `module.name`.
    UnknownClass(String),
    /// A reference to an object of a class from Python's standard library, where no persistent
    /// class is; `module.name`.
    NotPersistent(String),
    /// No name of a class.
    ClassName,
    /// The class pickle is none of the forms that ZODB has written.
    ClassPickle,
    /// The state is none of those that the class has.
    State(&'static str),
    /// A persistent reference that is none of the supported forms.
    Reference(&'static str),
    /// Bytes that follow the record.
    TrailingBytes,
    /// A value of the right type that is wrong in itself.
    Value(&'static str),
    /// Not JSON.
    Json(&'static str),
    /// An object with a key of ours that is not what the key promises.
    Marker(&'static str, &'static str),
    /// A key or a value that the family of trees does not have; what it has.
    ColumnType(&'static str, &'static str),
    /// Keys that do not ascend.
    KeyOrder,
    /// A key that occurs twice.
    DuplicateKey,
    /// Keys that Python cannot compare with each other.
    KeyTypes,
    /// A set element or dict key that Python cannot hash.
    Unhashable,
    /// Children, or links between nodes, that contradict each other.
    Structure(&'static str),
}

impl Reason {
    /// Whether the input may well be sound, but has what this crate does not do.
    pub fn is_unsupported(&self) -> bool {
        matches!(
            self,
            Reason::UnsupportedOpcode
                | Reason::UnsupportedProtocol(_)
                | Reason::Callable(_)
                | Reason::UnknownClass(_)
                | Reason::Reference(_)
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Truncated => f.write_str("the input ends here"),
            Reason::UnknownOpcode(byte) => write!(f, "no opcode: {byte:#04x}"),
            Reason::UnsupportedOpcode => f.write_str("unsupported opcode"),
            Reason::UnsupportedProtocol(version) => write!(f, "unsupported pickle protocol {version}"),
            Reason::StackUnderflow => f.write_str("too few objects on the stack"),
            Reason::NoMark => f.write_str("no mark on the stack"),
            Reason::StackLeft => f.write_str("objects are left on the stack"),
            Reason::NoMemo(index) => write!(f, "nothing in the memo under {index}"),
            Reason::MemoIndex(index) => write!(f, "too large a number for the memo: {index}"),
            Reason::Operand(what) => f.write_str(what),
            Reason::NegativeLength(length) => write!(f, "negative length: {length}"),
            Reason::NotUtf8 => f.write_str("string is not UTF-8"),
            Reason::HugeInteger => f.write_str("integer of more than 4300 digits"),
            Reason::OddItems(count) => write!(f, "{count} items make no pairs of keys and values"),
            Reason::TooDeep => f.write_str("objects are nested too deep, or contain themselves"),
            Reason::TooMuchOutput => f.write_str("the text would be far larger than the record"),
            Reason::TooMuchInput => f.write_str("more than 1 GiB"),
            Reason::Callable(name) => write!(f, "unsupported: {}", shown(name)),
            Reason::UnknownClass(name) => write!(f, "not a class of BTrees: {}", shown(name)),
            Reason::NotPersistent(name) => write!(f, "not a class of persistent objects: {}", shown(name)),
            Reason::ClassName => f.write_str("no name of a class"),
            Reason::ClassPickle => f.write_str("unknown form of a class pickle"),
            Reason::State(what) => write!(f, "state: {what}"),
            Reason::Reference(what) => write!(f, "reference: {what}"),
            Reason::TrailingBytes => f.write_str("bytes after the end of the record"),
            Reason::Value(what) => f.write_str(what),
            Reason::Json(what) => write!(f, "JSON: {what}"),
            Reason::Marker(marker, what) => write!(f, "{marker}: {what}"),
            Reason::ColumnType(column, want) => write!(f, "{column} is not {want}"),
            Reason::KeyOrder => f.write_str("key is not greater than the one before"),
            Reason::DuplicateKey => f.write_str("key occurs twice"),
            Reason::KeyTypes => f.write_str("keys that cannot be compared"),
            Reason::Unhashable => f.write_str("not hashable, as set elements and dict keys must be"),
            Reason::Structure(what) => f.write_str(what),
        }
    }
}

/// A name that may be anything, in a message of one line.
fn shown(name: &str) -> String {
    const MOST: usize = 120;
    let start: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    let more = if name.chars().nth(MOST).is_some() { "..." } else { "" };
    start + more
}

/// An input that was refused: why, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    offset: usize,
    opcode: Option<&'static str>,
    path: Option<String>,
    reason: Reason,
}

/// A result whose error is located.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn in_record(fail: Fail, record: &[u8]) -> Error {
        let (at, reason) = *fail.0;
        let offset = at as usize;
        let opcode = record.get(offset).and_then(|&byte| crate::pickle::opcode_name(byte));
        Error(Box::new(Inner { offset, opcode, path: None, reason }))
    }

    pub(crate) fn in_json(fail: Fail, json: &str) -> Error {
        let (at, reason) = *fail.0;
        let offset = at as usize;
        let path = crate::json::path_at(json.as_bytes(), offset);
        Error(Box::new(Inner { offset, opcode: None, path: Some(path), reason }))
    }

    /// Where: in bytes from the start of the record or of the text.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The name of the opcode at that place of a record, as Python's `pickletools` has it.
    pub fn opcode(&self) -> Option<&'static str> {
        self.0.opcode
    }

    /// The way to that place in JSON, `$["@s"]["@kv"][3][0]` for instance.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { offset, opcode, path, reason } = &*self.0;
        write!(f, "offset {offset}")?;
        if let Some(opcode) = opcode {
            write!(f, ", opcode {opcode}")?;
        }
        if let Some(path) = path {
            write!(f, ", at {path}")?;
        }
        write!(f, ": {reason}")
    }
}

impl std::error::Error for Error {}

/// What is passed about inside: an [`Error`] without what only a reader wants to know. One pointer,
/// so that results stay in registers.
#[derive(Debug)]
pub(crate) struct Fail(Box<(u32, Reason)>);

impl Fail {
    #[cold]
    pub fn new(at: u32, reason: Reason) -> Fail {
        Fail(Box::new((at, reason)))
    }
}

/// A result whose error will be located.
pub(crate) type Fallible<T> = std::result::Result<T, Fail>;

/// The error `reason` at byte `at`.
#[cold]
pub(crate) fn fail<T>(at: u32, reason: Reason) -> Fallible<T> {
    Err(Fail::new(at, reason))
}

//! Values between pickle and JSON: nodes of 16 bytes that refer to the input instead of copying it.

mod arena;
mod integer;
mod moment;

pub(crate) use arena::{Arena, Doc, Items};
pub(crate) use integer::{big_from_text, big_text, Integer, MAX_BIG_BYTES};
pub(crate) use moment::{Delta, Moment, Zone};

/// A part of the input or of what was unpacked from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub len: u32,
}

impl Span {
    pub fn end(self) -> u32 {
        self.start.saturating_add(self.len)
    }
}

/// 64 bits that may lie at any multiple of four bytes, so that a node has no gaps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide(u32, u32);

impl From<u64> for Wide {
    fn from(bits: u64) -> Self {
        Wide(bits as u32, (bits >> 32) as u32)
    }
}

impl From<i64> for Wide {
    fn from(value: i64) -> Self {
        Wide::from(value as u64)
    }
}

impl From<f64> for Wide {
    fn from(value: f64) -> Self {
        Wide::from(value.to_bits())
    }
}

impl Wide {
    fn bits(self) -> u64 {
        u64::from(self.0) | u64::from(self.1) << 32
    }

    pub fn int(self) -> i64 {
        self.bits() as i64
    }

    pub fn float(self) -> f64 {
        f64::from_bits(self.bits())
    }
}

/// A value. Numbers in it are indices of tables in [`Arena`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(Wide),
    /// Two's complement, little-endian, of any size.
    Big(Span),
    Float(Wide),
    /// A string of printable ASCII characters that JSON need not escape.
    Plain(Span),
    /// Any string, in UTF-8.
    Str(Span),
    Bytes(Span),
    /// Items of the arena.
    Tuple(Span),
    List(u32),
    /// Keys and values in turn.
    Dict(u32),
    Set(u32),
    FrozenSet(u32),
    Class(u32),
    Ref(u32),
    Extra(u32),
}

/// A value, and the byte of the input where it begins or is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub at: u32,
    pub value: Value,
}

/// What is rare.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extra {
    Moment(Moment),
    Delta(Delta),
    Zone(Zone),
    /// The decimal's text.
    Decimal(Span),
    /// None: not yet built.
    Uuid(Option<u128>),
}

/// The class of a referenced object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefClass {
    /// The reference is only an oid.
    OidOnly,
    /// The reference is a pair of an oid and None.
    None,
    /// An index of the table of classes.
    Class(u32),
}

/// A persistent reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ref {
    pub oid: u64,
    pub class: RefClass,
}

/// The name of a class: module, one more byte, name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassName {
    pub span: Span,
    /// Length of the module's name.
    pub module: u32,
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_node_has_16_bytes() {
        assert_eq!(size_of::<super::Node>(), 16);
    }
}

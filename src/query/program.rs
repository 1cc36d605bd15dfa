//! The byte code of a query, as `microtetherdb/program.py` makes it: docs/microtetherdb-format.md.

/// The version of the byte code.
pub const VERSION: u8 = 1;
/// Conditions in one program.
pub const MAX_LEAVES: usize = 16;
/// Parts of all their paths, and one for each condition.
pub const MAX_STATES: usize = 32;
/// Operands that may wait for an operator.
const MAX_DEPTH: usize = 17;

/// What a condition asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Equal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    In,
    Exists,
    Contains,
    StartsWith,
}

/// Where a condition looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Field,
    Key,
    Tags,
}

/// A value of a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// The text of a number.
    Number(&'a [u8]),
    Text(&'a [u8]),
    /// A list or dict, which is not compared here.
    Other,
}

/// A condition.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub(super) kind: Kind,
    pub(super) place: Place,
    /// How many values there are to compare with, and where.
    count: u8,
    at: u16,
}

/// A part of a path. The state with its number waits for it.
#[derive(Clone, Copy)]
pub(super) struct Part {
    at: u16,
    len: u16,
    /// The list element it names, too, if it is a number.
    pub(super) number: u16,
    /// The condition of this state; there is no part if the path ends here.
    pub(super) leaf: u8,
}

/// A program that was checked. (It is on the stack of small machines, hence numbers instead of slices.)
pub struct Program<'a> {
    leaves: [Leaf; MAX_LEAVES],
    parts: [Part; MAX_STATES],
    count: usize,
    /// The states at the end of a path, and those at the beginning.
    pub(super) ends: u32,
    pub(super) starts: u32,
    /// Milliseconds; documents that expire until then do not match.
    pub(super) now: u64,
    /// The conditions, and how they are combined.
    text: &'a [u8],
    code: &'a [u8],
}

/// Bytes that are taken from the front.
struct Code<'a>(&'a [u8]);

impl<'a> Code<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from(self.u8()?) | u16::from(self.u8()?) << 8)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    fn value(&mut self) -> Option<Value<'a>> {
        Some(match self.u8()? {
            b'n' => Value::Null,
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'i' | b'r' => Value::Number(self.text()?),
            b's' => Value::Text(self.text()?),
            b'?' => Value::Other,
            _ => return None,
        })
    }
}

pub(super) struct Values<'a> {
    code: Code<'a>,
    left: u8,
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.code.value()
    }
}

/// Three-valued logic: whether something holds, if that is known.
pub(super) type Known = Option<bool>;

fn and(a: Known, b: Known) -> Known {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn not(a: Known) -> Known {
    a.map(|a| !a)
}

impl<'a> Program<'a> {
    /// Checks a program; `None` if it is none.
    pub fn parse(program: &'a [u8]) -> Option<Self> {
        let mut code = Code(program);
        if code.u8()? != VERSION {
            return None;
        }
        let count = usize::from(code.u8()?);
        let now = u64::from_le_bytes(code.take(8)?.try_into().ok()?);
        let text = code.text()?;
        let mut parsed = Program {
            leaves: [Leaf { kind: Kind::Exists, place: Place::Key, count: 0, at: 0 }; MAX_LEAVES],
            parts: [Part { at: 0, len: 0, number: 0, leaf: 0 }; MAX_STATES],
            count,
            ends: 0,
            starts: 0,
            now,
            text,
            code: code.0,
        };
        let (mut leaves, mut state) = (Code(text), 0);
        for i in 0..count {
            let leaf = parsed.leaf(&mut leaves, i as u8, &mut state)?;
            *parsed.leaves.get_mut(i)? = leaf;
        }
        // A trial run: the stack suffices, and one result is left.
        parsed.run(0, 0).map(|_| parsed)
    }

    fn leaf(&mut self, code: &mut Code<'a>, i: u8, state: &mut usize) -> Option<Leaf> {
        // (The length of the text has 16 bits.)
        let place_of = |code: &Code<'_>| (self.text.len() - code.0.len()) as u16;
        let kind = match code.u8()? {
            1 => Kind::Equal,
            2 => Kind::Greater,
            3 => Kind::GreaterEqual,
            4 => Kind::Less,
            5 => Kind::LessEqual,
            6 => Kind::In,
            7 => Kind::Exists,
            8 => Kind::Contains,
            9 => Kind::StartsWith,
            _ => return None,
        };
        let place = match code.u8()? {
            0 => Place::Field,
            1 => Place::Key,
            2 => Place::Tags,
            _ => return None,
        };
        let first = *state;
        for _ in 0..code.u8()? {
            let number = code.u16()?;
            let name = code.text()?;
            let len = name.len() as u16;
            *self.parts.get_mut(*state)? = Part { at: place_of(code) - len, len, number, leaf: i };
            *state += 1;
        }
        self.parts.get_mut(*state)?.leaf = i;
        if *state != first {
            self.starts |= 1 << first;
            self.ends |= 1 << *state;
        }
        *state += 1;
        let count = code.u8()?;
        let at = place_of(code);
        for _ in 0..count {
            code.value()?;
        }
        Some(Leaf { kind, place, count, at })
    }

    /// All conditions with their numbers.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (usize, Leaf)> + '_ {
        self.leaves.iter().copied().take(self.count).enumerate()
    }

    pub(super) fn leaf_at(&self, i: usize) -> Option<Leaf> {
        self.leaves.get(i).copied()
    }

    pub(super) fn part(&self, state: usize) -> Option<Part> {
        self.parts.get(state).copied()
    }

    /// The name of a part of a path.
    pub(super) fn name(&self, part: Part) -> &'a [u8] {
        let at = usize::from(part.at);
        self.text.get(at..at + usize::from(part.len)).unwrap_or(&[])
    }

    /// The values that a condition compares with.
    pub(super) fn values(&self, leaf: Leaf) -> Values<'a> {
        Values { code: Code(self.text.get(usize::from(leaf.at)..).unwrap_or(&[])), left: leaf.count }
    }

    /// Combines the conditions: those that hold, and those that do not, as bits. `None` if the code
    /// is not sound.
    pub(super) fn run(&self, yes: u32, no: u32) -> Option<Known> {
        let mut stack = [None; MAX_DEPTH];
        let mut depth = 0usize;
        for &op in self.code {
            let value = match op {
                0..=15 if usize::from(op) < self.count => match (yes >> op & 1, no >> op & 1) {
                    (0, 0) => None,
                    (met, _) => Some(met != 0),
                },
                16 | 17 => {
                    depth = depth.checked_sub(2)?;
                    let (a, b) = (*stack.get(depth)?, *stack.get(depth + 1)?);
                    if op == 16 {
                        and(a, b)
                    } else {
                        not(and(not(a), not(b)))
                    }
                }
                18 => {
                    depth = depth.checked_sub(1)?;
                    not(*stack.get(depth)?)
                }
                19 => Some(true),
                _ => return None,
            };
            *stack.get_mut(depth)? = value;
            depth += 1;
        }
        if depth == 1 {
            stack.first().copied()
        } else {
            None
        }
    }
}

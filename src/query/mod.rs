//! Queries on the JSON text of documents, without building any object.
//!
//! A [`Program`] is a query compiled by the Python layer (`microtetherdb/program.py`). [`Program::matches`]
//! reads a record once, from left to right, with a fixed amount of memory, and says yes, no, or that
//! it leaves the answer to the Python layer. It does so wherever the answer may depend on something
//! that it does not do itself: how floats are rounded, whether two lists are equal, what a lenient
//! parser makes of text that is no strict JSON. So both always agree, on every machine.
//!
//! How paths are followed: each part of each path, and the end of each path, is a *state*, a bit of
//! a `u32`. At a value, a set of states tells which parts are looked for in it.

pub mod json;
mod number;
mod program;
mod scanner;
mod text;

pub use program::Program;
use program::{Kind, Known, Leaf, Place, Value, Values};
use scanner::{Doubt, Scalar, Scanner, Sure};
use text::Text;

/// Lists and dicts in each other in which a part of a path is looked for.
const MAX_LEVELS: usize = 10;

/// Whether a record matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It does.
    Yes,
    /// It does not, or it has expired.
    No,
    /// To be found out in another way; the record may be damaged.
    Unsure,
}

/// What is asked of a value.
#[derive(Clone, Copy)]
struct Asked {
    /// States that look at it.
    states: u32,
    /// States for which it must be a dict, as it is an element of a list.
    dicts: u32,
    /// Conditions on the list of which it is an element, as bits.
    elements: u32,
}

/// A list or dict that is looked into.
#[derive(Clone, Copy)]
struct Level {
    list: bool,
    states: u32,
    /// Dict: states whose part was found. List: conditions on its elements.
    marks: u32,
    index: u16,
}

struct Matcher<'a> {
    program: &'a Program<'a>,
    scanner: Scanner<'a>,
    /// Conditions, as bits: those met, those that may be met, those whose field exists.
    yes: u32,
    maybe: u32,
    exists: u32,
}

impl Program<'_> {
    /// Whether the record `text` of the document `key` matches.
    pub fn matches(&self, key: &[u8], text: &[u8]) -> Verdict {
        let mut matcher = Matcher { program: self, scanner: Scanner::new(text), yes: 0, maybe: 0, exists: 0 };
        let alive = match matcher.record(key) {
            Ok(alive) => alive,
            Err(Doubt) => return Verdict::Unsure,
        };
        if !alive {
            return Verdict::No;
        }
        let (mut yes, mut no) = (0, 0);
        for (i, leaf) in self.leaves() {
            match matcher.known(i, leaf) {
                Some(true) => yes |= 1 << i,
                Some(false) => no |= 1 << i,
                None => {}
            }
        }
        match self.run(yes, no).flatten() {
            Some(true) => Verdict::Yes,
            Some(false) => Verdict::No,
            None => Verdict::Unsure,
        }
    }
}

impl<'a> Matcher<'a> {
    /// What was found out about a condition.
    fn known(&self, i: usize, leaf: Leaf) -> Known {
        let bit = 1 << i;
        if self.yes & bit != 0 {
            return Some(true);
        }
        let exists = self.exists & bit != 0;
        match leaf.kind {
            Kind::Exists => Some(exists),
            _ if self.maybe & bit != 0 => None,
            // A field that is missing equals null.
            Kind::Equal | Kind::In if !exists => {
                Some(self.program.values(leaf).any(|value| value == Value::Null))
            }
            _ => Some(false),
        }
    }

    /// Reads a record; false if the document has expired.
    fn record(&mut self, key: &[u8]) -> Sure<bool> {
        let key = Text { raw: key, escaped: false };
        for (i, leaf) in self.program.leaves() {
            if leaf.place == Place::Key {
                self.exists |= 1 << i;
                self.note(i, holds(leaf.kind, self.program.values(leaf), Scalar::Text(key), true));
            }
        }
        let all = Asked { states: self.program.starts, dicts: 0, elements: 0 };
        let mut alive = true;
        if self.scanner.peek()? != b'[' {
            self.value(all)?;
        } else {
            // [document, expires, tags]
            self.scanner.next()?;
            self.value(all)?;
            let mut c = self.scanner.next()?;
            if c == b',' {
                alive = self.alive()?;
                c = self.scanner.next()?;
            }
            if c == b',' {
                self.tags()?;
                c = self.scanner.next()?;
            }
            if c != b']' {
                return Err(Doubt);
            }
        }
        if self.scanner.at_end() {
            Ok(alive)
        } else {
            Err(Doubt)
        }
    }

    fn alive(&mut self) -> Sure<bool> {
        match self.scanner.scalar()? {
            Scalar::Null => Ok(true),
            // (A sign, a fraction or an exponent is no digit.)
            Scalar::Number(digits) if digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit) => {
                let expires = digits.iter().fold(0u64, |n, c| n * 10 + u64::from(c - b'0'));
                Ok(expires > self.program.now)
            }
            _ => Err(Doubt),
        }
    }

    /// The tags of put(): one more value of the field `tags`, unless there are none.
    fn tags(&mut self) -> Sure<()> {
        if self.scanner.next()? != b'[' {
            return Err(Doubt);
        }
        if self.scanner.peek()? == b']' {
            self.scanner.next()?;
            return Ok(());
        }
        loop {
            let tag = Scalar::Text(self.scanner.text()?);
            for (i, leaf) in self.program.leaves() {
                if leaf.place == Place::Tags {
                    self.exists |= 1 << i;
                    self.note(i, holds(leaf.kind, self.program.values(leaf), tag, false));
                    self.compound(i, leaf);
                }
            }
            match self.scanner.next()? {
                b',' => {}
                b']' => return Ok(()),
                _ => return Err(Doubt),
            }
        }
    }

    fn note(&mut self, i: usize, known: Known) {
        match known {
            Some(true) => self.yes |= 1 << i,
            None => self.maybe |= 1 << i,
            Some(false) => {}
        }
    }

    /// A list or dict is equal to a value of a condition only if that is one, too.
    fn compound(&mut self, i: usize, leaf: Leaf) {
        if self.program.values(leaf).any(|value| value == Value::Other) {
            self.maybe |= 1 << i;
        }
    }

    /// Conditions whose paths end in a set of states, as bits.
    fn leaves_at(&self, states: u32) -> u32 {
        let mut bits = 0;
        for state in bits_of(states & self.program.ends) {
            bits |= self.program.part(state).map_or(0, |part| 1 << part.leaf);
        }
        bits
    }

    fn scalar(&mut self, asked: Asked) -> Sure<()> {
        let value = self.scanner.scalar()?;
        let direct = self.leaves_at(asked.states);
        self.exists |= direct;
        for i in bits_of((direct | asked.elements) & !self.yes) {
            let Some(leaf) = self.program.leaf_at(i) else { continue };
            if direct & 1 << i != 0 {
                self.note(i, holds(leaf.kind, self.program.values(leaf), value, true));
            }
            if asked.elements & 1 << i != 0 {
                self.note(i, holds(leaf.kind, self.program.values(leaf), value, false));
            }
        }
        Ok(())
    }

    /// Reads one value with all that is in it.
    fn value(&mut self, mut asked: Asked) -> Sure<()> {
        let mut levels = [Level { list: false, states: 0, marks: 0, index: 0 }; MAX_LEVELS];
        let mut depth = 0usize;
        loop {
            let c = self.scanner.peek()?;
            let mut empty = false;
            if asked.states | asked.dicts | asked.elements == 0 {
                self.scanner.skip_value()?;
                empty = true;
            } else if c != b'{' && c != b'[' {
                self.scalar(asked)?;
                empty = true;
            } else {
                let direct = self.leaves_at(asked.states);
                self.exists |= direct;
                for i in bits_of(direct | asked.elements) {
                    if let Some(leaf) = self.program.leaf_at(i) {
                        self.compound(i, leaf);
                    }
                }
                let level = levels.get_mut(depth).ok_or(Doubt)?;
                let list = c == b'[';
                let states = asked.states & !self.program.ends;
                *level = if list {
                    Level { list, states, marks: direct, index: 0 }
                } else {
                    Level { list, states: states | asked.dicts, marks: 0, index: 0 }
                };
                depth += 1;
                self.scanner.next()?;
                if self.scanner.peek()? == if list { b']' } else { b'}' } {
                    self.scanner.next()?;
                    depth -= 1;
                    empty = true;
                }
            }
            // Behind a value, if there is not one in it first.
            while empty {
                let Some(top) = depth.checked_sub(1) else { return Ok(()) };
                let level = levels.get_mut(top).ok_or(Doubt)?;
                match (self.scanner.next()?, level.list) {
                    (b',', _) => {
                        // The last number stands for names that are no numbers.
                        level.index = level.index.saturating_add(1).min(u16::MAX - 1);
                        empty = false;
                    }
                    (b']', true) | (b'}', false) => depth = top,
                    _ => return Err(Doubt),
                }
            }
            let Some(level) = depth.checked_sub(1).and_then(|top| levels.get_mut(top)) else {
                return Err(Doubt);
            };
            asked = if level.list { self.element(level) } else { self.field(level)? };
        }
    }

    /// What is asked of the next element of a list.
    fn element(&self, level: &Level) -> Asked {
        let mut states = 0;
        for state in bits_of(level.states) {
            if self.program.part(state).is_some_and(|part| part.number == level.index) {
                states |= 2 << state;
            }
        }
        Asked { states, dicts: level.states, elements: level.marks }
    }

    /// What is asked of the next field of a dict, whose name is read.
    fn field(&mut self, level: &mut Level) -> Sure<Asked> {
        let name = self.scanner.name()?;
        let mut states = 0;
        for state in bits_of(level.states) {
            if self.program.part(state).is_some_and(|part| name.equals(self.program.name(part))) {
                // With one name twice, parsers keep the last value.
                if level.marks & 1 << state != 0 {
                    return Err(Doubt);
                }
                level.marks |= 1 << state;
                states |= 2 << state;
            }
        }
        Ok(Asked { states, dicts: 0, elements: 0 })
    }
}

/// The numbers of the bits that are set.
fn bits_of(mut bits: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 32).then_some(bit as usize)
    })
}

/// Whether a condition holds for a value; `direct`: not as an element of a list.
fn holds(kind: Kind, values: Values<'_>, value: Scalar<'_>, direct: bool) -> Known {
    let mut result = Some(false);
    for other in values {
        let one = match (kind, value, other) {
            (Kind::Contains, Scalar::Text(text), Value::Text(part)) if direct => Some(text.contains(part)),
            (Kind::Contains, _, _) if direct => Some(false),
            (Kind::StartsWith, Scalar::Text(text), Value::Text(start)) => Some(text.starts_with(start)),
            (Kind::StartsWith | Kind::Exists, _, _) => Some(false),
            (kind, Scalar::Text(text), Value::Text(other)) => match kind {
                Kind::Equal | Kind::In | Kind::Contains => Some(text.equals(other)),
                _ => Some(ordered(kind, text.order(other))),
            },
            (kind, Scalar::Number(number), Value::Number(other)) => {
                number::compare(number, other).map(|order| ordered(kind, order))
            }
            (Kind::Equal | Kind::In | Kind::Contains, Scalar::Null, Value::Null) => Some(true),
            (Kind::Equal | Kind::In | Kind::Contains, Scalar::Bool(a), Value::Bool(b)) => Some(a == b),
            _ => Some(false),
        };
        match one {
            Some(true) => return one,
            None => result = None,
            Some(false) => {}
        }
    }
    result
}

fn ordered(kind: Kind, order: core::cmp::Ordering) -> bool {
    match kind {
        Kind::Greater => order.is_gt(),
        Kind::GreaterEqual => order.is_ge(),
        Kind::Less => order.is_lt(),
        Kind::LessEqual => order.is_le(),
        _ => order.is_eq(),
    }
}

#[cfg(test)]
mod tests;

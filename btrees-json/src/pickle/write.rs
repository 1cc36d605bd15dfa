//! Values as pickles, always in the same form.

use super::op;
use crate::error::{fail, Fallible, Reason};
use crate::model::{Doc, Extra, Items, Moment, Node, RefClass, Value, Zone};
use crate::{Class, Style, MAX_DEPTH};

/// Appends pickles to `out`.
pub(crate) struct Writer<'a> {
    doc: Doc<'a>,
    out: &'a mut Vec<u8>,
    frames: Vec<Frame<'a>>,
}

/// A collection that is being written: what is left of it, and what ends it.
struct Frame<'a> {
    items: Items<'a>,
    end: &'static [u8],
}

impl<'a> Writer<'a> {
    pub fn new(doc: Doc<'a>, out: &'a mut Vec<u8>) -> Self {
        Writer { doc, out, frames: vec![] }
    }

    /// The state of a node with these items, of which the pickles are given.
    pub fn items(&mut self, leaf: bool, count: usize, items: &[u8], next: Option<Node>) -> Fallible<()> {
        let end = tuple_start(self.out, count);
        self.out.extend_from_slice(items);
        self.out.extend_from_slice(end);
        match next {
            Some(next) => {
                self.value(next)?;
                self.out.push(op::TUPLE2);
            }
            None if leaf => self.out.push(op::TUPLE1),
            // The tree, its only child, and the child's state.
            None => self.out.extend_from_slice(&[op::TUPLE1; 3]),
        }
        Ok(())
    }

    /// The state of a node with children.
    pub fn children(&mut self, children: &[Node], first: Node) -> Fallible<()> {
        let end = tuple_start(self.out, children.len());
        children.iter().try_for_each(|&node| self.value(node))?;
        self.out.extend_from_slice(end);
        self.value(first)?;
        self.out.push(op::TUPLE2);
        Ok(())
    }

    /// The state of an empty tree.
    pub fn empty(&mut self) {
        self.out.push(op::NONE);
    }

    /// What ends a pickle.
    pub fn stop(&mut self) {
        self.out.push(op::STOP);
    }

    /// A value and all that is in it.
    pub fn value(&mut self, node: Node) -> Fallible<()> {
        self.open(node)?;
        while let Some(frame) = self.frames.last_mut() {
            let next = loop {
                match frame.items.next() {
                    // Most items, without a detour.
                    Some(Node { value: Value::Str(span), .. }) => put_string(self.out, self.doc.bytes(span)),
                    Some(Node { value: Value::Int(value), .. }) => put_int(self.out, value.int()),
                    next => break next,
                }
            };
            match next {
                Some(node) => self.open(node)?,
                None => {
                    self.out.extend_from_slice(frame.end);
                    self.frames.pop();
                }
            }
        }
        Ok(())
    }

    /// A leaf as a whole, or the beginning of a collection.
    #[inline]
    fn open(&mut self, node: Node) -> Fallible<()> {
        match node.value {
            Value::Plain(span) | Value::Str(span) => self.string(self.doc.bytes(span)),
            Value::Int(value) => self.int(value.int()),
            Value::None => self.out.push(op::NONE),
            Value::Bool(value) => self.out.push(if value { op::NEWTRUE } else { op::NEWFALSE }),
            Value::Float(value) => put_float(self.out, value.float()),
            Value::Bytes(span) => self.bytes(self.doc.bytes(span)),
            Value::Big(span) => self.long(self.doc.bytes(span)),
            Value::Ref(reference) => self.reference(reference),
            Value::Class(class) => self.class_names(self.doc.class_name(class)),
            Value::Extra(extra) => return self.extra(node, extra),
            Value::Tuple(items) => {
                let end = tuple_start(self.out, items.len as usize);
                self.push(node, Frame { items: self.doc.tuple(items), end })?;
            }
            Value::List(id) => {
                let end = self.object_start(b"]", id, &[op::APPENDS], &[]);
                self.push(node, Frame { items: self.doc.items(id), end })?;
            }
            Value::Dict(id) => {
                let end = self.object_start(b"}", id, &[op::SETITEMS], &[]);
                self.push(node, Frame { items: self.doc.items(id), end })?;
            }
            Value::Set(id) | Value::FrozenSet(id) => {
                let set = matches!(node.value, Value::Set(_));
                let start: &[u8] = if set { b"cbuiltins\nset\n]" } else { b"cbuiltins\nfrozenset\n]" };
                let ends: [&[u8]; 2] = [&[op::APPENDS, op::TUPLE1, op::REDUCE], &[op::TUPLE1, op::REDUCE]];
                let end = self.object_start(start, id, ends[0], ends[1]);
                self.push(node, Frame { items: self.doc.items(id), end })?;
            }
        }
        Ok(())
    }

    fn push(&mut self, node: Node, frame: Frame<'a>) -> Fallible<()> {
        if self.frames.len() >= MAX_DEPTH {
            return fail(node.at, Reason::TooDeep);
        }
        self.frames.push(frame);
        Ok(())
    }

    /// What a collection that can grow begins with; returns what it ends with.
    fn object_start<'e>(&mut self, start: &[u8], id: u32, end: &'e [u8], empty: &'e [u8]) -> &'e [u8] {
        self.out.extend_from_slice(start);
        if self.doc.arena.len(id) == 0 {
            return empty;
        }
        self.out.push(op::MARK);
        end
    }

    fn string(&mut self, text: &[u8]) {
        put_string(self.out, text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        put_bytes(self.out, bytes.len());
        self.out.extend_from_slice(bytes);
    }

    fn int(&mut self, value: i64) {
        put_int(self.out, value);
    }

    /// `number` is the shortest two's complement.
    fn long(&mut self, number: &[u8]) {
        match u8::try_from(number.len()) {
            Ok(len) => self.out.extend_from_slice(&[op::LONG1, len]),
            Err(_) => {
                self.out.push(op::LONG4);
                self.out.extend_from_slice(&(number.len() as u32).to_le_bytes());
            }
        }
        self.out.extend_from_slice(number);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.class_names((module.as_bytes(), name.as_bytes()));
    }

    fn class_names(&mut self, (module, name): (&[u8], &[u8])) {
        put_global(self.out, module, name);
    }

    fn reference(&mut self, reference: u32) {
        let Some(reference) = self.doc.reference(reference) else { return };
        self.bytes(&reference.oid.to_be_bytes());
        match reference.class {
            RefClass::OidOnly => {}
            RefClass::None => self.out.extend_from_slice(&[op::NONE, op::TUPLE2]),
            RefClass::Class(class) => {
                self.class_names(self.doc.class_name(class));
                self.out.push(op::TUPLE2);
            }
        }
        self.out.push(op::BINPERSID);
    }

    fn extra(&mut self, node: Node, extra: u32) -> Fallible<()> {
        match self.doc.extra(extra) {
            Some(Extra::Moment(moment)) => self.moment(moment),
            Some(Extra::Delta(delta)) => {
                self.delta([delta.days, delta.seconds, delta.micros].map(i64::from));
            }
            Some(Extra::Decimal(text)) => {
                self.global("decimal", "Decimal");
                self.string(self.doc.bytes(text));
                self.out.extend_from_slice(&[op::TUPLE1, op::REDUCE]);
            }
            Some(Extra::Uuid(Some(number))) => self.uuid(number),
            _ => return fail(node.at, Reason::Value("not a value")),
        }
        Ok(())
    }

    fn moment(&mut self, moment: Moment) {
        let name = match moment {
            Moment::Date(_) => "date",
            Moment::Time(..) => "time",
            Moment::DateTime(..) => "datetime",
        };
        self.global("datetime", name);
        let mut bytes = Vec::with_capacity(10);
        moment.write_bytes(&mut bytes);
        self.bytes(&bytes);
        match moment.zone() {
            Some(zone) => {
                self.zone(zone);
                self.out.push(op::TUPLE2);
            }
            None => self.out.push(op::TUPLE1),
        }
        self.out.push(op::REDUCE);
    }

    fn zone(&mut self, zone: Zone) {
        self.global("datetime", "timezone");
        let (seconds, micros) = zone.parts();
        self.delta([0, seconds, micros]);
        self.out.extend_from_slice(&[op::TUPLE1, op::REDUCE]);
    }

    fn delta(&mut self, parts: [i64; 3]) {
        self.global("datetime", "timedelta");
        parts.into_iter().for_each(|part| self.int(part));
        self.out.extend_from_slice(&[op::TUPLE3, op::REDUCE]);
    }

    fn uuid(&mut self, number: u128) {
        self.global("uuid", "UUID");
        self.out.extend_from_slice(&[op::EMPTY_TUPLE, op::NEWOBJ, op::EMPTY_DICT, op::MARK]);
        self.string(b"int");
        match i64::try_from(number) {
            Ok(number) => self.int(number),
            Err(_) => {
                // One byte more than the number has, for the sign.
                let mut bytes = [0; 17];
                bytes.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
                let len = (129 - number.leading_zeros() as usize).div_ceil(8);
                self.long(bytes.get(..len).unwrap_or_default());
            }
        }
        self.out.extend_from_slice(&[op::SETITEMS, op::BUILD]);
    }
}

/// Appends the class pickle, and what the state pickle begins with.
pub(crate) fn put_start(out: &mut Vec<u8>, class: Class, style: Style) {
    let protocol = match style {
        Style::Codec => 2,
        Style::Zodb => 3,
    };
    out.extend_from_slice(&[op::PROTO, protocol]);
    let (module, name) = (class.module().as_bytes(), class.name().as_bytes());
    match style {
        Style::Codec => {
            put_string(out, module);
            put_string(out, name);
            out.extend_from_slice(&[op::TUPLE2, op::NONE, op::TUPLE2]);
        }
        Style::Zodb => {
            put_global(out, module, name);
            out.extend_from_slice(&[op::BINPUT, 0]);
        }
    }
    out.extend_from_slice(&[op::STOP, op::PROTO, protocol]);
}

/// Appends what a tuple begins with; returns what it ends with.
#[inline]
pub(crate) fn tuple_start(out: &mut Vec<u8>, len: usize) -> &'static [u8] {
    match len {
        0 => &[op::EMPTY_TUPLE],
        1 => &[op::TUPLE1],
        2 => &[op::TUPLE2],
        3 => &[op::TUPLE3],
        _ => {
            out.push(op::MARK);
            &[op::TUPLE]
        }
    }
}

/// Appends a class.
pub(crate) fn put_global(out: &mut Vec<u8>, module: &[u8], name: &[u8]) {
    out.reserve(module.len() + name.len() + 3);
    out.push(op::GLOBAL);
    out.extend_from_slice(module);
    out.push(b'\n');
    out.extend_from_slice(name);
    out.push(b'\n');
}

/// Appends what the pickle of so many bytes begins with.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(len) => out.extend_from_slice(&[op::SHORT_BINBYTES, len]),
        Err(_) => {
            out.push(op::BINBYTES);
            out.extend_from_slice(&(len as u32).to_le_bytes());
        }
    }
}

/// Appends the pickle of a floating point number.
#[inline]
pub(crate) fn put_float(out: &mut Vec<u8>, value: f64) {
    put_word(out, u64::from(op::BINFLOAT), 1);
    out.extend_from_slice(&value.to_bits().to_be_bytes());
}

/// Appends the first `len` bytes of a word. (Small arrays would be put together in memory first.)
#[inline(always)]
fn put_word(out: &mut Vec<u8>, word: u64, len: usize) {
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(out.len() - 8 + len);
}

/// Appends the pickle of a string.
#[inline(always)]
pub(crate) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    put_word(out, u64::from(op::BINUNICODE) | u64::from(text.len() as u32) << 8, 5);
    // Most are short: two copies of a fixed size, the second one over the end of the first.
    match text.len() {
        9..=16 => put_ends::<8>(out, text),
        17..=32 => put_ends::<16>(out, text),
        _ => out.extend_from_slice(text),
    }
}

/// Appends `N` to `2 * N` bytes.
#[inline(always)]
fn put_ends<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        out.extend_from_slice(first);
        out.truncate(out.len() + bytes.len() - 2 * N);
        out.extend_from_slice(last);
    }
}

/// Appends the pickle of an integer.
#[inline(always)]
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    let bits = value as u64;
    if bits <= 0xff {
        put_word(out, u64::from(op::BININT1) | bits << 8, 2);
    } else if bits <= 0xffff {
        put_word(out, u64::from(op::BININT2) | bits << 8, 3);
    } else if i64::from(value as i32) == value {
        put_word(out, u64::from(op::BININT) | bits << 8, 5);
    } else {
        // The highest bit tells the sign.
        let used = 65 - if value < 0 { value.leading_ones() } else { value.leading_zeros() };
        let len = used.div_ceil(8);
        put_word(out, u64::from(op::LONG1) | u64::from(len) << 8, 2);
        put_word(out, bits, len as usize);
    }
}

//! Values that somebody else holds, to the pickle of a record without a text between. It takes what
//! most records have, and leaves the rest, and everything that is wrong, to the reader of text.

use super::convert::oid_of;
use super::lane::Fits;
use crate::names;
use crate::pickle::{op, put_bytes, put_float, put_global, put_int, put_string, tuple_start};
use crate::scan;
use crate::stdlib;
use crate::{Class, Column, Kind, Prefix};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use std::ops::Range;

/// What a [`Held`] value is.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// A string.
    Text(&'a str),
    /// An array of so many items.
    Array(usize),
    /// An object with so many keys.
    Object(usize),
    /// Anything else.
    Other,
}

/// A value of JSON that the caller holds for `'a`, an object of Python for instance.
pub trait Held<'a>: Copy {
    /// What it is.
    fn view(self) -> View<'a>;
    /// An item of an array.
    fn item(self, place: usize) -> Option<Self>;
    /// The keys and values of an object. No key comes twice.
    fn entries(self) -> impl Iterator<Item = (Self, Self)>;
}

/// How deep values may be inside each other here.
const DEEPEST: usize = 60;

/// The most bytes of a pickle here: the text would have less than 1 GiB, whatever is in it.
const LONGEST: usize = 1 << 26;

/// What was written, as far as columns and the order of keys depend on it.
#[derive(Clone, Copy)]
enum Written<'v> {
    Int(i64),
    Float(f64),
    Text(&'v str),
    /// How many; they are the last that was written.
    Bytes(usize),
    Other,
}

/// Writes records.
pub(crate) struct Direct<'a> {
    out: &'a mut Vec<u8>,
    /// The class that was referred to last: how it was named, what the pickle has, and what it is.
    last_name: String,
    last_global: Vec<u8>,
    last_class: Option<Class>,
}

/// The parts of a state that is an object.
struct Fields<V> {
    items: Option<V>,
    children: Option<V>,
    first: Option<V>,
    next: Option<V>,
}

impl<'a> Direct<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Direct { out, last_name: String::new(), last_global: vec![], last_class: None }
    }

    /// The class, and the state, of a record that is an object.
    pub fn parts<'v, V: Held<'v>>(record: V) -> Option<(Class, V)> {
        let (mut class, mut state) = (None, None);
        let View::Object(2) = record.view() else { return None };
        for (key, value) in record.entries() {
            match key.view() {
                View::Text("@cls") => class = Some(value),
                View::Text("@s") => state = Some(value),
                _ => return None,
            }
        }
        let class = class?;
        let View::Array(2) = class.view() else { return None };
        let (module, name) = (class.item(0)?, class.item(1)?);
        match (module.view(), name.view()) {
            (View::Text(module), View::Text(name)) => Some((Class::parse(module, name)?, state?)),
            _ => None,
        }
    }

    /// The state of an object of this class.
    pub fn state<'v, V: Held<'v>>(&mut self, class: Class, state: V) -> Option<()> {
        match (class, state.view()) {
            (Class::Length, View::Int(value)) => put_int(self.out, value),
            (Class::Node(_, kind), View::Null) if !kind.is_leaf() => self.out.push(op::NONE),
            (Class::Node(prefix, kind), View::Object(_)) => self.node(prefix, kind, state)?,
            _ => return None,
        }
        (self.out.len() <= LONGEST).then_some(())
    }

    fn node<'v, V: Held<'v>>(&mut self, prefix: &'static Prefix, kind: Kind, state: V) -> Option<()> {
        let mut fields = Fields { items: None, children: None, first: None, next: None };
        for (key, value) in state.entries() {
            let field = match key.view() {
                View::Text("@kv") if kind.is_map() => &mut fields.items,
                View::Text("@ks") if !kind.is_map() => &mut fields.items,
                View::Text("@children") if !kind.is_leaf() => &mut fields.children,
                View::Text("@first") if !kind.is_leaf() => &mut fields.first,
                View::Text("@next") if kind.is_leaf() => &mut fields.next,
                _ => return None,
            };
            *field = Some(value);
        }
        match fields {
            Fields { items: Some(items), children: None, first: None, next } => {
                self.items(prefix, kind, items)?;
                match next {
                    Some(next) => {
                        self.reference(next)?;
                        if self.last_class != Some(Class::Node(prefix, kind.leaf())) {
                            return None;
                        }
                        self.out.push(op::TUPLE2);
                    }
                    None if kind.is_leaf() => self.out.push(op::TUPLE1),
                    None => self.out.extend_from_slice(&[op::TUPLE1; 3]),
                }
                Some(())
            }
            Fields { items: None, children: Some(children), first: Some(first), .. } => {
                self.children(prefix, kind, children, first)
            }
            _ => None,
        }
    }

    fn items<'v, V: Held<'v>>(&mut self, prefix: &Prefix, kind: Kind, items: V) -> Option<()> {
        let View::Array(len) = items.view() else { return None };
        if len == 0 && !kind.is_leaf() {
            return None;
        }
        let mut order = Order::new(prefix.keys);
        let values = Fits::of(prefix.values);
        if kind.is_map() {
            let end = tuple_start(self.out, len.checked_mul(2)?);
            for place in 0..len {
                let pair = items.item(place)?;
                let View::Array(2) = pair.view() else { return None };
                self.key(&mut order, pair.item(0)?)?;
                let value = self.value(pair.item(1)?, 0)?;
                if prefix.values != Column::Object && !fits(values, prefix.values, &value) {
                    return None;
                }
            }
            self.out.extend_from_slice(end);
        } else {
            let end = tuple_start(self.out, len);
            for place in 0..len {
                self.key(&mut order, items.item(place)?)?;
            }
            self.out.extend_from_slice(end);
        }
        Some(())
    }

    /// References with one key between each two, and one to the first leaf.
    fn children<'v, V: Held<'v>>(
        &mut self,
        prefix: &'static Prefix,
        kind: Kind,
        children: V,
        first: V,
    ) -> Option<()> {
        let View::Array(len) = children.view() else { return None };
        if len % 2 == 0 {
            return None;
        }
        let mut order = Order::new(prefix.keys);
        let (mut below, mut first_oid, mut later_oids) = (None, 0, vec![]);
        let end = tuple_start(self.out, len);
        for place in 0..len {
            let child = children.item(place)?;
            if place % 2 == 1 {
                self.key(&mut order, child)?;
                continue;
            }
            let oid = self.reference(child)?;
            match (self.last_class, below) {
                (found, Some(below)) if found == Some(below) => later_oids.push(oid),
                (Some(found), None) => (below, first_oid) = (Some(found), oid),
                _ => return None,
            }
        }
        self.out.extend_from_slice(end);
        let leaf = Class::Node(prefix, kind.leaf());
        let oid = self.reference(first)?;
        // The first leaf is the first child, or below it.
        let sound = match below {
            Some(below) if below == leaf => first_oid == oid,
            Some(below) => below == Class::Node(prefix, kind) && first_oid != oid,
            None => false,
        };
        if !sound || self.last_class != Some(leaf) || later_oids.contains(&oid) {
            return None;
        }
        self.out.push(op::TUPLE2);
        Some(())
    }

    fn key<'v, V: Held<'v>>(&mut self, order: &mut Order<'v>, key: V) -> Option<()> {
        let key = self.value(key, 0)?;
        order.next(self.out, key)
    }

    /// A value and all that is in it.
    #[inline(always)]
    fn value<'v, V: Held<'v>>(&mut self, value: V, depth: usize) -> Option<Written<'v>> {
        match value.view() {
            View::Text(text) if text.len() <= LONGEST => {
                put_string(self.out, text.as_bytes());
                Some(Written::Text(text))
            }
            View::Int(value) => {
                put_int(self.out, value);
                Some(Written::Int(value))
            }
            View::Float(value) if value.is_finite() => {
                put_float(self.out, value);
                Some(Written::Float(value))
            }
            view => self.rest(value, view, depth),
        }
    }

    fn rest<'v, V: Held<'v>>(&mut self, value: V, view: View<'v>, depth: usize) -> Option<Written<'static>> {
        match view {
            View::Null => self.out.push(op::NONE),
            View::Bool(value) => self.out.push(if value { op::NEWTRUE } else { op::NEWFALSE }),
            View::Array(_) | View::Object(_) if depth > DEEPEST || self.out.len() > LONGEST => return None,
            View::Array(len) => {
                self.out.push(op::EMPTY_LIST);
                if len > 0 {
                    self.out.push(op::MARK);
                    self.array(value, len, depth)?;
                    self.out.push(op::APPENDS);
                }
            }
            View::Object(len) => return self.object(value, len, depth),
            _ => return None,
        }
        Some(Written::Other)
    }

    fn array<'v, V: Held<'v>>(&mut self, array: V, len: usize, depth: usize) -> Option<()> {
        for place in 0..len {
            self.value(array.item(place)?, depth + 1)?;
        }
        Some(())
    }

    fn object<'v, V: Held<'v>>(&mut self, object: V, len: usize, depth: usize) -> Option<Written<'static>> {
        let start = self.out.len();
        self.out.push(op::EMPTY_DICT);
        if len == 0 {
            return Some(Written::Other);
        }
        self.out.push(op::MARK);
        for (key, value) in object.entries() {
            let View::Text(key) = key.view() else { return None };
            if key.starts_with('@') {
                self.out.truncate(start);
                return if len == 1 { self.marked(key, value, depth) } else { None };
            }
            if key.len() > LONGEST {
                return None;
            }
            put_string(self.out, key.as_bytes());
            self.value(value, depth + 1)?;
        }
        self.out.push(op::SETITEMS);
        Some(Written::Other)
    }

    /// What an object with one key stands for.
    fn marked<'v, V: Held<'v>>(&mut self, key: &str, value: V, depth: usize) -> Option<Written<'static>> {
        match (key, value.view()) {
            ("@b", View::Text(text)) => self.base64(text.as_bytes()).map(Written::Bytes),
            ("@t", View::Array(len)) => {
                let end = tuple_start(self.out, len);
                self.array(value, len, depth)?;
                self.out.extend_from_slice(end);
                Some(Written::Other)
            }
            ("@ref", View::Array(2)) => self.pair(value).map(|_| Written::Other),
            _ => None,
        }
    }

    fn base64(&mut self, text: &[u8]) -> Option<usize> {
        let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
        let len = (text.len() / 4 * 3).checked_sub(padding).filter(|&len| len <= LONGEST)?;
        put_bytes(self.out, len);
        let start = self.out.len();
        // What is no base64 is not of that length either.
        STANDARD.decode_vec(text, self.out).ok()?;
        (self.out.len() == start + len).then_some(len)
    }

    /// An object that is a reference with a class; returns the oid.
    fn reference<'v, V: Held<'v>>(&mut self, value: V) -> Option<u64> {
        let View::Object(1) = value.view() else { return None };
        let (key, pair) = value.entries().next()?;
        match (key.view(), pair.view()) {
            (View::Text("@ref"), View::Array(2)) => self.pair(pair),
            _ => None,
        }
    }

    /// An oid and the name of a class.
    fn pair<'v, V: Held<'v>>(&mut self, pair: V) -> Option<u64> {
        let (oid, class) = (pair.item(0)?, pair.item(1)?);
        let (View::Text(oid), View::Text(class)) = (oid.view(), class.view()) else { return None };
        let oid = oid_of(oid.as_bytes())?;
        if self.last_name.is_empty() || self.last_name != class {
            self.refer_to(class)?;
        }
        put_bytes(self.out, 8);
        self.out.extend_from_slice(&oid.to_be_bytes());
        self.out.extend_from_slice(&self.last_global);
        self.out.extend_from_slice(&[op::TUPLE2, op::BINPERSID]);
        Some(oid)
    }

    fn refer_to(&mut self, class: &str) -> Option<()> {
        let (module, name) = class.rsplit_once('.')?;
        self.last_class = Class::parse(module, name);
        if self.last_class.is_none() {
            let named = names::is_dotted(module.as_bytes()) && names::is_identifier(name.as_bytes());
            if !named || stdlib::has(module.as_bytes()) {
                return None;
            }
        }
        self.last_global.clear();
        put_global(&mut self.last_global, module.as_bytes(), name.as_bytes());
        self.last_name.clear();
        self.last_name.push_str(class);
        Some(())
    }
}

/// Whether keys are what the column has, and ascend.
struct Order<'v> {
    column: Column,
    fits: Fits,
    before: Before<'v>,
}

/// The last key; of bytes, where they were written.
enum Before<'v> {
    Nothing,
    Int(i64),
    Text(&'v str),
    Bytes(Range<usize>),
}

impl<'v> Order<'v> {
    fn new(column: Column) -> Self {
        Order { column, fits: Fits::of(column), before: Before::Nothing }
    }

    /// Takes the next key, which is the last that was written to `out`.
    #[inline(always)]
    fn next(&mut self, out: &[u8], key: Written<'v>) -> Option<()> {
        if !fits(self.fits, self.column, &key) {
            return None;
        }
        let last = |len: usize| out.len() - len..out.len();
        let (ascends, key) = match (&self.before, key) {
            (Before::Nothing, Written::Int(key)) => (true, Before::Int(key)),
            (Before::Nothing, Written::Text(key)) => (true, Before::Text(key)),
            (Before::Nothing, Written::Bytes(len)) => (true, Before::Bytes(last(len))),
            (&Before::Int(before), Written::Int(key)) => (before < key, Before::Int(key)),
            (Before::Text(before), Written::Text(key)) => {
                (scan::before(before.as_bytes(), key.as_bytes()), Before::Text(key))
            }
            (Before::Bytes(before), Written::Bytes(len)) => {
                (out.get(before.clone())? < out.get(last(len))?, Before::Bytes(last(len)))
            }
            _ => return None,
        };
        self.before = key;
        ascends.then_some(())
    }
}

/// Whether a column may have a value.
#[inline(always)]
fn fits(column: Fits, kind: Column, value: &Written) -> bool {
    match (value, kind) {
        (_, Column::Object) | (Written::Int(_), Column::F32) => true,
        (Written::Int(value), _) => column.has_int(*value),
        (Written::Float(value), Column::F32) => (*value as f32).is_finite(),
        (&Written::Bytes(has), Column::Bytes(len)) => has == len,
        _ => false,
    }
}

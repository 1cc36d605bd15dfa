//! Whether a state is one that BTrees could have made.

use super::order::{Comparer, Order};
use super::State;
use crate::error::{fail, Fallible, Reason};
use crate::model::{Doc, Integer, Node, RefClass, Span, Value};
use crate::{Class, Column, Kind, Prefix};
use std::cmp::Ordering;

/// Keys ascend, keys and values are what the family has, and references are to nodes of the same
/// kind of tree.
pub(crate) fn check(doc: Doc, class: Class, state: &State) -> Fallible<()> {
    let Class::Node(prefix, kind) = class else { return Ok(()) };
    match *state {
        State::Empty | State::Length(_) => Ok(()),
        State::Items { items, next } => {
            let nodes = doc.arena.slice(items);
            let mut checker = Checker::new(prefix, doc.source);
            for item in nodes.chunks(if kind.is_map() { 2 } else { 1 }) {
                item.first().into_iter().try_for_each(|&key| checker.key(doc, key))?;
                item.get(1).into_iter().try_for_each(|&value| checker.value(doc, value))?;
            }
            check_items(doc, prefix, kind, nodes.len(), next)
        }
        State::Children { children, first } => check_children(doc, prefix, kind, children, first),
    }
}

/// Keys ascend, and references are to nodes below.
pub(crate) fn check_children(
    doc: Doc,
    prefix: &'static Prefix,
    kind: Kind,
    children: Span,
    first: Node,
) -> Fallible<()> {
    let nodes = doc.arena.slice(children);
    let mut checker = Checker::new(prefix, doc.source);
    nodes.iter().skip(1).step_by(2).try_for_each(|&key| checker.key(doc, key))?;
    let leaf = kind.leaf();
    let first_oid = reference(doc, first, prefix, &[leaf], leaf)?.map(|(oid, _)| oid);
    let leftmost =
        nodes.first().map(|&node| reference(doc, node, prefix, &[leaf, kind], leaf)).transpose()?;
    let known = if leftmost.flatten().map(|(oid, _)| oid) == first_oid { leaf } else { kind };
    let mut below = None;
    for (place, &node) in nodes.iter().step_by(2).enumerate() {
        let Some((oid, child)) = reference(doc, node, prefix, &[leaf, kind], known)? else { continue };
        if *below.get_or_insert(child) != child {
            return fail(node.at, Reason::Structure("leaves and trees beside each other"));
        }
        if place == 0 && child == leaf && first_oid.is_some_and(|first| first != oid) {
            return fail(node.at, Reason::Structure("the first child is a leaf other than @first"));
        }
        if Some(oid) == first_oid && (place > 0 || child != leaf) {
            return fail(node.at, Reason::Structure("@first is not the first child"));
        }
    }
    Ok(())
}

/// What is to be seen when all items have been.
pub(crate) fn check_items(
    doc: Doc,
    prefix: &Prefix,
    kind: Kind,
    count: usize,
    next: Option<Node>,
) -> Fallible<()> {
    match next {
        Some(next) => reference(doc, next, prefix, &[kind.leaf()], kind.leaf()).map(|_| ()),
        // Where it begins is not known; it is all there is.
        None if count == 0 && !kind.is_leaf() => {
            fail(0, Reason::Structure("an empty tree is null, not a tree without items"))
        }
        None => Ok(()),
    }
}

/// Oid and kind of a reference to a node of the same family; `known` is the kind if its class is not
/// given.
fn reference(
    doc: Doc,
    node: Node,
    prefix: &Prefix,
    kinds: &[Kind],
    known: Kind,
) -> Fallible<Option<(u64, Kind)>> {
    let Value::Ref(reference) = node.value else { return Ok(None) };
    let Some(reference) = doc.reference(reference) else { return Ok(None) };
    let RefClass::Class(class) = reference.class else { return Ok(Some((reference.oid, known))) };
    match Class::of_names(doc.class_name(class)) {
        Some(Class::Node(family, kind)) if family == prefix && kinds.contains(&kind) => {
            Ok(Some((reference.oid, kind)))
        }
        _ => fail(node.at, Reason::Structure("a reference to what cannot be there")),
    }
}

/// Looks at the keys and values of a node, one after the other.
#[derive(Debug)]
pub(crate) struct Checker {
    prefix: &'static Prefix,
    before: Option<Node>,
    comparer: Comparer,
}

impl Checker {
    pub fn new(prefix: &'static Prefix, source: &[u8]) -> Self {
        Checker { prefix, before: None, comparer: Comparer::new(source) }
    }

    pub fn prefix(&self) -> &'static Prefix {
        self.prefix
    }

    /// The key that was looked at last.
    pub fn before(&self) -> Option<Node> {
        self.before
    }

    /// The key that somebody else has looked at last.
    pub fn set_before(&mut self, key: Node) {
        self.before = Some(key);
    }

    #[inline(always)]
    pub fn key(&mut self, doc: Doc, key: Node) -> Fallible<()> {
        column(doc, "key", self.prefix.keys, key)?;
        let Some(before) = self.before.replace(key) else { return Ok(()) };
        let ascending = match (before.value, key.value) {
            (Value::Int(before), Value::Int(key)) => before.int() < key.int(),
            // UTF-8 has the order of the code points.
            (Value::Str(before), Value::Str(key)) => doc.bytes(before) < doc.bytes(key),
            _ => false,
        };
        if ascending {
            Ok(())
        } else {
            self.compare(doc, before, key)
        }
    }

    fn compare(&mut self, doc: Doc, before: Node, key: Node) -> Fallible<()> {
        match self.comparer.keys(doc, before, key)? {
            Order::Known(Ordering::Less) | Order::Unknown => Ok(()),
            Order::Known(Ordering::Equal) => fail(key.at, Reason::DuplicateKey),
            Order::Known(Ordering::Greater) => fail(key.at, Reason::KeyOrder),
            Order::None => fail(key.at, Reason::KeyTypes),
        }
    }

    #[inline(always)]
    pub fn value(&self, doc: Doc, value: Node) -> Fallible<()> {
        column(doc, "value", self.prefix.values, value)
    }
}

#[inline(always)]
fn column(doc: Doc, what: &'static str, column: Column, node: Node) -> Fallible<()> {
    match (column, node.value) {
        (Column::Object, _) | (Column::I64, Value::Int(_)) => Ok(()),
        (Column::I32, Value::Int(value)) if i32::try_from(value.int()).is_ok() => Ok(()),
        _ if fits(doc, column, node) => Ok(()),
        _ => fail(node.at, Reason::ColumnType(what, wanted(column))),
    }
}

fn fits(doc: Doc, column: Column, node: Node) -> bool {
    let integer = match node.value {
        Value::Int(value) => Some(Integer::Small(value.int())),
        Value::Big(span) => Some(Integer::from_bytes(doc.bytes(span))),
        _ => None,
    };
    match (column, integer, node.value) {
        (Column::Object, ..) => true,
        (Column::I32, Some(Integer::Small(value)), _) => i32::try_from(value).is_ok(),
        (Column::U32, Some(Integer::Small(value)), _) => u32::try_from(value).is_ok(),
        (Column::I64 | Column::F32, Some(Integer::Small(_)), _) => true,
        (Column::U64, Some(Integer::Small(value)), _) => value >= 0,
        (Column::U64, Some(Integer::Big(value)), _) => u64::try_from(value).is_ok(),
        // What is not finite may stay so, but nothing may become so.
        (Column::F32, _, Value::Float(value)) => {
            !value.float().is_finite() || (value.float() as f32).is_finite()
        }
        (Column::Bytes(len), _, Value::Bytes(span)) => span.len as usize == len,
        _ => false,
    }
}

fn wanted(column: Column) -> &'static str {
    match column {
        Column::Object => "any object",
        Column::I32 => "an integer of 32 bits",
        Column::U32 => "an integer of 32 bits without sign",
        Column::I64 => "an integer of 64 bits",
        Column::U64 => "an integer of 64 bits without sign",
        Column::F32 => "a number that 32 bits can hold",
        Column::Bytes(2) => "two bytes",
        Column::Bytes(_) => "six bytes",
    }
}

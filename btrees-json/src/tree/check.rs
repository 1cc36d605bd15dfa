//! Whether a state is one that BTrees could have made.

use super::order::{Comparer, Order};
use super::State;
use crate::error::{fail, Fallible, Reason};
use crate::model::{Doc, Integer, Node, RefClass, Value};
use crate::{Class, Column, Kind, Prefix};
use std::cmp::Ordering;

/// Keys ascend, keys and values are what the family has, and references are to nodes of the same
/// kind of tree.
pub(crate) fn check(doc: Doc, class: Class, state: &State) -> Fallible<()> {
    let Class::Node(prefix, kind) = class else { return Ok(()) };
    match *state {
        State::Empty | State::Length(_) => Ok(()),
        State::Items { items, next } => {
            let stride = if kind.is_map() { 2 } else { 1 };
            let nodes = doc.arena.slice(items);
            if let (Some(values), true) = (nodes.get(1..), kind.is_map()) {
                values.iter().step_by(2).try_for_each(|&node| column(doc, "value", prefix.values, node))?;
            }
            keys(doc, prefix, nodes.iter().step_by(stride).copied())?;
            match next {
                Some(next) => reference(doc, next, prefix, &[kind.leaf()]).map(|_| ()),
                None if nodes.is_empty() && !kind.is_leaf() => {
                    // Where it begins is not known; it is all there is.
                    fail(0, Reason::Structure("an empty tree is null, not a tree without items"))
                }
                None => Ok(()),
            }
        }
        State::Children { children, first } => {
            let nodes = doc.arena.slice(children);
            keys(doc, prefix, nodes.iter().skip(1).step_by(2).copied())?;
            let leaf = kind.leaf();
            let first_oid = reference(doc, first, prefix, &[leaf])?.map(|(oid, _)| oid);
            let mut below = None;
            for (place, &node) in nodes.iter().step_by(2).enumerate() {
                let Some((oid, child)) = reference(doc, node, prefix, &[leaf, kind])? else { continue };
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
    }
}

/// Oid and kind of a reference to a node of the same family; None if its class is not given.
fn reference(doc: Doc, node: Node, prefix: &Prefix, kinds: &[Kind]) -> Fallible<Option<(u64, Kind)>> {
    let Value::Ref(reference) = node.value else { return Ok(None) };
    let Some(reference) = doc.reference(reference) else { return Ok(None) };
    let RefClass::Class(class) = reference.class else { return Ok(None) };
    let (module, name) = doc.class_name(class);
    match Class::parse(module, name) {
        Some(Class::Node(family, kind)) if family == prefix && kinds.contains(&kind) => {
            Ok(Some((reference.oid, kind)))
        }
        _ => fail(node.at, Reason::Structure("a reference to what cannot be there")),
    }
}

fn keys(doc: Doc, prefix: &Prefix, keys: impl Iterator<Item = Node>) -> Fallible<()> {
    let mut comparer = Comparer::new(doc);
    let mut before: Option<Node> = None;
    for key in keys {
        column(doc, "key", prefix.keys, key)?;
        if let Some(before) = before {
            match comparer.keys(before, key)? {
                Order::Known(Ordering::Less) | Order::Unknown => {}
                Order::Known(Ordering::Equal) => return fail(key.at, Reason::DuplicateKey),
                Order::Known(Ordering::Greater) => return fail(key.at, Reason::KeyOrder),
                Order::None => return fail(key.at, Reason::KeyTypes),
            }
        }
        before = Some(key);
    }
    Ok(())
}

#[inline]
fn column(doc: Doc, what: &'static str, column: Column, node: Node) -> Fallible<()> {
    let want = match (column, node.value) {
        (Column::Object, _) => return Ok(()),
        (Column::I32, Value::Int(value)) if i32::try_from(value.int()).is_ok() => return Ok(()),
        (Column::U32, Value::Int(value)) if u32::try_from(value.int()).is_ok() => return Ok(()),
        (Column::I64 | Column::F32, Value::Int(_)) => return Ok(()),
        (Column::U64, Value::Int(value)) if value.int() >= 0 => return Ok(()),
        (Column::I64 | Column::U64, Value::Big(span))
            if fits(column, Integer::from_bytes(doc.bytes(span))) =>
        {
            return Ok(());
        }
        (Column::F32, Value::Float(value)) if !value.float().is_finite() => return Ok(()),
        (Column::F32, Value::Float(value)) if (value.float() as f32).is_finite() => return Ok(()),
        (Column::Bytes(len), Value::Bytes(span)) if span.len as usize == len => return Ok(()),
        (Column::I32, _) => "an integer of 32 bits",
        (Column::U32, _) => "an integer of 32 bits without sign",
        (Column::I64, _) => "an integer of 64 bits",
        (Column::U64, _) => "an integer of 64 bits without sign",
        (Column::F32, _) => "a number that 32 bits can hold",
        (Column::Bytes(2), _) => "two bytes",
        (Column::Bytes(_), _) => "six bytes",
    };
    fail(node.at, Reason::ColumnType(what, want))
}

fn fits(column: Column, value: Integer) -> bool {
    match value {
        Integer::Small(value) => column == Column::I64 || value >= 0,
        Integer::Big(value) => column == Column::U64 && u64::try_from(value).is_ok(),
    }
}

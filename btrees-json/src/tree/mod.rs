//! The states of the nodes of trees.

mod check;
mod order;

pub(crate) use check::{check, check_children, check_items, Checker};

use crate::error::{fail, Fallible, Reason};
use crate::model::{Doc, Node, Span, Value};
use crate::{Class, Kind};

/// What a node of a tree, or a Length, holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// A tree with nothing in it.
    Empty,
    /// An integer.
    Length(Node),
    /// Keys, or keys and values in turn; of a leaf, or of a tree that is one leaf. And, of a leaf,
    /// the leaf behind it.
    Items { items: Span, next: Option<Node> },
    /// References and keys in turn, and the first leaf below.
    Children { children: Span, first: Node },
}

impl State {
    /// The state that a pickle of this class holds.
    pub fn of_value(doc: Doc, class: Class, root: Node) -> Fallible<State> {
        let wrong = |what| fail(root.at, Reason::State(what));
        let kind = match class {
            Class::Node(_, kind) => kind,
            Class::Length => {
                return match root.value {
                    Value::Int(_) | Value::Big(_) => Ok(State::Length(root)),
                    _ => wrong("a Length is an integer"),
                }
            }
        };
        match (kind.is_leaf(), root.value) {
            (false, Value::None) => Ok(State::Empty),
            (false, Value::Tuple(outer)) => match *doc.arena.slice(outer) {
                [node] => match only(doc, node).and_then(|leaf| only(doc, leaf)) {
                    Some(items) => State::items(doc, kind, items, None),
                    None => wrong("not the nesting of a tree with one leaf"),
                },
                [Node { value: Value::Tuple(children), .. }, first] => {
                    expect_children(doc, children, first)?;
                    Ok(State::Children { children, first })
                }
                _ => wrong("not what a tree has"),
            },
            (true, Value::Tuple(outer)) => match *doc.arena.slice(outer) {
                [items] => State::items(doc, kind, items, None),
                [items, next @ Node { value: Value::Ref(_), .. }] => {
                    State::items(doc, kind, items, Some(next))
                }
                [_, next] => fail(next.at, Reason::State("what is next to a leaf is not a reference")),
                _ => wrong("not what a leaf has"),
            },
            (false, _) => wrong("not what a tree has"),
            (true, _) => wrong("not what a leaf has"),
        }
    }

    fn items(doc: Doc, kind: Kind, items: Node, next: Option<Node>) -> Fallible<State> {
        match items.value {
            Value::Tuple(span) if kind.is_map() && span.len % 2 == 1 => {
                fail(items.at, Reason::OddItems(doc.arena.slice(span).len()))
            }
            Value::Tuple(items) => Ok(State::Items { items, next }),
            _ => fail(items.at, Reason::State("items are not in a tuple")),
        }
    }
}

/// References with one key between each two.
pub(crate) fn expect_children(doc: Doc, children: Span, first: Node) -> Fallible<()> {
    let nodes = doc.arena.slice(children);
    if nodes.len() % 2 == 0 {
        return fail(first.at, Reason::State("children are not one more than the keys between them"));
    }
    let is_ref = |node: &&Node| matches!(node.value, Value::Ref(_));
    match nodes.iter().step_by(2).chain([&first]).find(|node| !is_ref(node)) {
        Some(node) => fail(node.at, Reason::State("a child is not a reference")),
        None => Ok(()),
    }
}

/// The only item of a tuple.
fn only(doc: Doc, node: Node) -> Option<Node> {
    match node.value {
        Value::Tuple(items) => match *doc.arena.slice(items) {
            [item] => Some(item),
            _ => None,
        },
        _ => None,
    }
}

//! JSON text to values.

use super::convert::oid_of;
use super::marker::{Marker, CLASS_KEYS, DATE_TIME_KEYS, KEY_PREFIX};
use crate::error::{fail, Fallible, Reason};
use crate::model::{Arena, Doc, Node, Ref, RefClass, Span, Value};
use crate::MAX_DEPTH;
use std::collections::hash_map::{Entry, HashMap};

/// Objects and arrays inside each other: a dict that is an array of pairs in an object takes three.
const MAX_NESTING: usize = 3 * MAX_DEPTH + 8;

/// Reads a text.
pub(crate) struct Reader<'a> {
    pub(super) text: &'a str,
    /// The bytes of the text.
    pub(super) json: &'a [u8],
    pub(super) arena: &'a mut Arena,
    pub(super) stack: &'a mut Vec<Node>,
    /// The pickles of the items of a node.
    pub(super) body: &'a mut Vec<u8>,
    /// Whether a reference without a class is one, and not a pair with None.
    pub(super) strict: bool,
    frames: Vec<Frame>,
    pub(super) pos: usize,
}

/// An array or an object that is being read: where it begins, and the height of the stack then.
#[derive(Clone, Copy)]
struct Frame {
    at: u32,
    height: usize,
    object: bool,
}

impl<'a> Reader<'a> {
    pub fn new(
        text: &'a str,
        arena: &'a mut Arena,
        stack: &'a mut Vec<Node>,
        body: &'a mut Vec<u8>,
        strict: bool,
    ) -> Self {
        Reader { text, json: text.as_bytes(), arena, stack, body, strict, frames: vec![], pos: 0 }
    }

    pub(super) fn doc(&self) -> Doc<'_> {
        Doc { source: self.json, arena: self.arena }
    }

    /// The value that comes next, and all that is in it.
    #[inline(always)]
    pub(super) fn value(&mut self) -> Fallible<Node> {
        match self.next() {
            Some(b'{') => self.object_value(),
            Some(b'[') => self.collection(),
            next => self.leaf(next),
        }
    }

    /// An object, which often is bytes or a reference, in the form that we write.
    fn object_value(&mut self) -> Fallible<Node> {
        let at = self.pos;
        match self.usual() {
            Some(value) => Ok(Node { at: at as u32, value }),
            None => {
                self.pos = at;
                self.collection()
            }
        }
    }

    /// `{"@b":"base64"}` or `{"@ref":["oid","module.Class"]}`.
    fn usual(&mut self) -> Option<Value> {
        let rest = self.json.get(self.pos..)?;
        if rest.starts_with(b"{\"@b\":\"") {
            self.pos += 6;
            let text = self.string().ok()?;
            self.eat_now(b"}")?;
            return Some(Value::Bytes(self.base64(text)?));
        }
        if !rest.starts_with(b"{\"@ref\":[\"") {
            return None;
        }
        self.pos += 9;
        let oid = self.string().ok()?;
        self.eat_now(b",")?;
        let class = self.string().ok()?;
        self.eat_now(b"]}")?;
        let oid = oid_of(self.doc().bytes(oid))?;
        let class = RefClass::Class(self.ref_class(class).ok()?);
        self.arena.refs.push(Ref { oid, class });
        Some(Value::Ref(self.arena.refs.len() as u32 - 1))
    }

    fn eat_now(&mut self, bytes: &[u8]) -> Option<()> {
        let found = self.json.get(self.pos..)?.starts_with(bytes);
        self.pos += bytes.len();
        found.then_some(())
    }

    #[inline(always)]
    fn leaf(&mut self, next: Option<u8>) -> Fallible<Node> {
        match next {
            Some(b'"') => {
                let at = self.pos as u32;
                Ok(Node { at, value: Value::Str(self.string()?) })
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.name("true", Value::Bool(true)),
            Some(b'f') => self.name("false", Value::Bool(false)),
            Some(b'n') => self.name("null", Value::None),
            _ => self.fail("not a value"),
        }
    }

    fn collection(&mut self) -> Fallible<Node> {
        loop {
            let mut node = match self.next() {
                Some(bracket @ (b'[' | b'{')) => match self.open(bracket == b'{')? {
                    Some(empty) => empty,
                    None => continue,
                },
                next => self.leaf(next)?,
            };
            // What ends here, perhaps together with what it is in.
            loop {
                let Some(&frame) = self.frames.last() else { return Ok(node) };
                self.stack.push(node);
                if self.eat(b',') {
                    if frame.object {
                        self.object_key()?;
                    }
                    break;
                }
                let (end, what) = if frame.object {
                    (b'}', "neither a comma nor the end of an object")
                } else {
                    (b']', "neither a comma nor the end of an array")
                };
                self.expect(end, what)?;
                self.frames.pop();
                let value = if frame.object {
                    self.object(frame)?
                } else {
                    let items = self.arena.take_items(self.stack, frame.height);
                    Value::List(self.arena.new_object(items))
                };
                node = Node { at: frame.at, value };
            }
        }
    }

    /// Begins an array or object; returns it if it is empty.
    fn open(&mut self, object: bool) -> Fallible<Option<Node>> {
        let at = self.pos as u32;
        self.pos += 1;
        if self.eat(if object { b'}' } else { b']' }) {
            let id = self.arena.new_object(Span::default());
            return Ok(Some(Node { at, value: if object { Value::Dict(id) } else { Value::List(id) } }));
        }
        if self.frames.len() >= MAX_NESTING {
            return fail(at, Reason::TooDeep);
        }
        self.frames.push(Frame { at, height: self.stack.len(), object });
        if object {
            self.object_key()?;
        }
        Ok(None)
    }

    /// A key and its colon.
    fn object_key(&mut self) -> Fallible<()> {
        self.next();
        let at = self.pos as u32;
        let span = self.string()?;
        self.stack.push(Node { at, value: Value::Str(span) });
        self.expect(b':', "colon expected")
    }

    /// What the keys and values on the stack stand for.
    fn object(&mut self, frame: Frame) -> Fallible<Value> {
        let items = self.stack.get(frame.height..).unwrap_or_default();
        let doc = Doc { source: self.json, arena: self.arena };
        let count = items.len() / 2;
        let mut encoded = false;
        for pair in items.chunks_exact(2) {
            let &[Node { at, value: Value::Str(key) }, value] = pair else { continue };
            let key = doc.bytes(key);
            if key.first() != Some(&b'@') {
                continue;
            }
            encoded |= key.starts_with(KEY_PREFIX.as_bytes());
            match Marker::of_key(key) {
                Some(marker) if count == 1 => {
                    self.stack.truncate(frame.height);
                    return self.convert(marker, value);
                }
                Some(marker @ Marker::Class) if count <= CLASS_KEYS => {
                    return fail(at, Reason::Marker(marker.key(), "objects of classes are not supported"));
                }
                Some(marker @ Marker::DateTime) if count <= DATE_TIME_KEYS => {
                    return fail(at, Reason::Marker(marker.key(), "no other key beside it"));
                }
                _ => {}
            }
        }
        if encoded {
            self.decode_keys(frame.height)?;
        }
        self.drop_duplicates(frame.height);
        let items = self.arena.take_items(self.stack, frame.height);
        Ok(Value::Dict(self.arena.new_object(items)))
    }

    /// Keys that hold U+0000 come as base64 from a jsonb column.
    fn decode_keys(&mut self, height: usize) -> Fallible<()> {
        for place in (height..self.stack.len()).step_by(2) {
            let Some(&Node { at, value: Value::Str(key) }) = self.stack.get(place) else { continue };
            if !self.doc().bytes(key).starts_with(KEY_PREFIX.as_bytes()) {
                continue;
            }
            let prefix = KEY_PREFIX.len() as u32;
            let value = match self.base64(Span { start: key.start + prefix, len: key.len - prefix }) {
                Some(span) if std::str::from_utf8(self.doc().bytes(span)).is_ok() => Value::Str(span),
                _ => return fail(at, Reason::Marker(KEY_PREFIX, "not base64 of UTF-8")),
            };
            self.stack.get_mut(place).into_iter().for_each(|node| node.value = value);
        }
        Ok(())
    }

    /// Of keys that are equal the last one has the value, in the place of the first, as in Python.
    fn drop_duplicates(&mut self, height: usize) {
        let doc = Doc { source: self.json, arena: self.arena };
        let items = self.stack.get(height..).unwrap_or_default();
        let text = |node: &Node| match node.value {
            Value::Str(key) => doc.bytes(key),
            _ => b"",
        };
        let keys = || items.chunks_exact(2).filter_map(|pair| pair.first()).map(text);
        if items.len() <= 32 {
            // One bit for keys of some kind: mostly it tells that there is no other of the kind.
            let mut seen = 0u64;
            let unique = keys().enumerate().all(|(count, key)| {
                let ends =
                    key.first().zip(key.last()).map_or(0, |(first, last)| first.wrapping_mul(7) ^ last);
                let bit = 1u64.rotate_left(u32::from(ends) + 5 * key.len() as u32);
                let maybe = seen & bit != 0;
                seen |= bit;
                !maybe || keys().take(count).all(|other| other != key)
            });
            if unique {
                return;
            }
        }
        let mut places = HashMap::new();
        let mut single: Vec<Node> = Vec::with_capacity(items.len());
        for (pair, key) in items.chunks_exact(2).zip(keys()) {
            let &[name, value] = pair else { continue };
            match places.entry(key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(single.len() + 1);
                    single.extend([name, value]);
                }
                Entry::Occupied(place) => {
                    single.get_mut(*place.get()).into_iter().for_each(|node| *node = value);
                }
            }
        }
        self.stack.truncate(height);
        self.stack.append(&mut single);
    }

    /// Nothing but space is left.
    pub(super) fn end(&mut self) -> Fallible<()> {
        match self.next() {
            None => Ok(()),
            Some(_) => fail(self.pos as u32, Reason::Json("text goes on behind its end")),
        }
    }
}

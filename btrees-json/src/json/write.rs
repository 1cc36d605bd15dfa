//! Values as JSON.

use super::marker::{is_ambiguous, Marker, KEY_PREFIX};
use super::sink::{Sink, Text};
use crate::error::{Fail, Reason};
use crate::model::{big_text, Doc, Extra, Items, Moment, Node, RefClass, Span, Value};
use crate::tree::State;
use crate::{stdlib, Class, DecodeOptions, MAX_DEPTH};

/// Why writing ended.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    /// What was to be written.
    Value(Fail),
    /// Where it went.
    Sink(E),
}

impl<E> From<E> for Failure<E> {
    fn from(error: E) -> Self {
        Failure::Sink(error)
    }
}

type Written<S> = Result<(), Failure<<S as Sink>::Error>>;

/// Writes values to a sink.
pub(crate) struct Writer<'a, S> {
    doc: Doc<'a>,
    sink: &'a mut S,
    jsonb: bool,
    /// Refuse values that the other direction would refuse.
    strict: bool,
    /// Whether the next value has to be hashable.
    hashable: bool,
    /// What may still be written, in bytes of text or so.
    budget: usize,
    /// The oids of all references, in the order of the text.
    refs: Vec<u64>,
    frames: Vec<Frame<'a>>,
}

/// A collection that is being written.
struct Frame<'a> {
    items: Items<'a>,
    /// How many items came before.
    count: usize,
    form: Form,
    /// Whether the items have to be hashable.
    hashable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Array,
    /// An array in an object with one key.
    Marked,
    Object,
    /// An array of pairs in an object with one key.
    Pairs,
}

impl<'a, S: Sink> Writer<'a, S> {
    pub fn new(doc: Doc<'a>, sink: &'a mut S, options: DecodeOptions) -> Self {
        // Real records have up to 50 bytes of text for 2 bytes of pickle, where a class and a key
        // come from the memo; what is shared by many, like a long string, is usually small.
        let budget = doc.source.len().saturating_mul(64).saturating_add(1 << 20);
        let DecodeOptions { jsonb, strict } = options;
        Writer { doc, sink, jsonb, strict, hashable: false, budget, refs: vec![], frames: vec![] }
    }

    pub fn into_refs(self) -> Vec<u64> {
        self.refs
    }

    /// An object with class and state.
    pub fn record(&mut self, class: Class, state: &State) -> Written<S> {
        self.sink.object()?;
        self.sink.key(Text::plain(b"@cls"))?;
        self.names(class.module().as_bytes(), class.name().as_bytes())?;
        self.sink.key(Text::plain(b"@s"))?;
        self.state(class, state)?;
        Ok(self.sink.end_object()?)
    }

    /// The state of a node or of a Length.
    pub fn state(&mut self, class: Class, state: &State) -> Written<S> {
        match *state {
            State::Empty => return Ok(self.sink.null()?),
            State::Length(length) => return self.value(length),
            State::Items { items, next } => {
                let items = self.doc.arena.slice(items);
                self.sink.object()?;
                if matches!(class, Class::Node(_, kind) if kind.is_map()) {
                    self.sink.key(Text::plain(b"@kv"))?;
                    self.sink.array()?;
                    for pair in items.chunks_exact(2) {
                        self.sink.array()?;
                        pair.iter().try_for_each(|&node| self.value(node))?;
                        self.sink.end_array()?;
                    }
                } else {
                    self.sink.key(Text::plain(b"@ks"))?;
                    self.sink.array()?;
                    items.iter().try_for_each(|&node| self.value(node))?;
                }
                self.sink.end_array()?;
                if let Some(next) = next {
                    self.sink.key(Text::plain(b"@next"))?;
                    self.value(next)?;
                }
            }
            State::Children { children, first } => {
                self.sink.object()?;
                self.sink.key(Text::plain(b"@children"))?;
                self.sink.array()?;
                self.doc.arena.slice(children).iter().try_for_each(|&node| self.value(node))?;
                self.sink.end_array()?;
                self.sink.key(Text::plain(b"@first"))?;
                self.value(first)?;
            }
        }
        Ok(self.sink.end_object()?)
    }

    fn fail(&self, node: Node, reason: Reason) -> Written<S> {
        Err(Failure::Value(Fail::new(node.at, reason)))
    }

    /// A value and all that is in it.
    #[inline(always)]
    fn value(&mut self, node: Node) -> Written<S> {
        // What most items are, without a detour.
        match node.value {
            Value::Int(value) => {
                self.spend(node, 0)?;
                Ok(self.sink.integer(value.int())?)
            }
            Value::Plain(span) => {
                self.spend(node, span.len as usize)?;
                Ok(self.sink.string(Text::plain(self.doc.bytes(span)))?)
            }
            _ => self.any_value(node),
        }
    }

    fn any_value(&mut self, node: Node) -> Written<S> {
        self.hashable = false;
        self.open(node)?;
        while let Some(frame) = self.frames.last_mut() {
            let (form, second) = (frame.form, frame.count % 2 == 1);
            let next = frame.items.next();
            frame.count += 1;
            self.hashable = frame.hashable || (form == Form::Pairs && !second);
            match (form, next) {
                (Form::Object, Some(node)) if !second => self.key(node)?,
                (Form::Pairs, Some(node)) if !second => {
                    if frame.count > 1 {
                        self.sink.end_array()?;
                    }
                    self.sink.array()?;
                    self.open(node)?;
                }
                (_, Some(node)) => self.open(node)?,
                (_, None) => {
                    if form == Form::Pairs && frame.count > 1 {
                        self.sink.end_array()?;
                    }
                    self.frames.pop();
                    match form {
                        Form::Object => self.sink.end_object()?,
                        Form::Array => self.sink.end_array()?,
                        Form::Marked | Form::Pairs => {
                            self.sink.end_array()?;
                            self.sink.end_object()?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A leaf as a whole, or the beginning of a collection.
    #[inline]
    fn open(&mut self, node: Node) -> Written<S> {
        // About what the text will have.
        let len = match node.value {
            Value::Plain(span) | Value::Str(span) => span.len as usize,
            Value::Bytes(span) => 8 + span.len as usize * 4 / 3,
            Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) | Value::Dict(_) => 8,
            Value::Ref(_) | Value::Extra(_) => 40,
            _ => 0,
        };
        self.spend(node, len)?;
        match node.value {
            Value::List(_) | Value::Dict(_) | Value::Set(_) if self.strict && self.hashable => {
                return self.fail(node, Reason::Unhashable);
            }
            Value::Plain(span) => self.sink.string(Text::plain(self.doc.bytes(span)))?,
            Value::Str(span) => self.string(span)?,
            Value::Int(value) => self.sink.integer(value.int())?,
            Value::None => self.sink.null()?,
            Value::Bool(value) => self.sink.boolean(value)?,
            Value::Float(value) => self.float(value.float())?,
            Value::Bytes(span) => {
                self.sink.object()?;
                self.sink.key(Text::plain(b"@b"))?;
                self.sink.base64(self.doc.bytes(span))?;
                self.sink.end_object()?;
            }
            Value::Big(span) => {
                self.spend(node, 3 * span.len as usize)?;
                let mut text = vec![];
                big_text(self.doc.bytes(span), &mut text);
                self.marked(Marker::BigInt, &text)?;
            }
            Value::Tuple(items) => self.collection(node, self.doc.tuple(items), Some(Marker::Tuple))?,
            Value::List(id) => self.collection(node, self.doc.items(id), None)?,
            Value::Set(id) => self.collection(node, self.doc.items(id), Some(Marker::Set))?,
            Value::FrozenSet(id) => self.collection(node, self.doc.items(id), Some(Marker::FrozenSet))?,
            Value::Dict(id) => self.dict(node, self.doc.items(id))?,
            Value::Class(class) => self.class(node, class)?,
            Value::Ref(reference) => self.reference(node, reference)?,
            Value::Extra(extra) => self.extra(node, extra)?,
        }
        Ok(())
    }

    #[inline]
    fn spend(&mut self, node: Node, len: usize) -> Written<S> {
        match self.budget.checked_sub(len + 8) {
            Some(budget) => {
                self.budget = budget;
                Ok(())
            }
            None => self.fail(node, Reason::TooMuchOutput),
        }
    }

    fn push(&mut self, node: Node, items: Items<'a>, form: Form, hashable: bool) -> Written<S> {
        if self.frames.len() >= MAX_DEPTH {
            return self.fail(node, Reason::TooDeep);
        }
        self.frames.push(Frame { items, count: 0, form, hashable });
        Ok(())
    }

    fn collection(&mut self, node: Node, items: Items<'a>, marker: Option<Marker>) -> Written<S> {
        let hashable = match marker {
            Some(Marker::Set | Marker::FrozenSet) => true,
            Some(_) => self.hashable,
            None => false,
        };
        if let Some(marker) = marker {
            self.sink.object()?;
            self.sink.key(Text::plain(marker.key().as_bytes()))?;
        }
        self.sink.array()?;
        self.push(node, items, if marker.is_some() { Form::Marked } else { Form::Array }, hashable)
    }

    fn dict(&mut self, node: Node, items: Items<'a>) -> Written<S> {
        let doc = self.doc;
        let text = move |node: Node| match node.value {
            Value::Plain(span) | Value::Str(span) => Some(doc.bytes(span)),
            _ => None,
        };
        let keys = items.clone().step_by(2).map(text);
        self.sink.object()?;
        if keys.clone().all(|key| key.is_some()) && !is_ambiguous(keys.flatten()) {
            return self.push(node, items, Form::Object, false);
        }
        self.sink.key(Text::plain(Marker::Dict.key().as_bytes()))?;
        self.sink.array()?;
        self.push(node, items, Form::Pairs, false)
    }

    /// A key of a dict that is written as an object.
    fn key(&mut self, node: Node) -> Written<S> {
        let text = match node.value {
            Value::Plain(span) => Text::plain(self.doc.bytes(span)),
            Value::Str(span) => Text::any(self.doc.bytes(span)),
            _ => Text::plain(b""),
        };
        self.spend(node, text.as_bytes().len())?;
        if self.jsonb && text.as_bytes().contains(&0) {
            let mut key = KEY_PREFIX.to_owned();
            base64::Engine::encode_string(
                &base64::engine::general_purpose::STANDARD,
                text.as_bytes(),
                &mut key,
            );
            return Ok(self.sink.key(Text::plain(key.as_bytes()))?);
        }
        Ok(self.sink.key(text)?)
    }

    fn string(&mut self, span: Span) -> Written<S> {
        let text = self.doc.bytes(span);
        if self.jsonb && text.contains(&0) {
            self.sink.object()?;
            self.sink.key(Text::plain(Marker::String.key().as_bytes()))?;
            self.sink.base64(text)?;
            return Ok(self.sink.end_object()?);
        }
        Ok(self.sink.string(Text::any(text))?)
    }

    /// jsonb makes integers of large numbers, and zero of minus zero.
    fn float(&mut self, value: f64) -> Written<S> {
        let unsafe_in_jsonb = value.abs() >= 1e16 || (value == 0.0 && value.is_sign_negative());
        if value.is_nan() {
            self.marked(Marker::Float, b"nan")
        } else if value.is_infinite() {
            self.marked(Marker::Float, if value > 0.0 { b"inf" } else { b"-inf" })
        } else if self.jsonb && unsafe_in_jsonb {
            self.marked(Marker::Float, ryu::Buffer::new().format_finite(value).as_bytes())
        } else {
            Ok(self.sink.float(value)?)
        }
    }

    /// An object with one key and a string of ASCII without escapes.
    fn marked(&mut self, marker: Marker, text: &[u8]) -> Written<S> {
        self.sink.object()?;
        self.sink.key(Text::plain(marker.key().as_bytes()))?;
        self.sink.string(Text::plain(text))?;
        Ok(self.sink.end_object()?)
    }

    fn names(&mut self, module: &[u8], name: &[u8]) -> Written<S> {
        self.sink.array()?;
        self.sink.word(Text::plain(module))?;
        self.sink.word(Text::plain(name))?;
        Ok(self.sink.end_array()?)
    }

    /// A class as a value: no other than those of BTrees.
    fn class(&mut self, node: Node, class: u32) -> Written<S> {
        let (module, name) = self.doc.class_name(class);
        if Class::of_names((module, name)).is_none() {
            return self.fail(node, Reason::UnknownClass(self.doc.class_text(class)));
        }
        self.sink.object()?;
        self.sink.key(Text::plain(Marker::Class.key().as_bytes()))?;
        self.names(module, name)?;
        Ok(self.sink.end_object()?)
    }

    fn reference(&mut self, node: Node, reference: u32) -> Written<S> {
        let Some(reference) = self.doc.reference(reference) else {
            return self.fail(node, Reason::Reference("lost"));
        };
        self.refs.push(reference.oid);
        let oid = oid_text(reference.oid);
        self.sink.object()?;
        self.sink.key(Text::plain(Marker::Ref.key().as_bytes()))?;
        match reference.class {
            RefClass::OidOnly | RefClass::None => self.sink.string(Text::plain(&oid))?,
            RefClass::Class(class) => {
                let (module, name) = self.doc.class_name(class);
                if self.strict && stdlib::has(module) {
                    return self.fail(node, Reason::NotPersistent(self.doc.class_text(class)));
                }
                self.spend(node, module.len() + name.len())?;
                let dotted = [module, b".", name].concat();
                self.sink.array()?;
                self.sink.string(Text::plain(&oid))?;
                self.sink.word(Text::any(&dotted))?;
                self.sink.end_array()?;
            }
        }
        Ok(self.sink.end_object()?)
    }

    fn extra(&mut self, node: Node, extra: u32) -> Written<S> {
        let mut text = vec![];
        let marker = match self.doc.extra(extra) {
            Some(Extra::Moment(moment)) => {
                moment.write_text(&mut text);
                match moment {
                    Moment::Date(_) => Marker::Date,
                    Moment::Time(..) => Marker::Time,
                    Moment::DateTime(..) => Marker::DateTime,
                }
            }
            Some(Extra::Delta(delta)) => {
                self.sink.object()?;
                self.sink.key(Text::plain(Marker::TimeDelta.key().as_bytes()))?;
                self.sink.array()?;
                for part in [delta.days, delta.seconds, delta.micros] {
                    self.sink.integer(i64::from(part))?;
                }
                self.sink.end_array()?;
                return Ok(self.sink.end_object()?);
            }
            Some(Extra::Decimal(span)) => {
                self.spend(node, span.len as usize)?;
                return self.marked(Marker::Decimal, self.doc.bytes(span));
            }
            Some(Extra::Uuid(Some(number))) => {
                let hex = format!("{number:032x}");
                let (mut rest, mut parts) = (hex.as_str(), vec![]);
                for len in [8, 4, 4, 4] {
                    let (part, behind) = rest.split_at_checked(len).unwrap_or_default();
                    parts.push(part);
                    rest = behind;
                }
                parts.push(rest);
                text = parts.join("-").into_bytes();
                Marker::Uuid
            }
            Some(Extra::Uuid(None)) => return self.fail(node, Reason::Value("UUID without a number")),
            Some(Extra::Zone(_)) => {
                return self.fail(node, Reason::Callable("datetime.timezone outside of a time".to_owned()))
            }
            None => return self.fail(node, Reason::Value("lost")),
        };
        self.marked(marker, &text)
    }
}

/// 16 hexadecimal digits.
fn oid_text(oid: u64) -> [u8; 16] {
    let mut text = [b'0'; 16];
    for (place, digit) in text.iter_mut().rev().enumerate() {
        let nibble = (oid >> (4 * place)) as u8 & 15;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
    }
    text
}

//! Records as a whole.

use crate::error::{fail, Error, Fail, Fallible, Reason, Result};
use crate::json::{self, Direct, Draft, Failure, Held, Sink, TextSink};
use crate::model::{Arena, Doc, Node, Value};
use crate::pickle::{op, put_start, Machine, Reader, Writer};
use crate::tree::{self, State};
use crate::Class;

/// The most bytes of a record or text; places in it are numbers of 32 bits.
const MAX_INPUT: usize = 1 << 30;

/// Records above this size leave no memory behind in an [`Encoder`] or [`Decoder`].
const LARGE: usize = 1 << 20;

/// How records become JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The text survives a `jsonb` column of PostgreSQL: strings with U+0000, which jsonb cannot
    /// hold, become `{"@ns": base64}`, and keys with it `"@ns:" + base64`; numbers that jsonb would
    /// change (minus zero, and 1e16 and above) become `{"@f": text}`.
    pub jsonb: bool,
    /// Refuse what [`EncodeOptions::strict`] would refuse, and bytes behind the record.
    pub strict: bool,
}

/// What [`EncodeOptions::style`] can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// The bytes that zodb-json-codec writes: protocol 2, and the class as a tuple of names.
    #[default]
    Codec,
    /// As ZODB itself begins its records: protocol 3, and the class as a class.
    Zodb,
}

/// How JSON becomes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Refuse trees that BTrees could not have made: keys that do not ascend, keys or values of
    /// the wrong type, references to nodes of another kind. A reference without a class gets that
    /// of the node that must be there, or is written as an oid alone. Otherwise nothing of this
    /// is looked at, and such a reference is written as zodb-json-codec does it, as a pair with
    /// None, which ZODB cannot load.
    pub strict: bool,
    /// The form of the record.
    pub style: Style,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions { strict: true, style: Style::default() }
    }
}

/// A record as JSON text: `{"@cls": [module, name], "@s": state}`, without spaces.
///
/// # Errors
///
/// Says what is wrong, or not supported, with the offset of the opcode in the record.
pub fn decode(record: &[u8]) -> Result<String> {
    Decoder::default().read(record)?.to_json()
}

/// JSON text as a record.
///
/// # Errors
///
/// Says what is wrong, with the offset in the text and the path in the JSON.
pub fn encode(json: &str) -> Result<Vec<u8>> {
    Encoder::default().encode(json)
}

/// Reads records, and keeps its memory from one to the next.
///
/// Time and memory are proportional to the size of a record. What the memo shares is written out
/// wherever it is used; where this makes the text far larger than the record (1 MiB and 64 bytes
/// for each byte), the record is refused.
#[derive(Debug, Default)]
pub struct Decoder {
    options: DecodeOptions,
    arena: Arena,
    machine: Machine,
}

impl Decoder {
    /// A decoder with these options.
    pub fn new(options: DecodeOptions) -> Self {
        Decoder { options, ..Decoder::default() }
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn read<'d>(&'d mut self, record: &'d [u8]) -> Result<Record<'d>> {
        if self.arena.items.capacity() > LARGE / size_of::<Node>() {
            self.arena.shrink();
            self.machine.shrink();
        }
        self.arena.clear();
        self.machine.clear();
        let (class, state) = self.parse(record).map_err(|fail| Error::in_record(fail, record))?;
        let doc = Doc { source: record, arena: &self.arena };
        Ok(Record { options: self.options, doc, class, state })
    }

    fn parse(&mut self, record: &[u8]) -> Fallible<(Class, State)> {
        if record.len() > MAX_INPUT {
            return fail(0, Reason::TooMuchInput);
        }
        let mut reader = Reader::new(record, &mut self.arena, &mut self.machine);
        let class = reader.pickle()?;
        let root = reader.pickle()?;
        let end = reader.pos();
        if self.options.strict && end < record.len() {
            return fail(end as u32, Reason::TrailingBytes);
        }
        let doc = Doc { source: record, arena: &self.arena };
        let class = class_of(doc, class)?;
        Ok((class, State::of_value(doc, class, root)?))
    }
}

/// The class that a class pickle names: `class`, `(module, name)`, or a pair of either and of
/// nothing.
fn class_of(doc: Doc, node: Node) -> Fallible<Class> {
    let named = |value: Value| match value {
        Value::Class(class) => Some(doc.class_name(class)),
        Value::Tuple(items) => match *doc.arena.slice(items) {
            [Node { value: Value::Plain(module) | Value::Str(module), .. }, Node { value: Value::Plain(name) | Value::Str(name), .. }] => {
                Some((doc.bytes(module), doc.bytes(name)))
            }
            _ => None,
        },
        _ => None,
    };
    let found = named(node.value).or_else(|| match node.value {
        Value::Tuple(items) => match *doc.arena.slice(items) {
            [class, Node { value: Value::None, .. }] => named(class.value),
            [class, Node { value: Value::Tuple(arguments), .. }] if arguments.len == 0 => named(class.value),
            _ => None,
        },
        _ => None,
    });
    let Some((module, name)) = found else { return fail(node.at, Reason::ClassPickle) };
    match Class::of_names((module, name)) {
        Some(class) => Ok(class),
        None => {
            let name = [module, b".", name].map(String::from_utf8_lossy).concat();
            fail(node.at, Reason::UnknownClass(name))
        }
    }
}

/// A record that was read.
#[derive(Clone, Copy, Debug)]
pub struct Record<'d> {
    options: DecodeOptions,
    doc: Doc<'d>,
    class: Class,
    state: State,
}

/// What [`Record::write`] can fail with.
#[derive(Debug)]
pub enum WriteError<E> {
    /// Something in the record.
    Record(Error),
    /// What the sink returned.
    Sink(E),
}

impl Record<'_> {
    /// The class of the object.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The JSON text of class and state, as [`decode`] returns it.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn to_json(&self) -> Result<String> {
        let (sink, _) = self.text(true)?;
        Ok(sink.into_string())
    }

    /// The JSON text of the state alone, and the oids of all references in it, in their order.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn state_json(&self) -> Result<(String, Vec<u64>)> {
        let (sink, refs) = self.text(false)?;
        Ok((sink.into_string(), refs))
    }

    /// The text of [`Self::to_json`] or of [`Self::state_json`], without a second look at it.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn text(&self, with_class: bool) -> Result<(TextSink, Vec<u64>)> {
        let mut sink = TextSink::with_capacity(self.doc.source.len() * 2 + 64);
        match self.write(&mut sink, with_class) {
            Ok(refs) => Ok((sink, refs)),
            Err(WriteError::Record(error)) => Err(error),
            Err(WriteError::Sink(never)) => match never {},
        }
    }

    /// Writes the state, or class and state, to a sink; returns the oids of all references in it.
    ///
    /// # Errors
    ///
    /// Those of [`decode`], and of the sink.
    pub fn write<S: Sink>(
        &self,
        sink: &mut S,
        with_class: bool,
    ) -> std::result::Result<Vec<u64>, WriteError<S::Error>> {
        let located = |fail: Fail| WriteError::Record(Error::in_record(fail, self.doc.source));
        let mut writer = json::Writer::new(self.doc, sink, self.options);
        let written = match with_class {
            true => writer.record(self.class, &self.state),
            false => writer.state(self.class, &self.state),
        };
        match written {
            Ok(()) => {}
            Err(Failure::Value(fail)) => return Err(located(fail)),
            Err(Failure::Sink(error)) => return Err(WriteError::Sink(error)),
        }
        let refs = writer.into_refs();
        if self.options.strict {
            tree::check(self.doc, self.class, &self.state).map_err(located)?;
        }
        Ok(refs)
    }
}

/// Reads JSON and writes records, and keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Encoder {
    options: EncodeOptions,
    arena: Arena,
    stack: Vec<Node>,
    body: Vec<u8>,
}

impl Encoder {
    /// An encoder with these options.
    pub fn new(options: EncodeOptions) -> Self {
        Encoder { options, ..Encoder::default() }
    }

    /// Text of a record, as [`decode`] returns it, to the record.
    ///
    /// # Errors
    ///
    /// As [`encode`].
    pub fn encode(&mut self, json: &str) -> Result<Vec<u8>> {
        self.with(json, None)
    }

    /// Text of the state of an object of this class, as [`Record::state_json`] returns it, to the
    /// record.
    ///
    /// # Errors
    ///
    /// As [`encode`].
    pub fn encode_state(&mut self, class: Class, json: &str) -> Result<Vec<u8>> {
        self.with(json, Some(class))
    }

    /// A record that the caller holds as values of JSON, to the same bytes as its text. None: it has
    /// something that is rare, or it cannot become a record; its text will tell.
    pub fn encode_held<'v, V: Held<'v>>(&mut self, record: V) -> Option<&[u8]> {
        if !self.options.strict {
            return None;
        }
        self.clear();
        let (class, state) = Direct::parts(record)?;
        put_start(&mut self.body, class, self.options.style);
        Direct::new(&mut self.body).state(class, state)?;
        self.body.push(op::STOP);
        Some(&self.body)
    }

    fn with(&mut self, json: &str, class: Option<Class>) -> Result<Vec<u8>> {
        self.clear();
        self.record(json, class).map_err(|fail| Error::in_json(fail, json))
    }

    fn clear(&mut self) {
        if self.body.capacity() > LARGE || self.arena.items.capacity() > LARGE / size_of::<Node>() {
            self.arena.shrink();
            self.stack.shrink_to(LARGE / size_of::<Node>());
            self.body.shrink_to(LARGE);
        }
        self.arena.clear();
        self.stack.clear();
        self.body.clear();
    }

    fn record(&mut self, json: &str, class: Option<Class>) -> Fallible<Vec<u8>> {
        if json.len() > MAX_INPUT {
            return fail(0, Reason::TooMuchInput);
        }
        let EncodeOptions { strict, style } = self.options;
        let mut reader = json::Reader::new(json, &mut self.arena, &mut self.stack, &mut self.body, strict);
        let (class, draft) = match class {
            Some(class) => (class, reader.state(class)?),
            None => reader.record()?,
        };
        let doc = Doc { source: json.as_bytes(), arena: &self.arena };
        let mut out = Vec::with_capacity(self.body.len() + 128);
        put_start(&mut out, class, style);
        let mut writer = Writer::new(doc, &mut out);
        match draft {
            Draft::Empty => writer.empty(),
            Draft::Length(length) => writer.value(length)?,
            Draft::Items { count, next } => {
                let leaf = matches!(class, Class::Node(_, kind) if kind.is_leaf());
                writer.items(leaf, count, &self.body, next)?;
            }
            Draft::Children { children, first } => {
                writer.children(self.arena.slice(children), first)?;
            }
        }
        writer.stop();
        Ok(out)
    }
}

//! The pickle machine. It builds values and calls nothing.

use super::op;
use super::reduce;
use crate::error::{fail, Fallible, Reason};
use crate::model::{Arena, ClassName, Doc, Integer, Node, Ref, RefClass, Span, Value, Wide, MAX_BIG_BYTES};
use crate::names;
use crate::scan;

/// What the machine works with, kept from record to record for its memory.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    stack: Vec<Node>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Node>>,
}

impl Machine {
    pub fn clear(&mut self) {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
    }

    /// Gives back memory beyond what records usually need.
    pub fn shrink(&mut self) {
        const MOST: usize = 1 << 16;
        self.stack.shrink_to(MOST);
        self.marks.shrink_to(MOST);
        self.memo.shrink_to(MOST);
    }
}

/// Reads the pickles of a record one after the other. They have one memo.
pub(crate) struct Reader<'a> {
    record: &'a [u8],
    arena: &'a mut Arena,
    machine: &'a mut Machine,
    /// The next byte.
    pos: usize,
    /// The opcode at work.
    at: u32,
}

impl<'a> Reader<'a> {
    pub fn new(record: &'a [u8], arena: &'a mut Arena, machine: &'a mut Machine) -> Self {
        Reader { record, arena, machine, pos: 0, at: 0 }
    }

    /// How many bytes have been read.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Reads a pickle and returns what it stands for.
    pub fn pickle(&mut self) -> Fallible<Node> {
        loop {
            self.at = self.pos as u32;
            let Some(&opcode) = self.record.get(self.pos) else { return self.fail(Reason::Truncated) };
            self.pos += 1;
            if opcode == op::STOP {
                return self.stop();
            }
            self.step(opcode)?;
        }
    }

    fn fail<T>(&self, reason: Reason) -> Fallible<T> {
        fail(self.at, reason)
    }

    fn doc(&self) -> Doc<'_> {
        Doc { source: self.record, arena: self.arena }
    }

    fn take(&mut self, len: usize) -> Fallible<Span> {
        match self.record.len().checked_sub(self.pos) {
            Some(rest) if len <= rest => {
                let span = Span { start: self.pos as u32, len: len as u32 };
                self.pos += len;
                Ok(span)
            }
            _ => self.fail(Reason::Truncated),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Fallible<[u8; N]> {
        match self.record.get(self.pos..).and_then(|rest| rest.first_chunk()) {
            Some(&bytes) => {
                self.pos += N;
                Ok(bytes)
            }
            None => self.fail(Reason::Truncated),
        }
    }

    fn byte(&mut self) -> Fallible<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn u32(&mut self) -> Fallible<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// What follows, up to the end of a line, which is read but not returned.
    fn line(&mut self) -> Fallible<Span> {
        let rest = self.record.get(self.pos..).unwrap_or_default();
        match memchr::memchr(b'\n', rest) {
            Some(len) => {
                let line = self.take(len);
                self.pos += 1;
                line
            }
            None => self.fail(Reason::Truncated),
        }
    }

    #[inline]
    fn push(&mut self, value: Value) -> Fallible<()> {
        self.machine.stack.push(Node { at: self.at, value });
        Ok(())
    }

    /// The part of the stack that the opcode may use begins here.
    fn floor(&self) -> usize {
        self.machine.marks.last().copied().unwrap_or(0)
    }

    /// The height of the stack without its `count` last items.
    fn below(&self, count: usize) -> Fallible<usize> {
        match self.machine.stack.len().checked_sub(count) {
            Some(height) if height >= self.floor() => Ok(height),
            _ => self.fail(Reason::StackUnderflow),
        }
    }

    fn pop(&mut self) -> Fallible<Node> {
        self.below(1)?;
        match self.machine.stack.pop() {
            Some(node) => Ok(node),
            None => self.fail(Reason::StackUnderflow),
        }
    }

    fn top(&self) -> Fallible<Node> {
        let height = self.below(1)?;
        match self.machine.stack.get(height) {
            Some(&node) => Ok(node),
            None => self.fail(Reason::StackUnderflow),
        }
    }

    fn pop_mark(&mut self) -> Fallible<usize> {
        match self.machine.marks.pop() {
            Some(height) => Ok(height),
            None => self.fail(Reason::NoMark),
        }
    }

    fn stop(&mut self) -> Fallible<Node> {
        let node = self.pop()?;
        if !self.machine.stack.is_empty() || !self.machine.marks.is_empty() {
            return self.fail(Reason::StackLeft);
        }
        Ok(node)
    }

    #[inline]
    fn step(&mut self, opcode: u8) -> Fallible<()> {
        match opcode {
            op::BINUNICODE => {
                let len = self.u32()? as usize;
                let span = self.take(len)?;
                self.string(span)
            }
            op::BINPUT => {
                let index = self.byte()?;
                self.put(u32::from(index))
            }
            op::LONG_BINPUT => {
                let index = self.u32()?;
                self.put(index)
            }
            op::BINGET => {
                let index = self.byte()?;
                self.get(u32::from(index))
            }
            op::LONG_BINGET => {
                let index = self.u32()?;
                self.get(index)
            }
            op::BININT => {
                let value = i32::from_le_bytes(self.array()?);
                self.int(i64::from(value))
            }
            op::BININT1 => {
                let value = self.byte()?;
                self.int(i64::from(value))
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.array()?);
                self.int(i64::from(value))
            }
            op::LONG1 => {
                let len = self.byte()?;
                self.long(usize::from(len))
            }
            op::BINFLOAT => {
                let bits = u64::from_be_bytes(self.array()?);
                self.push(Value::Float(Wide::from(bits)))
            }
            op::SHORT_BINBYTES => {
                let len = self.byte()?;
                let span = self.take(usize::from(len))?;
                self.push(Value::Bytes(span))
            }
            op::BINBYTES => {
                let len = self.u32()? as usize;
                let span = self.take(len)?;
                self.push(Value::Bytes(span))
            }
            op::NONE => self.push(Value::None),
            op::NEWTRUE => self.push(Value::Bool(true)),
            op::NEWFALSE => self.push(Value::Bool(false)),
            op::MARK => {
                self.machine.marks.push(self.machine.stack.len());
                Ok(())
            }
            op::TUPLE => {
                let from = self.pop_mark()?;
                self.tuple(from)
            }
            op::EMPTY_TUPLE => self.push(Value::Tuple(Span::default())),
            op::TUPLE1 => self.below(1).and_then(|from| self.tuple(from)),
            op::TUPLE2 => self.below(2).and_then(|from| self.tuple(from)),
            op::TUPLE3 => self.below(3).and_then(|from| self.tuple(from)),
            op::EMPTY_LIST | op::EMPTY_DICT => {
                let object = self.arena.new_object(Span::default());
                self.push(if opcode == op::EMPTY_LIST { Value::List(object) } else { Value::Dict(object) })
            }
            op::LIST | op::DICT => {
                let from = self.pop_mark()?;
                if opcode == op::DICT {
                    self.pairs(from)?;
                }
                let items = self.arena.take_items(&mut self.machine.stack, from);
                let object = self.arena.new_object(items);
                self.push(if opcode == op::LIST { Value::List(object) } else { Value::Dict(object) })
            }
            op::APPEND => self.below(1).and_then(|from| self.append(from, false)),
            op::SETITEM => self.below(2).and_then(|from| self.append(from, true)),
            op::APPENDS => self.pop_mark().and_then(|from| self.append(from, false)),
            op::SETITEMS => self.pop_mark().and_then(|from| self.append(from, true)),
            op::GLOBAL => self.global(),
            op::BINPERSID => self.persistent(),
            op::PUT => {
                let line = self.line()?;
                match self.doc().text(line).parse() {
                    Ok(index) => self.put(index),
                    Err(_) => self.fail(Reason::Operand("no number for the memo")),
                }
            }
            op::REDUCE => {
                let from = self.below(2)?;
                self.call(from, reduce::call)
            }
            op::NEWOBJ => {
                let from = self.below(2)?;
                self.call(from, reduce::new_object)
            }
            op::BUILD => {
                let state = self.pop()?;
                let object = self.top()?;
                match reduce::build(self.record, self.arena, object, state) {
                    Ok(()) => Ok(()),
                    Err(reason) => self.fail(reason),
                }
            }
            op::LONG4 => {
                let len = i32::from_le_bytes(self.array()?);
                match usize::try_from(len) {
                    Ok(len) => self.long(len),
                    Err(_) => self.fail(Reason::NegativeLength(len)),
                }
            }
            op::PROTO => match self.byte()? {
                0..=3 => Ok(()),
                version => self.fail(Reason::UnsupportedProtocol(version)),
            },
            _ if op::opcode_name(opcode).is_some() => self.fail(Reason::UnsupportedOpcode),
            _ => self.fail(Reason::UnknownOpcode(opcode)),
        }
    }

    #[inline]
    fn string(&mut self, span: Span) -> Fallible<()> {
        let bytes = self.record.get(span.start as usize..span.end() as usize).unwrap_or_default();
        if scan::is_plain(bytes) {
            self.push(Value::Plain(span))
        } else if std::str::from_utf8(bytes).is_ok() {
            self.push(Value::Str(span))
        } else {
            self.fail(Reason::NotUtf8)
        }
    }

    fn int(&mut self, value: i64) -> Fallible<()> {
        self.push(Value::Int(Wide::from(value)))
    }

    fn long(&mut self, len: usize) -> Fallible<()> {
        if let (1..=8, Some(word)) = (len, self.record.get(self.pos..).and_then(|rest| rest.first_chunk())) {
            // What is behind the number, in the high bytes, goes, and the sign comes.
            let behind = 64 - 8 * len as u32;
            self.pos += len;
            return self.int(i64::from_le_bytes(*word) << behind >> behind);
        }
        let span = self.take(len)?;
        if len > MAX_BIG_BYTES {
            return self.fail(Reason::HugeInteger);
        }
        match Integer::from_bytes(self.doc().bytes(span)) {
            Integer::Small(value) => self.int(value),
            Integer::Big(_) => self.push(Value::Big(span)),
        }
    }

    /// No pickle numbers its memo beyond its own length.
    #[inline]
    fn put(&mut self, index: u32) -> Fallible<()> {
        let top = self.top()?;
        let memo = &mut self.machine.memo;
        let place = index as usize;
        if place == memo.len() {
            memo.push(Some(top));
            return Ok(());
        }
        if place > memo.len() {
            if place >= self.record.len() {
                return self.fail(Reason::MemoIndex(index));
            }
            memo.resize(place + 1, None);
        }
        memo.get_mut(place).into_iter().for_each(|entry| *entry = Some(top));
        Ok(())
    }

    #[inline]
    fn get(&mut self, index: u32) -> Fallible<()> {
        match self.machine.memo.get(index as usize) {
            Some(&Some(node)) => {
                self.machine.stack.push(node);
                Ok(())
            }
            _ => self.fail(Reason::NoMemo(index)),
        }
    }

    fn tuple(&mut self, from: usize) -> Fallible<()> {
        let items = self.arena.take_items(&mut self.machine.stack, from);
        self.push(Value::Tuple(items))
    }

    /// Whether the end of the stack is made of keys and values.
    fn pairs(&self, from: usize) -> Fallible<()> {
        match self.machine.stack.len() - from {
            count if count % 2 == 0 => Ok(()),
            count => self.fail(Reason::OddItems(count)),
        }
    }

    /// Appends the end of the stack to the list or dict below it.
    fn append(&mut self, from: usize, dict: bool) -> Fallible<()> {
        let object = from.checked_sub(1).filter(|&below| below >= self.floor());
        let object = object.and_then(|below| self.machine.stack.get(below)).map(|node| node.value);
        let id = match (object, dict) {
            (Some(Value::List(id)), false) => id,
            (Some(Value::Dict(id)), true) => {
                self.pairs(from)?;
                id
            }
            (None, _) => return self.fail(Reason::StackUnderflow),
            (Some(_), false) => return self.fail(Reason::Operand("no list to append to")),
            (Some(_), true) => return self.fail(Reason::Operand("no dict to set items of")),
        };
        if self.arena.append(id, &mut self.machine.stack, from) {
            Ok(())
        } else {
            self.fail(Reason::Operand("a list that changes after a set was made of it"))
        }
    }

    fn global(&mut self) -> Fallible<()> {
        let (module, name) = (self.line()?, self.line()?);
        let doc = self.doc();
        if !names::is_dotted(doc.bytes(module)) || !names::is_identifier(doc.bytes(name)) {
            return self.fail(Reason::ClassName);
        }
        let span = Span { start: module.start, len: name.end() - module.start };
        self.arena.classes.push(ClassName { span, module: module.len });
        self.push(Value::Class(self.arena.classes.len() as u32 - 1))
    }

    /// Makes a reference of the persistent id on the stack.
    fn persistent(&mut self) -> Fallible<()> {
        let id = self.pop()?;
        let doc = self.doc();
        let oid = |value| match value {
            Value::Bytes(span) => doc.bytes(span).try_into().ok().map(u64::from_be_bytes),
            _ => None,
        };
        let no_oid = Reason::Reference("an oid has 8 bytes");
        let found = match id.value {
            Value::Bytes(_) => oid(id.value).map(|oid| Ref { oid, class: RefClass::OidOnly }).ok_or(no_oid),
            Value::Tuple(items) => match doc.arena.slice(items) {
                [first, class] => match (oid(first.value), class.value) {
                    (Some(oid), Value::Class(class)) => Ok(Ref { oid, class: RefClass::Class(class) }),
                    (Some(oid), Value::None) => Ok(Ref { oid, class: RefClass::None }),
                    (Some(_), _) => Err(Reason::Reference("no class beside the oid")),
                    (None, _) => Err(no_oid),
                },
                _ => Err(Reason::Reference("not a pair of oid and class")),
            },
            Value::List(_) => Err(Reason::Reference("weak, or to another database")),
            _ => Err(Reason::Reference("neither an oid nor a pair")),
        };
        match found {
            Ok(reference) => {
                self.arena.refs.push(reference);
                self.push(Value::Ref(self.arena.refs.len() as u32 - 1))
            }
            Err(reason) => self.fail(reason),
        }
    }

    /// Puts what a callable makes of its arguments in the place of both.
    fn call(&mut self, from: usize, call: reduce::Call) -> Fallible<()> {
        let (callable, arguments) = match self.machine.stack.get(from..) {
            Some(&[callable, arguments]) => (callable, arguments),
            _ => return self.fail(Reason::StackUnderflow),
        };
        self.machine.stack.truncate(from);
        match call(self.record, self.arena, callable, arguments) {
            Ok(value) => self.push(value),
            Err(reason) => self.fail(reason),
        }
    }
}

//! Objects with one key to what they stand for.

use super::lex::finite;
use super::marker::Marker;
use super::read::Reader;
use crate::error::{fail, Fallible, Reason};
use crate::model::{ClassName, Delta, Extra, Moment, Node, Ref, RefClass, Span, Value, Wide};
use crate::{names, stdlib, Class};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;

impl Reader<'_> {
    pub(super) fn convert(&mut self, marker: Marker, payload: Node) -> Fallible<Value> {
        let wrong = |what| fail(payload.at, Reason::Marker(marker.key(), what));
        match marker {
            Marker::Tuple => match self.list(payload) {
                Some(items) => Ok(Value::Tuple(items)),
                None => wrong("not an array"),
            },
            Marker::Dict => self.dict(payload),
            Marker::Set | Marker::FrozenSet => {
                let (Value::List(id), Some(items)) = (payload.value, self.list(payload)) else {
                    return wrong("not an array");
                };
                self.arena.slice(items).iter().try_for_each(|&node| self.expect_hashable(node))?;
                Ok(if marker == Marker::Set { Value::Set(id) } else { Value::FrozenSet(id) })
            }
            Marker::TimeDelta => {
                let parts = self.list(payload).map(|items| self.arena.slice(items));
                let delta = match parts {
                    Some(
                        &[Node { value: Value::Int(days), .. }, Node { value: Value::Int(seconds), .. }, Node { value: Value::Int(micros), .. }],
                    ) => Delta::new(days.int(), seconds.int(), micros.int()),
                    _ => None,
                };
                match delta {
                    Some(delta) => Ok(self.arena.extra(Extra::Delta(delta))),
                    None => {
                        wrong("not an array of days, seconds below a day, and microseconds below a second")
                    }
                }
            }
            Marker::Ref => self.reference(payload),
            Marker::Class => self.class(payload),
            Marker::Reduce | Marker::Pickle => wrong("not supported"),
            _ => match self.literal(payload) {
                Some(span) => self.convert_text(marker, span, payload.at),
                None => wrong("not a string"),
            },
        }
    }

    /// The markers that hold a string.
    fn convert_text(&mut self, marker: Marker, span: Span, at: u32) -> Fallible<Value> {
        let wrong = |what| fail(at, Reason::Marker(marker.key(), what));
        let text = self.doc().text(span);
        let moment = match marker {
            Marker::Date => Moment::parse_date(text),
            Marker::Time => Moment::parse_time(text),
            Marker::DateTime => Moment::parse_date_time(text),
            Marker::BigInt => {
                let text = text.to_owned();
                return match self.big(&text) {
                    Some(span) => Ok(Value::Big(span)),
                    None => wrong("not an integer of up to 4300 digits"),
                };
            }
            Marker::Float => {
                return match float(text) {
                    Some(value) => Ok(Value::Float(Wide::from(value))),
                    None => wrong("not a number, nan, inf or -inf"),
                };
            }
            Marker::Decimal if names::is_decimal(text.as_bytes()) => {
                return Ok(self.arena.extra(Extra::Decimal(span)));
            }
            Marker::Decimal => return wrong("not a decimal number"),
            Marker::Uuid => {
                return match uuid(text) {
                    Some(number) => Ok(self.arena.extra(Extra::Uuid(Some(number)))),
                    None => wrong("not 32 hexadecimal digits as 8-4-4-4-12"),
                };
            }
            _ => {
                let Some(span) = self.base64(span) else { return wrong("not base64") };
                return match marker {
                    Marker::Bytes => Ok(Value::Bytes(span)),
                    _ if std::str::from_utf8(self.doc().bytes(span)).is_ok() => Ok(Value::Str(span)),
                    _ => wrong("not base64 of UTF-8"),
                };
            }
        };
        match moment {
            Some(moment) => Ok(self.arena.extra(Extra::Moment(moment))),
            None => wrong("no such date or time"),
        }
    }

    /// A string that is written as one in the text.
    fn literal(&self, node: Node) -> Option<Span> {
        match node.value {
            Value::Str(span) if self.json.get(node.at as usize) == Some(&b'"') => Some(span),
            _ => None,
        }
    }

    fn list(&self, node: Node) -> Option<Span> {
        match node.value {
            Value::List(id) => self.arena.span(id),
            _ => None,
        }
    }

    fn pair(&self, node: Node) -> Option<[Node; 2]> {
        self.arena.slice(self.list(node)?).try_into().ok()
    }

    /// Unpacks base64 to the side.
    pub(super) fn base64(&mut self, span: Span) -> Option<Span> {
        let json = self.json;
        match json.get(span.start as usize..span.end() as usize) {
            Some(text) => self.unpack(text),
            None => {
                let text = self.doc().bytes(span).to_vec();
                self.unpack(&text)
            }
        }
    }

    fn unpack(&mut self, text: &[u8]) -> Option<Span> {
        let begin = self.arena.side.len();
        STANDARD.decode_vec(text, &mut self.arena.side).ok()?;
        Some(self.side_span(begin))
    }

    /// Pairs of keys and values.
    fn dict(&mut self, payload: Node) -> Fallible<Value> {
        let wrong = |at| fail(at, Reason::Marker(Marker::Dict.key(), "not an array of pairs"));
        let Some(pairs) = self.list(payload) else { return wrong(payload.at) };
        let height = self.stack.len();
        for place in pairs.start..pairs.end() {
            let Some(&node) = self.arena.items.get(place as usize) else { continue };
            let Some([key, value]) = self.pair(node) else { return wrong(node.at) };
            self.expect_hashable(key)?;
            self.stack.extend([key, value]);
        }
        let items = self.arena.take_items(self.stack, height);
        Ok(Value::Dict(self.arena.new_object(items)))
    }

    fn expect_hashable(&self, node: Node) -> Fallible<()> {
        let mut rest = vec![];
        let mut next = Some(node);
        while let Some(node) = next {
            match node.value {
                Value::List(_) | Value::Dict(_) | Value::Set(_) => return fail(node.at, Reason::Unhashable),
                Value::Tuple(items) => rest.extend_from_slice(self.arena.slice(items)),
                _ => {}
            }
            next = rest.pop();
        }
        Ok(())
    }

    fn class(&mut self, payload: Node) -> Fallible<Value> {
        let names =
            self.pair(payload).and_then(|[module, name]| Some((self.literal(module)?, self.literal(name)?)));
        let Some((module, name)) = names else {
            return fail(payload.at, Reason::Marker(Marker::Class.key(), "not an array of two strings"));
        };
        let (module, name) = (self.doc().text(module), self.doc().text(name));
        let known = Class::parse(module, name);
        match known {
            Some(class) => Ok(Value::Class(self.known_class(class))),
            None => fail(payload.at, Reason::UnknownClass(format!("{module}.{name}"))),
        }
    }

    /// A class of BTrees in the table of classes.
    pub(super) fn known_class(&mut self, class: Class) -> u32 {
        let begin = self.arena.side.len();
        self.arena.side.extend_from_slice(class.to_string().as_bytes());
        let span = self.side_span(begin);
        // Its name is one.
        self.ref_class(span).unwrap_or_default()
    }

    fn reference(&mut self, payload: Node) -> Fallible<Value> {
        let wrong = |at, what| fail(at, Reason::Marker(Marker::Ref.key(), what));
        const NO_OID: &str = "an oid has 16 hexadecimal digits";
        let reference = match (payload.value, self.pair(payload)) {
            (Value::Str(_), _) => {
                let class = if self.strict { RefClass::OidOnly } else { RefClass::None };
                match self.oid(payload) {
                    Some(oid) => Ref { oid, class },
                    None => return wrong(payload.at, NO_OID),
                }
            }
            (Value::Bytes(span), _) => match self.doc().bytes(span).try_into() {
                Ok(oid) => Ref { oid: u64::from_be_bytes(oid), class: RefClass::OidOnly },
                Err(_) => return wrong(payload.at, "an oid has 8 bytes"),
            },
            (_, Some([oid, class])) => {
                let Some(number) = self.oid(oid) else { return wrong(oid.at, NO_OID) };
                let Some(name) = self.literal(class) else {
                    return wrong(class.at, "the class is not a string");
                };
                match self.ref_class(name) {
                    Ok(class) => Ref { oid: number, class: RefClass::Class(class) },
                    Err(reason) => return fail(class.at, reason),
                }
            }
            _ => return wrong(payload.at, "neither an oid nor an array of oid and class"),
        };
        self.arena.refs.push(reference);
        Ok(Value::Ref(self.arena.refs.len() as u32 - 1))
    }

    fn oid(&self, node: Node) -> Option<u64> {
        oid_of(self.doc().bytes(self.literal(node)?))
    }

    /// The class of a name like `module.Class`.
    pub(super) fn ref_class(&mut self, span: Span) -> Result<u32, Reason> {
        let text = self.doc().bytes(span);
        // Neighbouring references mostly have the same class.
        if let Some(last) = self.arena.classes.last() {
            if self.doc().bytes(last.span) == text {
                return Ok(self.arena.classes.len() as u32 - 1);
            }
        }
        let dot = memchr::memrchr(b'.', text).ok_or(Reason::ClassName)?;
        let (module, name) = text.split_at_checked(dot).unwrap_or_default();
        if !names::is_dotted(module) || !names::is_identifier(name.get(1..).unwrap_or_default()) {
            return Err(Reason::ClassName);
        }
        if stdlib::has(module) {
            return Err(Reason::NotPersistent(String::from_utf8_lossy(text).into_owned()));
        }
        self.arena.classes.push(ClassName { span, module: dot as u32 });
        Ok(self.arena.classes.len() as u32 - 1)
    }
}

/// The number that 16 hexadecimal digits are.
pub(super) fn oid_of(text: &[u8]) -> Option<u64> {
    let text: &[u8; 16] = text.try_into().ok()?;
    text.iter().try_fold(0, |oid, &byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        Some(oid << 4 | u64::from(digit))
    })
}

fn float(text: &str) -> Option<f64> {
    match text {
        "nan" => return Some(f64::NAN),
        "inf" => return Some(f64::INFINITY),
        "-inf" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    finite(text).filter(|_| number)
}

fn uuid(text: &str) -> Option<u128> {
    let mut hex = String::with_capacity(32);
    let mut parts = text.split('-');
    for len in [8, 4, 4, 4, 12] {
        let part = parts.next().filter(|part| part.len() == len)?;
        hex.push_str(part);
    }
    let fits = parts.next().is_none() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(&hex, 16).ok().filter(|_| fits)
}

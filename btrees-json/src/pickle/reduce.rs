//! The few callables that values of records may be made with. They are never called: what they
//! would make is known.

use crate::error::Reason;
use crate::model::{Arena, Delta, Doc, Extra, Integer, Moment, Node, Span, Value, Zone};

/// Makes a value of a callable and its arguments.
pub(super) type Call = fn(&[u8], &mut Arena, Node, Node) -> Result<Value, Reason>;

fn class(callable: Node) -> Result<u32, Reason> {
    match callable.value {
        Value::Class(class) => Ok(class),
        _ => Err(Reason::Operand("no callable")),
    }
}

fn arguments(doc: Doc, arguments: Node) -> Result<Vec<Value>, Reason> {
    match arguments.value {
        // None of them takes more than three.
        Value::Tuple(items) => Ok(doc.tuple(items).take(4).map(|node| node.value).collect()),
        _ => Err(Reason::Operand("arguments are not in a tuple")),
    }
}

/// REDUCE.
pub(super) fn call(record: &[u8], arena: &mut Arena, callable: Node, args: Node) -> Result<Value, Reason> {
    let doc = Doc { source: record, arena };
    let class = class(callable)?;
    let args = arguments(doc, args)?;
    let extra = match (doc.class_name(class), &*args) {
        ((b"builtins" | b"__builtin__", b"set" | b"frozenset"), &[Value::List(list)]) => {
            let set = doc.class_name(class).1 == b"set";
            arena.freeze(list);
            return Ok(if set { Value::Set(list) } else { Value::FrozenSet(list) });
        }
        ((b"datetime", b"date"), &[Value::Bytes(bytes)]) => {
            Moment::date(doc.bytes(bytes)).map(Extra::Moment).ok_or("no date")
        }
        ((b"datetime", b"time" | b"datetime"), &[Value::Bytes(bytes), ref zone @ ..]) => {
            let zone = match zone {
                [] => None,
                &[Value::Extra(extra)] => match doc.extra(extra) {
                    Some(Extra::Zone(zone)) => Some(zone),
                    _ => return Err(Reason::Operand("no time zone")),
                },
                _ => return Err(Reason::Operand("no time zone")),
            };
            let make = if doc.class_name(class).1 == b"time" { Moment::time } else { Moment::date_time };
            make(doc.bytes(bytes), zone).map(Extra::Moment).ok_or("no time")
        }
        ((b"datetime", b"timedelta"), &[Value::Int(days), Value::Int(seconds), Value::Int(micros)]) => {
            Delta::normalized(days.int(), seconds.int(), micros.int())
                .map(Extra::Delta)
                .ok_or("no time difference")
        }
        ((b"datetime", b"timezone"), &[Value::Extra(extra)]) => match doc.extra(extra) {
            Some(Extra::Delta(delta)) => Zone::from_delta(delta).map(Extra::Zone).ok_or("no time zone"),
            _ => Err("no time zone"),
        },
        ((b"decimal", b"Decimal"), &[Value::Plain(text) | Value::Str(text)]) => {
            crate::names::is_decimal(doc.bytes(text))
                .then_some(Extra::Decimal(text))
                .ok_or("no decimal number")
        }
        _ => return Err(Reason::Callable(format!("{} of these arguments", doc.class_text(class)))),
    };
    extra.map(|extra| arena.extra(extra)).map_err(Reason::Value)
}

/// NEWOBJ.
pub(super) fn new_object(
    record: &[u8],
    arena: &mut Arena,
    callable: Node,
    args: Node,
) -> Result<Value, Reason> {
    let doc = Doc { source: record, arena };
    let class = class(callable)?;
    match (doc.class_name(class), &*arguments(doc, args)?) {
        ((b"uuid", b"UUID"), []) => Ok(arena.extra(Extra::Uuid(None))),
        _ => Err(Reason::Callable(doc.class_text(class))),
    }
}

/// BUILD.
pub(super) fn build(record: &[u8], arena: &mut Arena, object: Node, state: Node) -> Result<(), Reason> {
    let doc = Doc { source: record, arena };
    let number = uuid_number(doc, state);
    let unbuilt = match object.value {
        Value::Extra(extra) => arena.extras.get_mut(extra as usize),
        _ => None,
    };
    match (unbuilt, number) {
        (Some(Extra::Uuid(uuid @ None)), Some(number)) => {
            *uuid = Some(number);
            Ok(())
        }
        (Some(Extra::Uuid(None)), None) => Err(Reason::Value("no UUID, or one with more than its number")),
        _ => Err(Reason::Operand("no object to be built")),
    }
}

/// The number in `{"int": number}`.
fn uuid_number(doc: Doc, state: Node) -> Option<u128> {
    let Value::Dict(dict) = state.value else { return None };
    let mut items = doc.items(dict);
    let (key, value) = (items.next()?, items.next()?);
    let int = |span: Span| doc.bytes(span) == b"int";
    if items.next().is_some() || !matches!(key.value, Value::Plain(key) if int(key)) {
        return None;
    }
    match value.value {
        Value::Int(number) => u128::try_from(number.int()).ok(),
        Value::Big(number) => match Integer::from_bytes(doc.bytes(number)) {
            Integer::Small(number) => u128::try_from(number).ok(),
            Integer::Big(number) => u128::try_from(number).ok(),
        },
        _ => None,
    }
}

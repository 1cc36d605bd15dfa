//! `btrees_json`: the functions.

mod collection;
mod errors;
mod held;
mod input;
mod sink;
mod text;
mod words;

pub use errors::{DecodeError, EncodeError, Error};

use btrees_json::{Class, DecodeOptions, Decoder, EncodeOptions, Encoder, Style, WriteError};
use collection::Pause;
use held::Object;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use sink::ObjectSink;
use std::cell::Cell;

/// Other threads of Python may run while something of that size is converted, in bytes.
const LONG: usize = 1 << 15;

thread_local! {
    // Taken while they are used, for building objects can run any Python code.
    static DECODER: Cell<Option<Box<(DecodeOptions, Decoder)>>> = const { Cell::new(None) };
    static ENCODER: Cell<Option<Box<(EncodeOptions, Encoder)>>> = const { Cell::new(None) };
}

fn with_decoder<T>(options: DecodeOptions, work: impl FnOnce(&mut Decoder) -> T) -> T {
    let mut kept = match DECODER.take() {
        Some(kept) if kept.0 == options => kept,
        _ => Box::new((options, Decoder::new(options))),
    };
    let result = work(&mut kept.1);
    DECODER.set(Some(kept));
    result
}

fn with_encoder<T>(options: EncodeOptions, work: impl FnOnce(&mut Encoder) -> T) -> T {
    let mut kept = match ENCODER.take() {
        Some(kept) if kept.0 == options => kept,
        _ => Box::new((options, Encoder::new(options))),
    };
    let result = work(&mut kept.1);
    ENCODER.set(Some(kept));
    result
}

/// Runs `work` without the interpreter if it will take long.
fn detached<T: Send>(py: Python<'_>, len: usize, work: impl FnOnce() -> T + Send) -> T {
    if len < LONG {
        work()
    } else {
        py.detach(work)
    }
}

/// What the text of a record comes with.
struct Decoded {
    class: Class,
    text: Vec<u8>,
    refs: Vec<u64>,
}

fn decode_text(py: Python<'_>, record: &[u8], options: DecodeOptions, with_class: bool) -> PyResult<Decoded> {
    let decoded = detached(py, record.len(), || {
        with_decoder(options, |decoder| {
            let record = decoder.read(record)?;
            let (sink, refs) = record.text(with_class)?;
            Ok(Decoded { class: record.class(), text: sink.into_bytes(), refs })
        })
    });
    decoded.map_err(|error| errors::decode_error(py, &error))
}

fn decode_objects<'py>(
    py: Python<'py>,
    record: &[u8],
    options: DecodeOptions,
    with_class: bool,
) -> PyResult<(Class, Bound<'py, PyAny>, Vec<u64>)> {
    with_decoder(options, |decoder| {
        let record = decoder.read(record).map_err(|error| errors::decode_error(py, &error))?;
        let _pause = Pause::new(py);
        let mut sink = ObjectSink::new(py);
        match record.write(&mut sink, with_class) {
            Ok(refs) => Ok((record.class(), sink.finish()?, refs)),
            Err(WriteError::Record(error)) => Err(errors::decode_error(py, &error)),
            Err(WriteError::Sink(error)) => Err(error),
        }
    })
}

/// The numbers that a column of type bigint takes: oids from 2**63 on are negative.
fn bigints<'py>(py: Python<'py>, refs: &[u64]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, refs.iter().map(|&oid| oid as i64))
}

fn encode_text<'py>(
    py: Python<'py>,
    text: &str,
    class: Option<Class>,
    options: EncodeOptions,
) -> PyResult<Bound<'py, PyBytes>> {
    let record = detached(py, text.len(), || {
        with_encoder(options, |encoder| match class {
            Some(class) => encoder.encode_state(class, text),
            None => encoder.encode(text),
        })
    });
    let record = record.map_err(|error| errors::encode_error(py, &error))?;
    Ok(PyBytes::new(py, &record))
}

fn encode_options(strict: bool, style: &str) -> PyResult<EncodeOptions> {
    let style = match style {
        "codec" => Style::Codec,
        "zodb" => Style::Zodb,
        _ => return Err(PyValueError::new_err("style must be 'codec' or 'zodb'")),
    };
    Ok(EncodeOptions { strict, style })
}

/// decode(record, /, *, jsonb=False, strict=False)
/// --
///
/// The JSON text of a record: {"@cls": [module, name], "@s": state}, without spaces.
///
/// With jsonb the text survives a jsonb column of PostgreSQL. With strict, trees that BTrees could
/// not have made are refused, and bytes behind the record. Raises DecodeError.
#[pyfunction]
#[pyo3(signature = (record, /, *, jsonb=false, strict=false))]
pub fn decode<'py>(
    py: Python<'py>,
    record: &Bound<'_, PyAny>,
    jsonb: bool,
    strict: bool,
) -> PyResult<Bound<'py, PyString>> {
    let decoded = decode_text(py, &input::record(record)?, DecodeOptions { jsonb, strict }, true)?;
    PyString::from_bytes(py, &decoded.text)
}

/// The same as objects: json.loads(decode(record)).
#[pyfunction]
#[pyo3(signature = (record, /, *, jsonb=false, strict=false))]
pub fn decode_zodb_record<'py>(
    py: Python<'py>,
    record: &Bound<'_, PyAny>,
    jsonb: bool,
    strict: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (_, object, _) = decode_objects(py, &input::record(record)?, DecodeOptions { jsonb, strict }, true)?;
    Ok(object)
}

/// Module and name of the class, the state as objects, and the oids of all references in it.
///
/// The state survives a jsonb column of PostgreSQL, unless jsonb is False. The oids are in the order
/// of the state, as often as they occur, and as signed numbers of 64 bits, for a bigint column.
#[pyfunction]
#[pyo3(signature = (record, /, *, jsonb=true, strict=false))]
#[allow(clippy::type_complexity)]
pub fn decode_zodb_record_for_pg<'py>(
    py: Python<'py>,
    record: &Bound<'_, PyAny>,
    jsonb: bool,
    strict: bool,
) -> PyResult<(&'static str, &'static str, Bound<'py, PyAny>, Bound<'py, PyList>)> {
    let (class, state, refs) =
        decode_objects(py, &input::record(record)?, DecodeOptions { jsonb, strict }, false)?;
    Ok((class.module(), class.name(), state, bigints(py, &refs)?))
}

/// The same with the state as JSON text.
#[pyfunction]
#[pyo3(signature = (record, /, *, jsonb=true, strict=false))]
#[allow(clippy::type_complexity)]
pub fn decode_zodb_record_for_pg_json<'py>(
    py: Python<'py>,
    record: &Bound<'_, PyAny>,
    jsonb: bool,
    strict: bool,
) -> PyResult<(&'static str, &'static str, Bound<'py, PyString>, Bound<'py, PyList>)> {
    let decoded = decode_text(py, &input::record(record)?, DecodeOptions { jsonb, strict }, false)?;
    let text = PyString::from_bytes(py, &decoded.text)?;
    Ok((decoded.class.module(), decoded.class.name(), text, bigints(py, &decoded.refs)?))
}

/// The record of a JSON text: {"@cls": [module, name], "@s": state}.
///
/// Trees that BTrees could not have made are refused, unless strict is False. style is "codec" for
/// the bytes that zodb-json-codec writes, or "zodb" for a class pickle as ZODB writes it. Raises
/// EncodeError.
#[pyfunction]
#[pyo3(signature = (text, /, *, strict=true, style="codec"))]
pub fn encode<'py>(
    py: Python<'py>,
    text: &Bound<'_, PyAny>,
    strict: bool,
    style: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    encode_text(py, &input::text(text)?, None, encode_options(strict, style)?)
}

/// The record of an object of this class and of the JSON text of its state.
#[pyfunction]
#[pyo3(signature = (module, name, text, /, *, strict=true, style="codec"))]
pub fn encode_state<'py>(
    py: Python<'py>,
    module: &str,
    name: &str,
    text: &Bound<'_, PyAny>,
    strict: bool,
    style: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let Some(class) = Class::parse(module, name) else {
        return Err(errors::other_encode_error(py, &format!("not a class of BTrees: {module}.{name}")));
    };
    encode_text(py, &input::text(text)?, Some(class), encode_options(strict, style)?)
}

/// The same of objects: encode(json.dumps(record)).
#[pyfunction]
#[pyo3(signature = (record, /, *, strict=true, style="codec"))]
pub fn encode_zodb_record<'py>(
    py: Python<'py>,
    record: &Bound<'py, PyAny>,
    strict: bool,
    style: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let options = encode_options(strict, style)?;
    let direct = with_encoder(options, |encoder| {
        let pause = Pause::new(py);
        encoder.encode_held(Object::new(record, &pause)).map(|bytes| PyBytes::new(py, bytes))
    });
    match direct {
        Some(bytes) => Ok(bytes),
        None => encode_text(py, &text::to_json(record)?, None, options),
    }
}

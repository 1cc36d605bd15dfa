//! Python objects to JSON text.

use super::errors::other_encode_error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

/// Deeper than any record may be; a list that contains itself gets there, too.
const DEEPEST: usize = 3100;

/// The most bytes of text: more is refused by the encoder. An array in it many times may make any amount.
const LONGEST: usize = 1 << 30;

/// An array or an object, and how much of it is written.
enum Open<'py> {
    Array(Bound<'py, PyList>, usize),
    Object(Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>, usize),
}

/// The JSON text of dicts, lists, strings, numbers, booleans and None.
pub fn to_json(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut text = String::with_capacity(256);
    let mut open = vec![];
    let mut next = begin(object, &mut text)?;
    loop {
        // An inner one goes before what is left of the outer ones.
        open.extend(next.take());
        if open.len() > DEEPEST {
            let reason = "objects are nested too deep, or contain themselves";
            return Err(other_encode_error(object.py(), reason));
        }
        match open.last_mut() {
            Some(Open::Array(list, place)) => {
                // Python code can run in between, and change it.
                while next.is_none() && *place < list.len() {
                    if *place > 0 {
                        text.push(',');
                    }
                    let item = list.get_item(*place)?;
                    *place += 1;
                    next = begin(&item, &mut text)?;
                }
                if next.is_some() {
                    continue;
                }
                text.push(']');
            }
            Some(Open::Object(items, place)) => {
                while let (None, Some((key, value))) = (&next, items.get(*place)) {
                    if *place > 0 {
                        text.push(',');
                    }
                    let Ok(key) = key.cast::<PyString>() else {
                        return Err(PyTypeError::new_err("keys of JSON objects are str"));
                    };
                    string(key, &mut text)?;
                    text.push(':');
                    *place += 1;
                    next = begin(value, &mut text)?;
                }
                if next.is_some() {
                    continue;
                }
                text.push('}');
            }
            None => return Ok(text),
        }
        open.pop();
    }
}

/// Appends a leaf, or the bracket that an array or object begins with; returns these.
fn begin<'py>(object: &Bound<'py, PyAny>, text: &mut String) -> PyResult<Option<Open<'py>>> {
    if text.len() > LONGEST {
        return Err(other_encode_error(object.py(), "objects with more than 1 GiB of text"));
    }
    if let Ok(object) = object.cast_exact::<PyString>() {
        string(object, text)?;
    } else if let Ok(object) = object.cast_exact::<PyInt>() {
        integer(object, text)?;
    } else if let Ok(object) = object.cast::<PyList>() {
        text.push('[');
        return Ok(Some(Open::Array(object.clone(), 0)));
    } else if let Ok(object) = object.cast::<PyDict>() {
        text.push('{');
        return Ok(Some(Open::Object(object.iter().collect(), 0)));
    } else if let Ok(object) = object.cast::<PyFloat>() {
        float(object.value(), text);
    } else if object.is_none() {
        text.push_str("null");
    } else if let Ok(object) = object.cast::<PyBool>() {
        text.push_str(if object.is_true() { "true" } else { "false" });
    } else if let Ok(object) = object.cast::<PyString>() {
        string(object, text)?;
    } else if let Ok(object) = object.cast::<PyInt>() {
        integer(object, text)?;
    } else {
        let name = object.get_type().name()?;
        return Err(PyTypeError::new_err(format!("'{name}' is not JSON")));
    }
    Ok(None)
}

fn integer(object: &Bound<'_, PyInt>, text: &mut String) -> PyResult<()> {
    match object.extract::<i64>() {
        Ok(number) => text.push_str(itoa::Buffer::new().format(number)),
        // Too large for 64 bits. Python itself limits how much text it makes of an integer.
        Err(_) => {
            let digits = object.py().get_type::<PyInt>().call_method1("__repr__", (object,))?;
            text.push_str(digits.extract()?);
        }
    }
    Ok(())
}

fn float(value: f64, text: &mut String) {
    if value.is_finite() {
        text.push_str(ryu::Buffer::new().format_finite(value));
    } else if value.is_nan() {
        text.push_str("{\"@f\":\"nan\"}");
    } else {
        text.push_str(if value > 0.0 { "{\"@f\":\"inf\"}" } else { "{\"@f\":\"-inf\"}" });
    }
}

fn string(object: &Bound<'_, PyString>, text: &mut String) -> PyResult<()> {
    let string = object.to_str()?;
    text.push('"');
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Without branches, for most strings have none.
    if !string.as_bytes().iter().fold(false, |found, byte| found | special(byte)) {
        text.push_str(string);
        text.push('"');
        return Ok(());
    }
    let mut rest = string;
    while let Some(place) = rest.bytes().position(|byte| special(&byte)) {
        let (ordinary, special) = rest.split_at(place);
        text.push_str(ordinary);
        let mut letters = special.chars();
        let letter = letters.next().map_or(0, u32::from);
        text.push_str(&format!("\\u{letter:04x}"));
        rest = letters.as_str();
    }
    text.push_str(rest);
    text.push('"');
    Ok(())
}

//! JSON as Python objects.

use super::errors::EncodeError;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use btrees_json::{Sink, Text};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

/// Builds objects of JSON as it comes.
pub struct ObjectSink<'py> {
    py: Python<'py>,
    /// Values that are not yet in an array.
    values: Vec<Bound<'py, PyAny>>,
    /// Arrays and objects that are not complete.
    open: Vec<Open<'py>>,
}

enum Open<'py> {
    /// Its values begin here.
    Array(usize),
    Object(Bound<'py, PyDict>, Option<Bound<'py, PyString>>),
}

impl<'py> ObjectSink<'py> {
    pub fn new(py: Python<'py>) -> Self {
        ObjectSink { py, values: vec![], open: vec![] }
    }

    /// The value that was written.
    pub fn finish(mut self) -> PyResult<Bound<'py, PyAny>> {
        self.values.pop().ok_or_else(|| PyTypeError::new_err("no value"))
    }

    fn put(&mut self, value: Bound<'py, PyAny>) -> PyResult<()> {
        match self.open.last_mut() {
            Some(Open::Object(dict, key)) => match key.take() {
                Some(key) => dict.set_item(key, value),
                None => Err(PyTypeError::new_err("no key")),
            },
            _ => {
                self.values.push(value);
                Ok(())
            }
        }
    }
}

impl Sink for ObjectSink<'_> {
    type Error = PyErr;

    fn null(&mut self) -> PyResult<()> {
        self.put(self.py.None().into_bound(self.py))
    }

    fn boolean(&mut self, value: bool) -> PyResult<()> {
        self.put(PyBool::new(self.py, value).to_owned().into_any())
    }

    fn integer(&mut self, value: i64) -> PyResult<()> {
        self.put(PyInt::new(self.py, value).into_any())
    }

    fn float(&mut self, value: f64) -> PyResult<()> {
        self.put(PyFloat::new(self.py, value).into_any())
    }

    fn string(&mut self, text: Text<'_>) -> PyResult<()> {
        self.put(PyString::new(self.py, text.as_str()).into_any())
    }

    fn base64(&mut self, bytes: &[u8]) -> PyResult<()> {
        self.put(PyString::new(self.py, &STANDARD.encode(bytes)).into_any())
    }

    fn array(&mut self) -> PyResult<()> {
        self.open.push(Open::Array(self.values.len()));
        Ok(())
    }

    fn end_array(&mut self) -> PyResult<()> {
        let start = match self.open.pop() {
            Some(Open::Array(start)) => start,
            _ => self.values.len(),
        };
        let list = PyList::new(self.py, self.values.drain(start..))?;
        self.put(list.into_any())
    }

    fn object(&mut self) -> PyResult<()> {
        self.open.push(Open::Object(PyDict::new(self.py), None));
        Ok(())
    }

    fn key(&mut self, key: Text<'_>) -> PyResult<()> {
        if let Some(Open::Object(_, next)) = self.open.last_mut() {
            *next = Some(PyString::new(self.py, key.as_str()));
        }
        Ok(())
    }

    fn end_object(&mut self) -> PyResult<()> {
        match self.open.pop() {
            Some(Open::Object(dict, _)) => self.put(dict.into_any()),
            _ => Ok(()),
        }
    }
}

/// Deeper than any record may be; a list that contains itself gets there, too.
const DEEPEST: usize = 3100;

/// What is left of an array or an object.
enum Rest<'py> {
    Array(Bound<'py, PyList>, usize),
    Object(Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>, usize),
}

/// The JSON text of dicts, lists, strings, numbers, booleans and None.
pub fn to_json(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut text = String::new();
    let mut open = vec![];
    value(object.clone(), &mut text, &mut open)?;
    while let Some(rest) = open.last_mut() {
        let (next, end) = match rest {
            Rest::Array(list, place) => {
                let next = list.get_item(*place).ok();
                if next.is_some() && *place > 0 {
                    text.push(',');
                }
                *place += 1;
                (next, ']')
            }
            Rest::Object(items, place) => {
                let next = items.get(*place).cloned();
                if next.is_some() && *place > 0 {
                    text.push(',');
                }
                *place += 1;
                let next = match next {
                    Some((key, value)) => {
                        let Ok(key) = key.cast::<PyString>() else {
                            return Err(PyTypeError::new_err("keys of JSON objects are str"));
                        };
                        string(key, &mut text)?;
                        text.push(':');
                        Some(value)
                    }
                    None => None,
                };
                (next, '}')
            }
        };
        match next {
            Some(object) => {
                value(object, &mut text, &mut open)?;
                if open.len() > DEEPEST {
                    return Err(EncodeError::new_err("objects are nested too deep, or contain themselves"));
                }
            }
            None => {
                text.push(end);
                open.pop();
            }
        }
    }
    Ok(text)
}

/// Appends a leaf, or the beginning of an array or object.
fn value<'py>(object: Bound<'py, PyAny>, text: &mut String, open: &mut Vec<Rest<'py>>) -> PyResult<()> {
    if let Ok(object) = object.cast::<PyString>() {
        string(object, text)?;
    } else if let Ok(object) = object.cast::<PyBool>() {
        text.push_str(if object.is_true() { "true" } else { "false" });
    } else if let Ok(object) = object.cast::<PyInt>() {
        match object.extract::<i64>() {
            Ok(number) => text.push_str(itoa::Buffer::new().format(number)),
            // Too large for a number of 64 bits, and perhaps for Python to make text of it.
            Err(_) => text.push_str(object.call_method0("__repr__")?.extract()?),
        }
    } else if let Ok(object) = object.cast::<PyList>() {
        text.push('[');
        open.push(Rest::Array(object.clone(), 0));
    } else if let Ok(object) = object.cast::<PyDict>() {
        text.push('{');
        open.push(Rest::Object(object.iter().collect(), 0));
    } else if object.is_none() {
        text.push_str("null");
    } else if let Ok(object) = object.cast::<PyFloat>() {
        float(object.value(), text);
    } else {
        let name = object.get_type().name()?;
        return Err(PyTypeError::new_err(format!("'{name}' is not JSON")));
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
    let mut rest = string;
    while let Some(place) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
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

//! Python objects as values of JSON, for the way from them to records without a text between.

use btrees_json::{Held, View};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

/// An object. Subclasses and what is no JSON are for the way by text.
pub struct Object<'py>(pub Bound<'py, PyAny>);

impl Held for Object<'_> {
    #[inline]
    fn view(&self) -> View<'_> {
        if let Ok(text) = self.0.cast_exact::<PyString>() {
            // Half surrogates are not UTF-8.
            return text.to_str().map_or(View::Other, View::Text);
        }
        if let Ok(number) = self.0.cast_exact::<PyInt>() {
            // It may have more than 64 bits.
            return number.extract().map_or(View::Other, View::Int);
        }
        if let Ok(list) = self.0.cast_exact::<PyList>() {
            return View::Array(list.len());
        }
        if let Ok(dict) = self.0.cast_exact::<PyDict>() {
            return View::Object(dict.len());
        }
        if let Ok(number) = self.0.cast_exact::<PyFloat>() {
            return View::Float(number.value());
        }
        if let Ok(value) = self.0.cast_exact::<PyBool>() {
            return View::Bool(value.is_true());
        }
        if self.0.is_none() {
            return View::Null;
        }
        View::Other
    }

    #[inline]
    fn item(&self, place: usize) -> Option<Self> {
        self.0.cast_exact::<PyList>().ok()?.get_item(place).ok().map(Object)
    }

    #[inline]
    fn entries(&self) -> impl Iterator<Item = (Self, Self)> {
        let entries = self.0.cast_exact::<PyDict>().ok().map(|dict| dict.iter());
        entries.into_iter().flatten().map(|(key, value)| (Object(key), Object(value)))
    }
}

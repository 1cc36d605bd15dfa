//! Python objects as values of JSON, for the way from them to records without a text between. Nothing
//! is done to their reference counts, which would take longer than the rest.
#![allow(unsafe_code)]

use super::collection::Pause;
use btrees_json::{Held, View};
use pyo3::ffi;
use pyo3::prelude::*;
use std::marker::PhantomData;
use std::ptr::null_mut;

/// An object that something refers to for `'a`.
#[derive(Clone, Copy)]
pub struct Object<'a, 'py> {
    object: *mut ffi::PyObject,
    python: PhantomData<(&'a (), Python<'py>)>,
}

impl<'a, 'py> Object<'a, 'py> {
    /// An object whose parts are looked at during a pause, when no Python code runs: all that it leads
    /// to stays as it is.
    pub fn new(object: &'a Bound<'py, PyAny>, _: &'a Pause<'py>) -> Self {
        Object { object: object.as_ptr(), python: PhantomData }
    }

    /// What this object refers to.
    fn part(self, object: *mut ffi::PyObject) -> Option<Self> {
        (!object.is_null()).then_some(Object { object, ..self })
    }

    fn text(self) -> Option<&'a str> {
        let mut len = 0;
        // SAFETY: it is a str, there is room for the length, and the answer is null or UTF-8 of that
        // length, which the object keeps.
        unsafe {
            let text = ffi::PyUnicode_AsUTF8AndSize(self.object, &mut len);
            if !text.is_null() {
                let bytes = std::slice::from_raw_parts(text.cast(), len as usize);
                return Some(std::str::from_utf8_unchecked(bytes));
            }
            // Half surrogates are not UTF-8.
            ffi::PyErr_Clear();
        }
        None
    }
}

impl<'a> Held<'a> for Object<'a, '_> {
    /// Subclasses, and what is no JSON, are for the way by text.
    #[inline(always)]
    fn view(self) -> View<'a> {
        let object = self.object;
        // SAFETY: it is an object, and each function gets one of the type that it is for. None of
        // them runs Python code.
        unsafe {
            if ffi::PyUnicode_CheckExact(object) != 0 {
                self.text().map_or(View::Other, View::Text)
            } else if ffi::PyLong_CheckExact(object) != 0 {
                let mut overflow = 0;
                let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow);
                if overflow == 0 {
                    View::Int(value)
                } else {
                    View::Other
                }
            } else if ffi::PyList_CheckExact(object) != 0 {
                View::Array(ffi::PyList_Size(object) as usize)
            } else if ffi::PyDict_CheckExact(object) != 0 {
                View::Object(ffi::PyDict_Size(object) as usize)
            } else if ffi::PyFloat_CheckExact(object) != 0 {
                View::Float(ffi::PyFloat_AsDouble(object))
            } else if object == ffi::Py_None() {
                View::Null
            } else if ffi::PyBool_Check(object) != 0 {
                View::Bool(object == ffi::Py_True())
            } else {
                View::Other
            }
        }
    }

    #[inline]
    fn item(self, place: usize) -> Option<Self> {
        // SAFETY: it is an object, and of a list it is asked whether it has the place.
        unsafe {
            if ffi::PyList_CheckExact(self.object) == 0 {
                return None;
            }
            let item = ffi::PyList_GetItem(self.object, place as ffi::Py_ssize_t);
            if item.is_null() {
                ffi::PyErr_Clear();
            }
            self.part(item)
        }
    }

    #[inline]
    fn entries(self) -> impl Iterator<Item = (Self, Self)> {
        let mut place = 0;
        std::iter::from_fn(move || {
            let (mut key, mut value) = (null_mut(), null_mut());
            // SAFETY: it is an object, and of a dict the next key and value are asked for, which have room.
            unsafe {
                if ffi::PyDict_CheckExact(self.object) != 0 {
                    ffi::PyDict_Next(self.object, &mut place, &mut key, &mut value);
                }
            }
            self.part(key).zip(self.part(value))
        })
    }
}

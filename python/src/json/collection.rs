//! Python's garbage collection, which gets in the way where many objects are made or looked at.
#![allow(unsafe_code)]

use pyo3::ffi;
use pyo3::prelude::*;
use std::marker::PhantomData;

/// While there is one, and nothing is called that runs Python code, nothing does: only a collection
/// could, by what it finalizes. Nor are objects that are being made looked at again and again.
pub struct Pause<'py> {
    enabled: bool,
    python: PhantomData<Python<'py>>,
}

impl<'py> Pause<'py> {
    pub fn new(_: Python<'py>) -> Self {
        // SAFETY: the thread is attached to the interpreter, as `Python` says.
        let enabled = unsafe { ffi::PyGC_Disable() } != 0;
        Pause { enabled, python: PhantomData }
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        if self.enabled {
            // SAFETY: as above.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

//! Strings that come again and again: keys, and names of classes. Each is made once, and knows its hash.

use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::Mutex;

/// The longest that are kept, in bytes, and how many are.
const LONGEST: usize = 30;
const PLACES: usize = 256;

struct Word {
    bytes: [u8; LONGEST],
    len: u8,
    text: Py<PyString>,
}

/// The strings that came last. Which place one has depends on its bytes.
pub struct Words {
    places: Vec<Option<Word>>,
}

/// The thread that is attached to the interpreter has them, until it drops them.
static KEPT: Mutex<Option<Vec<Option<Word>>>> = Mutex::new(None);

impl Words {
    pub fn take() -> Words {
        let kept = KEPT.try_lock().ok().and_then(|mut kept| kept.take());
        let empty = || std::iter::repeat_with(|| None).take(PLACES).collect();
        Words { places: kept.unwrap_or_else(empty) }
    }

    /// The string of these bytes, which are UTF-8.
    pub fn get<'py>(&mut self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
        let Some(place) = self.places.get_mut(place(bytes)).filter(|_| bytes.len() <= LONGEST) else {
            return PyString::from_bytes(py, bytes);
        };
        if let Some(word) = place.as_ref() {
            if word.bytes.get(..usize::from(word.len)) == Some(bytes) {
                return Ok(word.text.bind(py).clone());
            }
        }
        let text = PyString::from_bytes(py, bytes)?;
        let mut word = Word { bytes: [0; LONGEST], len: bytes.len() as u8, text: text.clone().unbind() };
        word.bytes.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        *place = Some(word);
        Ok(text)
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if let Ok(mut kept) = KEPT.try_lock() {
            *kept = Some(std::mem::take(&mut self.places));
        }
    }
}

/// Of the first and the last bytes, and how many there are.
fn place(bytes: &[u8]) -> usize {
    let ends = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => u32::from_le_bytes(*first) ^ u32::from_le_bytes(*last).rotate_left(11),
        _ => bytes.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
    };
    (ends ^ bytes.len() as u32).wrapping_mul(0x9e37_79b1) as usize >> 24
}

//! Any bytes as a file: the same that tests/mutants.rs does with its mutants.
#![no_main]

#[path = "../../tests/mutants/exercise.rs"]
#[allow(dead_code)] // what only the statistics of the test want
mod exercise;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|image: &[u8]| {
    // Some keys to begin with: the file's own are not known.
    let items: exercise::Items =
        [&b""[..], b"0", b"key", b"k00028", &[0xff; 3]].map(|key| (key.to_vec(), vec![])).to_vec();
    let mut state = image.iter().fold(1u64, |state, &byte| state.rotate_left(5) ^ u64::from(byte));
    let mut below = |n: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as usize % n.max(1)
    };
    exercise::exercise(image, &items, false, &mut below);
});

//! Any bytes as a record of ZODB. What becomes text becomes a record again, always the same from
//! then on.
#![no_main]

use btrees_json::{DecodeOptions, Decoder, EncodeOptions, Encoder, Error, Reason};
use libfuzzer_sys::fuzz_target;

fn decode(options: DecodeOptions, record: &[u8]) -> Result<String, Error> {
    Decoder::new(options).read(record)?.to_json()
}

fn encode(strict: bool, json: &str) -> Result<Vec<u8>, Error> {
    Encoder::new(EncodeOptions { strict, ..EncodeOptions::default() }).encode(json)
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, record)) = input.split_last() else { return };
    let options = DecodeOptions { jsonb: choice & 1 != 0, strict: choice & 2 != 0 };
    let text = match decode(options, record) {
        Ok(text) => text,
        Err(error) => {
            assert!(error.offset() <= record.len());
            assert!(error.to_string().len() < 1000);
            return;
        }
    };
    let canonical = match encode(options.strict, &text) {
        Ok(canonical) => canonical,
        // Pickles can have keys that Python could not load, or of classes that are refused.
        Err(error) if matches!(error.reason(), Reason::Unhashable | Reason::NotPersistent(_)) => return,
        Err(error) => panic!("{error}: {text}"),
    };
    // Keys of dicts may have occurred twice.
    let text = decode(options, &canonical).expect("a record of ours");
    let again = encode(options.strict, &text).expect("a text of ours");
    assert!(again == canonical, "{text}");
    assert!(decode(options, &again).expect("a record of ours") == text, "{text}");
});

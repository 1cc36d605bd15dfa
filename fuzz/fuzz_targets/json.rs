//! Any text as JSON of a record. What becomes a record becomes text again, and that the same record.
#![no_main]

use btrees_json::{decode, Class, EncodeOptions, Encoder, Error, Kind, Style, PREFIXES};
use libfuzzer_sys::fuzz_target;

fn encode(options: EncodeOptions, class: Option<Class>, json: &str) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(options);
    match class {
        Some(class) => encoder.encode_state(class, json),
        None => encoder.encode(json),
    }
}

fuzz_target!(|input: &[u8]| {
    let (Some((&choice, rest)), true) = (input.split_last(), input.len() > 1) else { return };
    let Some((&family, json)) = rest.split_last() else { return };
    let Ok(json) = std::str::from_utf8(json) else { return };
    let strict = choice & 1 != 0;
    let style = if choice & 2 != 0 { Style::Zodb } else { Style::Codec };
    let options = EncodeOptions { strict, style };
    // A record, or the state of one.
    let kind = Kind::ALL[usize::from(choice >> 2) % 4];
    let class = match choice & 16 {
        0 => None,
        _ => {
            Some(PREFIXES.get(usize::from(family)).map_or(Class::Length, |prefix| Class::Node(prefix, kind)))
        }
    };
    let record = match encode(options, class, json) {
        Ok(record) => record,
        Err(error) => {
            assert!(error.offset() <= json.len());
            assert!(error.path().is_some() && error.to_string().len() < 2000);
            return;
        }
    };
    let text = decode(&record).expect("a record of ours");
    let canonical = encode(options, None, &text).expect("a text of ours");
    // Small integers may have been written as large ones.
    assert!(decode(&canonical).expect("a record of ours") == text, "{json}");
    assert!(encode(options, None, &text).expect("a text of ours") == canonical, "{json}");
});

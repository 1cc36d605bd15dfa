//! Any bytes as the text of db_dump, or as lines of plain text. The items that are read come back from
//! what we write of them.
#![no_main]

#[path = "../../mpbtree/src/dumptext.rs"]
mod dumptext;
#[path = "../../mpbtree/src/text.rs"]
#[allow(dead_code)] // what only the terminal and JSON want
mod text;

use dumptext::{header, Reader, TextHeader, Wrong};
use libfuzzer_sys::fuzz_target;
use modbtree::Options;

type Items = Vec<(Vec<u8>, Vec<u8>)>;

/// The items before the first that is wrong; all, if the text is sound.
fn items(input: &[u8], plain: bool, items: &mut Items) -> Result<TextHeader, Wrong> {
    let mut reader = Reader::new(input);
    let header = if plain { TextHeader::default() } else { reader.header()? };
    if plain {
        reader.plain_text();
    }
    let (mut key, mut value) = (Vec::new(), Vec::new());
    while reader.item(&mut key, &mut value)? {
        items.push((key.clone(), value.clone()));
    }
    Ok(header)
}

fn write(header: &str, print: bool, items: &Items) -> Vec<u8> {
    let mut out = header.as_bytes().to_vec();
    for bytes in items.iter().flat_map(|(key, value)| [key, value]) {
        out.push(b' ');
        let written =
            if print { text::write_ascii(&mut out, bytes) } else { text::write_hex(&mut out, bytes) };
        written.expect("a vector takes everything");
        out.push(b'\n');
    }
    out.extend_from_slice(b"DATA=END\n");
    out
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_last() else { return };
    let mut found = Items::new();
    let lines = input.split(|&byte| byte == b'\n').count() as u64;
    let told = match items(input, choice & 1 != 0, &mut found) {
        Ok(told) => told,
        Err(Wrong::Line(line, reason)) => {
            // A long line of a header counts as several.
            assert!(line <= lines + input.len() as u64 / 4096);
            assert!(!reason.is_empty() && reason.len() < 20_000 && !reason.contains('\x1b'));
            TextHeader::default()
        }
        Err(Wrong::Io(error)) => panic!("{error}"),
    };
    let size: usize = found.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(size <= input.len());
    let options = Options {
        page_size: told.page_size,
        duplicates: told.duplicates,
        order: told.order,
        ..Options::default()
    };
    for print in [false, true] {
        let mut again = Items::new();
        let text = write(&header(&options, print), print, &found);
        let told_again = items(&text, false, &mut again).expect("a text of ours");
        assert!(again == found);
        assert_eq!((told_again.print, told_again.duplicates), (print, told.duplicates));
        assert_eq!(told_again.order.is_some(), true);
        assert!(told.order.is_none() || told_again.order == told.order);
    }
});

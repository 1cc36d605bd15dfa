//! The way to a place in a text, for messages.

/// The most that is shown of a key, in bytes, and of a path, in steps.
const KEY: usize = 40;
const STEPS: usize = 12;

enum Step {
    Index(usize),
    /// The place of a key, if it has come.
    Key(Option<(usize, usize)>),
}

/// The path to the value at or around `offset`: `$["@s"]["@kv"][3]`, for instance.
pub(crate) fn path_at(json: &[u8], offset: usize) -> String {
    let json = json.get(..offset.min(json.len())).unwrap_or_default();
    let mut steps = vec![];
    let mut pos = 0;
    // The last string, which a colon makes a key.
    let mut string = None;
    while let Some(&byte) = json.get(pos) {
        match byte {
            b'"' => {
                let end = string_end(json, pos + 1);
                string = Some((pos, end));
                pos = end;
                continue;
            }
            b'[' => steps.push(Step::Index(0)),
            b'{' => steps.push(Step::Key(None)),
            b']' | b'}' => drop(steps.pop()),
            b',' => match steps.last_mut() {
                Some(Step::Index(index)) => *index += 1,
                Some(Step::Key(key)) => *key = None,
                None => {}
            },
            b':' => {
                if let Some(Step::Key(key)) = steps.last_mut() {
                    *key = string;
                }
            }
            _ => {}
        }
        pos += 1;
    }
    let mut path = String::from("$");
    if steps.len() > STEPS {
        path.push_str("...");
    }
    for step in steps.iter().skip(steps.len().saturating_sub(STEPS)) {
        match *step {
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Key(None) => {}
            Step::Key(Some((start, end))) => {
                let key = json.get(start..end.min(start + KEY)).unwrap_or_default();
                let more = if end - start > KEY { "...\"" } else { "" };
                path.push_str(&format!("[{}{more}]", String::from_utf8_lossy(key)));
            }
        }
    }
    path
}

/// Behind the value that begins at `pos`, if it is one.
pub(super) fn value_end(json: &[u8], mut pos: usize) -> usize {
    let mut depth = 0usize;
    loop {
        match json.get(pos) {
            Some(b'"') => {
                pos = string_end(json, pos + 1);
                continue;
            }
            Some(b'[' | b'{') => depth += 1,
            Some(b',') if depth == 0 => return pos,
            Some(b']' | b'}') => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return pos,
            },
            Some(_) => {}
            None => return json.len(),
        }
        pos += 1;
    }
}

/// Behind the quote that ends a string.
fn string_end(json: &[u8], mut pos: usize) -> usize {
    loop {
        match json.get(pos) {
            Some(b'\\') => pos += 2,
            Some(b'"') => return pos + 1,
            Some(_) => pos += 1,
            None => return json.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::path_at;

    #[test]
    fn the_way_to_each_place() {
        let json = br#"{"a\"}": [1, {"b": []}, "[,"], "c": 2}"#;
        for (what, path) in [
            ("1,", r#"$["a\"}"][0]"#),
            ("[]", r#"$["a\"}"][1]["b"]"#),
            ("\"[,", r#"$["a\"}"][2]"#),
            ("\"c\"", "$"),
            ("2}", r#"$["c"]"#),
            ("{", "$"),
        ] {
            let offset = json.windows(what.len()).position(|part| part == what.as_bytes()).unwrap();
            assert_eq!(path_at(json, offset), path);
        }
        let deep = "[".repeat(5000);
        assert_eq!(path_at(deep.as_bytes(), 9999), format!("$...{}", "[0]".repeat(12)));
        assert!(path_at(format!("{{\"{}\":1", "k".repeat(500)).as_bytes(), 504).len() < 60);
        assert_eq!(path_at(b"\"\\", 2), "$");
    }
}

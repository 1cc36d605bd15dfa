//! Input made to cost much. It is refused, with a place, or read; in both cases with memory in
//! proportion to its size. Were the time not so, too, these tests would take hours.

use btrees_json::{decode, encode, EncodeOptions, Encoder, Error, Reason, MAX_DEPTH};
use peak_alloc::PeakAlloc;
use std::sync::{Mutex, MutexGuard};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Memory is counted for one test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// At most that many bytes of memory for each byte of input, and beside them: a text of 64 times the
/// size, and its double while it grows.
const FACTOR: usize = 200;
const CONSTANT: usize = 6 << 20;

fn bounded<T>(size: usize, work: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = work();
    let used = MEMORY.peak_usage() - before;
    assert!(used <= size * FACTOR + CONSTANT, "{used} bytes for {size}");
    result
}

/// A record of an OOBTree with this state pickle, which begins at 29.
fn oobtree(state: &[u8]) -> Vec<u8> {
    [b"\x80\x03cBTrees.OOBTree\nOOBTree\nq\x00.", state, b"."].concat()
}

/// The value of a key in it.
fn value(pickle: &[u8]) -> Vec<u8> {
    oobtree(&[b"K\x00", pickle, b"\x86\x85\x85\x85"].concat())
}

fn decoded(record: &[u8]) -> Result<String, Error> {
    bounded(record.len(), || decode(record))
}

fn encode_loosely(json: &str) -> Result<Vec<u8>, Error> {
    Encoder::new(EncodeOptions { strict: false, ..EncodeOptions::default() }).encode(json)
}

fn encoded(json: &str) -> Result<Vec<u8>, Error> {
    bounded(json.len(), || encode_loosely(json))
}

fn text(value: &str) -> String {
    format!(r#"{{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{{"@kv":[[0,{value}]]}}}}"#)
}

#[test]
fn deep_nesting_in_pickles() {
    let _turn = turn();
    for depth in [MAX_DEPTH, MAX_DEPTH + 1, 100_000, 2_000_000] {
        for (open, close) in [(&b"]"[..], &b"a"[..]), (b"(", b"t"), (b"}K\x00", b"s"), (b"", b"\x85")] {
            let inner: &[u8] = if open.is_empty() || open == b"(" { b"N" } else { b"" };
            // The innermost list has nothing appended.
            let closed = if open == b"]" || open == b"}K\x00" { depth - 1 } else { depth };
            let opened = if open == b"}K\x00" {
                b"}K\x00".repeat(depth - 1).into_iter().chain(*b"}").collect()
            } else {
                open.repeat(depth)
            };
            let record = value(&[&opened, inner, &close.repeat(closed)].concat());
            match decoded(&record) {
                Ok(_) => assert_eq!(depth, MAX_DEPTH),
                Err(error) => {
                    assert!(depth > MAX_DEPTH, "{error}");
                    assert_eq!(*error.reason(), Reason::TooDeep);
                    assert!(error.opcode().is_some() && error.offset() > 29);
                }
            }
        }
    }
    let marks = decoded(&oobtree(&b"(".repeat(5_000_000))).unwrap_err();
    assert_eq!(*marks.reason(), Reason::StackUnderflow);
}

#[test]
fn deep_nesting_in_json() {
    let _turn = turn();
    for depth in [MAX_DEPTH, MAX_DEPTH + 1, 100_000, 2_000_000] {
        for (open, close) in
            [("[", "]"), ("{\"@t\":[", "]}"), ("{\"a\":", "}"), ("{\"@d\":[[1,", "]]}"), ("{\"@t\":", "}")]
        {
            let inner = if open == "{\"@t\":" { "[]" } else { "null" };
            let json = text(&[&open.repeat(depth), inner, &close.repeat(depth)].concat());
            match encoded(&json) {
                Ok(record) => {
                    assert_eq!(depth, MAX_DEPTH, "{open}");
                    assert_eq!(decode(&record).unwrap(), json);
                }
                Err(error) if open == "{\"@t\":" => {
                    assert!(matches!(error.reason(), Reason::Marker(..) | Reason::TooDeep))
                }
                Err(error) => {
                    assert!(depth > MAX_DEPTH, "{error}");
                    assert_eq!(*error.reason(), Reason::TooDeep);
                    assert!(error.path().unwrap().len() < 500);
                }
            }
        }
        assert!(encoded(&"[".repeat(depth)).is_err());
        assert!(encoded(&format!("{{\"@s\":{}", "[".repeat(depth))).is_err());
        assert!(encoded(&format!(
            "{{\"@s\":{},\"@cls\":[\"BTrees.OOBTree\",\"OOBTree\"]}}",
            "[".repeat(depth)
        ))
        .is_err());
    }
}

/// Each level holds the one before twice: 2^n objects in 4 n bytes.
#[test]
fn memo_bombs() {
    let _turn = turn();
    for levels in [18, 24, 60, 200] {
        for start in [&b")"[..], b"]", b"}", b"N", b"X\x01\x00\x00\x00x", b"C\x01x"] {
            let mut pickle = [start, b"q\x01"].concat();
            for _ in 0..levels {
                pickle.extend(b"h\x01\x86q\x01");
            }
            let error = decoded(&value(&pickle)).unwrap_err();
            assert_eq!(*error.reason(), Reason::TooMuchOutput);
            assert!(error.opcode().is_some());
        }
    }
    // Few levels are fine: 2^10.
    let pickle = [b")q\x01".to_vec(), b"h\x01\x86q\x01".repeat(10)].concat();
    assert!(decoded(&value(&pickle)).unwrap().len() > 10_000);
    // A long string many times: the same from another side.
    let long = [
        b"X\x00\x00\x01\x00".to_vec(),
        vec![b'x'; 1 << 16],
        b"q\x01]q\x02(".to_vec(),
        b"h\x01".repeat(100_000),
        b"e\x86".to_vec(),
    ]
    .concat();
    assert_eq!(*decoded(&value(&long)).unwrap_err().reason(), Reason::TooMuchOutput);
    // As a key, where it would be compared with itself.
    let keys =
        [b"(".to_vec(), b")q\x01".to_vec(), b"h\x01\x86q\x01".repeat(40), b"Nh\x01Nt\x85\x85\x85".to_vec()]
            .concat();
    assert_eq!(*decoded(&oobtree(&keys)).unwrap_err().reason(), Reason::TooMuchOutput);
}

#[test]
fn objects_that_contain_themselves() {
    let _turn = turn();
    for pickle in [
        &b"]q\x01h\x01a"[..],
        b"}q\x01K\x01h\x01s",
        b"]q\x01(h\x01h\x01h\x01h\x01e",
        b"]q\x01h\x01\x85a",
        b"]q\x01}q\x02K\x01h\x01sa",
        b"]q\x01(cbuiltins\nset\nh\x01\x85Re",
    ] {
        let error = decoded(&value(pickle)).unwrap_err();
        let expected = matches!(error.reason(), Reason::TooDeep | Reason::TooMuchOutput | Reason::Operand(_));
        assert!(expected && error.opcode().is_some(), "{error}");
    }
}

#[test]
fn huge_integers() {
    let _turn = turn();
    let long = |bytes: usize| [&[0x8b][..], &(bytes as u32).to_le_bytes(), &vec![0x7f; bytes]].concat();
    assert!(decoded(&value(&long(1785))).unwrap().len() > 4200);
    for bytes in [1786, 100_000, 10_000_000] {
        let error = decoded(&value(&long(bytes))).unwrap_err();
        assert_eq!((error.reason(), error.opcode()), (&Reason::HugeInteger, Some("LONG4")));
        assert_eq!(error.offset(), 31);
    }
    for digits in [4301, 100_000, 10_000_000] {
        let error = encoded(&text(&"9".repeat(digits))).unwrap_err();
        assert_eq!((error.reason(), error.path()), (&Reason::HugeInteger, Some("$[\"@s\"][\"@kv\"][0][1]")));
        assert!(encoded(&text(&format!("{{\"@bi\":\"{}\"}}", "9".repeat(digits)))).is_err());
    }
    // Floats may have many digits, as long as Rust reads them rightly.
    for (digits, fine) in [(4301, true), (9_000, true), (100_000, false), (10_000_000, false)] {
        let zeros = "0".repeat(digits);
        for (number, value) in [
            (format!("0.{}", "9".repeat(digits)), "1.0"),
            (format!("1{zeros}e-{digits}"), "1.0"),
            (format!("0.{zeros}1e{}", digits + 1), "1.0"),
        ] {
            let record = encoded(&text(&number));
            assert_eq!(record.is_ok(), fine);
            assert!(!fine || decode(&record.unwrap()).unwrap() == text(value));
        }
    }
    // Many of the largest.
    let many = [b"(".to_vec(), long(1785).repeat(3000), b"t".to_vec()].concat();
    assert!(decoded(&value(&many)).is_ok());
}

#[test]
fn lengths_that_are_not_there() {
    let _turn = turn();
    for opcode in [b'X', b'B', 0x8b] {
        for len in [u32::MAX, i32::MAX as u32, 1 << 20] {
            let error = decoded(&oobtree(&[&[opcode][..], &len.to_le_bytes(), b"abc"].concat())).unwrap_err();
            assert!(matches!(error.reason(), Reason::Truncated | Reason::NegativeLength(_)), "{error}");
            assert_eq!(error.offset(), 29);
        }
    }
    for index in [u32::MAX, 1 << 20] {
        let error = decoded(&oobtree(&[b"Nr", &index.to_le_bytes()[..]].concat())).unwrap_err();
        assert_eq!(*error.reason(), Reason::MemoIndex(index));
    }
}

/// The memo of a record may be as long as it needs to be.
#[test]
fn long_memos_are_read() {
    let _turn = turn();
    let mut pickle = b"]q\x01(".to_vec();
    for index in 0..150_005u32 {
        pickle.extend(b"X\x08\x00\x00\x00");
        pickle.extend(format!("{index:08}").bytes());
        pickle.push(b'r');
        pickle.extend((index + 2).to_le_bytes());
    }
    pickle.extend(b"e");
    assert!(decoded(&value(&pickle)).unwrap().len() > 150_005 * 11);
}

/// Many small steps that each might look at everything before.
#[test]
fn long_inputs_take_their_time_only() {
    let _turn = turn();
    const COUNT: usize = 2_000_000;
    let append = decoded(&value(&[b"]q\x01".to_vec(), b"Na".repeat(COUNT)].concat())).unwrap();
    assert!(append.len() > COUNT * 5);
    // Two lists in turn, so that neither can grow where it is.
    let turns = b"]q\x01]q\x02".iter().copied().chain(b"h\x01Na0".repeat(0)).collect::<Vec<u8>>();
    assert!(decoded(&value(&turns)).is_err());
    let grow = [b"(]q\x01]q\x02".to_vec(), b"h\x01Nah\x02Na".repeat(COUNT / 8), b"t".to_vec()].concat();
    let error = decoded(&value(&grow)).unwrap_err();
    assert_eq!(*error.reason(), Reason::TooMuchOutput);
    // The same list over and over, while it grows.
    let again = [b"]q\x01(".to_vec(), b"h\x01".repeat(COUNT), b"e".to_vec()].concat();
    assert!(decoded(&value(&again)).is_err());
    // Dicts with many keys, with and without duplicates.
    let keys: Vec<String> = (0..COUNT / 8).map(|i| format!("\"k{}\":{i}", i % (COUNT / 16))).collect();
    let record = encoded(&text(&format!("{{{}}}", keys.join(",")))).unwrap();
    assert_eq!(decode(&record).unwrap().matches("\"k").count(), COUNT / 16);
    // Strings that begin and do not end, strings of escapes.
    assert!(encoded(&text(&"\"".repeat(COUNT + 1))).is_err());
    assert!(encoded(&text(&format!("\"{}\"", "\\u0000".repeat(COUNT / 4)))).is_ok());
    assert!(encoded(&text(&format!("\"{}", "\\\\".repeat(COUNT)))).is_err());
    assert!(encoded(&text(&format!("[{}]", vec!["{\"@ref\":\"x"; COUNT / 8].join(",")))).is_err());
    assert!(encoded(&text(&format!("[{}]", vec!["{}"; COUNT].join(",")))).is_ok());
    assert!(encoded(&" ".repeat(COUNT)).is_err());
    // Tuples of one in each other are written from the inside.
    let tuples = vec!["{\"@t\":[{\"@t\":[{\"@t\":[]}]}]}"; COUNT / 32].join(",");
    assert!(encoded(&text(&format!("[{tuples}]"))).is_ok());
    // Sets of sets, whose elements are looked at once.
    let sets = ["{\"@fset\":[".repeat(900), "]}".repeat(900)].concat();
    assert!(encoded(&text(&sets)).is_ok());
    let names = [b"c".to_vec(), b"a.".repeat(COUNT), b"b\nc\n".to_vec()].concat();
    let error = decoded(&value(&names)).unwrap_err();
    assert!(error.to_string().len() < 400);
}

/// Input without any sense.
#[test]
fn noise() {
    let _turn = turn();
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 56) as u8
    };
    let opcodes = b"()]}.NKMJXCBGcqrhjtae\x85\x86\x87\x88\x89\x8a\x8busdlQRb\x81p\x80\x03\x00\x01\n";
    for _ in 0..20_000 {
        let noise: Vec<u8> = (0..60).map(|_| opcodes[usize::from(next()) % opcodes.len()]).collect();
        if let Ok(text) = decode(&oobtree(&noise)) {
            assert_eq!(decode(&encode_loosely(&text).unwrap()).unwrap(), text);
        }
    }
    let letters = br#"{}[]",:@tbdkvs0123456789-.eEnulltrue\u "#;
    for _ in 0..20_000 {
        let noise: Vec<u8> = (0..40).map(|_| letters[usize::from(next()) % letters.len()]).collect();
        let noise = String::from_utf8(noise).unwrap();
        assert!(encode(&noise).is_err());
        let _ = encode(&text(&noise));
    }
}

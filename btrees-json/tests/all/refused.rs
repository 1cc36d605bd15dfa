//! Records that are refused, each with its reason, offset and opcode: the vectors `error` and `odd`,
//! those of `peerbug` and `full` that go beyond the format, and more.

use crate::common::{decode_with, vector, vectors};
use btrees_json::{decode, encode, DecodeOptions, Error, Reason};

/// What is said about a record.
fn refused(record: &[u8]) -> String {
    let error: Error = decode(record).unwrap_err();
    assert!(error.offset() <= record.len());
    assert_eq!(error.opcode().is_some(), error.to_string().contains(", opcode"), "{error}");
    error.to_string()
}

/// A record of an OOBTree with this state pickle, of protocol 3 without its first two bytes. They
/// begin at offset 31.
fn oobtree(state: &[u8]) -> Vec<u8> {
    [b"\x80\x03cBTrees.OOBTree\nOOBTree\nq\x00.\x80\x03", state].concat()
}

/// One value in it, at offset 33.
fn value(pickle: &[u8]) -> Vec<u8> {
    oobtree(&[b"K\x00", pickle, b"\x86\x85\x85\x85."].concat())
}

#[test]
fn damaged_records() {
    for (name, want) in [
        ("error/empty", "offset 0: the input ends here"),
        ("error/class-only", "offset 27: the input ends here"),
        ("error/truncated", "offset 51, opcode BINPUT: the input ends here"),
        ("error/garbage", "offset 0: no opcode: 0xf1"),
        ("error/underflow", "offset 31, opcode APPEND: too few objects on the stack"),
        ("error/bad-memo", "offset 31, opcode BINGET: nothing in the memo under 99"),
        ("error/neg-long4", "offset 31, opcode LONG4: negative length: -1"),
        ("error/huge-str", "offset 31, opcode BINUNICODE: the input ends here"),
        ("error/bad-utf8", "offset 31, opcode BINUNICODE: string is not UTF-8"),
        ("error/unknown-op", "offset 31: no opcode: 0xff"),
        (
            "error/big-memo-index",
            "offset 32, opcode LONG_BINPUT: too large a number for the memo: 2147483647",
        ),
        ("error/odd-setitems", "offset 34, opcode SETITEMS: 1 items make no pairs of keys and values"),
        ("error/no-mark", "offset 31, opcode TUPLE: no mark on the stack"),
    ] {
        assert_eq!(refused(&vector(name).record), want, "{name}");
    }
    let count = vectors().iter().filter(|vector| vector.group() == "error").count();
    assert_eq!(count, 13);
}

#[test]
fn states_that_no_node_has() {
    for (name, want) in [
        ("odd/tree-dict", "opcode EMPTY_DICT: state: not what a tree has"),
        ("odd/tree-2level", "opcode TUPLE1: state: not the nesting of a tree with one leaf"),
        ("odd/tree-odd", "opcode TUPLE3: 3 items make no pairs of keys and values"),
        ("odd/bucket-odd", "opcode TUPLE3: 3 items make no pairs of keys and values"),
        ("odd/bucket-one", "opcode TUPLE1: 1 items make no pairs of keys and values"),
        ("odd/bucket-4level", "opcode TUPLE1: 1 items make no pairs of keys and values"),
        ("odd/bucket-none", "opcode NONE: state: not what a leaf has"),
        ("odd/bucket-next-none", "opcode NONE: state: what is next to a leaf is not a reference"),
        ("odd/bucket-list", "opcode EMPTY_LIST: state: items are not in a tuple"),
        ("odd/bucket-3", "opcode TUPLE3: state: not what a leaf has"),
        ("odd/set-dict", "opcode EMPTY_DICT: state: not what a leaf has"),
        ("odd/treeset-2level", "opcode TUPLE1: state: not the nesting of a tree with one leaf"),
        ("odd/tree-int", "opcode BININT1: state: not what a tree has"),
        ("odd/tree-5level", "opcode TUPLE1: 1 items make no pairs of keys and values"),
    ] {
        let said = refused(&vector(name).record);
        assert!(said.starts_with("offset ") && said.ends_with(want), "{name}: {said}");
    }
    // These two are sound in form. The first is no tree that BTrees make, the second a set with a
    // tuple for its key.
    let empty = vector("odd/tree-empty-inline");
    assert_eq!(decode(&empty.record).unwrap(), empty.text());
    let strict = DecodeOptions { strict: true, ..DecodeOptions::default() };
    let error = decode_with(strict, &empty.record).unwrap_err();
    assert!(matches!(error.reason(), Reason::Structure(_)), "{error}");
    let nested = vector("odd/set-4level");
    assert_eq!(decode(&nested.record).unwrap(), nested.text());
}

/// What is read as it is, but refused in both directions by strict conversion.
#[test]
fn strict_refuses_what_import_refuses() {
    let strict = DecodeOptions { strict: true, ..DecodeOptions::default() };
    let agree = |record: &[u8], want: &str| {
        let text = decode(record).unwrap();
        let error = decode_with(strict, record).unwrap_err();
        assert_eq!(error.reason().to_string(), want, "{text}");
        assert!(error.opcode().is_some(), "{text}");
        assert_eq!(encode(&text).unwrap_err().reason().to_string(), want, "{text}");
    };
    let unhashable = "not hashable, as set elements and dict keys must be";
    for pickle in [
        &b"}]K\x01s"[..],
        b"}K\x01}\x86K\x02s",
        b"}]\x85\x85K\x02s",
        b"cbuiltins\nset\n]]a\x85R",
        b"cbuiltins\nfrozenset\n]K\x01}\x86a\x85R",
        b"}cbuiltins\nset\n]\x85RK\x02s",
    ] {
        agree(&value(pickle), unhashable);
    }
    for pickle in [&b"}K\x01K\x02\x86]s"[..], b"}cbuiltins\nfrozenset\n]K\x01a\x85R}s", b"]]a"] {
        assert!(encode(&decode_with(strict, &value(pickle)).unwrap()).is_ok(), "{pickle:?}");
    }
    let os = b"C\x08\0\0\0\0\0\0\0\x02cos\nPath\n\x86Q";
    agree(&value(os), "not a class of persistent objects: os.Path");
    // The class of a node need not be there.
    let first = b"C\x08\0\0\0\0\0\0\0\x02cBTrees.OOBTree\nOOBucket\n\x86Q";
    let two = oobtree(&[&first[..], b"\x85C\x08\0\0\0\0\0\0\0\x03Q\x86."].concat());
    agree(&two, "the first child is a leaf other than @first");
}

#[test]
fn what_the_format_does_not_have() {
    for (name, want) in [
        ("peerbug/surrogate", "opcode BINUNICODE: string is not UTF-8"),
        ("peerbug/cycle-list", "opcode EMPTY_LIST: objects are nested too deep, or contain themselves"),
        ("peerbug/OrderedDict", "opcode REDUCE: unsupported: collections.OrderedDict of these arguments"),
        ("peerbug/defaultdict", "opcode REDUCE: unsupported: collections.defaultdict of these arguments"),
        ("peerbug/deque", "opcode REDUCE: unsupported: collections.deque of these arguments"),
        ("peerbug/newargs", "opcode NEWOBJ: unsupported: mymod.Args"),
        ("peerbug/instance", "opcode NEWOBJ: unsupported: mymod.Plain"),
        ("peerbug/instance-empty", "opcode NEWOBJ: unsupported: mymod.Empty"),
        ("peerbug/tz-named", "opcode REDUCE: unsupported: datetime.timezone of these arguments"),
        ("peerbug/uuid-safe", "opcode BUILD: no UUID, or one with more than its number"),
        ("peerbug/bytearray", "opcode REDUCE: unsupported: builtins.bytearray of these arguments"),
        ("peerbug/complex", "opcode REDUCE: unsupported: builtins.complex of these arguments"),
        ("peerbug/class", "opcode GLOBAL: not a class of BTrees: datetime.datetime"),
        ("peerbug/weakref", "opcode BINPERSID: reference: weak, or to another database"),
        ("peerbug/class-args", "opcode TUPLE2: unknown form of a class pickle"),
        (
            "other/PersistentMapping",
            "opcode GLOBAL: not a class of BTrees: persistent.mapping.PersistentMapping",
        ),
        ("other/PersistentList", "opcode GLOBAL: not a class of BTrees: persistent.list.PersistentList"),
        ("other/subclass", "opcode GLOBAL: not a class of BTrees: mymod.MyOOBTree"),
        ("spell/proto0", "opcode UNICODE: unsupported opcode"),
        ("spell/proto4", "opcode PROTO: unsupported pickle protocol 4"),
        ("spell/proto5", "opcode PROTO: unsupported pickle protocol 5"),
        ("spell/py2-str", "opcode SHORT_BINSTRING: unsupported opcode"),
    ] {
        let said = refused(&vector(name).record);
        assert!(said.starts_with("offset ") && said.ends_with(want), "{name}: {said}");
    }
    // Protocols 1 and 2 have nothing else here than protocol 3.
    for name in ["spell/proto1", "spell/proto2", "peerbug/alias"] {
        let vector = vector(name);
        assert_eq!(decode(&vector.record).unwrap(), vector.text(), "{name}");
    }
}

#[test]
fn nothing_is_called() {
    for (pickle, want) in [
        (
            &b"cos\nsystem\nX\x02\x00\x00\x00ls\x85R"[..],
            "offset 52, opcode REDUCE: unsupported: os.system of these arguments",
        ),
        (b"cbuiltins\neval\n)R", "offset 49, opcode REDUCE: unsupported: builtins.eval of these arguments"),
        (b"cos\nsystem\n", "offset 33, opcode GLOBAL: not a class of BTrees: os.system"),
        (b"cos\nsys tem\n", "offset 33, opcode GLOBAL: no name of a class"),
        (b"cos.path.\njoin\n", "offset 33, opcode GLOBAL: no name of a class"),
        (
            b"cbuiltins\nset\nK\x05\x85R",
            "offset 50, opcode REDUCE: unsupported: builtins.set of these arguments",
        ),
        (b"cuuid\nUUID\nK\x06R", "offset 46, opcode REDUCE: arguments are not in a tuple"),
        (b"K\x05)R", "offset 36, opcode REDUCE: no callable"),
        (b"}}b", "offset 35, opcode BUILD: no object to be built"),
        (b"cuuid\nUUID\n)\x81", "offset 45, opcode NEWOBJ: UUID without a number"),
        (
            b"cuuid\nUUID\n)\x81}X\x03\x00\x00\x00intK\x05sb}X\x03\x00\x00\x00intK\x05sb",
            "offset 71, opcode BUILD: no object to be built",
        ),
    ] {
        assert_eq!(refused(&value(pickle)), want, "{:?}", String::from_utf8_lossy(pickle));
    }
}

#[test]
fn values_that_are_wrong_in_themselves() {
    for (pickle, want) in [
        (&b"cdatetime\ndate\nC\x04\x07\xe4\x0d\x01\x85R"[..], "no date"),
        (b"cdatetime\ndate\nC\x03\x07\xe4\x0d\x85R", "no date"),
        (b"cdatetime\ntime\nC\x06\x18\x00\x00\x00\x00\x00\x85R", "no time"),
        (b"cdatetime\ndatetime\nC\x0a\x07\xe4\x02\x1e\x00\x00\x00\x00\x00\x00\x85R", "no time"),
        (b"cdatetime\ndatetime\nC\x0a\x07\xe4\x02\x1c\x00\x00\x00\x00\x00\x00K\x00\x86R", "no time zone"),
        (b"cdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\x00K\x00\x87R", "no time difference"),
        (b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x01K\x00K\x00\x87R\x85R", "no time zone"),
        (b"cdecimal\nDecimal\nX\x01\x00\x00\x00x\x85R", "no decimal number"),
        (
            b"cuuid\nUUID\n)\x81}X\x03\x00\x00\x00intJ\xff\xff\xff\xffsb",
            "no UUID, or one with more than its number",
        ),
    ] {
        let said = refused(&value(pickle));
        assert!(said.ends_with(want), "{said}");
    }
    let zone = refused(&value(b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x00K\x00K\x00\x87R\x85R"));
    assert!(zone.ends_with("unsupported: datetime.timezone outside of a time"), "{zone}");
}

#[test]
fn references() {
    for (pickle, want) in [
        (&b"C\x07\0\0\0\0\0\0\x02Q"[..], "reference: an oid has 8 bytes"),
        (b"C\x09\0\0\0\0\0\0\0\0\x02Nt\x86Q", "no mark on the stack"),
        (b"C\x09\0\0\0\0\0\0\0\0\x02N\x86Q", "reference: an oid has 8 bytes"),
        (b"C\x08\0\0\0\0\0\0\0\x02K\x05\x86Q", "reference: no class beside the oid"),
        (b"C\x08\0\0\0\0\0\0\0\x02NN\x87Q", "reference: not a pair of oid and class"),
        (b"K\x05Q", "reference: neither an oid nor a pair"),
    ] {
        let said = refused(&value(pickle));
        assert!(said.ends_with(want), "{said}");
    }
    // Only the oid: not lost, and the same when it comes back.
    let record = vector("peerbug/getnewargs-persistent");
    let text = decode(&record.record).unwrap();
    assert!(text.contains(r#"{"@kv":[["k",{"@ref":"0000000000000002"}]]}"#), "{text}");
    assert_eq!(Some(btrees_json::encode(&text).unwrap()), record.encoded);
}

#[test]
fn the_stack_and_the_memo() {
    for (state, want) in [
        (&b"NN."[..], "offset 33, opcode STOP: objects are left on the stack"),
        (b"(N.", "offset 33, opcode STOP: objects are left on the stack"),
        (b"N(.", "offset 33, opcode STOP: too few objects on the stack"),
        (b".", "offset 31, opcode STOP: too few objects on the stack"),
        (b"N(\x85.", "offset 33, opcode TUPLE1: too few objects on the stack"),
        (b"](Na.", "offset 34, opcode APPEND: too few objects on the stack"),
        (b"NNa.", "offset 33, opcode APPEND: no list to append to"),
        (b"NNNs.", "offset 34, opcode SETITEM: no dict to set items of"),
        (b"e.", "offset 31, opcode APPENDS: no mark on the stack"),
        (b"p1x\n.", "offset 31, opcode PUT: no number for the memo"),
        (b"q\x01.", "offset 31, opcode BINPUT: too few objects on the stack"),
        (b"Nq\x05h\x04.", "offset 34, opcode BINGET: nothing in the memo under 4"),
        (b"0.", "offset 31, opcode POP: unsupported opcode"),
        (
            b"cbuiltins\nset\n]q\x01\x85Rh\x01Na.",
            "offset 53, opcode APPEND: a list that changes after a set was made of it",
        ),
    ] {
        assert_eq!(refused(&oobtree(state)), want, "{:?}", String::from_utf8_lossy(state));
    }
}

#[test]
fn bytes_behind_the_record() {
    let record = [oobtree(b"N."), b"x".to_vec()].concat();
    assert!(decode(&record).is_ok());
    let strict = DecodeOptions { strict: true, ..DecodeOptions::default() };
    let error = decode_with(strict, &record).unwrap_err();
    assert_eq!(*error.reason(), Reason::TrailingBytes);
    assert_eq!(error.offset(), record.len() - 1);
}

//! The keys that make an object stand for something that JSON does not have.

/// What an object with only this key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Tuple,
    Bytes,
    BigInt,
    Float,
    Dict,
    Set,
    FrozenSet,
    DateTime,
    Date,
    Time,
    TimeDelta,
    Decimal,
    Uuid,
    Ref,
    Class,
    String,
    /// This and the next are known to zodb-json-codec, and never written or read here.
    Reduce,
    Pickle,
}

impl Marker {
    pub fn key(self) -> &'static str {
        match self {
            Marker::Tuple => "@t",
            Marker::Bytes => "@b",
            Marker::BigInt => "@bi",
            Marker::Float => "@f",
            Marker::Dict => "@d",
            Marker::Set => "@set",
            Marker::FrozenSet => "@fset",
            Marker::DateTime => "@dt",
            Marker::Date => "@date",
            Marker::Time => "@time",
            Marker::TimeDelta => "@td",
            Marker::Decimal => "@dec",
            Marker::Uuid => "@uuid",
            Marker::Ref => "@ref",
            Marker::Class => "@cls",
            Marker::String => "@ns",
            Marker::Reduce => "@reduce",
            Marker::Pickle => "@pkl",
        }
    }

    pub fn of_key(key: &[u8]) -> Option<Marker> {
        Some(match key {
            b"@t" => Marker::Tuple,
            b"@b" => Marker::Bytes,
            b"@bi" => Marker::BigInt,
            b"@f" => Marker::Float,
            b"@d" => Marker::Dict,
            b"@set" => Marker::Set,
            b"@fset" => Marker::FrozenSet,
            b"@dt" => Marker::DateTime,
            b"@date" => Marker::Date,
            b"@time" => Marker::Time,
            b"@td" => Marker::TimeDelta,
            b"@dec" => Marker::Decimal,
            b"@uuid" => Marker::Uuid,
            b"@ref" => Marker::Ref,
            b"@cls" => Marker::Class,
            b"@ns" => Marker::String,
            b"@reduce" => Marker::Reduce,
            b"@pkl" => Marker::Pickle,
            _ => return None,
        })
    }
}

/// What keys with U+0000 begin with in a jsonb column; base64 follows.
pub(crate) const KEY_PREFIX: &str = "@ns:";

/// How many keys an object with "@cls" has at most if zodb-json-codec does not take it for a dict.
pub(crate) const CLASS_KEYS: usize = 4;
/// The same for "@dt".
pub(crate) const DATE_TIME_KEYS: usize = 2;

/// Whether an object with these keys would not be read as the dict that it is meant to be, here or
/// by zodb-json-codec.
pub(crate) fn is_ambiguous<'k>(keys: impl Iterator<Item = &'k [u8]> + Clone) -> bool {
    // Few dicts have such keys at all.
    if !keys.clone().any(|key| key.first() == Some(&b'@')) {
        return false;
    }
    let count = keys.clone().count();
    keys.into_iter().any(|key| {
        key.starts_with(KEY_PREFIX.as_bytes())
            || match Marker::of_key(key) {
                Some(Marker::Class) => count <= CLASS_KEYS,
                Some(Marker::DateTime) => count <= DATE_TIME_KEYS,
                Some(_) => count == 1,
                None => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dicts_that_look_like_something_else() {
        let ambiguous = |keys: &[&str]| is_ambiguous(keys.iter().map(|key| key.as_bytes()));
        for keys in [
            &["@t"][..],
            &["@ref"],
            &["@pkl"],
            &["@dt", "x"],
            &["x", "@dt"],
            &["@cls", "a", "b", "c"],
            &["a", "b", "c", "d", "e", "@ns:"],
        ] {
            assert!(ambiguous(keys), "{keys:?}");
        }
        for keys in
            [&["@x"][..], &[], &["t"], &["@t", "x"], &["@dt", "x", "y"], &["@cls", "a", "b", "c", "d"]]
        {
            assert!(!ambiguous(keys), "{keys:?}");
        }
        for key in ["@t", "@b", "@bi", "@f", "@ns", "@cls", "@reduce", "@pkl", "@uuid"] {
            assert_eq!(Marker::of_key(key.as_bytes()).map(Marker::key), Some(key));
        }
    }
}

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
    /// Known to zodb-json-codec, and never written or read here.
    Foreign(&'static str),
}

impl Marker {
    const ALL: [Marker; 18] = [
        Marker::Tuple,
        Marker::Bytes,
        Marker::BigInt,
        Marker::Float,
        Marker::Dict,
        Marker::Set,
        Marker::FrozenSet,
        Marker::DateTime,
        Marker::Date,
        Marker::Time,
        Marker::TimeDelta,
        Marker::Decimal,
        Marker::Uuid,
        Marker::Ref,
        Marker::Class,
        Marker::String,
        Marker::Foreign("@reduce"),
        Marker::Foreign("@pkl"),
    ];

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
            Marker::Foreign(key) => key,
        }
    }

    pub fn of_key(key: &[u8]) -> Option<Marker> {
        if key.first() != Some(&b'@') {
            return None;
        }
        Marker::ALL.into_iter().find(|marker| marker.key().as_bytes() == key)
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
        for marker in Marker::ALL {
            assert_eq!(Marker::of_key(marker.key().as_bytes()), Some(marker));
        }
    }
}

//! The classes of the BTrees package: which there are, and what their keys and values are.

use std::fmt;

/// What the keys or the values of a family of BTrees are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Any object; keys must have an order.
    Object,
    /// Integers of 32 bits.
    I32,
    /// Integers of 32 bits without sign.
    U32,
    /// Integers of 64 bits.
    I64,
    /// Integers of 64 bits without sign.
    U64,
    /// Floating point numbers, of which BTrees keep 32 bits.
    F32,
    /// Exactly that many bytes.
    Bytes(usize),
}

/// A family of BTrees, named by the two letters that its module and its classes begin with.
#[derive(Debug, PartialEq, Eq)]
pub struct Prefix {
    name: &'static str,
    module: &'static str,
    /// In the order of [`Kind`].
    classes: [&'static str; 4],
    /// What its keys are.
    pub keys: Column,
    /// What its values are, where there are values.
    pub values: Column,
}

impl Prefix {
    /// The two letters, `"OO"` for instance.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

macro_rules! prefixes {
    ($($name:literal $keys:expr, $values:expr;)*) => {
        /// All families of BTrees 6.5.
        pub static PREFIXES: [Prefix; 22] = {
            use Column::{Bytes, Object as O, F32 as F, I32 as I, I64 as L, U32 as U, U64 as Q};
            [$(Prefix {
                name: $name,
                module: concat!("BTrees.", $name, "BTree"),
                classes: [
                    concat!($name, "BTree"), concat!($name, "Bucket"),
                    concat!($name, "TreeSet"), concat!($name, "Set"),
                ],
                keys: $keys,
                values: $values,
            }),*]
        };
    };
}

prefixes! {
    "OO" O, O; "IO" I, O; "OI" O, I; "II" I, I; "LO" L, O; "OL" O, L; "LL" L, L; "LF" L, F; "IF" I, F;
    "QQ" Q, Q; "UU" U, U; "UO" U, O; "OU" O, U; "IU" I, U; "UI" U, I; "UF" U, F; "QO" Q, O; "OQ" O, Q;
    "QL" Q, L; "LQ" L, Q; "QF" Q, F; "fs" Bytes(2), Bytes(6);
}

/// The four kinds of nodes in a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The root or an inner node of a map.
    BTree,
    /// A leaf of a map.
    Bucket,
    /// The root or an inner node of a set.
    TreeSet,
    /// A leaf of a set.
    Set,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::BTree, Kind::Bucket, Kind::TreeSet, Kind::Set];

    /// Whether there are values beside the keys.
    pub fn is_map(self) -> bool {
        matches!(self, Kind::BTree | Kind::Bucket)
    }

    /// Whether it is a leaf: a bucket or a set.
    pub fn is_leaf(self) -> bool {
        matches!(self, Kind::Bucket | Kind::Set)
    }

    /// The kind of the leaves below.
    pub fn leaf(self) -> Kind {
        if self.is_map() {
            Kind::Bucket
        } else {
            Kind::Set
        }
    }
}

/// A class whose records this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A node of a tree.
    Node(&'static Prefix, Kind),
    /// `BTrees.Length.Length`, a counter.
    Length,
}

impl Class {
    /// The class of that name in that module, if it is one of the known.
    ///
    /// ```
    /// use btrees_json::{Class, Kind};
    ///
    /// let class = Class::parse("BTrees.LOBTree", "LOTreeSet").unwrap();
    /// assert!(matches!(class, Class::Node(prefix, Kind::TreeSet) if prefix.name() == "LO"));
    /// assert_eq!(Class::parse("BTrees.LOBTree", "OOTreeSet"), None);
    /// ```
    pub fn parse(module: &str, name: &str) -> Option<Class> {
        Class::of_names((module.as_bytes(), name.as_bytes()))
    }

    pub(crate) fn of_names((module, name): (&[u8], &[u8])) -> Option<Class> {
        if module == b"BTrees.Length" {
            return (name == b"Length").then_some(Class::Length);
        }
        let letters = module.strip_prefix(b"BTrees.")?.strip_suffix(b"BTree")?;
        let prefix = PREFIXES.iter().find(|prefix| prefix.name.as_bytes() == letters)?;
        let is_name = |class: &str| class.as_bytes() == name;
        let (kind, _) = Kind::ALL.into_iter().zip(prefix.classes).find(|&(_, class)| is_name(class))?;
        Some(Class::Node(prefix, kind))
    }

    /// The name of its module.
    pub fn module(self) -> &'static str {
        match self {
            Class::Node(prefix, _) => prefix.module,
            Class::Length => "BTrees.Length",
        }
    }

    /// Its name in the module.
    pub fn name(self) -> &'static str {
        match self {
            Class::Length => "Length",
            Class::Node(prefix, kind) => {
                let [tree, bucket, tree_set, set] = prefix.classes;
                match kind {
                    Kind::BTree => tree,
                    Kind::Bucket => bucket,
                    Kind::TreeSet => tree_set,
                    Kind::Set => set,
                }
            }
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_found_by_its_name() {
        for prefix in &PREFIXES {
            for kind in Kind::ALL {
                let class = Class::Node(prefix, kind);
                assert_eq!(Class::parse(class.module(), class.name()), Some(class));
            }
        }
        assert_eq!(Class::parse("BTrees.Length", "Length"), Some(Class::Length));
        for (module, name) in [
            ("BTrees.XXBTree", "XXBTree"),
            ("BTrees.OOBTree", "IIBTree"),
            ("BTrees.OOBTree", "OOBTreePy"),
            ("mymod", "OOBTree"),
            ("BTrees.Length", "Size"),
            ("", ""),
        ] {
            assert_eq!(Class::parse(module, name), None, "{module}.{name}");
        }
    }
}

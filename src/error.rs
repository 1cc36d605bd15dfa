//! What can go wrong. The place of a damage is kept by the pager ([`Fault`]).

/// Why an operation failed. No failed operation changes the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The storage failed with this (positive) error number.
    Io(i32),
    /// The memory provider has no more memory.
    NoMemory,
    /// The file is damaged or no database; [`Fault`] tells where.
    Corrupt(Reason),
    /// A parameter is out of range.
    Invalid,
    /// The tree or the file has reached a limit of the format.
    Full,
}

/// Result of the operations of this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// Something failed, and the pager knows why (`Pager::error`). That takes no room, so that most
/// results are one register of a microcontroller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failed;

pub(crate) mod inner {
    /// Result of the functions inside this crate.
    pub(crate) type Result<T> = core::result::Result<T, super::Failed>;
}

/// Where the last damage was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Page number; the page starts at this number times the page size.
    pub page: u32,
    /// Bytes from the start of the page.
    pub offset: u32,
    /// What is wrong there.
    pub reason: Reason,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is wrong with a damaged file (format: FORMAT.md).
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(i32)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        /// What the reasons are in words, each with a zero byte behind it.
        static TEXTS: [u8; total(WORDS)] = joined(WORDS);
        #[allow(unused_doc_comments)] // the attributes of a variant, for its words
        const WORDS: &[&str] = &[$($(#[$doc])* $text,)*];
    };
}

reasons! {
    /// Shorter than a meta page and a root page.
    TooShort = "file too short",
    /// No magic number of a BerkeleyDB 1.xx B-tree.
    Magic = "not a btree file",
    /// A version other than 3.
    Version = "unknown version",
    /// A page size outside 512..=65536 or odd.
    PageSize = "bad page size",
    /// Flag bits this library does not know; record-number files have one.
    MetaFlags = "unknown kind of file",
    /// A file in which a key may occur more than once.
    #[cfg(not(feature = "duplicates"))]
    Duplicates = "this build cannot read duplicates",
    /// A link to a page that the file does not have.
    PageRange = "page number out of range",
    /// The page's own number is another one.
    PageNumber = "wrong page number in page",
    /// A page of another type than the place requires.
    PageType = "wrong page type",
    /// `lower` or `upper` out of range.
    Bounds = "bad page bounds",
    /// An index that points outside the entries.
    EntryOffset = "bad entry offset",
    /// An entry that does not fit its page or has impossible sizes.
    EntrySize = "bad entry size",
    /// Unknown flag bits in an entry.
    EntryFlags = "bad entry flags",
    /// Entries overlap or leave gaps.
    Overlap = "entries overlap",
    /// Deeper than any tree can be: a cycle of child links.
    Depth = "tree too deep",
    /// Neighbours do not name each other, or an endless list.
    Sibling = "bad sibling link",
    /// An internal page without entries.
    Empty = "empty internal page",
    /// An overflow chain that is too short, too long or impossible.
    Chain = "bad overflow chain",
    /// A free list that leads to pages in use.
    FreeList = "bad free list",
    /// A journal that this build cannot read, or that is damaged.
    #[cfg(not(feature = "journal"))]
    Journal = "this build cannot read a journal",
    /// A commit that was complete is not readable any more.
    #[cfg(feature = "journal")]
    Journal = "damaged journal",
    /// A page is neither what the journal was written for nor what it makes of it.
    #[cfg(feature = "journal")]
    Stale = "changed by another program since the journal was written",
    /// A page that two places use.
    #[cfg(feature = "check")]
    Shared = "page used twice",
    /// A page that nothing refers to and that is not free.
    #[cfg(feature = "check")]
    Leaked = "page neither used nor free",
    /// A chain kept for separators that are gone; harmless.
    #[cfg(feature = "check")]
    LeakedChain = "overflow chain without a use",
    /// A chain with the preserve flag that no separator refers to; harmless.
    #[cfg(feature = "check")]
    Preserved = "overflow chain preserved without need",
    /// The preserve flag is missing where a separator refers to, or is where it must not be.
    #[cfg(feature = "check")]
    PreserveFlag = "wrong preserve flag",
    /// A separator like the C library writes into the root: a reference that is not marked as one.
    #[cfg(feature = "check")]
    UnmarkedRef = "overflow reference without its flag",
    /// Keys or separators that do not ascend.
    #[cfg(feature = "check")]
    KeyOrder = "keys out of order",
    /// A key or separator beyond a separator above it.
    #[cfg(feature = "check")]
    KeyBound = "key outside the bounds of its page",
    /// Leaves on different levels.
    #[cfg(feature = "check")]
    Level = "page on the wrong level",
    /// A leaf without entries that is not the root.
    #[cfg(feature = "check")]
    EmptyLeaf = "empty leaf",
    /// An entry of more than half a page.
    #[cfg(feature = "check")]
    Room = "entry too large",
    /// A field that has to be zero.
    #[cfg(feature = "check")]
    NotZero = "field is not zero",
    /// Bytes behind the header of page 0; harmless.
    #[cfg(feature = "check")]
    MetaTail = "bytes behind the header",
    /// The file does not end with a whole page.
    #[cfg(feature = "check")]
    PartialPage = "part of a page at the end",
    /// Comparing long keys takes more reading than it does in any tree that was built by insertion.
    #[cfg(feature = "check")]
    Effort = "too many long keys to compare",
}

/// Bytes that words take with their zero bytes.
const fn total(mut words: &[&str]) -> usize {
    let mut bytes = 0;
    while let [first, rest @ ..] = words {
        bytes += first.len() + 1;
        words = rest;
    }
    bytes
}

/// Words in one piece: a table of them would take more than the words.
#[allow(clippy::indexing_slicing)] // done by the compiler
const fn joined<const N: usize>(words: &[&str]) -> [u8; N] {
    let mut texts = [0; N];
    let (mut word, mut at) = (0, 0);
    while word < words.len() {
        let text = words[word].as_bytes();
        let mut i = 0;
        while i < text.len() {
            texts[at] = text[i];
            (i, at) = (i + 1, at + 1);
        }
        (word, at) = (word + 1, at + 1);
    }
    texts
}

impl Reason {
    /// The reason in words, with a zero byte behind it, and then others.
    pub(crate) fn text_z(self) -> &'static [u8] {
        let mut texts = TEXTS.as_slice();
        let mut before = self as usize;
        while let (1.., [byte, rest @ ..]) = (before, texts) {
            before -= usize::from(*byte == 0);
            texts = rest;
        }
        texts
    }

    /// The reason in words.
    pub fn text(self) -> &'static str {
        let text = core::ffi::CStr::from_bytes_until_nul(self.text_z());
        text.ok().and_then(|text| text.to_str().ok()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_their_words() {
        assert_eq!(Reason::TooShort.text(), "file too short");
        assert_eq!(Reason::Magic.text(), "not a btree file");
        assert_eq!(Reason::Chain.text(), "bad overflow chain");
        #[cfg(feature = "check")]
        assert_eq!(Reason::Effort.text(), WORDS.last().copied().unwrap_or(""));
        assert_eq!(TEXTS.iter().filter(|&&byte| byte == 0).count(), WORDS.len());
    }
}

//! The codes of errors: words, because a word is remembered, says something where
//! only the code is seen (a log, a script), and is found by a search. A word that was
//! once published keeps its meaning; a new meaning gets a new word. The list is
//! closed: what can go wrong is in one of the four files here, with its explanation,
//! and `docs/errors.md` and `netyard errors` are made from them.

use serde::{Serialize, Serializer};

/// A kind of error, and what there is to say about it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The code itself, as in `error[unknown-key]`.
    pub word: &'static str,
    /// The same as half a sentence.
    pub title: &'static str,
    /// What it means.
    pub means: &'static str,
    /// What most often lies behind it; empty where that cannot be said.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// The word alone.
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word)
    }
}

/// Constants of the codes, and the list of them.
macro_rules! codes {
    ($($name:ident = $word:literal, $title:literal, $means:literal, $cause:literal, $fix:literal;)*) => {
        use super::Code;
        $(
            #[doc = concat!("`", $word, "`: ", $title, ".")]
            pub const $name: &Code = &Code {
                word: $word,
                title: $title,
                means: $means,
                cause: $cause,
                fix: $fix,
            };
        )*
        pub(super) const ALL: &[&Code] = &[$($name),*];
    };
}

mod file;
mod host;
mod kernel;
mod program;

/// Every code as a constant.
pub mod codes {
    pub use super::file::*;
    pub use super::host::*;
    pub use super::kernel::*;
    pub use super::program::*;
}

/// All codes, by where they come from.
pub const SECTIONS: &[(&str, &[&Code])] = &[
    ("In the file", file::ALL),
    ("On the host", host::ALL),
    ("From the kernel", kernel::ALL),
    ("From the command line", program::ALL),
];

/// All codes.
pub fn all() -> impl Iterator<Item = &'static Code> {
    let codes = SECTIONS.iter().flat_map(|(_, codes)| codes.iter());
    codes.copied()
}

/// The code with this word.
pub fn find(word: &str) -> Option<&'static Code> {
    all().find(|code| code.word == word)
}

//! An error as it is told: to people as a picture, to programs as JSON, to both
//! with the same code, cause and next step.

mod code;
mod draw;
mod wrap;

use std::ops::Range;

use serde::Serialize;

use crate::state::Netns;

pub use code::{Code, SECTIONS, all, codes, find};
pub use draw::Look;
pub use wrap::wrap;

/// An error with all that is known of it. What is not known is left out, in JSON too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its code. With several [`problems`](Self::problems), that of their kind:
    /// [`codes::BAD_FILE`] or [`codes::CONFLICT`].
    pub code: &'static Code,
    /// What went wrong, in a line.
    pub message: String,
    /// The topology file that it is about, as it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What it went wrong with: "route 10.2.0.0/24 via 10.0.0.2 dev eth0".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Netns>,
    /// The command that a person would have typed for the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Why the operation was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The kernel's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Kernel>,
    /// What most often lies behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What became of the rest: "nothing was changed".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The single mistakes of a file, or things in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Detail>,
}

/// What the kernel answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// An errno, such as 17 for EEXIST.
    pub errno: i32,
    /// The sentence of its extended answer, else what the errno means.
    pub text: String,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Its code.
    pub code: &'static Code,
    /// What is wrong, in a line.
    pub message: String,
    /// What has the name, address or place that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Netns>,
    /// Where it stands in a file.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A place in a file, with the words that stand beside it in the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The fact that makes the value wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The line itself, and the bytes of it that are marked. Only the first few
    /// problems have it: nobody reads a hundred pictures.
    #[serde(skip)]
    pub picture: Option<(String, Range<usize>)>,
}

impl Report {
    /// An error of which no more is known.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Report {
            code,
            message: message.into(),
            file: None,
            object: None,
            namespace: None,
            command: None,
            because: None,
            kernel: None,
            cause: None,
            notes: Vec::new(),
            next: None,
            problems: Vec::new(),
        }
    }

    /// What to do now.
    pub fn next(self, next: impl Into<String>) -> Self {
        Report {
            next: Some(next.into()),
            ..self
        }
    }

    /// With the cause and the next step that its code has.
    pub(crate) fn caused(self) -> Self {
        let Code { cause, fix, .. } = *self.code;
        let cause = Some(cause).filter(|cause| !cause.is_empty());
        Report {
            cause: cause.map(str::to_owned),
            next: Some(fix.to_owned()),
            ..self
        }
    }

    /// What became of the rest.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl Detail {
    /// A problem without a place and a hint.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Detail {
            code,
            message: message.into(),
            object: None,
            namespace: None,
            place: None,
            hint: None,
        }
    }
}

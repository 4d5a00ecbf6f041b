//! An error as the specification wants it: JSON on standard output (CNI 1.1.0, section 5).

use netyard::error::Error;
use netyard::gc;
use netyard::plan::{Conflict, Conflicts};
use netyard::report::Report;
use netyard::state::LabName;
use netyard::topology::ParseError;
use serde_json::{Value, json};

use super::advice::advice;

/// Codes of the specification; those from 100 on are netyard's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    IncompatibleVersion,
    UnsupportedField,
    BadEnvironment,
    Io,
    Decode,
    InvalidConfig,
    /// Of the reference library: the namespace is the host's own.
    HostNamespace,
    TryAgain,
    NotAvailable,
    /// What the kernel or the journal refused.
    Refused,
    /// What is there is not as the result says.
    Different,
    /// Of another plugin.
    Other(u32),
}

impl Code {
    fn number(self) -> u32 {
        match self {
            Code::IncompatibleVersion => 1,
            Code::UnsupportedField => 2,
            Code::BadEnvironment => 4,
            Code::Io => 5,
            Code::Decode => 6,
            Code::InvalidConfig => 7,
            Code::HostNamespace => 8,
            Code::TryAgain => 11,
            Code::NotAvailable => 50,
            Code::Refused => 100,
            Code::Different => 101,
            Code::Other(number) => number,
        }
    }
}

/// What netyard says of itself, with its cause and its remedy.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::InUse { .. } => Code::TryAgain,
            Error::System { .. } | Error::Journal { .. } => Code::Io,
            _ => Code::Refused,
        };
        let labs = |all: &Conflicts| all.0.iter().filter_map(Conflict::lab).cloned().collect();
        Failure {
            in_the_way: match &error {
                Error::Conflicts(all) => Some(labs(all)),
                _ => None,
            },
            ..Failure::told(code, error.report())
        }
    }
}

/// What netyard wrote itself, it should be able to read.
impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Failure::told(Code::InvalidConfig, error.report("the network"))
    }
}

/// What is answered in place of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) msg: String,
    pub(super) details: String,
    /// Where others have what is needed: those of them that are labs.
    pub(super) in_the_way: Option<Vec<LabName>>,
}

impl Failure {
    pub(super) fn new(code: Code, msg: impl Into<String>) -> Self {
        Failure {
            code,
            msg: msg.into(),
            details: String::new(),
            in_the_way: None,
        }
    }

    pub(super) fn details(self, details: impl Into<String>) -> Self {
        Failure {
            details: details.into(),
            ..self
        }
    }

    /// What there is to say of it in two texts.
    fn told(code: Code, report: Report) -> Self {
        let hints = report.problems.iter().flat_map(|one| {
            let label = one.place.as_ref().and_then(|place| place.label.clone());
            let advice = advice(one.code, one.namespace.as_ref()).map(str::to_owned);
            [label, advice.or_else(|| one.hint.clone())]
                .into_iter()
                .flatten()
        });
        let hints: Vec<String> = hints.collect();
        let problems = report.problems.into_iter().map(|one| one.message);
        let problems: Vec<String> = problems.collect();
        let msg = match problems.is_empty() {
            true => report.message,
            false => problems.join("; "),
        };
        let kernel = report
            .kernel
            .map(|kernel| format!("the kernel: {}", kernel.text));
        let parts = [report.command, kernel, report.cause].into_iter().flatten();
        let next = advice(report.code, report.namespace.as_ref()).map(str::to_owned);
        let next = report.next.map(|general| next.unwrap_or(general));
        let parts = parts.chain(hints).chain(report.notes).chain(next);
        let mut all: Vec<String> = Vec::new();
        parts.for_each(|part| {
            if !all.contains(&part) {
                all.push(part);
            }
        });
        Failure::new(code, msg).details(all.join("; "))
    }

    /// With what a lost journal knew, which looks foreign.
    pub(super) fn with_leftovers(self) -> Self {
        let left = match self.in_the_way {
            Some(_) => gc::leftovers().unwrap_or_default(),
            None => Vec::new(),
        };
        let note = |failure: Self, lab: &LabName| {
            let left = format!("lab {lab} left things here: `netyard gc --yes` removes them");
            failure.and(&Failure::new(Code::Refused, left))
        };
        left.iter().map(|left| &left.lab).fold(self, note)
    }

    /// One of several, with the others in its details.
    pub(super) fn all(failures: Vec<Failure>) -> Result<(), Failure> {
        let all = failures
            .into_iter()
            .reduce(|first, other| first.and(&other));
        all.map_or(Ok(()), Err)
    }

    /// With another one that came after it.
    pub(super) fn and(self, other: &Failure) -> Self {
        let parts = [&self.details, &other.msg, &other.details];
        let parts: Vec<&str> = (parts.into_iter())
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        let details = parts.join("; ");
        self.details(details)
    }

    pub(super) fn as_json(&self, version: &str) -> Value {
        json!({
            "cniVersion": version,
            "code": self.code.number(),
            "msg": self.msg,
            "details": self.details,
        })
    }
}

//! Programs that labs run.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{NameError, Netns, ProgramName};

/// A program of a lab: `web/server`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramId {
    /// The namespace that it runs in.
    pub netns: Netns,
    /// What it is called there.
    pub name: ProgramName,
}

impl fmt::Display for ProgramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.netns, self.name))
    }
}

impl Serialize for ProgramId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for ProgramId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (netns, name) = text.rsplit_once('/').ok_or_else(|| NameError {
            kind: "a program",
            reason: "it is not written as NAMESPACE/PROGRAM",
            text: text.to_owned(),
        })?;
        Ok(ProgramId {
            netns: netns.parse()?,
            name: name.parse()?,
        })
    }
}

/// How a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Life {
    /// It runs.
    Running,
    /// It has ended, with this exit code.
    Ended(i32),
    /// This signal has killed it.
    Killed(i32),
    /// It is gone, and nobody has seen how: who waited for it was killed.
    Lost,
}

impl Life {
    /// That of one that has ended.
    pub(crate) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Life::Ended(code),
            (None, signal) => Life::Killed(signal.unwrap_or_default()),
        }
    }

    /// As shells tell how a program ended: 128 and the number of a signal.
    pub fn exit_code(self) -> Option<i32> {
        match self {
            Life::Running | Life::Lost => None,
            Life::Ended(code) => Some(code),
            Life::Killed(signal) => Some(128 + signal),
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Life::Running => f.write_str("runs"),
            Life::Ended(code) => write!(f, "ended with exit code {code}"),
            Life::Killed(signal) => write!(f, "was killed by signal {signal}"),
            Life::Lost => f.write_str("is gone, and nobody knows how it ended"),
        }
    }
}

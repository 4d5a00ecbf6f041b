//! Why a program of a lab does not run.

use std::fmt;

use super::Failure;
use crate::report::{Report, codes};
use crate::state::{Life, ProgramId};
use crate::topology::{Program, Ready};

/// A program that was not started, or not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFailed {
    /// Which one.
    pub program: ProgramId,
    /// Why.
    pub why: Why,
    /// The last lines of what it wrote.
    pub last: Vec<String>,
}

/// Why a program of a lab does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// This program could not be started.
    NotStarted(String, Failure),
    /// It ended before it was ready.
    Ended(Life),
    /// It was not ready in time.
    Late(Ready),
}

impl fmt::Display for ProgramFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = &self.program;
        match &self.why {
            Why::NotStarted(what, failure) => {
                write!(f, "program {program} cannot run `{what}`: {failure}")
            }
            Why::Ended(life) => write!(f, "program {program} {life} before it was ready"),
            Why::Late(ready) => {
                let within = ready.longest().as_millis();
                write!(
                    f,
                    "program {program} was not ready within {within} ms: {}",
                    Conditions(ready)
                )
            }
        }
    }
}

impl ProgramFailed {
    /// One that could not be started.
    pub(crate) fn not_started(id: &ProgramId, program: &Program, e: std::io::Error) -> Self {
        ProgramFailed {
            program: id.clone(),
            why: Why::NotStarted(program.command.words().0.to_owned(), e.into()),
            last: Vec::new(),
        }
    }

    pub(crate) fn report(&self) -> Report {
        let report = Report::new(codes::PROGRAM_FAILED, self.to_string());
        let report = match &self.why {
            Why::NotStarted(_, failure) => {
                let report = Report {
                    kernel: failure.told(),
                    ..report
                };
                return report.next(
                    "give a program of the PATH, or the path of one, with the execute permission",
                );
            }
            _ if self.last.is_empty() => report.note("it has written nothing"),
            _ => report.note(format!("it wrote, at last:\n  {}", self.last.join("\n  "))),
        };
        report.next(codes::PROGRAM_FAILED.fix)
    }
}

/// What was waited for.
struct Conditions<'a>(&'a Ready);

impl fmt::Display for Conditions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ready { tcp, udp, text, .. } = self.0;
        let tcp = tcp.map(|port| format!("nothing listened on TCP port {port}"));
        let udp = udp.map(|port| format!("nothing took UDP port {port}"));
        let text = text
            .as_ref()
            .map(|text| format!("it did not write `{text}`"));
        let all: Vec<String> = [tcp, udp, text].into_iter().flatten().collect();
        f.write_str(&all.join(", or "))
    }
}

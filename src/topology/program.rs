//! Programs that run for as long as their lab is there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Topology;
use crate::state::{Netns, ProgramName, Time, Variable};

/// What the lab's resolver is called among the programs of the host.
pub(crate) const RESOLVER: &str = "resolver";

/// A program that runs in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// What runs.
    pub command: CommandLine,
    /// Environment variables, beside those of who starts it.
    pub env: BTreeMap<Variable, String>,
    /// Its working directory; `None`: that of who starts it.
    pub directory: Option<String>,
    /// The file that takes what it writes; `None`: one of netyard's.
    pub output: Option<String>,
    /// When it is ready.
    pub ready: Ready,
    /// Whether `netyard run` lasts as long as it.
    pub main: bool,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum CommandLine {
    /// What `sh -c` makes of this line.
    Shell(String),
    /// A program and its arguments; never empty.
    Words(Vec<String>),
}

impl CommandLine {
    /// The program and its arguments.
    pub fn words(&self) -> (&str, Vec<&str>) {
        match self {
            CommandLine::Shell(line) => ("sh", vec!["-c", line]),
            CommandLine::Words(words) => {
                let (program, rest) = words.split_first().map_or(("", &[][..]), |(p, r)| (p, r));
                (program, rest.iter().map(String::as_str).collect())
            }
        }
    }

    /// As a person would write it, in one line.
    pub fn shown(&self) -> String {
        let text = match self {
            CommandLine::Shell(line) => line.clone(),
            CommandLine::Words(words) => words.join(" "),
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// When a program is ready: as soon as all of these are so, or, without any, when it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// Something listens on this port.
    pub tcp: Option<u16>,
    /// Something takes what comes to this port.
    pub udp: Option<u16>,
    /// It has written this.
    pub text: Option<String>,
    /// How long that may take; `None`: 10 s.
    pub within: Option<Time>,
}

impl Ready {
    /// Whether it is as soon as it is started.
    pub fn is_at_once(&self) -> bool {
        self.tcp.is_none() && self.udp.is_none() && self.text.is_none()
    }

    /// How long it may take to be ready.
    pub fn longest(&self) -> Duration {
        self.within.map_or(Duration::from_secs(10), |time| {
            Duration::from_nanos(time.nanoseconds())
        })
    }
}

impl Topology {
    /// Its programs, each with the namespace that it runs in.
    pub fn programs(&self) -> impl Iterator<Item = (&Netns, &ProgramName, &Program)> {
        let all = self.namespaces.iter();
        all.flat_map(|(netns, spec)| spec.run.iter().map(move |(name, run)| (netns, name, run)))
    }

    /// Whether anything runs for it.
    pub(crate) fn runs_something(&self) -> bool {
        self.resolver || self.programs().next().is_some()
    }

    /// The one that `netyard run` lasts as long as.
    pub fn main_program(&self) -> Option<(&Netns, &ProgramName, &Program)> {
        self.programs().find(|(_, _, program)| program.main)
    }
}

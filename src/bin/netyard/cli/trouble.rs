//! What went wrong, how it is shown, and the exit code.

use netyard::error::Error;
use netyard::gc::{self, Leftover};
use netyard::report::{Code, Look, Report, codes};
use netyard::topology::ParseError;
use serde::Serialize;

use super::output::{self, DIM, styled};

/// Something went wrong: what is said, and the exit code.
#[derive(Debug)]
pub(crate) struct Trouble {
    report: Box<Report>,
    exit: u8,
    /// Said in one line: it is what was asked for.
    plain: bool,
}

/// `{"error": ...}`, with the fields in the order of [`Report`].
#[derive(Serialize)]
struct Told<'r> {
    error: &'r Report,
}

impl Trouble {
    /// The work could not be done.
    pub(crate) fn failed(code: &'static Code, text: impl Into<String>) -> Self {
        Trouble {
            report: Box::new(Report::new(code, text).next(code.fix)),
            exit: 1,
            plain: false,
        }
    }

    /// Somebody was asked, and did not agree.
    pub(crate) fn declined() -> Self {
        Trouble {
            plain: true,
            ..Self::failed(codes::DECLINED, "nothing was changed")
        }
    }

    /// What the user gave is wrong.
    pub(crate) fn input(code: &'static Code, text: impl Into<String>) -> Self {
        Trouble {
            exit: 2,
            ..Self::failed(code, text)
        }
    }

    /// A bad file.
    pub(crate) fn file(error: &ParseError, name: &str) -> Self {
        Trouble {
            report: Box::new(error.report(name)),
            exit: 2,
            plain: false,
        }
    }

    /// Why, where that is known.
    pub(crate) fn cause(self, cause: impl Into<String>) -> Self {
        let report = Report {
            cause: Some(cause.into()),
            ..*self.report
        };
        Trouble {
            report: Box::new(report),
            ..self
        }
    }

    /// What to do about it, where more can be said than the code says.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Trouble {
            report: Box::new(self.report.next(hint)),
            ..self
        }
    }

    /// With another exit code.
    pub(crate) fn exit(self, exit: u8) -> Self {
        Trouble { exit, ..self }
    }

    /// What is said, and the exit code, for one of several.
    pub(crate) fn into_parts(self) -> (Report, u8) {
        (*self.report, self.exit)
    }

    /// Prints it, for people to standard error, as JSON to standard output; and gives the
    /// exit code.
    pub(crate) fn show(self, json: bool) -> u8 {
        if json {
            let shown = output::json(&Told {
                error: &self.report,
            });
            return shown.map_or_else(|trouble| trouble.show(false), |_| self.exit);
        }
        if self.plain {
            anstream::eprintln!("{}", self.report.message);
            return self.exit;
        }
        // Styled always: anstream takes the colours out where they do not belong.
        let look = Look {
            styled: true,
            width: output::columns(std::io::stderr()),
        };
        anstream::eprintln!("{}", self.report.draw(look));
        let first = self.report.problems.first();
        let code = first.map_or(self.report.code, |problem| problem.code);
        let more = format!("more about it: netyard errors {}", code.word);
        anstream::eprintln!("\n{}", styled(DIM, more));
        self.exit
    }
}

/// As shells tell it: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let exit = match error.code() {
            // It is the host that has none, not the file.
            code if [codes::NO_FREE_SUBNET, codes::EXTERNAL_LAB].contains(&code) => 1,
            _ if matches!(error, Error::Resolve(_) | Error::Shape(_)) => 2,
            code if code == codes::INTERRUPTED => INTERRUPTED,
            _ => 1,
        };
        let mut report = error.report();
        // What a lost journal knew looks foreign.
        if matches!(error, Error::Conflicts(_)) {
            for Leftover { lab, .. } in gc::leftovers().unwrap_or_default() {
                let left = format!("lab {lab} left things here");
                report = report.note(format!("{left}: `netyard gc` removes them"));
            }
        }
        Trouble {
            report: Box::new(report),
            exit,
            plain: false,
        }
    }
}

/// Only what the program itself reads and writes comes as one of these.
impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Trouble::failed(codes::SYSTEM, error.to_string())
    }
}

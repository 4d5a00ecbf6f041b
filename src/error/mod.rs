//! What can go wrong, with the object, the namespace, the kernel's own words, the
//! likely cause and the next step.

mod program;
mod refused;

use std::fmt;
use std::time::Duration;

use crate::ipam::Refusal;
use crate::plan::{Conflicts, Op, Plan, Step};
use crate::report::{Code, Look, Report, codes};
use crate::state::{End, LabName, Netns, NetnsName, ProgramId};
use crate::topology::{BadShape, ParseError, ResolveError};

pub use crate::sys::{Blocked, Failure};
pub use program::{ProgramFailed, Why};
pub use refused::Refused;

/// Why netyard could not do what it was asked for.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that the lab needs is someone else's. Nothing was changed.
    #[error("{0}")]
    Conflicts(#[from] Conflicts),
    /// The file leaves open what cannot be decided.
    #[error("{0}")]
    Resolve(#[from] ResolveError),
    /// An address is not given.
    #[error("{0}")]
    Lease(Box<Refusal>),
    /// The kernel refused an operation.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// All was done, and yet the kernel's state is not the one described.
    #[error("after all was done, the kernel's state still differs; this is missing:\n{0}")]
    Different(Plan),
    /// It was interrupted ([`Progress::interrupted`](crate::reconcile::Progress::interrupted)).
    #[error("interrupted")]
    Interrupted,
    /// Whoever watches did not agree to the plan
    /// ([`Progress::planned`](crate::reconcile::Progress::planned)). Nothing was changed.
    #[error("it was not agreed to: nothing was changed")]
    Declined,
    /// It failed, and all that had been done was undone.
    #[error("{0}")]
    Undone(Box<Error>),
    /// It failed, it was undone, and the journal could not be told.
    #[error("{error}\nand then: {journal}")]
    RolledBack {
        /// What failed first.
        error: Box<Error>,
        /// What failed after the undoing.
        journal: Box<Error>,
    },
    /// It failed, and not all could be undone.
    #[error("{error}\n{}", not_undone(left))]
    NotUndone {
        /// What failed first.
        error: Box<Error>,
        /// Whose objects are left.
        lab: LabName,
        /// What could not be undone.
        left: Vec<(Op, Failure)>,
    },
    /// A topology file has mistakes.
    #[error("{}", error.render(file, Look::default()))]
    File {
        /// The file, as it was named.
        file: String,
        /// What is wrong with it.
        error: Box<ParseError>,
    },
    /// What was waited for did not happen in time.
    #[error("{what}: not within {} ms", waited.as_millis())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// There is no lab of this name on the host.
    #[error("no lab `{0}` is up on this host")]
    NoLab(LabName),
    /// Other labs are plugged into networks of this one.
    #[error("lab `{lab}` has networks that others are on: {}", by.iter().map(LabName::as_str).collect::<Vec<_>>().join(", "))]
    InUse {
        /// The lab.
        lab: LabName,
        /// The others.
        by: Vec<LabName>,
    },
    /// A lab of this name is there already.
    #[error("lab `{0}` is up already")]
    AlreadyUp(LabName),
    /// The last change of the lab was killed on its way.
    #[error("the last change of lab `{0}` did not come to its end")]
    Unfinished(LabName),
    /// The file that the lab was last brought up with is none that this netyard knows.
    #[error("lab `{lab}` cannot be judged by what it was brought up with: {error}")]
    Unread {
        /// The lab.
        lab: LabName,
        /// What is wrong with its file.
        error: Box<ParseError>,
    },
    /// The lab's host is another network namespace.
    #[error("lab `{0}` was made from another network namespace")]
    OtherHost(LabName),
    /// A namespace of the lab is not mounted where netyard runs.
    #[error("namespace {0} of the lab cannot be seen from here")]
    Hidden(NetnsName),
    /// Names of namespaces would be mounted only where netyard runs.
    #[error("namespaces named here would be seen nowhere else")]
    NamesUnseen,
    /// Not enough rights.
    #[error("{0} needs root's rights here (CAP_NET_ADMIN and CAP_SYS_ADMIN)")]
    NotRoot(String),
    /// There is no namespace of this name.
    #[error("there is no namespace `{0}`")]
    NoNamespace(Netns),
    /// There is no device of this name in a namespace.
    #[error("there is no device `{}` in namespace {}", .0.dev, .0.netns)]
    NoDevice(End),
    /// What is asked of a link of a lab cannot be.
    #[error("`{end}` cannot be changed so: {why}")]
    Link {
        /// The interface.
        end: End,
        /// Why not.
        why: String,
    },
    /// A program of a lab does not run.
    #[error("{0}")]
    Program(Box<ProgramFailed>),
    /// A lab has no program of this name.
    #[error("lab {lab} runs no program `{word}`")]
    NoProgram {
        /// The lab.
        lab: LabName,
        /// The name.
        word: String,
        /// Those that it has.
        known: Vec<ProgramId>,
    },
    /// Two namespaces cannot be parted.
    #[error("{one} and {other} cannot be parted: {why}")]
    Part {
        /// The one.
        one: Netns,
        /// The other.
        other: Netns,
        /// Why not.
        why: String,
    },
    /// An expression that chooses packets is wrong.
    #[error("`{filter}` is no filter: {said}")]
    Filter {
        /// The expression.
        filter: String,
        /// libpcap's words.
        said: String,
    },
    /// A word that shall be a shape is none.
    #[error("{0}")]
    Shape(#[from] BadShape),
    /// The library that such expressions need is not there.
    #[error("a filter needs libpcap, which cannot be loaded: {0}")]
    NoLibpcap(String),
    /// No namespaces of this process's own.
    #[error("{0}")]
    Blocked(Box<Blocked>),
    /// The journal could not be used.
    #[error("cannot {what}: {cause}")]
    Journal {
        /// What was tried.
        what: String,
        /// The system's words.
        cause: Failure,
    },
    /// Another version of netyard wrote the journal.
    #[error("the journal is of version {found}, and this netyard knows version {known}")]
    JournalVersion {
        /// That of the journal.
        found: i64,
        /// That of this netyard.
        known: i64,
    },
    /// The system refused something that is no operation of a plan.
    #[error("cannot {what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// The system's words.
        cause: Failure,
    },
}

/// As people are told it, with cause and next step: it is what a test shows that unwraps one.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.report().draw(Look::default()).trim_end())
    }
}

/// Lines of a plan that are shown with an error.
const SHOWN: usize = 10;

impl Error {
    /// An operation that the kernel refused.
    pub(crate) fn refused(step: &Step, failure: Failure) -> Self {
        let Step { op, because, .. } = step.clone();
        Error::Refused(Box::new(Refused {
            op,
            because,
            failure,
        }))
    }

    /// For `map_err`: what was tried, and the system's words.
    pub(crate) fn system<E: Into<Failure>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |cause| Error::System {
            what: what.into(),
            cause: cause.into(),
        }
    }

    /// The same for the journal.
    pub(crate) fn journal<E: Into<Failure>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |cause| Error::Journal {
            what: what.into(),
            cause: cause.into(),
        }
    }

    /// What kind of error it is. Of one that was undone, that of what failed.
    pub fn code(&self) -> &'static Code {
        match self {
            Error::Conflicts(_) => codes::CONFLICT,
            Error::Resolve(error) => error.code(),
            Error::Lease(refusal) => match **refusal {
                Refusal::Held { .. } => codes::ADDRESS_HELD,
                Refusal::Closed { .. } => codes::ADDRESS_CLOSED,
                Refusal::Full(_) => codes::SUBNET_FULL,
            },
            Error::Refused(refused) => refused.code(),
            Error::Different(_) => codes::STATE_DIFFERS,
            Error::Interrupted => codes::INTERRUPTED,
            Error::Declined => codes::DECLINED,
            Error::AlreadyUp(_) => codes::ALREADY_UP,
            Error::Blocked(_) => codes::NO_PRIVATE_WORLD,
            Error::Hidden(_) => codes::NAMESPACE_HIDDEN,
            Error::NamesUnseen => codes::NAMES_UNSEEN,
            Error::Undone(error) | Error::RolledBack { error, .. } => error.code(),
            Error::NotUndone { .. } => codes::NOT_UNDONE,
            Error::InUse { .. } => codes::LAB_IN_USE,
            Error::NoLab(_) => codes::NO_SUCH_LAB,
            Error::Unfinished(_) => codes::UNFINISHED,
            Error::Unread { .. } | Error::File { .. } => codes::BAD_FILE,
            Error::Late { .. } => codes::LATE,
            Error::OtherHost(_) => codes::OTHER_HOST,
            Error::NotRoot(_) => codes::NOT_ROOT,
            Error::NoNamespace(_) => codes::NO_SUCH_NAMESPACE,
            Error::NoDevice(_) => codes::NO_SUCH_DEVICE,
            Error::Link { .. } => codes::BAD_NETEM,
            Error::Program(_) => codes::PROGRAM_FAILED,
            Error::NoProgram { .. } => codes::NO_SUCH_PROGRAM,
            Error::Part { .. } => codes::NOT_PARTED,
            Error::Filter { .. } => codes::BAD_FILTER,
            Error::Shape(_) => codes::BAD_SHAPE,
            Error::NoLibpcap(_) => codes::NO_LIBPCAP,
            Error::Journal { .. } => codes::JOURNAL,
            Error::JournalVersion { .. } => codes::JOURNAL_VERSION,
            Error::System { cause, .. } => refused::by_errno(cause.errno).unwrap_or(codes::SYSTEM),
        }
    }

    /// All that is known of it, for people and programs.
    pub fn report(&self) -> Report {
        let code = self.code();
        match self {
            Error::Conflicts(conflicts) => conflicts.report().note("nothing was changed"),
            Error::Refused(refused) => refused.report(),
            Error::Program(failed) => failed.report(),
            Error::NoProgram { known, .. } if !known.is_empty() => {
                let all: Vec<String> = known.iter().map(ProgramId::to_string).collect();
                let next = format!("it runs {}", all.join(", "));
                Report::new(code, self.to_string()).next(next)
            }
            Error::Undone(error) => error.report().note("what had been done was undone"),
            Error::RolledBack { error, journal } => error
                .report()
                .note("what had been done was undone")
                .note(format!("and then: {journal}")),
            Error::NotUndone { error, lab, left } => {
                let report = error.report().note(not_undone(left));
                let next = format!("`netyard down {lab}` removes what is left");
                Report { code, ..report }.next(next)
            }
            Error::Different(plan) => different(plan),
            Error::File { file, error } => error.report(file),
            Error::Unread { lab, error } => error
                .report(&format!("(lab {lab})"))
                .note(format!("`netyard down {lab}` removes it")),
            Error::Journal { cause, .. } | Error::System { cause, .. } => Report {
                kernel: cause.told(),
                ..Report::new(code, self.to_string()).caused()
            },
            Error::JournalVersion { .. } => Report::new(code, self.to_string()).caused(),
            Error::Lease(refusal) => match &**refusal {
                Refusal::Full(full) => {
                    let report = Report::new(code, self.to_string());
                    report.note(full.holders()).next(code.fix)
                }
                _ => Report::new(code, self.to_string()).next(code.fix),
            },
            Error::Resolve(ResolveError::Exhausted { full, .. }) => {
                let report = Report::new(code, self.to_string());
                report.note(full.holders()).next(code.fix)
            }
            Error::Resolve(ResolveError::NoFreeSubnet(none)) => {
                let report = Report::new(code, self.to_string());
                report.note(none.in_the_way()).next(code.fix)
            }
            Error::Shape(bad) => Report::new(code, self.to_string()).next(&*bad.hint),
            Error::Blocked(blocked) => Report {
                kernel: blocked.refused().told(),
                ..Report::new(code, self.to_string()).next(blocked.remedy())
            },
            _ => Report::new(code, self.to_string()).next(code.fix),
        }
    }
}

fn different(plan: &Plan) -> Report {
    let message = "after all was done, the kernel's state still differs";
    let text = plan.to_string();
    let mut missing = "this is missing:".to_owned();
    for line in text.lines().take(SHOWN) {
        missing = missing + "\n  " + line;
    }
    if text.lines().count() > SHOWN {
        missing += "\n  ...";
    }
    let report = Report::new(codes::STATE_DIFFERS, message).caused();
    report.note(missing)
}

fn not_undone(left: &[(Op, Failure)]) -> String {
    let mut text = "this could not be undone:".to_owned();
    for (op, failure) in left {
        let command = op.commands().join("; ");
        text += &format!("\n  {command}: {failure}");
    }
    text
}

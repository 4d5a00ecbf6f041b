//! What can go wrong, with the object, the namespace, the kernel's own words and
//! the likely cause.

use std::fmt;

use crate::plan::{Conflicts, Op, Plan, Step};
use crate::state::{LabName, Netns, NetnsName};
use crate::topology::ResolveError;

pub use crate::sys::{Blocked, Failure};

/// Why netyard could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that the lab needs is someone else's. Nothing was changed.
    #[error("{0}")]
    Conflicts(#[from] Conflicts),
    /// The file leaves open what cannot be decided.
    #[error("{0}")]
    Resolve(#[from] ResolveError),
    /// The kernel refused an operation.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// All was done, and yet the kernel's state is not the one described.
    #[error("after all was done, the kernel's state still differs; this is missing:\n{0}")]
    Different(Plan),
    /// It was interrupted ([`Watch::interrupted`](crate::reconcile::Watch::interrupted)).
    #[error("interrupted")]
    Interrupted,
    /// Whoever watches did not agree to the plan
    /// ([`Watch::planned`](crate::reconcile::Watch::planned)). Nothing was changed.
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
    #[error("{error}\n{}", not_undone(lab, left))]
    NotUndone {
        /// What failed first.
        error: Box<Error>,
        /// Whose objects are left.
        lab: LabName,
        /// What could not be undone.
        left: Vec<(Op, Failure)>,
    },
    /// There is no lab of this name on the host.
    #[error("no lab `{0}` is up on this host")]
    NoLab(LabName),
    /// A lab of this name is there already.
    #[error("lab `{0}` is up already")]
    AlreadyUp(LabName),
    /// The lab's host is another network namespace.
    #[error("lab `{0}` was made from another network namespace: run netyard there")]
    OtherHost(LabName),
    /// A namespace of the lab is not mounted where netyard runs.
    #[error(
        "namespace {0} of the lab cannot be seen from here: its name is no mount in this mount namespace"
    )]
    Hidden(NetnsName),
    /// Not enough rights.
    #[error("{0} needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN)")]
    NotRoot(String),
    /// No namespaces of this process's own.
    #[error("{0}")]
    Blocked(Box<Blocked>),
    /// The system refused something that is no operation of a plan.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// The system's words.
        cause: Failure,
    },
}

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
}

/// An operation that the kernel refused.
#[derive(Debug, thiserror::Error)]
pub struct Refused {
    /// The operation.
    pub op: Op,
    /// Why it was planned.
    pub because: String,
    /// The kernel's words.
    pub failure: Failure,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.op.netns() {
            Netns::Host => "on the host".to_owned(),
            Netns::Named(name) => format!("in namespace {name}"),
        };
        let commands = self.op.commands();
        let command = commands
            .first()
            .and_then(|c| c.lines().next())
            .unwrap_or_default();
        writeln!(f, "{} {place}: {}", self.op.title(), self.failure)?;
        write!(f, "  the operation was: {command}  # {}", self.because)?;
        match self.likely() {
            Some(cause) => write!(f, "\n  likely cause: {cause}"),
            None => Ok(()),
        }
    }
}

impl Refused {
    /// What most often lies behind such an answer.
    fn likely(&self) -> Option<&'static str> {
        Some(match (&self.op, self.failure.errno) {
            (Op::AddAddress { .. }, libc::EACCES) => {
                "IPv6 is switched off there (sysctl disable_ipv6)"
            }
            (_, libc::EPERM | libc::EACCES) => "not enough rights: run it as root",
            (Op::AddVeth { .. } | Op::AddBridge { .. }, libc::EEXIST) => {
                "someone made a device of that name since the plan was made; run it again to see whose it is"
            }
            (_, libc::EEXIST) => "someone else added it since the plan was made; run it again",
            (Op::AddVeth { .. } | Op::AddBridge { .. }, libc::EOPNOTSUPP) => {
                "this kernel has no such device: load the module veth or bridge"
            }
            (
                Op::AddRoute { .. } | Op::ReplaceRoute { .. },
                libc::ENETUNREACH | libc::EHOSTUNREACH,
            ) => "the next hop is on no subnet of that namespace's devices, or the device is down",
            (_, libc::ENODEV | libc::ENOENT | libc::ESRCH) => {
                "someone removed it since the plan was made; run it again"
            }
            (_, libc::ENFILE | libc::EMFILE) => "too many open files: raise `ulimit -n`",
            (Op::AddNetns { .. }, libc::ENOSPC) => {
                "the limit of namespaces is reached: sysctl user.max_net_namespaces"
            }
            (_, libc::ENOMEM | libc::ENOBUFS) => "the kernel is short of memory",
            _ => return None,
        })
    }
}

fn not_undone(lab: &LabName, left: &[(Op, Failure)]) -> String {
    let mut text = "this could not be undone:".to_owned();
    for (op, failure) in left {
        let command = op.commands().join("; ");
        text += &format!("\n  {command}: {failure}");
    }
    text + &format!("\n`netyard down {lab}` removes what is left")
}

//! An operation that the kernel refused, and what most often lies behind it.

use std::fmt;

use super::Failure;
use crate::plan::{Op, Setting};
use crate::report::{Code, Report, codes};
use crate::state::Netns;

/// An operation that the kernel refused.
#[derive(Debug)]
pub struct Refused {
    /// The operation.
    pub op: Op,
    /// Why it was planned.
    pub because: String,
    /// The kernel's words.
    pub failure: Failure,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what(), self.failure)
    }
}

impl Refused {
    fn what(&self) -> String {
        let place = match self.op.netns() {
            Netns::Host => "on the host".to_owned(),
            netns => format!("in namespace {netns}"),
        };
        format!("cannot {} {place}", self.op.title())
    }

    /// All that is known of it.
    pub(super) fn report(&self) -> Report {
        let commands = self.op.commands();
        let command = commands.first().and_then(|c| c.lines().next());
        // What the kernel's errno means; its own sentence has a line of its own.
        let message = format!("{}: {}", self.what(), self.failure.meaning());
        Report {
            object: Some(self.op.object()),
            namespace: Some(self.op.netns().clone()),
            command: command.map(str::to_owned),
            because: Some(self.because.clone()),
            kernel: self.failure.told(),
            ..Report::new(self.code(), message).caused()
        }
    }

    /// What kind of refusal it is: by the operation, for one errno means different
    /// things to different requests.
    pub fn code(&self) -> &'static Code {
        let errno = self.failure.errno;
        match (&self.op, errno) {
            (Op::AddAddress { .. }, libc::EACCES) => codes::IPV6_OFF,
            (
                Op::AddVeth { .. }
                | Op::AddBridge { .. }
                | Op::AddChild { .. }
                | Op::AddWireguard { .. },
                libc::EOPNOTSUPP,
            ) => codes::KERNEL_LACKS,
            (
                Op::SetLink {
                    set: Setting::Qdisc(Some(_)),
                    ..
                },
                libc::ENOENT,
            ) => codes::KERNEL_LACKS,
            (Op::AddChild { .. }, libc::EBUSY | libc::EINVAL) => codes::PARENT_DEVICE,
            // Of a bridge that others are on, not all ports are looked at before.
            (Op::AddVeth { .. } | Op::SetLink { .. }, libc::EXFULL) => codes::TOO_MANY_PORTS,
            // The firewall's own sentence for a kernel without it.
            (Op::AddTable { .. } | Op::AddElement { .. }, 0) => codes::KERNEL_LACKS,
            (Op::AddRoute { .. } | Op::ReplaceRoute { .. }, libc::ENETUNREACH)
            | (Op::AddRoute { .. } | Op::ReplaceRoute { .. }, libc::EHOSTUNREACH) => {
                codes::NEXT_HOP_UNREACHABLE
            }
            (Op::AddNetns { .. }, libc::ENOSPC) => codes::NAMESPACE_LIMIT,
            (_, libc::EEXIST | libc::ENODEV | libc::ENOENT | libc::ESRCH) => {
                codes::CHANGED_MEANWHILE
            }
            _ => by_errno(errno).unwrap_or(codes::KERNEL_REFUSED),
        }
    }
}

/// What an errno means whatever was tried.
pub(super) fn by_errno(errno: i32) -> Option<&'static Code> {
    match errno {
        libc::EPERM | libc::EACCES => Some(codes::NOT_PERMITTED),
        libc::ENFILE | libc::EMFILE => Some(codes::OPEN_FILES),
        libc::ENOMEM | libc::ENOBUFS => Some(codes::OUT_OF_MEMORY),
        _ => None,
    }
}

//! Why this process gets no namespaces of its own: what was refused, what the
//! machine says of itself, and what both mean.

mod reason;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;

use reason::Reason;

use super::Failure;

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// To be alone: only a process with one thread goes elsewhere as a whole.
    Alone,
    /// A user namespace.
    User,
    /// To be root in it.
    Map,
    /// Network, mount and PID namespaces.
    Others,
    /// Mounts inside.
    Mount,
    /// The loopback device inside.
    Network,
}

/// No namespaces of its own: what was refused, and the likely reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    step: Step,
    refused: Failure,
    facts: Facts,
}

/// What the machine says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The settings `user.max_*_namespaces` that are 0.
    zero: Vec<&'static str>,
    /// `kernel.unprivileged_userns_clone` is 0: a setting of Debian's kernels and others.
    debian_forbids: bool,
    /// `kernel.apparmor_restrict_unprivileged_userns` is on: Ubuntu's, since 23.10.
    ubuntu_restricts: bool,
    /// The AppArmor profile of this process.
    profile: Option<String>,
    /// A filter of system calls is on it (proc_pid_status(5), `Seccomp`).
    filtered: bool,
    /// Its root directory is no mount, so not the one of its mount namespace.
    chroot: bool,
    /// It is root, though with few capabilities.
    root: bool,
    /// This program's file.
    program: String,
}

impl Blocked {
    /// What the kernel answered.
    pub(crate) fn refused(&self) -> &Failure {
        &self.refused
    }

    /// What to change so that it works.
    pub fn remedy(&self) -> String {
        self.reason().remedy(&self.facts)
    }

    fn reason(&self) -> Reason<'_> {
        let (facts, errno) = (&self.facts, self.refused.errno);
        let first = self.step == Step::User;
        // Containers filter unshare(2); mount(2) is what AppArmor refuses there.
        let unshares = first || self.step == Step::Others;
        let zero = facts.zero.iter().find(|kind| (**kind == "user") == first);
        match &facts.profile {
            _ if self.step == Step::Alone => Reason::Threads,
            _ if errno == libc::ENOSPC => zero.map_or(Reason::Limit, |kind| Reason::Zero(kind)),
            _ if errno == libc::EINVAL && unshares => Reason::NotBuilt,
            _ if ![libc::EPERM, libc::EACCES, libc::ENOSYS].contains(&errno) => Reason::Odd,
            _ if first && facts.debian_forbids => Reason::Debian,
            _ if first && facts.chroot => Reason::Chroot,
            _ if self.step == Step::Map && facts.root => Reason::Root,
            _ if unshares && facts.filtered => Reason::Filter,
            Some(profile) if !profile.starts_with(LAMED) => Reason::Profile(profile),
            Some(_) => Reason::Ubuntu,
            None if facts.ubuntu_restricts => Reason::Ubuntu,
            None if facts.filtered => Reason::Filter,
            None => Reason::Unknown,
        }
    }
}

impl std::error::Error for Blocked {}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.step {
            Step::Alone | Step::User => "make a user namespace",
            Step::Map => "become root in its user namespace",
            Step::Others => "make network, mount and PID namespaces",
            Step::Mount => "mount in its mount namespace",
            Step::Network => "use its network namespace",
        };
        let reason = self.reason().to_string();
        write!(f, "this process cannot {what} ({}): {reason}", self.refused)
    }
}

/// The settings `user.max_*_namespaces` that matter (namespaces(7)).
const LIMITS: [&str; 4] = ["user", "net", "mnt", "pid"];

/// What Ubuntu puts an unprivileged process under that makes a user namespace: it
/// has the namespace, and nothing that it could do there.
const LAMED: &str = "unprivileged_userns";

impl Facts {
    /// What nobody sees any more from inside.
    pub(super) fn before() -> Self {
        let limit = |kind: &&str| number(&format!("/proc/sys/user/max_{kind}_namespaces"));
        Facts {
            zero: LIMITS
                .into_iter()
                .filter(|kind| limit(kind) == Some(0))
                .collect(),
            root: rustix::process::geteuid().is_root(),
            ..Facts::default()
        }
    }

    /// This was refused; now the rest is of interest.
    pub(super) fn blocked(&self, step: Step, refused: io::Error) -> Blocked {
        let restricts = number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
        let profile = text("/proc/self/attr/apparmor/current").trim().to_owned();
        let root = |line: &str| line.split(' ').nth(4) == Some("/");
        let program = fs::read_link("/proc/self/exe").unwrap_or_default();
        let facts = Facts {
            debian_forbids: number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0),
            ubuntu_restricts: restricts.is_some_and(|restricts| restricts > 0),
            profile: Some(profile).filter(|p| !p.is_empty() && !p.starts_with("unconfined")),
            filtered: text("/proc/self/status")
                .lines()
                .any(|line| line == "Seccomp:\t2"),
            chroot: !text("/proc/self/mountinfo").lines().any(root),
            program: program.display().to_string(),
            ..self.clone()
        };
        Blocked {
            step,
            refused: refused.into(),
            facts,
        }
    }
}

/// A file's text, as far as it is one; what cannot be read says nothing.
fn text(path: &str) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn number(path: &str) -> Option<u32> {
    text(path).trim().parse().ok()
}

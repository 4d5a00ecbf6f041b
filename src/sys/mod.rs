//! The only place that touches the kernel or the disk.
#![allow(clippy::disallowed_methods)]

pub(crate) mod exec;
mod failure;
pub(crate) mod kernel;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod probe;
pub(crate) mod sockopt;
pub(crate) mod store;
pub(crate) mod strays;
pub(crate) mod sysctl;
pub(crate) mod uapi;

pub use failure::Failure;

/// Whether this process may make namespaces and change networks (capabilities(7)).
pub(crate) fn may_administer() -> bool {
    use rustix::thread::CapabilitySet;
    let needed = CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN;
    rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(needed))
}

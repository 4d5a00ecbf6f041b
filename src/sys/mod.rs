//! The only place that touches the kernel or the disk.
#![allow(clippy::disallowed_methods)]

pub(crate) mod attend;
pub(crate) mod attendant;
mod blocked;
pub(crate) mod capture;
pub(crate) mod doctor;
#[cfg(feature = "testing")]
pub(crate) mod early;
pub(crate) mod ears;
pub(crate) mod exec;
mod failure;
pub(crate) mod follow;
pub(crate) mod fork;
pub(crate) mod keeper;
pub(crate) mod kernel;
pub(crate) mod listen;
pub(crate) mod local_time;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod open_files;
mod output;
pub(crate) mod private;
pub(crate) mod probe;
pub(crate) mod program_files;
pub(crate) mod residents;
pub(crate) mod resolver;
pub(crate) mod sight;
mod signal;
pub(crate) mod sockopt;
pub(crate) mod store;
pub(crate) mod strays;
pub(crate) mod survey;
pub(crate) mod sysctl;
mod terminal;
pub(crate) mod uapi;
mod view;
pub(crate) mod wait;
#[cfg(feature = "testing")]
pub(crate) mod world;
pub(crate) mod xtables;

pub use blocked::Blocked;
pub use failure::Failure;

/// Whether this process may make namespaces and change networks (capabilities(7)).
pub fn may_administer() -> bool {
    use rustix::thread::CapabilitySet;
    let needed = CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN;
    rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(needed))
}

/// A file's text.
#[cfg(feature = "testing")]
pub(crate) fn read(path: &std::path::Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

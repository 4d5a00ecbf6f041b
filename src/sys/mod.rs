//! The only place that touches the kernel or the disk.

mod failure;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod sockopt;

pub use failure::Failure;

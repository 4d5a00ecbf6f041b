//! The only place that touches the kernel or the disk.

pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod sockopt;

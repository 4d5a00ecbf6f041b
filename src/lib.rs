//! netyard builds, shows and proves container networks.
//!
//! A file, or a program, says what it wants as a [`topology::Topology`].
//! [`topology::resolve`] turns that into a [`state::NetState`]; the kernel is
//! observed as a `NetState` too; [`plan::plan`] compares the two and gives a
//! [`plan::Plan`], an ordered list of operations; [`lab::up`] executes exactly
//! that, looks again, and undoes everything when something went wrong.

// Tests share their samples with those of `tests/`.
#[cfg(test)]
extern crate self as netyard;

pub mod capture;
pub mod doctor;
pub mod error;
pub mod explain;
mod external;
#[cfg(feature = "fake")]
pub mod fake;
pub mod gc;
pub mod graph;
mod inside;
pub mod ipam;
pub mod lab;
pub mod lease;
pub mod monitor;
mod names;
pub mod plan;
pub mod probe;
pub mod reconcile;
pub mod repair;
pub mod report;
pub mod run;
pub mod state;
pub mod survey;
mod sys;
pub mod topology;
pub mod vigil;

pub use inside::exec;
pub use sys::may_administer;
pub use sys::netns::{DIRECTORY as NETNS_DIRECTORY, exists as has_namespace};

/// The kernel's numbers as netyard knows them, for the test that compares them
/// with the kernel's headers.
#[doc(hidden)]
pub mod uapi {
    pub use crate::sys::uapi::nexthop::ALL as OF_NEXTHOPS;
    pub use crate::sys::uapi::rules::ALL as OF_RULES;
    pub use crate::sys::uapi::vlan::ALL as OF_VLANS;
    pub use crate::sys::uapi::{ALL, OF_DOCTOR, OF_QDISCS, OF_SOCKETS};
}

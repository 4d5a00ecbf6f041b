//! netyard builds, shows and proves container networks.
//!
//! # A tour
//!
//! A text says what is wanted (`docs/topology.md` has every key). It becomes a
//! [`topology::Topology`], and with the addresses that it leaves open a [`state::NetState`]:
//!
//! ```
//! use netyard::topology::{parse, resolve};
//!
//! let text = "
//! lab: two
//! networks: { lan: { subnets: [10.0.0.0/24] } }
//! namespaces:
//!   one: { interfaces: { eth0: { network: lan } } }
//!   two: { interfaces: { eth0: { network: lan, addresses: [10.0.0.20/24] } } }
//! expect: [{ from: one, to: two }]
//! ";
//! let topology = parse(text)?;
//! let (desired, _) = resolve(&topology, &Default::default())?;
//! assert_eq!(desired.namespaces.len(), 3, "both, and the host");
//!
//! let mistake = parse("lab: two\nnamespace: {}\n").unwrap_err();
//! assert!(mistake.to_string().contains("did you mean `namespaces`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the kernel has is a `NetState` too. [`plan::plan`] compares the two, without touching
//! anything, and gives a [`plan::Plan`]: operations in order, each with its reason, and printed
//! as the command that a person would type:
//!
//! ```
//! # use netyard::topology::{parse, resolve};
//! # let text = "{ lab: two, namespaces: { one: {} } }";
//! # let (desired, _) = resolve(&parse(text)?, &Default::default())?;
//! use netyard::plan::plan;
//! use netyard::state::NetState;
//!
//! let plan = plan(&desired, &NetState::empty(desired.lab.clone()))?;
//! assert_eq!(plan.steps[0].op.commands()[0], "ip netns add one");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`lab::up`] executes exactly that on this host, looks again, and undoes everything when
//! something went wrong. It needs root. Tests do not: a [`lab::Lab`] (feature `testing`) is a
//! host of its own, that nobody else sees and that goes with its value:
//!
#![cfg_attr(feature = "testing", doc = "```")]
#![cfg_attr(not(feature = "testing"), doc = "```ignore")]
//! use netyard::lab::Lab;
//! use std::io::Write;
//! use std::net::{TcpListener, TcpStream};
//!
//! # let text = "
//! # lab: two
//! # networks: { lan: { subnets: [10.0.0.0/24] } }
//! # namespaces:
//! #   one: { interfaces: { eth0: { network: lan } } }
//! #   two: { interfaces: { eth0: { network: lan, addresses: [10.0.0.20/24] } } }
//! # expect: [{ from: one, to: two }]
//! # ";
//! let lab = Lab::from_text(text)?;
//! lab.prove(); // with packets: what `expect` says
//!
//! let (one, two) = (lab.namespace("one")?, lab.namespace("two")?);
//! let listener = two.run(|| TcpListener::bind("10.0.0.20:80"))??;
//! let mut client = one.run(|| TcpStream::connect("two:80"))??;
//! client.write_all(b"sockets stay where they were opened")?;
//! assert_eq!(listener.accept()?.1.ip(), client.local_addr()?.ip());
//!
//! // Another text of the same lab: only the difference is changed.
//! lab.change(&text.replace("10.0.0.20", "10.0.0.21"))?;
//! assert!(!lab.reaches("one", "10.0.0.20")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/testing.md` has more of these; [`survey`], [`explain`], [`monitor`] and [`capture`]
//! look at any host.

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
    pub use crate::sys::uapi::wireguard::ALL as OF_WIREGUARD;
    pub use crate::sys::uapi::{ALL, OF_DOCTOR, OF_QDISCS, OF_SOCKETS};
}

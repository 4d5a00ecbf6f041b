//! `STATUS`: whether an `ADD` could succeed.

use std::fs;

use netyard::ipam::{Holder, Lease};
use netyard::lease;

use super::config::{Carried, Config, Ipam, Kind, Range};
use super::failure::{Code, Failure};
use super::given;
use super::network::{self, lab_of};

/// Whether there is an address left of each set, and the journal can be written; and whether the
/// network's bridge, or the device that carries, can be had.
pub(super) fn status(config: &Config) -> Result<(), Failure> {
    let unavailable = |failure: Failure| Failure {
        code: Code::NotAvailable,
        ..failure
    };
    let store = lease::open().map_err(|error| unavailable(error.into()))?;
    let network = Holder::Lab(lab_of(&config.name)).to_string();
    let leases = store.list().map_err(|error| unavailable(error.into()))?;
    let of_network = |lease: &&Lease| lease.network == network || given::is_of(lease, &config.name);
    let leases: Vec<&Lease> = leases.iter().filter(of_network).collect();
    for set in config.sets() {
        if set.iter().all(|range| is_full(config, range, &leases)) {
            let all: Vec<String> = set.iter().map(ToString::to_string).collect();
            let (all, name) = (all.join(", "), &config.name);
            let msg = format!("network {name} has no address left of {all}");
            return Err(Failure::new(Code::NotAvailable, msg));
        }
    }
    match &config.kind {
        Kind::Carried(carried) => has_parent(carried),
        // Which subnets it has somebody else says, and only for an attachment.
        kind if kind.has_network() && !matches!(config.ipam, Ipam::Other(_)) => {
            network::can_be(config).map_err(unavailable)
        }
        _ => Ok(()),
    }
}

fn has_parent(carried: &Carried) -> Result<(), Failure> {
    let parent = carried.settings["parent"].as_str().unwrap_or_default();
    let known = |line: &str| line.trim_start().split(':').next() == Some(parent);
    // A line for each device of this namespace, behind its name (proc_net(5)).
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    match devices.lines().any(known) {
        true => Ok(()),
        false => {
            let msg = format!("there is no device {parent} on the host, which is `master`");
            Err(Failure::new(Code::NotAvailable, msg))
        }
    }
}

fn is_full(config: &Config, range: &Range, leases: &[&Lease]) -> bool {
    let open = given::open_of(config, &range.subnet, [range].into_iter());
    let held = leases
        .iter()
        .filter(|lease| open.contains(lease.address.addr()));
    held.count() as u128 >= open.count()
}

//! `STATUS`: whether an `ADD` could succeed.

use std::fs;

use netyard::ipam::{Holder, Lease};
use netyard::{lab, lease};

use super::config::{Carried, Config, Ipam, Kind, Range};
use super::failure::{Code, Failure};
use super::network::{self, lab_of};
use super::{attach, gc, given};

/// Whether there is an address left of each set, and the journal can be written; and whether the
/// network's bridge, or a device that one of the host carries, can be had.
pub(super) fn status(config: &Config) -> Result<(), Failure> {
    let unavailable = |failure: Failure| Failure {
        code: Code::NotAvailable,
        ..failure
    };
    // What is wrong with it is not for want of anything.
    let sample = match &config.kind {
        Kind::Carried(carried) => {
            let sample = attach::sample(config)?;
            has_parent(carried)?;
            Some(sample)
        }
        _ => None,
    };
    has_addresses(config).map_err(unavailable)?;
    match sample {
        Some(sample) => match lab::plan(&sample) {
            Ok(_) => Ok(()),
            Err(error) => Err(unavailable(error.into())),
        },
        // Which subnets it has somebody else says, and only for an attachment.
        None if config.kind.has_network() && !matches!(config.ipam, Ipam::Other(_)) => {
            network::can_be(config).map_err(unavailable)
        }
        None => Ok(()),
    }
}

/// Whether `ADD` would find some: what it would take back first is free.
fn has_addresses(config: &Config) -> Result<(), Failure> {
    let store = lease::open()?;
    let network = Holder::Lab(lab_of(&config.name)).to_string();
    let mut leases = store.list()?;
    leases.retain(|lease| lease.network == network || given::is_of(lease, &config.name));
    let full = |leases: &[Lease]| {
        let mut sets = config.sets().iter();
        sets.find(|set| set.iter().all(|range| is_full(config, range, leases)))
    };
    if full(&leases).is_none() {
        return Ok(());
    }
    let (lost, gone) = (gc::lost(&config.name)?.labs, store.gone()?);
    leases.retain(|lease| match &lease.holder {
        Holder::Lab(lab) => !lost.contains(lab),
        _ => !gone.iter().any(|gone| gone.is_same(lease)),
    });
    match full(&leases) {
        Some(set) => {
            let all: Vec<String> = set.iter().map(ToString::to_string).collect();
            let (all, name) = (all.join(", "), &config.name);
            let msg = format!("network {name} has no address left of {all}");
            Err(Failure::new(Code::NotAvailable, msg))
        }
        None => Ok(()),
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

fn is_full(config: &Config, range: &Range, leases: &[Lease]) -> bool {
    let open = given::open_of(config, &range.subnet, [range].into_iter());
    let held = leases
        .iter()
        .filter(|lease| open.contains(lease.address.addr()));
    held.count() as u128 >= open.count()
}

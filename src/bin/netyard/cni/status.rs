//! `STATUS`: whether an `ADD` could succeed.

use netyard::ipam::{Holder, Lease};
use netyard::lease;

use super::config::{Config, Range};
use super::failure::{Code, Failure};
use super::given;
use super::network::lab_of;

/// Whether there is an address left of each set, and the journal can be written.
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
    Ok(())
}

fn is_full(config: &Config, range: &Range, leases: &[&Lease]) -> bool {
    let open = given::open_of(config, &range.subnet, [range].into_iter());
    let held = leases
        .iter()
        .filter(|lease| open.contains(lease.address.addr()));
    held.count() as u128 >= open.count()
}

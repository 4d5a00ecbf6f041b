//! Kernel settings that matter to a lab.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::BorrowedFd;

use super::{Claims, Kernel};
use crate::plan::Claim;
use crate::state::{IfName, LabName, Namespace, Netns, Origin, Sysctl, SysctlKey};
use crate::sys::{Failure, sysctl};

impl Kernel {
    /// The settings that a lab holds, and, where others are in a namespace that shall forward,
    /// those that switching it on would overwrite.
    pub(super) fn settings(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        claims: &Claims,
        left_out: &BTreeSet<IfName>,
    ) -> Result<(), Failure> {
        let joined = self.joined_by(namespace, claims)?;
        let is_here = |lab: &LabName, at: &Netns| match (netns, at) {
            (Netns::At(_), Netns::At(path)) => joined.contains(&(lab.clone(), path.clone())),
            _ => at == netns,
        };
        let mut held: BTreeMap<SysctlKey, (String, BTreeSet<LabName>)> = BTreeMap::new();
        for (lab, claim) in claims
            .iter()
            .flat_map(|(lab, all)| all.iter().map(move |c| (lab, c)))
        {
            if let Claim::Sysctl {
                netns: at,
                key,
                was,
            } = claim
                && is_here(lab, at)
            {
                let entry = held
                    .entry(key.clone())
                    .or_insert_with(|| (was.clone(), BTreeSet::new()));
                entry.1.insert(lab.clone());
            }
        }
        let mut keys: BTreeSet<SysctlKey> = held.keys().cloned().collect();
        if netns.made().is_none() && self.routes(netns) {
            keys.extend(host_keys(self.entry(netns)?, namespace, left_out)?);
        } else if self.forwards.contains(netns) {
            keys.extend([SysctlKey::forward4(), SysctlKey::forward6()]);
        }
        if self.walled.contains(netns) {
            keys.extend([SysctlKey::udp_timeout(), SysctlKey::udp_stream_timeout()]);
        }
        let speak_ipv6 = self.ipv6.iter().filter(|end| end.netns == *netns);
        for end in speak_ipv6 {
            let both = ["default", end.dev.as_str()];
            keys.extend(both.map(SysctlKey::disable_ipv6));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<SysctlKey> = keys.into_iter().collect();
        let values = sysctl::read(self.entry(netns)?, &keys)?;
        for (key, value) in keys.into_iter().zip(values) {
            let Some(value) = value else { continue };
            let (was, holders) = held
                .remove(&key)
                .map_or_else(Default::default, |(was, labs)| (Some(was), labs));
            namespace.sysctls.insert(
                key,
                Sysctl {
                    value,
                    was,
                    holders,
                },
            );
        }
        Ok(())
    }
}

/// Forwarding of a namespace that others are in, and, while it is off, what switching it on
/// overwrites on devices that no lab made.
fn host_keys(
    entry: Option<BorrowedFd<'_>>,
    host: &Namespace,
    left_out: &BTreeSet<IfName>,
) -> io::Result<Vec<SysctlKey>> {
    let mut keys = vec![
        SysctlKey::forward4(),
        SysctlKey::forward6(),
        SysctlKey::redirects4(),
    ];
    for family in [4, 6] {
        let of_a_lab = |dev: IfName| {
            let link = host.links.get(&dev);
            left_out.contains(&dev) || link.is_some_and(|link| link.owner.is_some())
        };
        let foreign = |dev: &&String| !dev.parse().is_ok_and(of_a_lab);
        let devices = sysctl::devices(entry, family)?;
        keys.extend(
            devices
                .iter()
                .filter(foreign)
                .map(|dev| SysctlKey::device_forward(family, dev)),
        );
    }
    let learned = host
        .routes
        .iter()
        .filter(|route| route.origin == Origin::Ra);
    keys.extend(learned.map(|route| SysctlKey::accept_ra(&route.dev)));
    Ok(keys)
}

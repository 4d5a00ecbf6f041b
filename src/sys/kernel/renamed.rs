//! Devices of labs that somebody has given other names: by mark and record they are the lab's.

use std::collections::BTreeSet;

use super::{Claims, FIRST_INDEX, Kernel, scope::Scope};
use crate::plan::Claim;
use crate::state::{End, IfName, LabName, Namespace, Netns};
use crate::sys::Failure;
use crate::sys::netlink::link;

impl Kernel {
    /// Whether a device of the host that the lab has is not there by its name, though no
    /// namespace has taken it along: it may be another that was not looked at.
    pub(super) fn misses(
        &mut self,
        host: &Namespace,
        (claims, scope): (&Claims, Option<&Scope>),
    ) -> bool {
        if self.found || !host.partial || !scope.is_some_and(|scope| scope.anchored) {
            return false;
        }
        let mut own = names(claims.get(&self.lab.name), &Netns::Host);
        let missing = own.any(|dev| !host.links.contains_key(dev));
        self.found = !missing;
        missing
    }

    /// Whether a device that carries the lab's mark, and is not recorded by this name, is one
    /// that is: such a one is missing, and the index is one that only netyard gives.
    pub(super) fn is_renamed(
        &mut self,
        lab: &LabName,
        (netns, index): (&Netns, u32),
        there: &Namespace,
        (claims, scope): (&Claims, Option<&Scope>),
    ) -> Result<bool, Failure> {
        if index < FIRST_INDEX || netns.made().is_some() {
            return Ok(false);
        }
        // Of other labs not all was read.
        let read = match claims.get(lab) {
            Some(all) if scope.is_none() || *lab == self.lab.name => all.clone(),
            _ => self.store.claims_of(self.lab.host, lab)?,
        };
        for dev in names(Some(&read), netns) {
            if !there.links.contains_key(dev) && self.is_missing(netns, there, dev)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_missing(
        &mut self,
        netns: &Netns,
        there: &Namespace,
        dev: &IfName,
    ) -> Result<bool, Failure> {
        if !there.partial {
            return Ok(true);
        }
        match link::index(self.socket(netns)?, dev).map_err(Failure::from) {
            Err(refused) if refused.errno == libc::ENODEV => Ok(true),
            index => index.map(|_| false),
        }
    }
}

fn names<'c>(claims: Option<&'c BTreeSet<Claim>>, at: &Netns) -> impl Iterator<Item = &'c IfName> {
    claims
        .into_iter()
        .flatten()
        .filter_map(move |claim| match claim {
            Claim::Link(End { netns, dev }) if netns == at => Some(dev),
            _ => None,
        })
}

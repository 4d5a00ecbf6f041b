//! An in-memory kernel with a journal beside it, for law tests of planners and of
//! code built on the library. It answers as Linux does where the order of
//! operations matters, and any operation can be made to fail.

mod address;
mod child;
mod device;
mod equal;
mod firewall;
mod outside;
mod route;
mod sysctl;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::error::{Error, Failure};
use crate::plan::{Claim, Op};
use crate::reconcile::{Applied, Change, Host, Inside, Progress};
use crate::state::{
    End, LabName, Link, LinkKind, Mac, Namespace, NetState, Netns, NetnsName, Sysctl, SysctlKey,
};

/// A kernel and a journal in memory. Two are equal when a kernel could not be told
/// from the other by what it does: of the order of addresses only this counts,
/// which is the first, the primary, of its IPv4 subnet.
#[derive(Debug, Clone)]
pub struct Fake {
    /// What there is, whoever made it. A device's owner is its mark, recorded or not;
    /// `was` and `holders` of settings are empty here: the journal knows them.
    pub namespaces: BTreeMap<Netns, Namespace>,
    /// What each lab claims.
    pub journal: BTreeMap<LabName, BTreeSet<Claim>>,
    /// Whether forwarding matters to the lab that looks, so that it is shown even where
    /// no lab holds it.
    pub routed: bool,
    /// The namespaces of others that shall forward for it.
    pub forwards: BTreeSet<Netns>,
    /// Whether the firewall tables matter to it.
    pub networks: bool,
    /// Whether a device that is up can be given another name.
    pub renames: bool,
    /// How many operations from now on succeed before one is refused with EIO, then
    /// how many after that one before another is, and so on.
    pub fail_after: VecDeque<usize>,
    last_mac: u32,
    /// Bridges that were given an MTU.
    given_mtu: BTreeSet<End>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// A host with `lo`, which forwards nothing, and no lab.
    pub fn new() -> Self {
        let mut fake = Fake {
            namespaces: BTreeMap::new(),
            journal: BTreeMap::new(),
            routed: true,
            forwards: BTreeSet::new(),
            networks: true,
            renames: true,
            fail_after: VecDeque::new(),
            last_mac: 0,
            given_mtu: BTreeSet::new(),
        };
        fake.add_namespace(Netns::Host, None);
        fake
    }

    /// Makes a namespace with `lo`. In a new one IPv4 is set as on the host, IPv6 as
    /// compiled in (Documentation/admin-guide/sysctl/net.rst, `devconf_inherit_init_net`).
    pub fn add_namespace(&mut self, netns: Netns, owner: Option<LabName>) {
        let host = self.namespaces.get(&Netns::Host);
        let namespace = Namespace {
            owner,
            sysctls: sysctl::of_new_namespace(host),
            ..Namespace::default()
        };
        self.namespaces.insert(netns.clone(), namespace);
        let lo = End {
            netns,
            dev: device::loopback(),
        };
        self.add_device(&lo, Link::new(LinkKind::Loopback));
    }

    /// Puts a device there; what `link` leaves open is as the kernel would have it.
    pub fn add_device(&mut self, end: &End, link: Link) {
        let chosen = self.choose_mac();
        if let Some(namespace) = self.namespaces.get_mut(&end.netns) {
            device::add(namespace, end, link, chosen);
        }
    }

    fn choose_mac(&mut self) -> Mac {
        self.last_mac += 1;
        let [a, b, c, d] = self.last_mac.to_be_bytes();
        Mac([0x0a, 0, a, b, c, d])
    }

    fn is_claimed(&self, lab: &LabName, claim: &Claim) -> bool {
        self.journal.get(lab).is_some_and(|all| all.contains(claim))
    }

    fn add_netns(&mut self, name: &NetnsName) -> Result<(), Failure> {
        let netns = Netns::Named(name.clone());
        if self.namespaces.contains_key(&netns) {
            return refuse(libc::EEXIST);
        }
        let claim = Claim::Netns(name.clone());
        let maker = self.journal.iter().find(|(_, all)| all.contains(&claim));
        let maker = maker.map(|(lab, _)| lab.clone());
        self.add_namespace(netns.clone(), maker);
        sysctl::forward_nothing(self.namespace(&netns)?);
        Ok(())
    }

    /// Ends a namespace: its devices go with it, and with them the other ends of its cables.
    /// Whether there was one.
    pub fn end_namespace(&mut self, netns: &Netns) -> bool {
        let Some(gone) = self.namespaces.remove(netns) else {
            return false;
        };
        for peer in gone.links.values().filter_map(Link::peer) {
            if let Some(namespace) = self.namespaces.get_mut(&peer.netns) {
                device::remove(namespace, &peer.dev);
            }
        }
        self.orphans();
        true
    }

    fn namespace(&mut self, netns: &Netns) -> Result<&mut Namespace, Failure> {
        self.namespaces
            .get_mut(netns)
            .ok_or_else(|| failure(libc::ENOENT))
    }

    fn execute(&mut self, op: &Op) -> Result<(), Failure> {
        match self.fail_after.front_mut() {
            Some(0) => {
                self.fail_after.pop_front();
                return refuse(libc::EIO);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        match op {
            Op::AddNetns { name } => self.add_netns(name),
            Op::DelNetns { name, .. } => match self.end_namespace(&Netns::Named(name.clone())) {
                true => Ok(()),
                false => refuse(libc::ENOENT),
            },
            Op::AddBridge { end, link } => self.add_bridge(end, link),
            Op::AddVeth {
                near,
                near_link,
                far,
                far_link,
            } => self.add_veth((near, near_link), (far, far_link)),
            Op::AddChild { end, link } => self.add_child(end, link),
            Op::AddWireguard { end, link } => self.add_wireguard(end, link),
            Op::RenameLink { netns, from, to } => self.rename(netns, from, to),
            Op::DelLinks { netns, devs, group } => self.del_links(netns, devs, *group),
            op => self.execute_inside(op),
        }
    }

    /// Operations that change one namespace alone.
    fn execute_inside(&mut self, op: &Op) -> Result<(), Failure> {
        let namespace = self.namespace(op.netns())?;
        match op {
            Op::SetLink { end, set, .. } => device::set(namespace, &end.dev, set),
            Op::AddAddress { end, address } => address::add(namespace, &end.dev, *address),
            Op::SetLifetime {
                end,
                address,
                lifetime,
                ..
            } => address::set_lifetime(namespace, &end.dev, *address, *lifetime),
            Op::DelAddress { end, address } => address::delete(namespace, &end.dev, *address),
            Op::AddRoute { route, .. } => route::add(namespace, route),
            Op::ReplaceRoute { route, .. } => route::replace(namespace, route),
            Op::DelRoute { route, .. } => route::delete(namespace, route),
            Op::AddRule { rule, .. } => route::add_rule(namespace, rule),
            Op::DelRule { rule, .. } => route::delete_rule(namespace, rule),
            Op::SetSysctl { key, value, .. } => sysctl::write(namespace, key, value),
            // No packets, no flows.
            Op::DelFlows { .. } => Ok(()),
            op => firewall::change(namespace, op),
        }
    }

    /// A mark counts only with its record.
    fn recorded(&self, end: End, owner: Option<&LabName>) -> Option<LabName> {
        let claim = Claim::Link(end);
        owner.filter(|lab| self.is_claimed(lab, &claim)).cloned()
    }

    fn look_into(
        &self,
        lab: &LabName,
        netns: &Netns,
        there: &Namespace,
        open: &BTreeSet<Netns>,
    ) -> Namespace {
        let mut seen = there.clone();
        for (dev, link) in &mut seen.links {
            let end = End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            link.owner = self.recorded(end, link.owner.as_ref());
            let other = match &mut link.kind {
                LinkKind::Veth { peer } => peer,
                LinkKind::Child(child) => &mut child.parent,
                _ => continue,
            };
            *other = other.take().filter(|other| open.contains(&other.netns));
        }
        seen.sysctls = self.settings(lab, netns, &seen);
        if netns.joined().is_some() && !self.is_claimed(lab, &Claim::Table(netns.clone())) {
            seen.tables
                .values_mut()
                .for_each(|table| table.ours = false);
        }
        if *netns == Netns::Host {
            self.firewall(lab, &mut seen);
        }
        seen
    }

    /// Our table is one of which the journal knows.
    fn firewall(&self, lab: &LabName, host: &mut Namespace) {
        let mut known = false;
        for (owner, claim) in self
            .journal
            .iter()
            .flat_map(|(l, c)| c.iter().map(move |c| (l, c)))
        {
            let Claim::Element(set, element) = claim else {
                continue;
            };
            known = true;
            if owner != lab {
                host.due
                    .entry(*set)
                    .or_default()
                    .insert(element.clone(), owner.clone());
            }
        }
        if !self.networks && !known {
            host.tables.clear();
        }
        for table in host.tables.values_mut() {
            table.ours &= known || table.is_left_to_user();
        }
    }

    /// The settings that a lab holds and, on a host that matters as a router, those
    /// that switching forwarding on would overwrite.
    fn settings(
        &self,
        lab: &LabName,
        netns: &Netns,
        seen: &Namespace,
    ) -> BTreeMap<SysctlKey, Sysctl> {
        let mut shown = BTreeMap::new();
        for (key, there) in &seen.sysctls {
            let mut sysctl = Sysctl::new(&there.value);
            for (holder, claim) in self
                .journal
                .iter()
                .flat_map(|(l, c)| c.iter().map(move |c| (l, c)))
            {
                if let Claim::Sysctl {
                    netns: at,
                    key: of,
                    was,
                } = claim
                    && (at, of) == (netns, key)
                {
                    sysctl.was.get_or_insert_with(|| was.clone());
                    sysctl.holders.insert(holder.clone());
                }
            }
            let routes = match netns {
                Netns::Host => self.routed,
                _ => self.forwards.contains(netns),
            };
            let router = netns.made().is_none() && routes && sysctl::matters(key, seen);
            let drifted = match netns {
                Netns::Host | Netns::At(_) => routes && sysctl::is_shut(key, seen, lab),
                Netns::Named(_) => sysctl::is_apart(key, seen),
            };
            let router = router || key.is_of_flows() && *netns != Netns::Host;
            if router || drifted || !sysctl.holders.is_empty() {
                shown.insert(key.clone(), sysctl);
            }
        }
        shown
    }
}

impl Host for Fake {
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error> {
        let mut state = NetState {
            renames: self.renames,
            ..NetState::empty(lab.clone())
        };
        for (netns, there) in &self.namespaces {
            let namespace = self.outside(lab, netns, there);
            state.namespaces.insert(netns.clone(), namespace);
        }
        let read = |(netns, seen): &(&Netns, &Namespace)| {
            let ours = seen.owner.as_ref() == Some(lab);
            let own = self.journal.get(lab);
            let set = |netns| own.is_some_and(|all| all.iter().any(|claim| claim.is_in(netns)));
            match netns {
                Netns::Host => true,
                Netns::At(_) => inside == Inside::Read || ours && set(*netns),
                Netns::Named(_) => inside == Inside::Read && ours,
            }
        };
        let open: BTreeSet<Netns> = (state.namespaces.iter().filter(read))
            .map(|(netns, _)| netns.clone())
            .collect();
        for netns in &open {
            let seen = self.look_into(lab, netns, &self.namespaces[netns], &open);
            let Namespace { owner, left, .. } = state.namespaces[netns].clone();
            let seen = Namespace {
                owner,
                left,
                ..seen
            };
            state.namespaces.insert(netns.clone(), seen);
        }
        Ok(state)
    }

    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        let mut applied = Applied::default();
        let mut at = 0;
        for group in ops.chunk_by(|a, b| firewall::go_together(a, b)) {
            applied.interrupted = progress.interrupted();
            if applied.interrupted {
                break;
            }
            // The changes of a namespace's firewall are one transaction.
            let before = self.namespaces.clone();
            for (i, op) in group.iter().enumerate() {
                if let Err(failure) = self.execute(op) {
                    self.namespaces = before;
                    applied.failed = Some((at + i, failure));
                    return applied;
                }
                self.adjust_bridges(op);
            }
            applied.done.extend(at..at + group.len());
            group.iter().for_each(|op| progress.done(op));
            at += group.len();
        }
        applied
    }

    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        Ok(self.journal.get(lab).cloned().unwrap_or_default())
    }

    fn record(&mut self, lab: &LabName, claims: &BTreeSet<Claim>, _: Change) -> Result<(), Error> {
        match claims.is_empty() {
            true => self.journal.remove(lab),
            false => self.journal.insert(lab.clone(), claims.clone()),
        };
        Ok(())
    }
}

fn failure(errno: i32) -> Failure {
    Failure { errno, text: None }
}

fn refuse(errno: i32) -> Result<(), Failure> {
    Err(failure(errno))
}

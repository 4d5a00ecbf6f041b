//! What is there: from the kernel's lists and the journal to a [`NetState`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsRawFd;

use super::devices::devices;
use super::{Kernel, scope::Scope};

use crate::plan::Claim;
use crate::reconcile::Inside;
use crate::state::{
    End, IfName, LabName, LinkKind, Namespace, NetState, Netns, NetnsName, Origin, Sysctl,
    SysctlKey,
};
use crate::sys::netlink::{link, nsid, rule};
use crate::sys::netns::Identity;
use crate::sys::{Failure, netns, sysctl};

/// How often is looked when things go meanwhile.
const LOOKS: usize = 4;

/// What labs claim.
pub(crate) type Claims = BTreeMap<LabName, BTreeSet<Claim>>;

/// A veth end whose peer is still to be found: where it is, its index, the
/// peer's index, and the number by which its namespace knows the peer's.
struct Loose {
    end: End,
    index: u32,
    peer: u32,
    nsid: Option<i32>,
}

impl Kernel {
    /// Looks; again when a name or a device went while it was looked at.
    pub(super) fn look(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Failure> {
        for _ in 1..LOOKS {
            match self.look_once(lab, inside) {
                Err(gone) if netns::GONE.contains(&gone.errno) => {}
                seen => return seen,
            }
        }
        self.look_once(lab, inside)
    }

    fn look_once(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Failure> {
        self.waits = false;
        let host = self.lab.host;
        let mut claims = match self.scope {
            None => self.store.claims(host)?,
            Some(_) => self.store.settings_beside(host, lab)?,
        };
        if self.scope.is_some() {
            claims.insert(lab.clone(), self.own(lab)?);
        }
        claims.extend(self.assumed.claims.clone());
        let own = claims.get(lab).into_iter().flatten();
        let scope = self.scope.clone().map(|scope| scope.with(own));
        let mut state = NetState {
            renames: sysctl::kernel_is(6, 2)?,
            ..NetState::empty(lab.clone())
        };
        let mut loose = Vec::new();
        let named = scope.as_ref().map(|scope| &scope.names);
        let mut made = self.store.namespaces_called(named)?;
        made.extend(self.assumed.made.clone());
        let names = match &scope {
            None => netns::names()?,
            Some(scope) => netns::those_of(&scope.names)?,
        };
        for (name, inode) in names {
            let mut owner = None;
            if let Some((made_by, made)) = made.get(&name).filter(|(_, m)| inode == Some(m.inode)) {
                // Of other labs the name is enough: their namespaces are not touched.
                let same = made_by != lab || self.is_same(&name, *made)?;
                owner = Some(made_by.clone()).filter(|_| same);
            }
            let namespace = Namespace {
                owner,
                ..Namespace::default()
            };
            state.namespaces.insert(Netns::Named(name), namespace);
        }
        let mut read: Vec<Netns> = vec![Netns::Host];
        if inside == Inside::Read {
            let ours = state
                .namespaces
                .iter()
                .filter(|(_, ns)| ns.owner.as_ref() == Some(lab));
            read.extend(ours.map(|(netns, _)| netns.clone()));
        }
        for netns in read {
            let mut namespace = state.namespaces.remove(&netns).unwrap_or_default();
            if netns != Netns::Host || !self.elsewhere {
                let around = (&claims, scope.as_ref());
                self.look_into(&netns, &mut namespace, around, &mut loose)?;
            }
            state.namespaces.insert(netns, namespace);
        }
        for (end, peer) in self.pair(&loose)? {
            let namespace = state.namespaces.get_mut(&end.netns);
            if let Some(link) = namespace.and_then(|ns| ns.links.get_mut(&end.dev)) {
                link.kind = LinkKind::Veth { peer: Some(peer) };
            }
        }
        Ok(state)
    }

    fn look_into(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        (claims, scope): (&Claims, Option<&Scope>),
        loose: &mut Vec<Loose>,
    ) -> Result<(), Failure> {
        self.check_name(netns)?;
        let lab = self.lab.name.clone();
        let scope = scope.filter(|_| *netns == Netns::Host);
        // What the host forwards for it may be the matter of every device.
        let near = scope.filter(|_| !self.routed).and_then(Scope::near);
        let left_out = |dev: &IfName, marked: &LabName| {
            scope.is_some_and(|scope| scope.leaves_out(&lab, dev, marked))
        };
        let link::List {
            links: listed,
            indexes,
            left_out,
        } = devices(self.socket(netns)?, netns, namespace, near, left_out)?;
        self.taken.extend(indexes);
        self.partial |= namespace.partial;
        let ours = |device: &link::Listed| *netns != Netns::Host || device.link.owner.is_some();
        let waits =
            |device: &link::Listed| device.peer.is_some() && device.link.up && !device.running;
        self.waits |= listed.iter().any(|device| ours(device) && waits(device));
        for (end, index, owner, peer) in listed.into_iter().map(|d| d.placed(netns)) {
            // A mark without a record, or of another lab than the record's, is no mark.
            let link = namespace.links.get_mut(&end.dev);
            let claim = Claim::Link(end.clone());
            let known = |lab: &LabName| match claims.get(lab) {
                Some(all) if all.contains(&claim) => Ok(true),
                // Of other labs only what they switched was read.
                _ if scope.is_some() && *lab != self.lab.name => self.store.holds(lab, &claim),
                _ => Ok(false),
            };
            let recorded = match owner {
                Some(lab) => known(&lab)?.then_some(lab),
                None => None,
            };
            if let Some(link) = link {
                link.owner = recorded;
            }
            if let Some((peer, nsid)) = peer {
                loose.push(Loose {
                    end: end.clone(),
                    index,
                    peer,
                    nsid,
                });
            }
            self.indexes.insert(end, index);
        }
        self.settings(netns, namespace, claims, &left_out)?;
        self.look_at_forwarding(netns, namespace)?;
        match netns {
            Netns::Host => {
                self.look_at_tables(namespace, claims, scope)?;
                self.look_at_ports(namespace)?;
            }
            Netns::Named(_) => {
                (namespace.odd_rules, namespace.lost_rules) = rule::list(self.socket(netns)?)?;
                self.look_at_walls(netns, namespace, claims)?;
            }
        }
        Ok(())
    }

    /// A socket that was opened before may be inside a namespace that has since
    /// lost its name to another.
    fn check_name(&mut self, netns: &Netns) -> io::Result<()> {
        let Some(name) = netns.name() else {
            return Ok(());
        };
        let open = self.inside.get(name).map(|place| place.identity.inode);
        if open.is_some() && netns::named_inode(name)? != open {
            self.forget(name);
        }
        Ok(())
    }

    /// Whether the name still stands for the namespace that was made. Someone may
    /// have made another, to which the kernel gave the same inode.
    pub(super) fn is_same(&mut self, name: &NetnsName, made: Identity) -> io::Result<bool> {
        self.check_name(&Netns::Named(name.clone()))?;
        match self.place(name) {
            Ok(place) => Ok(place.identity == made),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    pub(super) fn forget(&mut self, name: &NetnsName) {
        self.inside.remove(name);
        self.netfilter.remove(&Netns::Named(name.clone()));
        self.indexes.retain(|end, _| end.netns.name() != Some(name));
    }

    /// The settings that a lab holds, and, on a host that shall forward, those
    /// that switching it on would overwrite.
    fn settings(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        claims: &Claims,
        left_out: &BTreeSet<IfName>,
    ) -> io::Result<()> {
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
                && at == netns
            {
                let entry = held
                    .entry(key.clone())
                    .or_insert_with(|| (was.clone(), BTreeSet::new()));
                entry.1.insert(lab.clone());
            }
        }
        let mut keys: BTreeSet<SysctlKey> = held.keys().cloned().collect();
        if *netns == Netns::Host && self.routed {
            keys.extend(host_keys(namespace, left_out)?);
        }
        if self.forwards.contains(netns) {
            keys.extend([SysctlKey::forward4(), SysctlKey::forward6()]);
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

    /// Finds the two ends of each cable: each names the other's index, and the
    /// namespace of one knows that of the other by the number it names.
    fn pair(&mut self, loose: &[Loose]) -> io::Result<Vec<(End, End)>> {
        let mut by_indexes: BTreeMap<(u32, u32), Vec<&Loose>> = BTreeMap::new();
        for end in loose {
            by_indexes
                .entry((end.index, end.peer))
                .or_default()
                .push(end);
        }
        let mut pairs = Vec::new();
        for one in loose {
            let others = by_indexes.get(&(one.peer, one.index));
            for other in others
                .into_iter()
                .flatten()
                .filter(|other| one.end < other.end)
            {
                if self.joined(one, other)? {
                    pairs.push((one.end.clone(), other.end.clone()));
                    pairs.push((other.end.clone(), one.end.clone()));
                    break;
                }
            }
        }
        Ok(pairs)
    }

    fn joined(&mut self, one: &Loose, other: &Loose) -> io::Result<bool> {
        let Some(id) = one.nsid else {
            return Ok(one.end.netns == other.end.netns);
        };
        let target = self.netns(&other.end.netns)?.as_raw_fd();
        Ok(nsid::of(self.socket(&one.end.netns)?, target)? == Some(id))
    }
}

/// A device as listed, and where it is.
impl link::Listed {
    #[expect(
        clippy::type_complexity,
        reason = "taken apart at once, by the one caller"
    )]
    fn placed(self, netns: &Netns) -> (End, u32, Option<LabName>, Option<(u32, Option<i32>)>) {
        let end = End {
            netns: netns.clone(),
            dev: self.name,
        };
        (end, self.index, self.link.owner, self.peer)
    }
}

/// Forwarding of the host, and, while it is off, what switching it on overwrites
/// on devices that no lab made.
fn host_keys(host: &Namespace, left_out: &BTreeSet<IfName>) -> io::Result<Vec<SysctlKey>> {
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
        let devices = sysctl::devices(family)?;
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

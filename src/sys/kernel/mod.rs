//! The kernel and the journal of this machine, behind the one trait that the
//! loop needs.

mod apply;
mod as_written;
mod child;
mod devices;
mod farewell;
mod firewall;
mod flows;
mod forward;
mod join;
mod journaled;
mod observe;
mod ports;
mod renamed;
mod scope;
mod settings;
mod wireguard;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use as_written::FACT;
pub(crate) use observe::Claims;
pub(crate) use scope::{Joins, Scope, ipv6, joins, kinds, walled};
use wireguard::HANDSHAKE;

use super::netlink::link;
use super::netlink::socket::Socket;
use super::netlink::wireguard::Wg;
use super::netns::{self, Identity, Place};
use super::open_files;
use super::store::{self, Lab, Lock, Store};
use super::strays::Strays;
use crate::error::Error;
use crate::ipam::Leases;
use crate::plan::{Claim, Op};
use crate::reconcile::{Applied, Change, Host, Inside, Progress};
use crate::state::{
    ChildKind, End, Feature, Guests, IfName, LabName, NetState, Netns, NetnsName, Published,
};

/// Indexes that netyard chooses begin here. The kernel counts up from 1 as devices
/// are made (`dev_index_reserve`, net/core/dev.c) and does not come so far: a device
/// that someone makes meanwhile never gets an index that a request of ours names.
const FIRST_INDEX: u32 = 100_000_000;
/// In the lab's own namespaces nobody else makes devices, but for those that the
/// kernel gives to each new one (`sit0` and the like).
const FIRST_INSIDE: u32 = 1000;
/// What is tried when the lock is taken.
pub(crate) const LOCKING: &str = "take the lock /run/netyard/lock";
/// What is tried when names are read.
const NAMES: &str = "read the names in /run/netns";
/// The largest that the kernel takes: it is an `int`.
const LAST_INDEX: u32 = i32::MAX as u32;

/// The machine, for one lab.
#[derive(Debug)]
pub(crate) struct Kernel {
    host: Place,
    /// For the firewall tables; opened when first needed, because opening it loads
    /// kernel modules.
    netfilter: BTreeMap<Netns, Socket>,
    /// Those for WireGuard, where there is some.
    tunnels: BTreeMap<Netns, Wg>,
    /// The host's firewall tables, as they were last read.
    read: Option<firewall::Read>,
    /// The version of the rule set at which those tables are as netyard writes them.
    as_written: Option<as_written::AsWritten>,
    /// What the journal has of that, once it was read.
    recorded: Option<String>,
    /// The lab's namespaces and those that it joins, each with a socket inside.
    inside: BTreeMap<Netns, Place>,
    /// The indexes of devices.
    indexes: BTreeMap<End, u32>,
    /// Every index that some device has, also one whose name netyard cannot write.
    taken: BTreeSet<u32>,
    /// Whether not every device of the host was looked at.
    partial: bool,
    /// Whether all that the lab has on the host was seen there once, by its names.
    found: bool,
    /// Whether the flows were ended that went by what the host's rules lack.
    ended: bool,
    /// Whether a cable was seen that is up and whose carrier is still to come.
    waits: bool,
    /// Whether peers of the lab are kept alive that have not spoken with each other yet.
    unheard: bool,
    /// Whether forwarding matters to this lab.
    routed: bool,
    /// Whether the lab has networks, to which the firewall tables matter.
    pub(crate) networks: bool,
    /// The labs that are on its networks.
    pub(crate) guests: Guests,
    /// The labs on whose networks it shall be.
    pub(crate) above: BTreeSet<LabName>,
    /// What is looked at as if the journal held it.
    pub(crate) assumed: Strays,
    /// Whether the host of the lab is not this namespace: what is here is none of its own.
    pub(crate) elsewhere: bool,
    /// What is looked at, where not everything is.
    pub(crate) scope: Option<Scope>,
    /// The paths of the namespaces that the lab shall join, with its cables there.
    pub(crate) joins: Joins,
    /// The kinds of devices that devices of the host shall carry for the lab.
    pub(crate) kinds: BTreeSet<ChildKind>,
    /// Whether it shall have WireGuard interfaces.
    pub(crate) tunneled: bool,
    /// Those of them that this kernel lacks, once it was tried.
    lacks: Option<BTreeSet<String>>,
    /// The devices in such namespaces that shall have IPv6 addresses.
    pub(crate) ipv6: BTreeSet<End>,
    /// The lab's namespaces that shall have a firewall table.
    pub(crate) walled: BTreeSet<Netns>,
    /// The lab's namespaces that shall forward.
    pub(crate) forwards: BTreeSet<Netns>,
    /// The ports that the lab shall publish.
    pub(crate) published: BTreeSet<Published>,
    /// Whether it will be told who reaches them.
    pub(crate) tells: bool,
    /// What the lab's devices need for what they shall send through.
    pub(crate) shapers: BTreeSet<Feature>,
    /// Whether it shall have routers of some kind.
    pub(crate) routers: bool,
    /// The namespaces that are looked into, and there only at devices and routes, and at tables of
    /// those that `walled` names; `None`: all that matter to the lab.
    pub(crate) only: Option<BTreeSet<Netns>>,
    /// Whether what was set while the lab was up ends with what is recorded.
    pub(crate) forgets: bool,
    /// Whether its ports shall be in VLANs.
    pub(crate) vlans: bool,
    /// What the journal holds for the lab, once it was read under the lock: nobody else
    /// changes it.
    own: Option<BTreeSet<Claim>>,
    /// What the lab was recorded with before, and is to be recorded with.
    before: Option<(Lab, Leases)>,
    lab: Lab,
    leases: Leases,
    store: Store,
    lock: Option<Lock>,
}

impl Kernel {
    /// To look only. `routed` says that forwarding matters.
    pub(crate) fn to_read(lab: Lab, store: Store, routed: bool) -> Result<Self, Error> {
        open_files::raise();
        Ok(Kernel {
            host: netns::host().map_err(Error::system("open the host's namespace"))?,
            netfilter: BTreeMap::new(),
            tunnels: BTreeMap::new(),
            read: None,
            as_written: None,
            recorded: None,
            inside: BTreeMap::new(),
            indexes: BTreeMap::new(),
            taken: BTreeSet::new(),
            partial: false,
            found: false,
            ended: false,
            waits: false,
            unheard: false,
            routed,
            networks: false,
            guests: BTreeMap::new(),
            above: BTreeSet::new(),
            assumed: Strays::default(),
            elsewhere: false,
            scope: None,
            joins: Joins::new(),
            ipv6: BTreeSet::new(),
            kinds: BTreeSet::new(),
            tunneled: false,
            lacks: None,
            walled: BTreeSet::new(),
            forwards: BTreeSet::new(),
            published: BTreeSet::new(),
            tells: false,
            shapers: BTreeSet::new(),
            routers: false,
            only: None,
            forgets: false,
            vlans: false,
            own: None,
            before: None,
            lab,
            leases: Leases::default(),
            store,
            lock: None,
        })
    }

    /// Whether this is the namespace that netyard runs in.
    pub(crate) fn is_here(&self, netns: Identity) -> bool {
        self.host.identity == netns
    }

    /// To change this lab: under the lock, after what a killed run left half done
    /// has been swept.
    pub(crate) fn to_change(
        lab: Lab,
        routed: bool,
        leases: Leases,
        lock: Lock,
        store: Store,
    ) -> Result<Self, Error> {
        let read = || -> Result<_, super::Failure> {
            store
                .lab(&lab.name)?
                .map(|known| store.leases(&lab.name).map(|leases| (known, leases)))
                .transpose()
        };
        let before = read().map_err(Error::journal("read the journal"))?;
        let kernel = Kernel {
            leases,
            before,
            lock: Some(lock),
            ..Self::to_read(lab, store, routed)?
        };
        let lone = kernel.lone_names().map_err(Error::system(NAMES))?;
        if kernel.before.as_ref().is_some_and(|(lab, _)| !lab.whole) {
            let sweep = lone.iter().try_for_each(netns::unname);
            sweep.map_err(Error::system("remove a name that a killed run left"))?;
        } else if let Some(name) = lone.into_iter().next() {
            return Err(Error::Hidden(name));
        }
        Ok(kernel)
    }

    /// The names of the lab's namespaces that are files without a mount. A name is made
    /// in two steps; a run that was killed between the two leaves a file that nobody can
    /// use. Where no run was killed such a file may well be a namespace: for those who
    /// see the mount.
    fn lone_names(&self) -> Result<Vec<NetnsName>, super::Failure> {
        let ours = self.store.made_by(&self.lab.name)?;
        let names = netns::those_of(&ours.into_keys().collect())?.into_iter();
        let lone = names.filter(|(_, inode)| inode.is_none());
        Ok(lone.map(|(name, _)| name).collect())
    }

    /// Looks until every cable of the lab carries, at most for this long, and until WireGuard's
    /// peers have heard of each other. The kernel
    /// takes note of carriers up to a second late, and until then neither switches
    /// nor speaks IPv6 there (net/core/link_watch.c).
    pub(crate) fn settled(&mut self, longest: Duration) -> Result<NetState, Error> {
        let began = Instant::now();
        let name = self.lab.name.clone();
        loop {
            let locked = store::lock_to_read().map_err(Error::journal(LOCKING))?;
            let state = self.observe(&name, Inside::Read)?;
            drop(locked);
            let peers = self.unheard && began.elapsed() < HANDSHAKE;
            if !peers && (!self.waits || began.elapsed() > longest) {
                return Ok(state);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Puts the directory of names back as it was found, when this is the last lab.
    fn leave(&mut self) -> Result<(), super::Failure> {
        if self.store.has_others(&self.lab.name)? {
            return Ok(());
        }
        let found = match self.store.fact("directory")?.as_deref() {
            Some("private") => netns::Directory::Private,
            Some("plain") => netns::Directory::Plain,
            Some("missing") => netns::Directory::Missing,
            _ => return Ok(()),
        };
        Ok(netns::unprepare(found)?)
    }

    fn socket(&mut self, netns: &Netns) -> io::Result<&mut Socket> {
        Ok(&mut self.place(netns)?.socket)
    }

    fn place(&mut self, netns: &Netns) -> io::Result<&mut Place> {
        if *netns == Netns::Host {
            return Ok(&mut self.host);
        }
        if !self.inside.contains_key(netns) {
            self.inside.insert(netns.clone(), netns::look_into(netns)?);
        }
        let gone = || io::Error::from_raw_os_error(libc::ENOENT);
        self.inside.get_mut(netns).ok_or_else(gone)
    }

    /// The namespace, to enter it; `None` for the host.
    fn entry(&mut self, netns: &Netns) -> io::Result<Option<BorrowedFd<'_>>> {
        match netns {
            Netns::Host => Ok(None),
            _ => Ok(Some(self.place(netns)?.fd.as_fd())),
        }
    }

    /// The namespace, to name it in a request. It stays open with `self`.
    fn netns(&mut self, netns: &Netns) -> io::Result<BorrowedFd<'_>> {
        Ok(self.place(netns)?.fd.as_fd())
    }

    fn index(&mut self, netns: &Netns, dev: &IfName) -> io::Result<u32> {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        if let Some(index) = self.indexes.get(&end) {
            return Ok(*index);
        }
        let index = link::index(self.socket(netns)?, dev)?;
        self.indexes.insert(end, index);
        Ok(index)
    }
}

impl Host for Kernel {
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error> {
        self.look(lab, inside)
            .map_err(|failure| match failure.errno {
                libc::EPERM | libc::EACCES => {
                    Error::NotRoot("looking into namespaces and the firewall table".to_owned())
                }
                _ => Error::system("look at the host")(failure),
            })
    }

    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        self.execute(ops, progress)
    }

    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        self.own(lab).map_err(Error::journal("read the journal"))
    }

    fn restore(&mut self, lab: &LabName, claims: &BTreeSet<Claim>) -> Result<(), Error> {
        if let Some((lab, leases)) = self.before.take() {
            (self.lab, self.leases) = (lab, leases);
        }
        self.forgets = false;
        let whole = self.lab.whole;
        self.write(lab, claims, whole)
    }

    fn record(
        &mut self,
        lab: &LabName,
        claims: &BTreeSet<Claim>,
        change: Change,
    ) -> Result<(), Error> {
        self.write(lab, claims, change == Change::Ended)
    }
}

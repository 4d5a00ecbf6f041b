//! The kernel and the journal of this machine, behind the one trait that the
//! loop needs.

mod apply;
mod observe;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::netlink::link;
use super::netlink::socket::Socket;
use super::netns::{self, Place};
use super::store::{Lab, Lock, Store};
use crate::error::Error;
use crate::ipam::Leases;
use crate::plan::{Claim, Op};
use crate::reconcile::{Applied, Host, Inside, Watch};
use crate::state::{End, IfName, LabName, NetState, Netns, NetnsName};

/// Indexes of far ends begin here, above those that the kernel gives out.
const FIRST_INDEX: u32 = 1000;

/// The machine, for one lab.
#[derive(Debug)]
pub(crate) struct Kernel {
    host: Socket,
    /// The host's namespace, for requests that name it.
    host_netns: OwnedFd,
    /// For the firewall table; opened when first needed, because opening it loads
    /// kernel modules.
    netfilter: Option<Socket>,
    /// The lab's namespaces, each with a socket inside.
    inside: BTreeMap<NetnsName, Place>,
    /// The indexes of devices.
    indexes: BTreeMap<End, u32>,
    next_index: u32,
    /// Whether a cable was seen that is up and whose carrier is still to come.
    waits: bool,
    /// Whether the firewall table and forwarding matter to this lab.
    routed: bool,
    /// The lab's namespaces that shall forward.
    pub(crate) forwards: BTreeSet<Netns>,
    /// What the lab was recorded with before, and is to be recorded with.
    before: Option<(Lab, Leases)>,
    lab: Lab,
    leases: Leases,
    store: Store,
    _lock: Option<Lock>,
}

impl Kernel {
    /// To look only. `routed` says that the firewall table and forwarding matter.
    pub(crate) fn to_read(lab: Lab, store: Store, routed: bool) -> Result<Self, Error> {
        raise_file_limit();
        Ok(Kernel {
            host: Socket::route().map_err(Error::system("open a netlink socket"))?,
            host_netns: netns::host().map_err(Error::system("open the host's namespace"))?,
            netfilter: None,
            inside: BTreeMap::new(),
            indexes: BTreeMap::new(),
            next_index: FIRST_INDEX,
            waits: false,
            routed,
            forwards: BTreeSet::new(),
            before: None,
            lab,
            leases: Leases::default(),
            store,
            _lock: None,
        })
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
            let known = store
                .labs()?
                .into_iter()
                .find(|known| known.name == lab.name);
            known
                .map(|known| store.leases(&lab.name).map(|leases| (known, leases)))
                .transpose()
        };
        let before = read().map_err(Error::system("read the journal"))?;
        let mut kernel = Kernel {
            leases,
            before,
            _lock: Some(lock),
            ..Self::to_read(lab, store, routed)?
        };
        kernel
            .sweep()
            .map_err(Error::system("remove a name that a killed run left"))?;
        Ok(kernel)
    }

    /// A name is made in two steps, a file and a mount on it; a run that was killed
    /// between the two leaves a file that nobody can use.
    fn sweep(&mut self) -> Result<(), super::Failure> {
        let claimed = self.store.namespaces()?;
        for (name, inode) in netns::names()? {
            if inode.is_none() && claimed.contains_key(&name) {
                netns::unname(&name)?;
            }
        }
        Ok(())
    }

    /// Looks until every cable of the lab carries, at most for this long. The kernel
    /// takes note of carriers up to a second late, and until then neither switches
    /// nor speaks IPv6 there (net/core/link_watch.c).
    pub(crate) fn settled(&mut self, longest: Duration) -> Result<NetState, Error> {
        let began = Instant::now();
        let name = self.lab.name.clone();
        loop {
            let state = self.observe(&name, Inside::Read)?;
            if !self.waits || began.elapsed() > longest {
                return Ok(state);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Puts the directory of names back as it was found, when this is the last lab.
    fn leave(&mut self) -> Result<(), super::Failure> {
        if self
            .store
            .labs()?
            .iter()
            .any(|lab| lab.name != self.lab.name)
        {
            return Ok(());
        }
        let found = match self.store.fact("directory")?.as_deref() {
            Some("plain") => netns::Directory::Plain,
            Some("missing") => netns::Directory::Missing,
            _ => return Ok(()),
        };
        Ok(netns::unprepare(found)?)
    }

    fn socket(&mut self, netns: &Netns) -> io::Result<&mut Socket> {
        match netns.name() {
            None => Ok(&mut self.host),
            Some(name) => Ok(&mut self.place(name)?.socket),
        }
    }

    fn place(&mut self, name: &NetnsName) -> io::Result<&mut Place> {
        if !self.inside.contains_key(name) {
            self.inside.insert(name.clone(), netns::look_into(name)?);
        }
        let gone = || io::Error::from_raw_os_error(libc::ENOENT);
        self.inside.get_mut(name).ok_or_else(gone)
    }

    /// The namespace, to enter it; `None` for the host.
    fn entry(&mut self, netns: &Netns) -> io::Result<Option<BorrowedFd<'_>>> {
        netns
            .name()
            .map(|name| Ok(self.place(name)?.fd.as_fd()))
            .transpose()
    }

    /// The namespace, to name it in a request. It stays open with `self`.
    fn netns(&mut self, netns: &Netns) -> io::Result<BorrowedFd<'_>> {
        match netns.name() {
            Some(name) => Ok(self.place(name)?.fd.as_fd()),
            None => Ok(self.host_netns.as_fd()),
        }
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

    fn apply(&mut self, ops: &[&Op], watch: &mut dyn Watch) -> Applied {
        self.execute(ops, watch)
    }

    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        let all = self
            .store
            .claims()
            .map_err(Error::system("read the journal"))?;
        Ok(all.get(lab).cloned().unwrap_or_default())
    }

    fn restore(&mut self, lab: &LabName, claims: &BTreeSet<Claim>) -> Result<(), Error> {
        if let Some((lab, leases)) = self.before.take() {
            (self.lab, self.leases) = (lab, leases);
        }
        self.record(lab, claims)
    }

    fn record(&mut self, lab: &LabName, claims: &BTreeSet<Claim>) -> Result<(), Error> {
        let before = self.claimed(lab)?;
        // The record goes last: after a kill before that, `down` finds its work again.
        if claims.is_empty() {
            let what = format!("put {} back", netns::DIRECTORY);
            self.leave().map_err(Error::system(what))?;
        }
        (self.store.record(&self.lab, &before, claims, &self.leases))
            .map_err(Error::system("write the journal"))
    }
}

/// Each namespace takes two open files; the usual soft limit of 1024 is for
/// programs that use select(2) (systemd.exec(5), LimitNOFILE).
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where it may not be raised, a lab that is too large says so by itself.
    let _ = setrlimit(Resource::Nofile, raised);
}

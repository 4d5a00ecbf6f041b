//! Addresses on lease: one for an interface of a container, from the journal in which
//! labs have theirs too. Any number of processes may ask at once: none is ever given what
//! another has.
//!
//! ```no_run
//! use netyard::ipam::Open;
//! use netyard::lease::{self, Ask, Owner, Place};
//!
//! let owner = Owner {
//!     container: "c0ffee".to_owned(),
//!     netns: Place::at("/run/netns/web".as_ref())?,
//!     dev: "eth0".parse()?,
//! };
//! let open = Open::new("10.1.0.0/16".parse()?, &[], &["10.1.0.1".parse()?]);
//! let ask = Ask { network: "pods", open: &open, address: None };
//! let given = lease::open()?.allocate(&owner, &[ask])?;
//! println!("{}", given[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use ipnet::IpNet;

use crate::error::Error;
use crate::external;
use crate::ipam::{Holder, InUse, Lease, Leases, Refusal};
use crate::state::{Guests, IfName, LabName, NetState};
use crate::sys::netlink::in_use::in_use;
use crate::sys::netns;
use crate::sys::store::Store;
pub use crate::sys::store::{Ask, Owner, Place};
use crate::topology::{Networks, ResolveError, Topology, choose, resolve, seen_from_outside};

const READING: &str = "read the journal";
const WRITING: &str = "write the journal";

/// Who holds which address on this machine.
#[derive(Debug)]
pub struct LeaseStore(Store);

/// Opens the journal.
///
/// # Errors
/// Missing rights.
pub fn open() -> Result<LeaseStore, Error> {
    Store::open().map(LeaseStore)
}

/// Opens the journal to look at it. Where there is none, there are no leases.
///
/// # Errors
/// Missing rights.
pub fn open_to_read() -> Result<LeaseStore, Error> {
    Store::open_to_read().map(LeaseStore)
}

impl LeaseStore {
    /// Gives an interface one address of each that is asked, in this order, or none at all.
    /// Which is the next free one, or the one that it has: asked twice, the same is given.
    ///
    /// When all are taken, those come back first whose namespaces are gone.
    ///
    /// # Errors
    /// [`Error::Lease`]: somebody has the address, it is not to be given, all are taken.
    pub fn allocate(&mut self, owner: &Owner, asks: &[Ask<'_>]) -> Result<Vec<IpNet>, Error> {
        let given = self.0.allocate(owner, asks);
        let given = given.map_err(Error::journal(WRITING))?;
        given.map_err(|refusal| Error::Lease(Box::new(refusal)))
    }

    /// Takes back what an interface of a container has of a network, and says what that was.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn release(
        &mut self,
        network: &str,
        container: &str,
        dev: &IfName,
    ) -> Result<Vec<Lease>, Error> {
        let ended = self.0.release(network, container, dev);
        ended.map_err(Error::journal(WRITING))
    }

    /// Every lease, those of labs too, by network and address.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn list(&self) -> Result<Vec<Lease>, Error> {
        self.0.all_leases().map_err(Error::journal(READING))
    }

    /// The leases of containers whose namespaces are gone. Nothing is changed.
    ///
    /// # Errors
    /// The journal or `/proc` cannot be read.
    pub fn gone(&self) -> Result<Vec<Lease>, Error> {
        self.0.gone_leases().map_err(Error::journal(READING))
    }

    /// Takes those of these back whose namespaces are still gone, and says which those were.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn gc(&mut self, agreed: &[Lease]) -> Result<Vec<Lease>, Error> {
        self.0.end_gone(agreed).map_err(Error::journal(WRITING))
    }
}

/// What a topology comes to on this host.
pub(crate) struct Resolved {
    pub(crate) desired: NetState,
    /// What its lab then holds.
    pub(crate) leases: Leases,
    /// Its networks, for labs that are on them.
    pub(crate) networks: Networks,
    /// The labs that are on them.
    pub(crate) guests: Guests,
}

/// The state that a topology asks for on this host, and what its lab then holds: subnets
/// that are left open are those that it has, else free ones.
pub(crate) fn resolved(topology: &Topology, store: &Store) -> Result<Resolved, Error> {
    let mut held = store
        .leases(&topology.lab)
        .map_err(Error::journal(READING))?;
    let topology = &*external::attached(topology, store, &mut held)?;
    let in_use = match topology.open_subnets().next() {
        None => Vec::new(),
        Some(_) => all_in_use(&topology.lab, store)?,
    };
    let chosen = choose(topology, &held, &in_use).map_err(Box::new);
    let chosen = chosen.map_err(|none| Error::Resolve(none.into()))?;
    let resolved = resolve(&chosen, &held);
    let (desired, leases) = resolved.map_err(|error| held_by(error, topology, store))?;
    let networks = seen_from_outside(&chosen, &desired);
    let guests = external::may_change(&topology.lab, Some(&networks), store)?;
    Ok(Resolved {
        networks,
        guests,
        desired,
        leases,
    })
}

/// With who holds what the file names.
fn held_by(error: ResolveError, topology: &Topology, store: &Store) -> Error {
    let own = Holder::Lab(topology.lab.clone());
    let labs = [&topology.lab].into_iter();
    let labs = labs.chain(topology.external().map(|(_, lab)| lab));
    let networks: Vec<String> = labs
        .map(|lab| Holder::Lab(lab.clone()).to_string())
        .collect();
    let held = |address: IpNet| {
        let mut all = store.all_leases().ok()?.into_iter();
        let is = |lease: &Lease| networks.contains(&lease.network) && lease.holder != own;
        let Lease { holder, age, .. } =
            all.find(|lease| is(lease) && lease.address.addr() == address.addr())?;
        Some(Refusal::Held {
            address: address.addr(),
            by: holder,
            age,
        })
    };
    match error {
        ResolveError::Held { address } if let Some(held) = held(address) => {
            Error::Lease(Box::new(held))
        }
        error => error.into(),
    }
}

fn all_in_use(lab: &LabName, store: &Store) -> Result<Vec<InUse>, Error> {
    let looking = || Error::system("look at the host's addresses, routes and rules");
    let mut host = netns::host().map_err(looking())?;
    let mut all = in_use(&mut host.socket).map_err(looking())?;
    let beside = store.subnets_beside(lab);
    all.extend(beside.map_err(Error::journal(READING))?);
    Ok(all)
}

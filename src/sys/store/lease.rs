//! Leases of containers in the journal: each given in a transaction of its own, by which
//! of many processes whatever.

use std::fs::OpenOptions;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use rustix::time::ClockId;

use super::lapse::{self, CONTAINERS, Row, rows};
use super::pool::{Pool, address, key};
use super::row::odd;
use super::{Result, Store};
use crate::ipam::{Full, Holder, Lease, Open, Refusal, Runs, number};
use crate::state::IfName;
use crate::sys::netns::{self, Identity};
use crate::sys::sight;

/// A network namespace that leases are held for, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

impl Place {
    /// The namespace at this path, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// It cannot be opened, or is no network namespace that may be entered.
    pub fn at(path: &Path) -> io::Result<Self> {
        // Whatever is there: a pipe would wait for somebody who writes.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        let identity = netns::identity(file.as_fd())?;
        Ok(Place {
            path: path.to_owned(),
            identity,
        })
    }
}

/// An interface of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The engine's name for the container.
    pub container: String,
    /// Its namespace. When that is gone the lease may be taken back.
    pub netns: Place,
    /// The interface.
    pub dev: IfName,
}

/// Addresses, one of which is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The network's name. Addresses of two networks have nothing to do with each other.
    pub network: &'a str,
    /// What it gives.
    pub open: &'a Open,
    /// This one; `None`: any.
    pub address: Option<IpAddr>,
}

/// Seconds since the machine began: the journal knows no other boot, and nobody sets this
/// clock (clock_gettime(2), CLOCK_BOOTTIME).
pub(super) fn now() -> i64 {
    rustix::time::clock_gettime(ClockId::Boottime).tv_sec
}

/// Labs' pools are called `lab NAME`.
fn pool_name(network: &str) -> String {
    format!("network {network}")
}

fn holder(container: &str) -> String {
    Holder::Container(container.to_owned()).to_string()
}

type Given<T> = Result<std::result::Result<T, Refusal>>;

impl Store {
    /// One address of each that is asked, or none. An interface that has one there already
    /// keeps it. What is in the way and held for namespaces that are gone is taken back:
    /// they are looked for while others may write.
    pub(crate) fn allocate(&mut self, owner: &Owner, asks: &[Ask<'_>]) -> Given<Vec<IpNet>> {
        let sight = sight::sight();
        let given = self.attempt((owner, sight.as_deref()), asks, &[])?;
        let Err(Refusal::Held { .. } | Refusal::Full(_)) = &given else {
            return Ok(given);
        };
        let mut in_the_way = Vec::new();
        for Ask {
            network,
            open,
            address,
        } in asks
        {
            let (name, subnet) = (pool_name(network), open.subnet().to_string());
            let number = address.map(key);
            let which = "network = ?1 AND subnet = ?2 AND (?3 IS NULL OR number = ?3)";
            in_the_way.extend(rows(&self.db, which, &[&name, &subnet, &number])?);
        }
        match lapse::gone(in_the_way)? {
            gone if gone.is_empty() => Ok(given),
            gone => self.attempt((owner, sight.as_deref()), asks, &gone),
        }
    }

    fn attempt(
        &mut self,
        taker: (&Owner, Option<&str>),
        asks: &[Ask<'_>],
        gone: &[Row],
    ) -> Given<Vec<IpNet>> {
        let tx = self.change()?;
        lapse::end(&tx, gone)?;
        let mut given = Vec::new();
        for ask in asks {
            match allocate(&tx, taker, ask)? {
                Ok(address) => given.push(address),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        tx.commit()?;
        Ok(Ok(given))
    }

    /// Ends the leases that a container's interface has of a network, and says which those were.
    pub(crate) fn release(
        &mut self,
        network: &str,
        container: &str,
        dev: &IfName,
    ) -> Result<Vec<Lease>> {
        let tx = self.change()?;
        let which = "network = ?1 AND holder = ?2 AND dev = ?3";
        let (network, holder) = (pool_name(network), holder(container));
        let rows = rows(&tx, which, &[&network, &holder, &dev.as_str()])?;
        let ended = lapse::end(&tx, &rows)?;
        tx.commit()?;
        Ok(ended)
    }

    /// Whether a container's interface has a lease of any network.
    pub(crate) fn has_lease(&self, container: &str, dev: &IfName) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM lease WHERE holder = ?1 AND dev = ?2)";
        let mut query = self.db.prepare_cached(sql)?;
        let row = params![holder(container), dev.as_str()];
        Ok(query.query_row(row, |row| row.get(0))?)
    }

    /// Every lease, by network and address.
    pub(crate) fn all_leases(&self) -> Result<Vec<Lease>> {
        let all = rows(&self.db, "1", &[])?;
        Ok(all.into_iter().map(|row| row.lease).collect())
    }

    /// The leases of containers whose namespace is gone.
    pub(crate) fn gone_leases(&self) -> Result<Vec<Lease>> {
        let gone = lapse::gone(rows(&self.db, CONTAINERS, &[])?)?;
        Ok(gone.into_iter().map(|row| row.lease).collect())
    }

    /// Ends those of these leases whose namespace is gone, and says which those were.
    pub(crate) fn end_gone(&mut self, agreed: &[Lease]) -> Result<Vec<Lease>> {
        let mut gone = lapse::gone(rows(&self.db, CONTAINERS, &[])?)?;
        gone.retain(|row| agreed.iter().any(|lease| row.lease.is_same(lease)));
        let tx = self.change()?;
        let ended = lapse::end(&tx, &gone)?;
        tx.commit()?;
        Ok(ended)
    }

    /// A transaction that waits for others at its beginning: one that began with reading
    /// would fail where it comes to write (sqlite.org/lang_transaction.html).
    fn change(&mut self) -> Result<Transaction<'_>> {
        Ok((self.db).transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

fn allocate(tx: &Connection, taker: (&Owner, Option<&str>), ask: &Ask<'_>) -> Given<IpNet> {
    let subnet = ask.open.subnet();
    if let Some(address) = ask.address.filter(|address| !ask.open.contains(*address)) {
        return Ok(Err(Refusal::Closed { address, subnet }));
    }
    let mut pool = Pool::open(tx, &pool_name(ask.network), subnet)?;
    if let Some(had) = had(&pool, taker.0)? {
        let wanted = ask.address.is_none_or(|address| address == had);
        pool.release(had)?;
        if wanted && ask.open.contains(had) {
            return insert(&mut pool, taker, had).map(Ok);
        }
    }
    let address = match ask.address {
        Some(wanted) => match held(&pool, wanted)? {
            Some(refusal) => return Ok(Err(refusal)),
            None => wanted,
        },
        None => {
            let Some(next) = ask.open.next_free(&pool, pool.last()?)? else {
                return Ok(Err(Refusal::Full(full(&pool, ask.open)?)));
            };
            pool.set_last(next)?;
            next
        }
    };
    insert(&mut pool, taker, address).map(Ok)
}

/// The address that the owner has already.
fn had(pool: &Pool<'_>, owner: &Owner) -> Result<Option<IpAddr>> {
    let sql = "SELECT number FROM lease WHERE holder = ?1 AND dev = ?2 AND pool = ?3";
    let mut query = pool.db.prepare_cached(sql)?;
    let row = params![holder(&owner.container), owner.dev.as_str(), pool.id];
    let number = query.query_row(row, |row| row.get(0)).optional()?;
    Ok(number.map(|number| address(&pool.subnet, number)))
}

/// Who has the address.
fn held(pool: &Pool<'_>, address: IpAddr) -> Result<Option<Refusal>> {
    let row = lapse::at(pool, address)?;
    Ok(row.map(|Row { lease, .. }| Refusal::Held {
        address,
        by: lease.holder,
        age: lease.age,
    }))
}

fn insert(
    pool: &mut Pool<'_>,
    (owner, sight): (&Owner, Option<&str>),
    address: IpAddr,
) -> Result<IpNet> {
    pool.take(number(address))?;
    let Place { path, identity } = &owner.netns;
    let (inode, cookie) = (identity.inode as i64, identity.cookie as i64);
    let sql = "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let mut insert = pool.db.prepare_cached(sql)?;
    insert.execute(params![
        pool.id,
        key(address),
        holder(&owner.container),
        path.to_string_lossy(),
        owner.dev.as_str(),
        inode,
        cookie,
        sight,
        now(),
    ])?;
    IpNet::new(address, pool.subnet.prefix_len()).map_err(odd)
}

fn full(pool: &Pool<'_>, open: &Open) -> Result<Full> {
    let sql = "SELECT holder, number FROM lease WHERE pool = ?1 ORDER BY holder";
    let mut query = pool.db.prepare_cached(sql)?;
    let mut rows = query.query([pool.id])?;
    let mut held: Vec<(Holder, u64)> = Vec::new();
    while let Some(row) = rows.next()? {
        if open.contains(address(&pool.subnet, row.get(1)?)) {
            let holder = lapse::holder(row.get(0)?)?;
            match held.last_mut() {
                Some((same, count)) if *same == holder => *count += 1,
                _ => held.push((holder, 1)),
            }
        }
    }
    held.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Full {
        subnet: pool.subnet,
        count: open.count(),
        held,
    })
}

//! Leases of containers in the journal: each given in a transaction of its own, by which
//! of many processes whatever.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use rustix::time::ClockId;

use super::pool::{Pool, address, key, subnet};
use super::row::{identity, odd, stored};
use super::{Result, Store};
use crate::ipam::{Full, Holder, Lease, Open, Refusal, Runs, number};
use crate::state::IfName;
use crate::sys::netns::{self, Identity};
use crate::sys::sight::{self, Living};

/// A network namespace that leases are held for, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    identity: Identity,
}

impl Place {
    /// The namespace at this path, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// It cannot be opened, or is no network namespace that may be entered.
    pub fn at(path: &Path) -> io::Result<Self> {
        let identity = netns::identity(File::open(path)?.as_fd())?;
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

impl Owner {
    fn holder(&self) -> String {
        Holder::Container(self.container.clone()).to_string()
    }
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

/// `network` as pools have it: no lab's, which are called `lab NAME`.
fn pool_name(network: &str) -> String {
    format!("network {network}")
}

impl Store {
    /// One address of each that is asked, or none. An interface that has one there already
    /// keeps it.
    pub(crate) fn allocate(
        &mut self,
        owner: &Owner,
        asks: &[Ask<'_>],
    ) -> Result<std::result::Result<Vec<IpNet>, Refusal>> {
        let tx = (self.db).transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut given = Vec::new();
        for ask in asks {
            match allocate(&tx, owner, ask)? {
                Ok(address) => given.push(address),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        tx.commit()?;
        Ok(Ok(given))
    }

    /// Ends the leases of a container's interface, and says which those were.
    pub(crate) fn release(&mut self, container: &str, dev: &IfName) -> Result<Vec<Lease>> {
        let tx = (self.db).transaction_with_behavior(TransactionBehavior::Immediate)?;
        let holder = Holder::Container(container.to_owned()).to_string();
        let rows = rows(&tx, "holder = ?1 AND dev = ?2", &[&holder, &dev.as_str()])?;
        end(&tx, &rows)?;
        tx.commit()?;
        Ok(rows.into_iter().map(|row| row.lease).collect())
    }

    /// Every lease, by network and address.
    pub(crate) fn all_leases(&self) -> Result<Vec<Lease>> {
        let all = rows(&self.db, "1", &[])?;
        Ok(all.into_iter().map(|row| row.lease).collect())
    }

    /// The leases of containers whose namespace is gone.
    pub(crate) fn gone_leases(&self) -> Result<Vec<Lease>> {
        let gone = gone(rows(&self.db, CONTAINERS, &[])?)?;
        Ok(gone.into_iter().map(|row| row.lease).collect())
    }

    /// Ends those of these leases whose namespace is gone, and says which those were.
    pub(crate) fn end_gone(&mut self, agreed: &[Lease]) -> Result<Vec<Lease>> {
        let tx = (self.db).transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut gone = gone(rows(&tx, CONTAINERS, &[])?)?;
        gone.retain(|row| agreed.iter().any(|lease| row.lease.is_same(lease)));
        end(&tx, &gone)?;
        tx.commit()?;
        Ok(gone.into_iter().map(|row| row.lease).collect())
    }
}

fn allocate(
    tx: &Connection,
    owner: &Owner,
    ask: &Ask<'_>,
) -> Result<std::result::Result<IpNet, Refusal>> {
    let subnet = ask.open.subnet();
    if let Some(address) = ask.address.filter(|address| !ask.open.contains(*address)) {
        return Ok(Err(Refusal::Closed { address, subnet }));
    }
    let mut pool = Pool::open(tx, &pool_name(ask.network), subnet)?;
    if let Some(had) = had(&pool, owner)? {
        let wanted = ask.address.is_none_or(|address| address == had);
        pool.release(had)?;
        if wanted && ask.open.contains(had) {
            return insert(&mut pool, owner, had).map(Ok);
        }
    }
    match ask.address {
        Some(wanted) => {
            if let Some(row) = at(&pool, wanted)? {
                if gone(vec![row.clone()])?.is_empty() {
                    let Lease {
                        holder: by, age, ..
                    } = row.lease;
                    let address = wanted;
                    return Ok(Err(Refusal::Held { address, by, age }));
                }
                pool.release(wanted)?;
            }
            insert(&mut pool, owner, wanted).map(Ok)
        }
        None => {
            let Some(next) = next(&mut pool, ask.open)? else {
                return Ok(Err(Refusal::Full(full(&pool, ask.open)?)));
            };
            pool.set_last(next)?;
            insert(&mut pool, owner, next).map(Ok)
        }
    }
}

/// The next free address; when there is none, after those were taken back whose namespaces
/// are gone.
fn next(pool: &mut Pool<'_>, open: &Open) -> Result<Option<IpAddr>> {
    if let Some(next) = open.next_free(pool, pool.last()?)? {
        return Ok(Some(next));
    }
    end(pool.db, &gone(rows(pool.db, "pool = ?1", &[&pool.id])?)?)?;
    open.next_free(pool, pool.last()?)
}

/// The address that the owner has already.
fn had(pool: &Pool<'_>, owner: &Owner) -> Result<Option<IpAddr>> {
    let sql = "SELECT number FROM lease WHERE holder = ?1 AND dev = ?2 AND pool = ?3";
    let mut query = pool.db.prepare_cached(sql)?;
    let row = params![owner.holder(), owner.dev.as_str(), pool.id];
    let number = query.query_row(row, |row| row.get(0)).optional()?;
    Ok(number.map(|number| address(&pool.subnet, number)))
}

fn at(pool: &Pool<'_>, address: IpAddr) -> Result<Option<Row>> {
    let found = rows(
        pool.db,
        "pool = ?1 AND number = ?2",
        &[&pool.id, &key(address)],
    )?;
    Ok(found.into_iter().next())
}

fn insert(pool: &mut Pool<'_>, owner: &Owner, address: IpAddr) -> Result<IpNet> {
    pool.take(number(address))?;
    let Place { path, identity } = &owner.netns;
    let (inode, cookie) = (identity.inode as i64, identity.cookie as i64);
    let sql = "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let mut insert = pool.db.prepare_cached(sql)?;
    insert.execute(params![
        pool.id,
        key(address),
        owner.holder(),
        path.to_string_lossy(),
        owner.dev.as_str(),
        inode,
        cookie,
        sight::sight(),
        now(),
    ])?;
    let prefix = pool.subnet.prefix_len();
    IpNet::new(address, prefix).map_err(odd)
}

fn full(pool: &Pool<'_>, open: &Open) -> Result<Full> {
    let mut held = std::collections::BTreeMap::new();
    for row in rows(pool.db, "pool = ?1", &[&pool.id])? {
        if open.contains(row.lease.address.addr()) {
            *held.entry(row.lease.holder).or_insert(0) += 1;
        }
    }
    let mut held: Vec<(Holder, u64)> = held.into_iter().collect();
    held.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Full {
        subnet: pool.subnet,
        count: open.count(),
        held,
    })
}

/// A lease, and how it is known whether its namespace is still there.
#[derive(Debug, Clone)]
struct Row {
    pool: i64,
    lease: Lease,
    identity: Identity,
    sight: Option<String>,
}

const CONTAINERS: &str = "holder GLOB 'container *'";

fn rows(db: &Connection, which: &str, with: &[&dyn rusqlite::ToSql]) -> Result<Vec<Row>> {
    let sql = format!(
        "SELECT pool, network, subnet, number, holder, netns, dev, since, sight,
                ifnull(inode, 0), ifnull(cookie, 0)
         FROM lease JOIN pool ON pool = id WHERE {which} ORDER BY network, subnet, number"
    );
    let mut query = db.prepare_cached(&sql)?;
    let mut found = query.query(with)?;
    let (mut rows, now) = (Vec::new(), now());
    while let Some(row) = found.next()? {
        let subnet = subnet(row.get(2)?)?;
        let age = u64::try_from(now - row.get::<_, i64>(7)?).unwrap_or_default();
        let lease = Lease {
            address: IpNet::new(address(&subnet, row.get(3)?), subnet.prefix_len()).map_err(odd)?,
            network: row.get(1)?,
            holder: holder(row.get(4)?)?,
            netns: row.get(5)?,
            dev: stored(row.get(6)?)?,
            age: Duration::from_secs(age),
        };
        rows.push(Row {
            pool: row.get(0)?,
            lease,
            sight: row.get(8)?,
            identity: identity(row, 9)?,
        });
    }
    Ok(rows)
}

fn holder(text: String) -> Result<Holder> {
    match text.split_once(' ') {
        Some(("lab", name)) => Ok(Holder::Lab(stored(name.to_owned())?)),
        Some(("container", id)) => Ok(Holder::Container(id.to_owned())),
        _ => Err(odd(text)),
    }
}

/// Those of containers whose namespace is gone, as far as that can be seen from here. A
/// lab's come and go with the lab.
fn gone(mut rows: Vec<Row>) -> Result<Vec<Row>> {
    rows.retain(|row| matches!(row.lease.holder, Holder::Container(_)));
    if !rows.is_empty() {
        let mut living = Living::look()?;
        rows.retain(|row| sight::covers(row.sight.as_deref()) && !living.has(row.identity));
    }
    Ok(rows)
}

fn end(tx: &Connection, rows: &[Row]) -> Result<()> {
    for Row { pool, lease, .. } in rows {
        let mut pool = Pool {
            db: tx,
            id: *pool,
            subnet: lease.address.trunc(),
        };
        pool.release(lease.address.addr())?;
    }
    Ok(())
}

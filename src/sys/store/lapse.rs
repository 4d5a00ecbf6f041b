//! Leases that end, because somebody says so or because their namespace is gone.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use rusqlite::Connection;

use super::Result;
use super::lease::{Place, now};
use super::pool::{Pool, address, key, subnet};
use super::row::{identity, odd, stored};
use crate::ipam::{Holder, Lease};
use crate::sys::netns::Identity;
use crate::sys::sight::{self, Living};

/// A lease, and how it is known whether its namespace is still there.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pool: i64,
    pub(super) lease: Lease,
    identity: Identity,
    sight: Option<String>,
}

/// Which leases are containers'.
pub(super) const CONTAINERS: &str = "holder GLOB 'container *'";

/// The leases of which this is true, by network and address.
pub(super) fn rows(
    db: &Connection,
    which: &str,
    with: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Row>> {
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
        let address = address(&subnet, row.get(3)?);
        let age = u64::try_from(now - row.get::<_, i64>(7)?).unwrap_or_default();
        let lease = Lease {
            address: IpNet::new(address, subnet.prefix_len()).map_err(odd)?,
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

/// The lease of an address.
pub(super) fn at(pool: &Pool<'_>, address: IpAddr) -> Result<Option<Row>> {
    let which = "pool = ?1 AND number = ?2";
    let found = rows(pool.db, which, &[&pool.id, &key(address)])?;
    Ok(found.into_iter().next())
}

pub(super) fn holder(text: String) -> Result<Holder> {
    match text.split_once(' ') {
        Some(("lab", name)) => Ok(Holder::Lab(stored(name.to_owned())?)),
        Some(("container", id)) => Ok(Holder::Container(id.to_owned())),
        _ => Err(odd(text)),
    }
}

/// Those of containers whose namespace is gone, as far as that can be seen from here. A
/// lab's come and go with the lab.
pub(super) fn gone(mut rows: Vec<Row>) -> Result<Vec<Row>> {
    rows.retain(|row| matches!(row.lease.holder, Holder::Container(_)) && !is_named(row));
    rows.retain(|row| sight::covers(row.sight.as_deref()));
    if !rows.is_empty() {
        let mut living = Living::look()?;
        rows.retain(|row| !living.has(row.identity));
    }
    Ok(rows)
}

/// Whether the path by which the namespace was named still leads to it.
fn is_named(row: &Row) -> bool {
    let there = Place::at(Path::new(&row.lease.netns));
    there.is_ok_and(|place| place.identity == row.identity)
}

/// Ends those of these leases that are still as they were, and says which.
pub(super) fn end(tx: &Connection, rows: &[Row]) -> Result<Vec<Lease>> {
    let mut ended = Vec::new();
    for row in rows {
        let mut pool = Pool {
            db: tx,
            id: row.pool,
            subnet: row.lease.address.trunc(),
        };
        let address = row.lease.address.addr();
        let same = |now: &Row| now.identity == row.identity && now.lease.is_same(&row.lease);
        if at(&pool, address)?.is_some_and(|now| same(&now)) {
            pool.release(address)?;
            ended.push(row.lease.clone());
        }
    }
    Ok(ended)
}

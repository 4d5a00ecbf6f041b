//! What labs were given, in the journal: addresses for their interfaces, and the subnets
//! of their networks.

use std::net::IpAddr;

use ipnet::IpNet;
use rusqlite::{Connection, params};

use super::pool::{Pool, address, key, subnet};
use super::row::stored;
use super::{Result, lease};
use crate::ipam::{Holder, InUse, Leases, Runs, User, number};
use crate::state::{End, LabName, NetnsName};

fn holder(lab: &LabName) -> String {
    Holder::Lab(lab.clone()).to_string()
}

/// The addresses and subnets of a lab.
pub(super) fn read(db: &Connection, lab: &LabName) -> Result<Leases> {
    let mut leases: Leases = held(db, lab)?.into_iter().collect();
    let sql = "SELECT subnet, last FROM pool WHERE network = ?1 AND last IS NOT NULL";
    let mut query = db.prepare(sql)?;
    let mut rows = query.query([holder(lab)])?;
    while let Some(row) = rows.next()? {
        let subnet = subnet(row.get(0)?)?;
        leases.set_last(subnet, address(&subnet, row.get(1)?));
    }
    // In the order in which the file has them.
    let sql = "SELECT network, subnet FROM subnet WHERE lab = ?1 ORDER BY place";
    let mut query = db.prepare(sql)?;
    let mut rows = query.query([lab.as_str()])?;
    while let Some(row) = rows.next()? {
        leases.add_subnet(stored(row.get(0)?)?, subnet(row.get(1)?)?);
    }
    Ok(leases)
}

fn held(db: &Connection, lab: &LabName) -> Result<Vec<(End, IpNet, IpAddr)>> {
    let sql = "SELECT netns, dev, subnet, number FROM lease JOIN pool ON pool = id
               WHERE holder = ?1";
    let mut query = db.prepare(sql)?;
    let mut rows = query.query([holder(lab)])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let end = End {
            netns: stored(row.get(0)?)?,
            dev: stored(row.get(1)?)?,
        };
        let subnet = subnet(row.get(2)?)?;
        held.push((end, subnet, address(&subnet, row.get(3)?)));
    }
    Ok(held)
}

/// Makes the journal say that these are the addresses and subnets of the lab. What stays
/// is left alone; what goes goes first, for another may get it.
pub(super) fn write(tx: &Connection, lab: &LabName, leases: &Leases) -> Result<()> {
    let name = holder(lab);
    let before = held(tx, lab)?;
    for (end, subnet, address) in &before {
        if leases.get(end, subnet) != Some(*address) {
            Pool::open(tx, &name, *subnet)?.release(*address)?;
        }
    }
    let before: Leases = before.into_iter().collect();
    for (end, subnet, address) in leases.iter() {
        if before.get(end, subnet) != Some(address) {
            insert(tx, (&name, end), *subnet, address)?;
        }
    }
    for (subnet, last) in leases.all_last() {
        Pool::open(tx, &name, *subnet)?.set_last(*last)?;
    }
    write_subnets(tx, lab, leases)
}

fn insert(tx: &Connection, (name, end): (&str, &End), net: IpNet, address: IpAddr) -> Result<()> {
    let mut pool = Pool::open(tx, name, net)?;
    pool.take(number(address))?;
    let sql = "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5, NULL, NULL, NULL, ?6)";
    let (netns, dev) = (end.netns.to_string(), end.dev.as_str());
    let row = params![pool.id, key(address), name, netns, dev, lease::now()];
    tx.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn write_subnets(tx: &Connection, lab: &LabName, leases: &Leases) -> Result<()> {
    tx.execute("DELETE FROM subnet WHERE lab = ?1", [lab.as_str()])?;
    let mut insert = tx.prepare("INSERT INTO subnet VALUES (?1, ?2, ?3, ?4)")?;
    for (network, subnets) in leases.subnets() {
        for (place, subnet) in subnets.iter().enumerate() {
            let row = params![
                lab.as_str(),
                network.as_str(),
                place as i64,
                subnet.to_string()
            ];
            insert.execute(row)?;
        }
    }
    // A pool without a lease is still good for where to go on; not one whose subnet went.
    let sql = "DELETE FROM pool WHERE network = ?1
               AND subnet NOT IN (SELECT subnet FROM subnet WHERE lab = ?2)";
    tx.execute(sql, [&holder(lab), lab.as_str()])?;
    Ok(())
}

/// Which namespace it is that leases were given for.
pub(super) fn note_made(
    tx: &Connection,
    lab: &LabName,
    netns: &NetnsName,
    (inode, cookie): (i64, i64),
) -> Result<()> {
    let sql = "UPDATE lease SET inode = ?3, cookie = ?4 WHERE holder = ?1 AND netns = ?2";
    let row = params![holder(lab), netns.as_str(), inode, cookie];
    tx.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// The subnets of all labs but this one, and those in which containers hold addresses.
pub(super) fn beside(db: &Connection, lab: &LabName) -> Result<Vec<InUse>> {
    let mut all = Vec::new();
    let mut query = db.prepare("SELECT lab, subnet FROM subnet WHERE lab != ?1")?;
    let mut rows = query.query([lab.as_str()])?;
    while let Some(row) = rows.next()? {
        let (by, net) = (User::Lab(stored(row.get(0)?)?), subnet(row.get(1)?)?);
        all.push(InUse { net, by });
    }
    let sql = "SELECT network, subnet FROM pool WHERE EXISTS (SELECT 1 FROM lease
               WHERE pool = id AND holder NOT GLOB 'lab *')";
    let mut query = db.prepare(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (by, net) = (User::Network(row.get(0)?), subnet(row.get(1)?)?);
        all.push(InUse { net, by });
    }
    Ok(all)
}

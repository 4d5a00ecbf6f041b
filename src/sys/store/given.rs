//! What labs were given, in the journal: addresses for their interfaces, and the subnets
//! of their networks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use rusqlite::{Connection, params};

use super::pool::{Pool, address, key, subnet};
use super::row::stored;
use super::{Result, external, lease};
use crate::ipam::{Holder, InUse, Leases, Runs, User, number};
use crate::state::{End, LabName, NetnsName, NetworkName};

pub(super) fn holder(lab: &LabName) -> String {
    Holder::Lab(lab.clone()).to_string()
}

/// The addresses and subnets of a lab, and of its networks what others have.
pub(super) fn read(db: &Connection, lab: &LabName) -> Result<Leases> {
    let all = held(db, lab)?.into_iter();
    let mut leases: Leases = all.map(|(given, _)| given).collect();
    // In the order in which the file has them.
    for (network, subnet) in subnets(db, lab)? {
        leases.add_subnet(network, subnet);
    }
    for (network, owner) in external::read(db, lab)? {
        let all = subnets(db, &owner)?.into_iter();
        let of = all.filter(|(name, _)| *name == network);
        let nets: Vec<IpNet> = of.map(|(_, subnet)| subnet).collect();
        leases.attach(network, owner, &nets);
    }
    external::beside(db, &mut leases, lab, lab)?;
    for owner in external::owners(&leases) {
        external::beside(db, &mut leases, lab, &owner)?;
    }
    Ok(leases)
}

fn subnets(db: &Connection, lab: &LabName) -> Result<Vec<(NetworkName, IpNet)>> {
    let sql = "SELECT network, subnet FROM subnet WHERE lab = ?1 ORDER BY place";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([lab.as_str()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((stored(row.get(0)?)?, subnet(row.get(1)?)?));
    }
    Ok(all)
}

/// What a lab holds, and of which network each is.
type Held = ((End, IpNet, IpAddr), String);

fn held(db: &Connection, lab: &LabName) -> Result<Vec<Held>> {
    let sql = "SELECT netns, dev, subnet, number, network FROM lease JOIN pool ON pool = id
               WHERE holder = ?1";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([holder(lab)])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let end = End {
            netns: stored(row.get(0)?)?,
            dev: stored(row.get(1)?)?,
        };
        let subnet = subnet(row.get(2)?)?;
        let address = address(&subnet, row.get(3)?);
        held.push(((end, subnet, address), row.get(4)?));
    }
    Ok(held)
}

/// Makes the journal say that these are the addresses and subnets of the lab. What stays
/// is left alone; what goes goes first, for another may get it.
pub(super) fn write(tx: &Connection, lab: &LabName, leases: &Leases) -> Result<()> {
    let name = holder(lab);
    let of = |subnet: &IpNet| holder(leases.lab_of(subnet).unwrap_or(lab));
    let (mut stays, mut left) = (Leases::default(), BTreeSet::from([name.clone()]));
    for ((end, subnet, address), network) in held(tx, lab)? {
        if leases.get(&end, &subnet) == Some(address) && network == of(&subnet) {
            stays.insert(end, subnet, address);
        } else {
            Pool::open(tx, &network, subnet)?.release(address)?;
            left.insert(network);
        }
    }
    for (end, subnet, address) in leases.iter() {
        if stays.get(end, subnet) != Some(address) {
            let pool = Pool::open(tx, &of(subnet), *subnet)?;
            insert(pool, (&name, end), address)?;
        }
    }
    for (subnet, last) in leases.all_last() {
        Pool::open(tx, &of(subnet), *subnet)?.set_last(*last)?;
    }
    external::write(tx, lab, leases)?;
    write_subnets(tx, lab, leases)?;
    left.iter().try_for_each(|network| drop_pools(tx, network))
}

fn insert(mut pool: Pool<'_>, (name, end): (&str, &End), address: IpAddr) -> Result<()> {
    pool.take(number(address))?;
    let sql = "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5, NULL, NULL, NULL, ?6)";
    let (netns, dev) = (end.netns.to_string(), end.dev.as_str());
    let row = params![pool.id, key(address), name, netns, dev, lease::now()];
    pool.db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn write_subnets(tx: &Connection, lab: &LabName, leases: &Leases) -> Result<()> {
    tx.prepare_cached("DELETE FROM subnet WHERE lab = ?1")?
        .execute([lab.as_str()])?;
    let mut insert = tx.prepare_cached("INSERT INTO subnet VALUES (?1, ?2, ?3, ?4)")?;
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
    Ok(())
}

/// A pool without a lease is still good for where to go on; not one whose subnet went,
/// unless other labs have not yet given theirs back.
fn drop_pools(tx: &Connection, network: &str) -> Result<()> {
    let sql = "DELETE FROM pool WHERE network = ?1
               AND NOT EXISTS (SELECT 1 FROM lease WHERE pool = id)
               AND subnet NOT IN (SELECT subnet FROM subnet WHERE lab = ?2)";
    let lab = network.trim_start_matches("lab ");
    tx.prepare_cached(sql)?.execute([network, lab])?;
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
    let mut query = db.prepare_cached("SELECT lab, subnet FROM subnet WHERE lab != ?1")?;
    let mut rows = query.query([lab.as_str()])?;
    while let Some(row) = rows.next()? {
        let (by, net) = (User::Lab(stored(row.get(0)?)?), subnet(row.get(1)?)?);
        all.push(InUse { net, by });
    }
    let sql = "SELECT network, subnet FROM pool WHERE EXISTS (SELECT 1 FROM lease
               WHERE pool = id AND holder NOT GLOB 'lab *')";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (by, net) = (User::Network(row.get(0)?), subnet(row.get(1)?)?);
        all.push(InUse { net, by });
    }
    Ok(all)
}

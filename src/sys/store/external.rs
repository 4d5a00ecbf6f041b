//! Networks that a lab uses and another makes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::given::holder;
use super::pool::{address, subnet};
use super::row::stored;
use super::{Result, Store};
use crate::ipam::{Leases, Run, Runs, number};
use crate::state::{LabName, NetworkName};

impl Store {
    /// The labs that are on networks of this one, and on which.
    pub(crate) fn attached_to(&self, owner: &LabName) -> Result<Vec<(LabName, NetworkName)>> {
        let sql = "SELECT lab, network FROM external WHERE owner = ?1 ORDER BY lab, network";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([owner.as_str()])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push((stored(row.get(0)?)?, stored(row.get(1)?)?));
        }
        Ok(all)
    }

    /// Whether labs are on networks of this one.
    pub(crate) fn is_used(&self, owner: &LabName) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM external WHERE owner = ?1)";
        Ok(self
            .db
            .prepare_cached(sql)?
            .query_row([owner.as_str()], |row| row.get(0))?)
    }

    /// The networks that a lab uses and others make.
    pub(crate) fn external(&self, lab: &LabName) -> Result<BTreeMap<NetworkName, LabName>> {
        Ok(read(&self.db, lab)?.into_iter().collect())
    }

    /// Adds what others than `lab` have of the subnets of `owner`, and how far its pools are.
    pub(crate) fn add_beside(
        &self,
        leases: &mut Leases,
        lab: &LabName,
        owner: &LabName,
    ) -> Result<()> {
        beside(&self.db, leases, lab, owner)
    }
}

pub(super) fn read(db: &Connection, lab: &LabName) -> Result<Vec<(NetworkName, LabName)>> {
    let sql = "SELECT network, owner FROM external WHERE lab = ?1 ORDER BY network";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([lab.as_str()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((stored(row.get(0)?)?, stored(row.get(1)?)?));
    }
    Ok(all)
}

pub(super) fn write(tx: &Connection, lab: &LabName, leases: &Leases) -> Result<()> {
    tx.prepare_cached("DELETE FROM external WHERE lab = ?1")?
        .execute([lab.as_str()])?;
    let mut insert = tx.prepare_cached("INSERT INTO external VALUES (?1, ?2, ?3)")?;
    for (network, (owner, _)) in leases.external() {
        insert.execute([lab.as_str(), network.as_str(), owner.as_str()])?;
    }
    Ok(())
}

pub(super) fn owners(leases: &Leases) -> BTreeSet<LabName> {
    let all = leases.external().values();
    all.map(|(owner, _)| owner.clone()).collect()
}

/// As runs: there are few of them, however many addresses are taken.
pub(super) fn beside(
    db: &Connection,
    leases: &mut Leases,
    lab: &LabName,
    owner: &LabName,
) -> Result<()> {
    let mut query = db.prepare_cached("SELECT id, subnet, last FROM pool WHERE network = ?1")?;
    let mut rows = query.query([holder(owner)])?;
    while let Some(row) = rows.next()? {
        let (id, subnet): (i64, _) = (row.get(0)?, subnet(row.get(1)?)?);
        if let Some(last) = row.get::<_, Option<[u8; 16]>>(2)? {
            leases.set_last(subnet, address(&subnet, last));
        }
        let mut taken = runs(db, id)?;
        let sql = "SELECT number FROM lease WHERE holder = ?1 AND pool = ?2";
        let mut own = db.prepare_cached(sql)?;
        let mut own = own.query(params![holder(lab), id])?;
        while let Some(row) = own.next()? {
            let Ok(_) = taken.give_back(number(address(&subnet, row.get(0)?)));
        }
        let others = taken.into_iter().map(|(first, last)| Run { first, last });
        leases.set_beside(subnet, others.collect());
    }
    Ok(())
}

fn runs(db: &Connection, pool: i64) -> Result<BTreeMap<u128, u128>> {
    let mut query = db.prepare_cached("SELECT first, last FROM run WHERE pool = ?1")?;
    let mut rows = query.query([pool])?;
    let mut runs = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (first, last) = (row.get(0)?, row.get(1)?);
        runs.insert(u128::from_be_bytes(first), u128::from_be_bytes(last));
    }
    Ok(runs)
}

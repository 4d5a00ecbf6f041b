//! Pools in the journal: which addresses of a subnet are taken, as runs, so that the
//! next free one costs a look into an index, however many are taken.

use std::net::IpAddr;

use ipnet::IpNet;
use rusqlite::{Connection, OptionalExtension, params};

use super::row::odd;
use super::{Failure, Result};
use crate::ipam::{Run, Runs, address_like, number};

/// The taken addresses of a subnet of a network, inside of a transaction.
pub(super) struct Pool<'db> {
    pub(super) db: &'db Connection,
    pub(super) id: i64,
    pub(super) subnet: IpNet,
}

impl<'db> Pool<'db> {
    /// That of this network and subnet; an empty one where there is none.
    pub(super) fn open(db: &'db Connection, network: &str, subnet: IpNet) -> Result<Self> {
        let names = [network, &subnet.to_string()];
        let find = "SELECT id FROM pool WHERE network = ?1 AND subnet = ?2";
        let mut query = db.prepare_cached(find)?;
        let found = query.query_row(names, |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO pool (network, subnet) VALUES (?1, ?2)";
                db.prepare_cached(sql)?.insert(names)?
            }
        };
        Ok(Pool { db, id, subnet })
    }

    /// The address that was given last.
    pub(super) fn last(&self) -> Result<Option<IpAddr>> {
        let sql = "SELECT last FROM pool WHERE id = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let last: Option<[u8; 16]> = query.query_row([self.id], |row| row.get(0))?;
        Ok(last.map(|last| address(&self.subnet, last)))
    }

    pub(super) fn set_last(&self, address: IpAddr) -> Result<()> {
        let sql = "UPDATE pool SET last = ?2 WHERE id = ?1";
        let mut update = self.db.prepare_cached(sql)?;
        update.execute(params![self.id, key(address)])?;
        Ok(())
    }

    /// Frees an address, and ends its lease.
    pub(super) fn release(&mut self, address: IpAddr) -> Result<()> {
        let sql = "DELETE FROM lease WHERE pool = ?1 AND number = ?2";
        let mut delete = self.db.prepare_cached(sql)?;
        delete.execute(params![self.id, key(address)])?;
        self.give_back(number(address))?;
        Ok(())
    }
}

impl Runs for Pool<'_> {
    type Error = Failure;

    fn run_up_to(&self, number: u128) -> Result<Option<Run>> {
        let sql = "SELECT first, last FROM run WHERE pool = ?1 AND first <= ?2
                   ORDER BY first DESC LIMIT 1";
        let mut query = self.db.prepare_cached(sql)?;
        let ends = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let run = query.query_row(params![self.id, number.to_be_bytes()], ends);
        Ok(run.optional()?.map(|(first, last)| Run {
            first: u128::from_be_bytes(first),
            last: u128::from_be_bytes(last),
        }))
    }

    fn put(&mut self, Run { first, last }: Run) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO run VALUES (?1, ?2, ?3)";
        let mut insert = self.db.prepare_cached(sql)?;
        insert.execute(params![self.id, first.to_be_bytes(), last.to_be_bytes()])?;
        Ok(())
    }

    fn drop_run(&mut self, first: u128) -> Result<()> {
        let sql = "DELETE FROM run WHERE pool = ?1 AND first = ?2";
        let mut delete = self.db.prepare_cached(sql)?;
        delete.execute(params![self.id, first.to_be_bytes()])?;
        Ok(())
    }
}

/// An address as a column: as many bytes for each, in the order of the numbers.
pub(super) fn key(address: IpAddr) -> [u8; 16] {
    number(address).to_be_bytes()
}

pub(super) fn address(subnet: &IpNet, key: [u8; 16]) -> IpAddr {
    address_like(subnet, u128::from_be_bytes(key))
}

pub(super) fn subnet(text: String) -> Result<IpNet> {
    text.parse().map_err(odd)
}

//! The namespaces that labs made.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::row::{identity, stored};
use super::{Result, Store, given};
use crate::state::{LabName, Netns, NetnsName, NetnsPath};
use crate::sys::netns::Identity;
use crate::sys::residents::Made;

impl Store {
    /// The namespaces that labs made: whose each is, and which one.
    pub(crate) fn namespaces(&self) -> Result<BTreeMap<NetnsName, (LabName, Identity)>> {
        let sql = "SELECT object, lab, inode, cookie FROM claim
                   WHERE kind = 'netns' AND inode IS NOT NULL";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                identity(row, 2)?,
            ))
        })?;
        rows.map(|row| {
            let (name, lab, identity) = row?;
            Ok((stored(name)?, (stored(lab)?, identity)))
        })
        .collect()
    }

    /// The same; of some names, where only these matter.
    pub(crate) fn namespaces_called(
        &self,
        names: Option<&BTreeSet<NetnsName>>,
    ) -> Result<BTreeMap<NetnsName, (LabName, Identity)>> {
        let Some(names) = names else {
            return self.namespaces();
        };
        let sql = "SELECT lab, inode, cookie FROM claim
                   WHERE kind = 'netns' AND object = ?1 AND inode IS NOT NULL";
        let mut query = self.db.prepare_cached(sql)?;
        let mut made = BTreeMap::new();
        for name in names {
            let mut rows = query.query([name.as_str()])?;
            while let Some(row) = rows.next()? {
                made.insert(name.clone(), (stored(row.get(0)?)?, identity(row, 1)?));
            }
        }
        Ok(made)
    }

    /// The namespaces that labs have joined.
    pub(crate) fn joined(&self) -> Result<Vec<(LabName, NetnsPath, Identity)>> {
        self.joined_where("TRUE", [])
    }

    /// Those that this lab has joined.
    pub(crate) fn joined_by(&self, lab: &LabName) -> Result<Vec<(LabName, NetnsPath, Identity)>> {
        self.joined_where("lab = ?1", [lab.as_str()])
    }

    /// Which labs have joined this one, and by which paths.
    pub(crate) fn joiners(&self, of: Identity) -> Result<BTreeSet<(LabName, NetnsPath)>> {
        let which = [of.inode as i64, of.cookie as i64];
        let all = self.joined_where("inode = ?1 AND cookie = ?2", which)?;
        Ok(all.into_iter().map(|(lab, path, _)| (lab, path)).collect())
    }

    fn joined_where(
        &self,
        these: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<(LabName, NetnsPath, Identity)>> {
        let sql = "SELECT lab, object, inode, cookie FROM claim WHERE kind = 'joined' AND ";
        let mut query = self.db.prepare_cached(&format!("{sql}{these}"))?;
        let mut rows = query.query(values)?;
        let mut joined = Vec::new();
        while let Some(row) = rows.next()? {
            joined.push((
                stored(row.get(0)?)?,
                stored(row.get(1)?)?,
                identity(row, 2)?,
            ));
        }
        Ok(joined)
    }

    /// The namespaces that this lab made.
    pub(crate) fn made_by(&self, lab: &LabName) -> Result<Made> {
        let all = self.namespaces()?.into_iter();
        let own = all.filter(|(_, (maker, _))| maker == lab);
        Ok(own.map(|(name, (_, identity))| (name, identity)).collect())
    }

    /// The namespaces that this lab made or has joined.
    pub(crate) fn places(&self, lab: &LabName) -> Result<BTreeMap<Netns, Identity>> {
        let made = self.made_by(lab)?.into_iter();
        let made = made.map(|(name, identity)| (Netns::Named(name), identity));
        let joined = self.joined_by(lab)?.into_iter();
        let joined = joined.map(|(_, path, identity)| (Netns::At(path), identity));
        Ok(made.chain(joined).collect())
    }

    /// Notes which namespaces are about to get which names.
    pub(crate) fn note_made<'a>(
        &mut self,
        lab: &LabName,
        made: impl Iterator<Item = (&'a NetnsName, Identity)>,
    ) -> Result<()> {
        let tx = self.db.savepoint()?;
        {
            let sql = "UPDATE claim SET inode = ?3, cookie = ?4
                       WHERE lab = ?1 AND kind = 'netns' AND object = ?2";
            let mut update = tx.prepare_cached(sql)?;
            for (name, Identity { inode, cookie }) in made {
                let (inode, cookie) = (inode as i64, cookie as i64);
                update.execute(params![lab.as_str(), name.as_str(), inode, cookie])?;
                given::note_made(&tx, lab, name, (inode, cookie))?;
            }
        }
        Ok(tx.commit()?)
    }
}

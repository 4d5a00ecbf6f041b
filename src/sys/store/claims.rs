//! What labs claim: of one, of all, and around one.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::row::{claim, identity, key, stored};
use super::{Result, Store};
use crate::plan::Claim;
use crate::state::{Element, End, LabName, SetName};
use crate::sys::netns::Identity;

impl Store {
    /// Whether a lab of this host claims elements of the firewall.
    pub(crate) fn has_elements(&self, host: Identity) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM claim JOIN lab ON lab = name
                   WHERE kind = 'element' AND lab.host = ?1 AND lab.cookie = ?2)";
        let host = [host.inode as i64, host.cookie as i64];
        Ok(self
            .db
            .prepare_cached(sql)?
            .query_row(host, |row| row.get(0))?)
    }

    /// Whether a lab claims this.
    pub(crate) fn holds(&self, lab: &LabName, claim: &Claim) -> Result<bool> {
        let (kind, netns, object) = key(claim);
        let sql = "SELECT EXISTS (SELECT 1 FROM claim
                   WHERE lab = ?1 AND kind = ?2 AND netns = ?3 AND object = ?4)";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([lab.as_str(), kind, &netns, &object], |row| row.get(0))?)
    }

    /// The lab of this host that claims a device.
    pub(crate) fn owner(&self, host: Identity, end: &End) -> Result<Option<LabName>> {
        let (kind, netns, object) = key(&Claim::Link(end.clone()));
        let sql = "SELECT lab FROM claim JOIN lab ON lab = name WHERE kind = ?1 AND object = ?2
                   AND netns = ?3 AND lab.host = ?4 AND lab.cookie = ?5";
        let mut query = self.db.prepare_cached(sql)?;
        let values = params![kind, object, netns, host.inode as i64, host.cookie as i64];
        let mut rows = query.query(values)?;
        rows.next()?.map(|row| stored(row.get(0)?)).transpose()
    }

    /// What this lab claims.
    pub(crate) fn claims_of(&self, host: Identity, lab: &LabName) -> Result<BTreeSet<Claim>> {
        let of = "lab.host = ?1 AND lab.cookie = ?2 AND lab = ?3";
        let mut all = self.claims_where(host, of, lab.as_str())?;
        Ok(all.remove(lab).unwrap_or_default())
    }

    /// Which settings the other labs of this host claim.
    pub(crate) fn settings_beside(
        &self,
        host: Identity,
        lab: &LabName,
    ) -> Result<BTreeMap<LabName, BTreeSet<Claim>>> {
        let of = "lab.host = ?1 AND lab.cookie = ?2 AND kind = 'sysctl' AND lab != ?3";
        self.claims_where(host, of, lab.as_str())
    }

    /// Elements of the firewall that other labs of this host claim: those whose text begins
    /// so, at most so many.
    pub(crate) fn elements_of_others(
        &self,
        (host, lab): (Identity, &LabName),
        begins: &str,
        most: u32,
    ) -> Result<Vec<(LabName, SetName, Element)>> {
        let sql = "SELECT lab, netns, object FROM claim JOIN lab ON lab = name
                   WHERE kind = 'element' AND object >= ?1 AND object < ?1 || char(0x10FFFF)
                   AND lab.host = ?2 AND lab.cookie = ?3 AND lab != ?4 LIMIT ?5";
        let mut query = self.db.prepare_cached(sql)?;
        let (inode, cookie) = (host.inode as i64, host.cookie as i64);
        let mut rows = query.query(params![begins, inode, cookie, lab.as_str(), most])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            if let Claim::Element(set, element) =
                claim("element", row.get(1)?, row.get(2)?, (None, None))?
            {
                all.push((stored(row.get(0)?)?, set, element));
            }
        }
        Ok(all)
    }

    /// What every lab of this host claims. Those of another host have a `host` of
    /// their own.
    pub(crate) fn claims(&self, host: Identity) -> Result<BTreeMap<LabName, BTreeSet<Claim>>> {
        let everything = "lab.host = ?1 AND lab.cookie = ?2 AND ?3 = ''";
        self.claims_where(host, everything, "")
    }

    fn claims_where(
        &self,
        host: Identity,
        these: &str,
        lab: &str,
    ) -> Result<BTreeMap<LabName, BTreeSet<Claim>>> {
        let mut all: BTreeMap<LabName, BTreeSet<Claim>> = BTreeMap::new();
        let mut query = self.db.prepare_cached(&format!(
            "SELECT lab, kind, netns, object, was, inode, claim.cookie
             FROM claim JOIN lab ON lab = name WHERE {these}"
        ))?;
        let mut rows = query.query(params![host.inode as i64, host.cookie as i64, lab])?;
        while let Some(row) = rows.next()? {
            let which = row.get::<_, Option<i64>>(5)?;
            let which = which.map(|_| identity(row, 5)).transpose()?;
            let claim = claim(
                &row.get::<_, String>(1)?,
                row.get(2)?,
                row.get(3)?,
                (row.get(4)?, which),
            )?;
            all.entry(stored(row.get(0)?)?).or_default().insert(claim);
        }
        Ok(all)
    }
}

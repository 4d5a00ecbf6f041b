//! The programs of labs.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::row::{identity, stored};
use super::{Result, Store};
use crate::state::{LabName, ProgramId};
use crate::sys::attendant::Attendant;
use crate::sys::netns::Identity;

/// A program that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The namespace that it was started in.
    pub(crate) place: Identity,
    /// Who waits for it.
    pub(crate) attendant: Attendant,
    /// What was asked for, as JSON.
    pub(crate) asked: String,
}

impl Store {
    /// Those of a lab.
    pub(crate) fn programs(&self, lab: &LabName) -> Result<BTreeMap<ProgramId, Begun>> {
        let sql =
            "SELECT netns, name, inode, cookie, pid, since, asked FROM program WHERE lab = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([lab.as_str()])?;
        let mut all = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let id = ProgramId {
                netns: stored(row.get(0)?)?,
                name: stored(row.get(1)?)?,
            };
            let begun = Begun {
                place: identity(row, 2)?,
                attendant: Attendant {
                    pid: row.get(4)?,
                    since: row.get::<_, i64>(5)? as u64,
                },
                asked: row.get(6)?,
            };
            all.insert(id, begun);
        }
        Ok(all)
    }

    /// Remembers one in place of what was.
    pub(crate) fn set_program(&self, lab: &LabName, id: &ProgramId, begun: &Begun) -> Result<()> {
        let Begun {
            place,
            attendant,
            asked,
        } = begun;
        let row = params![
            lab.as_str(),
            id.netns.to_string(),
            id.name.as_str(),
            place.inode as i64,
            place.cookie as i64,
            attendant.pid,
            attendant.since as i64,
            asked
        ];
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO program VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(row)?;
        Ok(())
    }

    /// It was ended.
    pub(crate) fn forget_program(&self, lab: &LabName, id: &ProgramId) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM program WHERE lab = ?1 AND netns = ?2 AND name = ?3")?
            .execute(params![
                lab.as_str(),
                id.netns.to_string(),
                id.name.as_str()
            ])?;
        Ok(())
    }
}

/// The lab ends.
pub(super) fn forget(db: &Connection, lab: &LabName) -> Result<()> {
    db.prepare_cached("DELETE FROM program WHERE lab = ?1")?
        .execute([lab.as_str()])?;
    Ok(())
}

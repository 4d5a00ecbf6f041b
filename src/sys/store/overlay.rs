//! What was set while labs were up.

use rusqlite::{Connection, params};

use super::row::{odd, stored};
use super::{Result, Store};
use crate::state::{End, LabName, Netns, Overlay, Overlays, Parted};

impl Store {
    /// What was set of a lab.
    pub(crate) fn overlays(&self, lab: &LabName) -> Result<Overlays> {
        let sql = "SELECT netns, dev, value FROM overlay WHERE lab = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([lab.as_str()])?;
        let mut all = Overlays::default();
        while let Some(row) = rows.next()? {
            let end = End {
                netns: stored(row.get(0)?)?,
                dev: stored(row.get(1)?)?,
            };
            let value: String = row.get(2)?;
            all.devices
                .insert(end, serde_json::from_str(&value).map_err(odd)?);
        }
        let sql = "SELECT one, other FROM parted WHERE lab = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([lab.as_str()])?;
        while let Some(row) = rows.next()? {
            let (one, other): (Netns, Netns) = (stored(row.get(0)?)?, stored(row.get(1)?)?);
            all.parted.extend(Parted::new(&one, &other));
        }
        Ok(all)
    }

    /// Remembers this of it, and no more of what was before.
    pub(crate) fn set_overlays(&mut self, lab: &LabName, overlays: &Overlays) -> Result<()> {
        let tx = self.db.savepoint()?;
        forget(&tx, lab)?;
        let set = overlays.devices.iter();
        for (end, overlay) in set.filter(|(_, o)| **o != Overlay::default()) {
            let value = serde_json::to_string(overlay).map_err(odd)?;
            let (netns, dev) = (end.netns.to_string(), end.dev.as_str());
            tx.prepare_cached("INSERT INTO overlay VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![lab.as_str(), netns, dev, value])?;
        }
        for parted in &overlays.parted {
            let [one, other] = parted.both().map(Netns::to_string);
            tx.prepare_cached("INSERT INTO parted VALUES (?1, ?2, ?3)")?
                .execute(params![lab.as_str(), one, other])?;
        }
        Ok(tx.commit()?)
    }
}

/// The lab ends, or shall be as its file says.
pub(super) fn forget(db: &Connection, lab: &LabName) -> Result<()> {
    for sql in [
        "DELETE FROM overlay WHERE lab = ?1",
        "DELETE FROM parted WHERE lab = ?1",
    ] {
        db.prepare_cached(sql)?.execute([lab.as_str()])?;
    }
    Ok(())
}

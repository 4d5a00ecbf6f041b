//! What the journal is told of a lab, and tells.

use std::collections::BTreeSet;

use super::{FACT, Kernel};
use crate::error::Error;
use crate::plan::Claim;
use crate::reconcile::Host;
use crate::state::{LabName, Overlays};
use crate::sys::{Failure, netns};

impl Kernel {
    /// Has the journal know what is set of the lab and, if they are given, that it has these
    /// claims: both or none.
    pub(crate) fn set_overlays(
        &mut self,
        lab: &LabName,
        overlays: &Overlays,
        claims: Option<&BTreeSet<Claim>>,
    ) -> Result<(), Failure> {
        let before = self.own(lab)?;
        self.store.together(|store| {
            if let Some(claims) = claims {
                store.record(&self.lab, &before, claims, &self.leases)?;
            }
            store.set_overlays(lab, overlays)
        })?;
        self.own = claims.cloned().or(Some(before));
        Ok(())
    }

    /// What the journal holds for the lab.
    pub(super) fn own(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Failure> {
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        let own = self.store.claims_of(self.lab.host, lab)?;
        self.own = self.lock.is_some().then(|| own.clone());
        Ok(own)
    }

    pub(super) fn write(
        &mut self,
        lab: &LabName,
        claims: &BTreeSet<Claim>,
        whole: bool,
    ) -> Result<(), Error> {
        let before = self.claimed(lab)?;
        // The record goes last: after a kill before that, `down` finds its work again.
        if claims.is_empty() {
            let what = format!("put {} back", netns::DIRECTORY);
            self.leave().map_err(Error::system(what))?;
        }
        self.lab.whole = whole;
        self.own = None;
        let seen = whole.then(|| self.to_record()).flatten();
        let written = self.store.together(|store| {
            store.record(&self.lab, &before, claims, &self.leases)?;
            if self.forgets && whole {
                store.set_overlays(lab, &Overlays::default())?;
            }
            let seen = seen.as_ref().map(|seen| store.replace_fact(FACT, seen));
            seen.unwrap_or(Ok(()))
        });
        written.map_err(Error::journal("write the journal"))?;
        self.own = Some(claims.clone());
        Ok(())
    }
}

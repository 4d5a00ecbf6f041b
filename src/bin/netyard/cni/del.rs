//! `DEL`: an attachment goes, whatever is left of it.

use netyard::error::Error;
use netyard::lab::{Journal, Until};
use netyard::state::LabName;

use super::attach::lab_name_of;
use super::call::Call;
use super::config::Basics;
use super::failure::Failure;
use super::given;

pub(super) fn del(basics: &Basics, call: &Call) -> Result<(), Failure> {
    let dev = call.dev()?;
    let journal = Journal::open()?;
    let leased = journal.has_lease(&call.container, dev)?;
    let lab = lab_name_of(&basics.name, &call.container, dev.as_str());
    remove(journal, &lab)?;
    match leased {
        true => given::take_back(&basics.name, &call.container, dev.as_str()),
        false => Ok(()),
    }
}

/// That it is not there is as it shall be.
pub(super) fn remove(journal: Journal, lab: &LabName) -> Result<(), Failure> {
    match journal.down(lab, Until::Free, &mut ()) {
        Ok(_) | Err(Error::NoLab(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

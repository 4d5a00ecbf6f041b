//! `DEL`: an attachment goes, whatever is left of it.

use netyard::error::Error;
use netyard::lab::{self, Until};
use netyard::state::LabName;

use super::attach::lab_name_of;
use super::call::Call;
use super::config::Basics;
use super::failure::Failure;
use super::given;

pub(super) fn del(basics: &Basics, call: &Call) -> Result<(), Failure> {
    let dev = call.dev()?.as_str();
    remove(&lab_name_of(&basics.name, &call.container, dev))?;
    given::take_back(&basics.name, &call.container, dev)
}

/// That it is not there is as it shall be.
pub(super) fn remove(lab: &LabName) -> Result<(), Failure> {
    match lab::down(lab, Until::Free, &mut ()) {
        Ok(_) | Err(Error::NoLab(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

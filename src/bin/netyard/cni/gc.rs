//! `GC`: what no attachment that the runtime knows is goes.

use netyard::lab::{self, Fate, Journal, fates};
use netyard::state::LabName;

use super::attach::Known;
use super::config::{Attachment, Basics};
use super::del::remove;
use super::failure::{Code, Failure};
use super::given;
use super::network::is_network;

/// Attachments whose containers went without `DEL`.
#[derive(Default)]
pub(super) struct Lost {
    /// Their namespaces are gone, with their ends of cables on the host. A port or a name that
    /// they have is missing on any network.
    pub(super) labs: Vec<LabName>,
    /// Containers of the network whose namespaces have no name any more, and whose devices are
    /// still there.
    pub(super) going: Vec<(String, LabName)>,
}

/// Looks for them.
pub(super) fn lost(network: &str) -> Result<Lost, Failure> {
    let all = lab::list()?.into_iter();
    let all = all.filter_map(|lab| Some((Known::of(&lab)?, lab.name)));
    let all: Vec<(Known, LabName)> = all.collect();
    let names: Vec<&LabName> = all.iter().map(|(_, name)| name).collect();
    let fates = fates(&names)?;
    let mut lost = Lost::default();
    for ((known, name), fate) in all.into_iter().zip(fates) {
        match fate {
            Fate::Going if known.network == network => lost.going.push((known.container, name)),
            Fate::Going | Fate::There => {}
            Fate::Gone => lost.labs.push(name),
        }
    }
    Ok(lost)
}

pub(super) fn take_away(lab: &LabName) -> Result<(), Failure> {
    remove(Journal::open()?, lab)
}

/// Goes on after an error, and tells of all.
pub(super) fn gc(basics: &Basics) -> Result<(), Failure> {
    let valid = basics.valid()?;
    let is_valid = |known: &Known| {
        let same = |it: &Attachment| it.container == known.container && it.ifname == known.dev;
        valid.iter().any(same)
    };
    let mut failures = Vec::new();
    let labs = lab::list()?;
    for lab in &labs {
        let known = Known::of(lab).filter(|known| known.network == basics.name);
        if known.is_some_and(|known| !is_valid(&known)) {
            failures.extend(take_away(&lab.name).err());
        }
    }
    let holders = given::holders(&basics.name);
    let (holders, failure) = match holders {
        Ok(holders) => (holders, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    failures.extend(failure);
    for (container, dev) in holders {
        let known = Known {
            network: basics.name.clone(),
            container,
            dev,
        };
        if !is_valid(&known) {
            failures.extend(given::take_back(&known.network, &known.container, &known.dev).err());
        }
    }
    // Who is attached, or attaches just now, keeps it.
    let network = labs.iter().find(|lab| is_network(lab, &basics.name));
    match network.map(|network| take_away(&network.name)) {
        Some(Err(failure)) if failure.code != Code::TryAgain => failures.push(failure),
        _ => {}
    }
    Failure::all(failures)
}

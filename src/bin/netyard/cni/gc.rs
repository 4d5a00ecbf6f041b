//! `GC`: what no attachment that the runtime knows is goes.

use netyard::lab::{self, Described, Journal};
use netyard::lease::Place;
use netyard::state::{LabName, Netns};
use netyard::topology;

use super::attach::Known;
use super::config::{Attachment, Basics};
use super::del::remove;
use super::failure::{Code, Failure};
use super::given;
use super::network::is_network;

/// Takes away what containers of a network have left that went without `DEL`: their paths lead
/// to no namespace, and what was their end of the cable on the host is gone. Says whether there
/// was any.
pub(super) fn sweep(network: &str) -> Result<bool, Failure> {
    let mut swept = false;
    for lab in lab::list()? {
        if Known::of(&lab).is_some_and(|known| known.network == network) && is_lost(&lab)? {
            take_away(&lab.name)?;
            swept = true;
        }
    }
    Ok(swept)
}

fn take_away(lab: &LabName) -> Result<(), Failure> {
    remove(Journal::open()?, lab)
}

fn is_lost(lab: &Described) -> Result<bool, Failure> {
    let Ok(topology) = topology::parse(&lab.source) else {
        return Ok(false);
    };
    let paths = topology.namespaces.keys().filter_map(Netns::joined);
    for path in paths {
        if Place::at(path.as_str().as_ref()).is_ok() {
            return Ok(false);
        }
    }
    Ok(!has_devices(&lab.name)?)
}

/// Whether a device of a lab is there, or, where it makes none, at least its namespace.
pub(super) fn has_devices(lab: &LabName) -> Result<bool, Failure> {
    let seen = lab::observe(lab)?;
    let mut all = seen.namespaces.iter();
    Ok(all.any(|(netns, namespace)| {
        let joined = netns.joined().is_some() && namespace.owner.as_ref() == Some(lab);
        let mut links = namespace.links.values();
        joined || links.any(|link| link.owner.as_ref() == Some(lab))
    }))
}

/// Goes on after an error, and tells of all.
pub(super) fn gc(basics: &Basics) -> Result<(), Failure> {
    let valid = basics.valid.as_deref().ok_or_else(|| {
        let msg = "GC without `cni.dev/valid-attachments`";
        Failure::new(Code::InvalidConfig, msg)
    })?;
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

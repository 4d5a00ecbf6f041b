//! The whole host as it is: every network namespace that can be seen, with all that is in
//! it, whoever made it. Nothing is changed, and no lab is needed.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::explain::{self, Explanation, Kernel, Question, Sent};
use crate::lab::{self, Whereabouts};
use crate::state::survey::{Container, Joined, Space, Survey};
use crate::state::{
    LabName, Listener, NetState, Netns, NetnsName, NetnsPath, SetName, Table, TableName,
};
use crate::sys::store::Store;
use crate::sys::survey::Sight;
use crate::sys::{self, netns};
use crate::topology::{self, Topology};

/// Looks at the host. Of what may not be looked at, the survey says so.
///
/// # Errors
/// The process table or the directory of namespaces cannot be read, or the kernel tells
/// nothing of the host's own devices.
pub fn look() -> Result<Survey, Error> {
    Ok(sight()?.survey)
}

/// What listens in a namespace of a survey, and whose it is.
///
/// # Errors
/// It is gone, or may not be entered.
pub fn listening(space: &Space) -> Result<Vec<Listener>, Error> {
    sys::survey::listening(space).map_err(Error::system("look for what listens"))
}

/// Follows packets through the host, and their answers back. What is asked is made of what
/// was seen; the kernel's own answers are from right after.
///
/// # Errors
/// Those of [`look`], and those of who asks.
pub fn explain<E: From<Error>>(
    ask: impl FnOnce(&Survey) -> Result<Vec<Question>, E>,
) -> Result<Vec<(Question, Explanation)>, E> {
    let Sight { survey, open } = sight()?;
    let kernel = Kernel::new(&survey, open);
    Ok(explain::explain_each(&survey, &kernel, ask(&survey)?))
}

/// The same of one packet, that is then sent: the kernel's trace says where it came.
/// While it is on its way a table `inet netyard-trace-PID` is in the namespaces of the way,
/// that the kernel takes away with this process, if need be.
///
/// # Errors
/// Those of [`explain()`]; a namespace of the way may not be traced.
pub fn explain_and_send<E: From<Error>>(
    ask: impl FnOnce(&Survey) -> Result<Question, E>,
) -> Result<(Question, Explanation, Sent), E> {
    lab::need_rights("sending a packet and having it traced")?;
    let Sight { survey, open } = sight()?;
    let kernel = Kernel::new(&survey, open);
    let question = ask(&survey)?;
    let explanation = explain::explain(&survey, &kernel, &question);
    let sent = kernel.send(&question, &explanation);
    let sent = sent.map_err(Error::system("send a packet and have it traced"))?;
    Ok((question, explanation, sent))
}

/// The same as [`look`], with the namespaces open.
pub(crate) fn sight() -> Result<Sight, Error> {
    let mut sight = sys::survey::look().map_err(Error::system("look at the host's networks"))?;
    let survey = &mut sight.survey;
    match recorded() {
        Ok(labs) => labs.into_iter().for_each(|lab| note(survey, lab)),
        // Who may not read the journal may still look at the kernel.
        Err(error) => {
            let what = format!("which namespaces labs made: {error}");
            survey.unseen.push(what);
        }
    }
    Ok(sight)
}

/// A lab as the journal has it.
struct Recorded {
    name: LabName,
    source: String,
    here: bool,
    made: BTreeMap<NetnsName, u64>,
    joined: Vec<(u64, NetnsPath)>,
}

fn recorded() -> Result<Vec<Recorded>, Error> {
    let store = Store::open_to_read()?;
    let made = store.namespaces();
    let made = made.map_err(Error::journal("read the journal"))?;
    let of = |lab: &LabName| {
        let own = made.iter().filter(|(_, (by, _))| by == lab);
        own.map(|(name, (_, identity))| (name.clone(), identity.inode))
            .collect()
    };
    let joined = store.joined().map_err(Error::journal("read the journal"))?;
    let joined = |lab: &LabName| {
        let own = joined.iter().filter(|(by, ..)| by == lab);
        own.map(|(_, path, identity)| (identity.inode, path.clone()))
            .collect()
    };
    let labs = lab::list()?.into_iter().map(|lab| Recorded {
        joined: joined(&lab.name),
        made: of(&lab.name),
        here: lab.host == Whereabouts::Here,
        source: lab.source,
        name: lab.name,
    });
    Ok(labs.collect())
}

/// Containers that no process tells of by its control group.
fn name_containers(survey: &mut Survey, lab: &LabName, topology: Option<&Topology>) {
    let specs = topology.into_iter().flat_map(|all| &all.namespaces);
    for (netns, spec) in specs {
        let (Some(path), Some(name)) = (netns.joined(), &spec.container) else {
            continue;
        };
        let is = |joined: &Joined| joined.lab == *lab && joined.path == *path;
        let spaces = survey.namespaces.iter_mut();
        for space in spaces.filter(|space| space.joined.iter().any(is)) {
            space.container.get_or_insert_with(|| Container {
                engine: "CNI".to_owned(),
                id: name.to_string(),
            });
        }
    }
}

/// Marks the lab's namespaces, and notes what the host does for it.
fn note(survey: &mut Survey, lab: Recorded) {
    for space in &mut survey.namespaces {
        let is = |(name, inode): (&NetnsName, &u64)| {
            *inode == space.inode && space.names.iter().any(|own| own == name.as_str())
        };
        if lab.made.iter().any(is) {
            space.lab = Some(lab.name.clone());
        }
        // The inode of one that is gone may be another's: then the path leads elsewhere.
        let is = |(inode, path): &&(u64, NetnsPath)| {
            let at = Netns::At(path.clone());
            *inode == space.inode && netns::inode_of(&at).is_ok_and(|now| now == Some(*inode))
        };
        let joined = lab.joined.iter().filter(is);
        space.joined.extend(joined.map(|(_, path)| Joined {
            lab: lab.name.clone(),
            path: path.clone(),
        }));
    }
    // What the host masquerades and publishes is in its file; one of another netyard says nothing.
    let topology = topology::parse(&lab.source).ok().filter(|_| lab.here);
    name_containers(survey, &lab.name, topology.as_ref());
    let mut desired = topology.and_then(|topology| lab::desired(&topology).ok());
    if let Some(desired) = &desired {
        name_routers(survey, &lab, desired);
        name_parted(survey, &lab);
    }
    let host = desired
        .as_mut()
        .and_then(|desired| desired.namespaces.remove(&Netns::Host));
    let place = survey.namespaces.iter_mut().find(|space| space.host);
    let (Some(host), Some(space)) = (host, place) else {
        return;
    };
    space.published.extend(host.published);
    let table = host.tables.get(&TableName::Inet);
    for (set, element, _) in table.into_iter().flat_map(|table| table.elements()) {
        if matches!(set, SetName::Masquerade4 | SetName::Masquerade6) {
            space.masquerades.extend(element.only_subnet());
        }
    }
}

/// What kind of router a namespace is, that is in the lab's file, too.
fn name_routers(survey: &mut Survey, lab: &Recorded, desired: &NetState) {
    for (netns, wanted) in &desired.namespaces {
        let Some(router) = wanted.tables.values().find_map(Table::router) else {
            continue;
        };
        let spaces = survey.namespaces.iter_mut();
        for space in spaces.filter(|space| is_of(space, lab, netns)) {
            space.router = Some(router.clone());
        }
    }
}

/// Who is parted from whom for now.
fn name_parted(survey: &mut Survey, lab: &Recorded) {
    let overlays = Store::open_to_read()
        .ok()
        .and_then(|store| store.overlays(&lab.name).ok());
    for two in overlays.unwrap_or_default().parted {
        for space in &mut survey.namespaces {
            let own = two.both().into_iter();
            let own = own.filter(|netns| is_of(space, lab, netns));
            let others = own.filter_map(|netns| two.from(netns).cloned());
            let others: Vec<Netns> = others.collect();
            space.parted.extend(others);
        }
    }
}

/// Whether it is that namespace of the lab.
fn is_of(space: &Space, lab: &Recorded, netns: &Netns) -> bool {
    match netns {
        Netns::Named(name) => {
            space.lab.as_ref() == Some(&lab.name) && space.names.iter().any(|n| n == name.as_str())
        }
        Netns::At(path) => {
            (space.joined.iter()).any(|joined| joined.lab == lab.name && joined.path == *path)
        }
        Netns::Host => false,
    }
}

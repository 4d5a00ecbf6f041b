//! A lab as it is, against its description.

use super::{Look, expect, joined, lock_to_read, record, routed};
use crate::error::Error;
use crate::lease::{self, Resolved};
use crate::plan::{Conflicts, Plan, Reach};
use crate::reconcile::{Host, Inside};
use crate::state::{End, Namespace, NetState, Netns, Table};
use crate::sys::kernel::Kernel;
use crate::sys::store::Store;
use crate::topology::Topology;

/// What [`up`](super::up) would do. Nothing is changed.
///
/// # Errors
/// What is in the way.
pub fn plan(topology: &Topology) -> Result<Plan, Error> {
    let (desired, observed) = compare(topology, Look::Narrow, About::Itself)?;
    Ok(crate::plan::plan(&desired, &observed)?)
}

/// The same, and who will be able to reach the lab's published ports.
///
/// # Errors
/// What is in the way.
pub fn preview(topology: &Topology) -> Result<(Plan, Reach), Error> {
    let (desired, observed) = compare(topology, Look::Narrow, About::Others)?;
    let reach = crate::plan::reach(&desired, &observed);
    Ok((crate::plan::plan(&desired, &observed)?, reach))
}

/// How a lab is, against how it is described.
#[derive(Debug)]
pub struct Status {
    /// What [`up`](super::up) would do, or what is in its way.
    pub drift: Result<Plan, Conflicts>,
    /// Devices on the lab's bridges that netyard did not make. Nobody touches them.
    pub foreign: Vec<End>,
    /// Who can reach the ports that it publishes.
    pub reach: Reach,
    /// What there is: the host, and the lab's namespaces from inside.
    pub seen: NetState,
}

/// Compares a lab with its description. Nothing is changed.
///
/// # Errors
/// The lab was made from another network namespace, missing rights.
pub fn status(topology: &Topology) -> Result<Status, Error> {
    let (desired, mut observed) = compare(topology, Look::Wide, About::Others)?;
    leave_to_others(&mut observed);
    Ok(Status {
        drift: crate::plan::plan(&desired, &observed),
        foreign: crate::plan::foreign_ports(&observed),
        reach: crate::plan::reach(&desired, &observed),
        seen: observed,
    })
}

/// What others lack in tables that are as written is told of those, and brought back with them.
fn leave_to_others(observed: &mut NetState) {
    if let Some(host) = observed.namespaces.get_mut(&Netns::Host) {
        let Namespace { due, tables, .. } = host;
        due.retain(|set, _| {
            let table = tables.get(&set.table());
            !table.is_some_and(Table::is_as_written)
        });
    }
}

/// What is looked at beside what the lab needs to be as described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Itself,
    /// Other firewalls, which decide who reaches the lab's ports.
    Others,
}

fn compare(topology: &Topology, look: Look, about: About) -> Result<(NetState, NetState), Error> {
    let _lock = lock_to_read()?;
    let store = Store::open_to_read()?;
    let lab = record(&topology.lab, "", &store)?;
    let Resolved {
        mut desired,
        guests,
        ..
    } = lease::resolved(topology, &store)?;
    if look == Look::Wide {
        joined::recorded(&mut desired, &store)?;
    }
    let mut kernel = Kernel::to_read(lab, store, routed(&desired))?;
    expect(&mut kernel, topology, &desired, look);
    kernel.guests = guests;
    kernel.tells = about == About::Others;
    let observed = kernel.observe(&topology.lab, Inside::Read)?;
    Ok((desired, observed))
}

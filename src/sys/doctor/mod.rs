//! Looks at this machine, and tries in namespaces that are thrown away what can only be
//! known by trying.

mod devices;
mod firewall;
mod host;
mod modules;
mod others;
mod qdisc;
mod sockets;
mod world;

use crate::state::machine::{Facts, Tried, Tries};
use crate::sys::Failure;
use modules::Modules;

/// All that is looked at. Who cannot be looked at says so in its place.
pub(crate) fn look() -> Facts {
    // First: only a process with one thread makes a copy of itself.
    let private = world::private();
    let kernel = match super::may_administer() {
        true => world::thrown_away(),
        false => world::seen_in(&private),
    };
    Facts {
        kernel,
        rights: host::rights(private.map(|seen| seen.map(|_| ()))),
        limits: host::limits(),
        settings: host::settings(),
        others: others::look(),
    }
}

/// Whether something may be tried that netyard does not need, which is in this module;
/// where that is not loaded, it stays so.
fn may_try(modules: &Modules, tries: &mut Tries, id: &str, module: &str) -> bool {
    let loads = modules.would_load(module);
    if loads {
        tries.insert(id.to_owned(), Tried::Unloaded(module.to_owned()));
    }
    !loads
}

/// What an answer means: with one of these errors the kernel says that it does not know
/// what it was asked for.
fn told(refused: Option<Failure>, unknown: &[i32]) -> Tried {
    match refused {
        None => Tried::Works,
        Some(refused) if unknown.contains(&refused.errno) => Tried::Lacks,
        Some(refused) => Tried::Refused(refused.to_string()),
    }
}

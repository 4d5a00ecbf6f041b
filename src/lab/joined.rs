//! What the journal adds to a lab's file: the namespaces that it has joined, and what was set on
//! its links while it was up.

use crate::error::Error;
use crate::state::{NetState, Netns};
use crate::sys::store::Store;

/// Has the lab be as it was last left by its user.
pub(super) fn recorded(desired: &mut NetState, store: &Store) -> Result<(), Error> {
    let overlays = store.overlays(&desired.lab);
    desired.lay_over(&overlays.map_err(Error::journal("read the journal"))?);
    hold(desired, store)
}

/// Has the lab want those that it has joined, and no others that are at their paths by now.
fn hold(desired: &mut NetState, store: &Store) -> Result<(), Error> {
    if desired
        .namespaces
        .keys()
        .all(|netns| netns.joined().is_none())
    {
        return Ok(());
    }
    let own = store.joined_by(&desired.lab);
    for (_, path, identity) in own.map_err(Error::journal("read the journal"))? {
        if let Some(namespace) = desired.namespaces.get_mut(&Netns::At(path)) {
            namespace.identity = Some(identity);
        }
    }
    Ok(())
}

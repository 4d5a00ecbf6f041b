//! Namespaces that a lab has joined.

use crate::error::Error;
use crate::state::{NetState, Netns};
use crate::sys::store::Store;

/// Has the lab want those that it has joined, and no others that are at their paths by now.
pub(super) fn hold(desired: &mut NetState, store: &Store) -> Result<(), Error> {
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

//! The limit of open files (getrlimit(2)): more for netyard, which keeps two for each
//! namespace, and not for the programs that it becomes.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process was started with. The limit is the process's, and so is this.
static FOUND: OnceLock<Rlimit> = OnceLock::new();

/// Raises the soft limit as far as the hard one lets.
pub(super) fn raise() {
    let found = FOUND.get_or_init(|| getrlimit(Resource::Nofile));
    let raised = Rlimit {
        current: found.maximum,
        ..*found
    };
    // Where it may not be raised, a lab that is too large says so by itself.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Puts the limit back: a program that uses select(2) fails with more than 1024
/// (systemd.exec(5), LimitNOFILE).
pub(super) fn restore() -> std::io::Result<()> {
    match FOUND.get() {
        Some(found) => Ok(setrlimit(Resource::Nofile, *found)?),
        None => Ok(()),
    }
}

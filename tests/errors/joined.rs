//! What is wrong with namespaces that others made.

use netyard::error::Error;
use netyard::plan::{Conflict, Conflicts};
use netyard::state::Unjoinable;

pub(crate) fn all() -> Vec<(&'static str, Error)> {
    let path = || "/proc/4711/ns/net".parse().unwrap();
    let unjoinable = Conflict::Unjoinable {
        path: path(),
        why: Unjoinable::Host,
    };
    let gone = Conflict::Gone {
        path: path(),
        another: true,
    };
    let alone = |conflict| Error::Conflicts(Conflicts(vec![conflict]));
    vec![
        ("not-joinable", alone(unjoinable)),
        ("joined-gone", alone(gone)),
    ]
}

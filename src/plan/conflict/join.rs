//! Namespaces that a lab joins and that are not there, or not the same any more.

use super::Conflict;
use crate::state::{Namespace, NetState, NetnsPath, Unjoinable};

/// What is wrong with the namespace at this path: there is none, or not the one that is meant.
pub(super) fn conflict(
    path: &NetnsPath,
    want: &Namespace,
    have: Option<&Namespace>,
    observed: &NetState,
) -> Option<Conflict> {
    let path = path.clone();
    match (want.identity, have) {
        (Some(meant), Some(have)) if have.identity == Some(meant) => None,
        (Some(_), have) => {
            let another = have.is_some();
            Some(Conflict::Gone { path, another })
        }
        (None, Some(_)) => None,
        (None, None) => {
            let why = observed.unjoinable.get(&path).cloned();
            let why = why.unwrap_or(Unjoinable::Missing);
            Some(Conflict::Unjoinable { path, why })
        }
    }
}

pub(super) fn sentence(path: &NetnsPath, why: &Unjoinable) -> String {
    match why {
        Unjoinable::Missing => format!("there is no namespace at {path}: nothing is there"),
        Unjoinable::Other => format!("what is at {path} is no network namespace"),
        Unjoinable::Host => format!("the namespace at {path} is the host's own"),
        Unjoinable::Twice(other) => format!("the namespaces at {path} and {other} are one"),
    }
}

pub(super) fn instead(another: bool) -> &'static str {
    match another {
        true => ", and another is there",
        false => "",
    }
}

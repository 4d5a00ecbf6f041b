//! The journal's rows as values, and back.

use super::Result;
use crate::plan::Claim;
use crate::state::{Element, End, Netns, SetName, SysctlKey, TABLE};
use crate::sys::Failure;
use crate::sys::netns::Identity;

/// Two columns that tell a namespace.
pub(super) fn identity(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Identity> {
    Ok(Identity {
        inode: row.get::<_, i64>(at)? as u64,
        cookie: row.get::<_, i64>(at + 1)? as u64,
    })
}

/// The columns by which a claim is found: kind, namespace, object.
pub(super) type Key = (&'static str, String, String);

pub(super) fn key(claim: &Claim) -> Key {
    let host = || Netns::Host.to_string();
    match claim {
        Claim::Netns(name) => ("netns", host(), name.to_string()),
        Claim::Joined(path, _) => ("joined", host(), path.to_string()),
        Claim::Link(end) => ("link", end.netns.to_string(), end.dev.to_string()),
        Claim::Sysctl { netns, key, .. } => ("sysctl", netns.to_string(), key.path().to_owned()),
        Claim::Route(netns, to) => ("route", netns.to_string(), to.to_string()),
        Claim::Table(netns) => ("table", netns.to_string(), TABLE.to_owned()),
        Claim::Element(set, element) => ("element", host(), format!("{} {element}", set.as_str())),
    }
}

/// The others: a value before, which namespace.
pub(super) fn rest(claim: &Claim) -> (Option<&str>, Option<Identity>) {
    match claim {
        Claim::Sysctl { was, .. } => (Some(was), None),
        Claim::Joined(_, identity) => (None, Some(*identity)),
        _ => (None, None),
    }
}

pub(super) fn claim(
    kind: &str,
    netns: String,
    object: String,
    (was, identity): (Option<String>, Option<Identity>),
) -> Result<Claim> {
    Ok(match kind {
        "joined" => {
            let path = stored(object)?;
            Claim::Joined(path, identity.ok_or_else(|| odd(kind))?)
        }
        "netns" => Claim::Netns(stored(object)?),
        "link" => Claim::Link(End {
            netns: stored(netns)?,
            dev: stored(object)?,
        }),
        "sysctl" => Claim::Sysctl {
            netns: stored(netns)?,
            key: SysctlKey::stored(object),
            was: was.unwrap_or_default(),
        },
        "element" => {
            let (set, element) = object.split_once(' ').ok_or_else(|| odd(&object))?;
            let set = SetName::ALL.into_iter().find(|s| s.as_str() == set);
            let element = Element::try_from(element.to_owned()).map_err(odd)?;
            Claim::Element(set.ok_or_else(|| odd(&object))?, element)
        }
        "route" => Claim::Route(stored(netns)?, object.parse().map_err(odd)?),
        "table" => Claim::Table(stored(netns)?),
        _ => return Err(odd(kind)),
    })
}

pub(super) fn stored<T: TryFrom<String>>(text: String) -> Result<T>
where
    T::Error: ToString,
{
    T::try_from(text).map_err(odd)
}

pub(super) fn odd(what: impl ToString) -> Failure {
    Failure {
        errno: 0,
        text: Some(format!(
            "the journal holds something odd: {}",
            what.to_string()
        )),
    }
}

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

/// A claim as its row: kind, namespace, object, value before.
pub(super) fn columns(claim: &Claim) -> (&'static str, String, String, Option<&str>) {
    let host = || Netns::Host.to_string();
    match claim {
        Claim::Netns(name) => ("netns", host(), name.to_string(), None),
        Claim::Link(end) => ("link", end.netns.to_string(), end.dev.to_string(), None),
        Claim::Sysctl { netns, key, was } => (
            "sysctl",
            netns.to_string(),
            key.path().to_owned(),
            Some(was),
        ),
        Claim::Table(netns) => ("table", netns.to_string(), TABLE.to_owned(), None),
        Claim::Element(set, element) => (
            "element",
            host(),
            format!("{} {element}", set.as_str()),
            None,
        ),
    }
}

pub(super) fn claim(
    kind: &str,
    netns: String,
    object: String,
    was: Option<String>,
) -> Result<Claim> {
    Ok(match kind {
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

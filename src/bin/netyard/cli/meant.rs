//! Which lab, namespace or container of this host somebody means by a name, in every verb
//! that takes either: a lab before a namespace of its name; `lab:NAME` and `ns:NAME` are
//! that alone.

use std::borrow::Cow;
use std::collections::BTreeSet;

use netyard::report::codes;
use netyard::state::survey::{Far, Survey};
use netyard::state::{LabName, NetnsName};
use netyard::{has_namespace, lab};

use super::output::{DIM, styled};
use super::trouble::Trouble;

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    Lab(LabName),
    Namespace(String),
    /// There is no lab of this name now: a namespace, or what may come.
    Any(String),
}

impl Meant {
    /// By its name. Where it could be a namespace, too, that is said.
    pub(crate) fn by(name: &str) -> Self {
        if let Some(Ok(lab)) = name.strip_prefix("lab:").map(str::parse) {
            return Meant::Lab(lab);
        }
        if let Some(netns) = name.strip_prefix("ns:") {
            return Meant::Namespace(netns.to_owned());
        }
        let Some(lab) = name.parse().ok().filter(is_known) else {
            return Meant::Any(name.to_owned());
        };
        if name
            .parse::<NetnsName>()
            .is_ok_and(|netns| has_namespace(&netns))
        {
            let said = format!("there is a namespace of that name, too: ns:{name}");
            anstream::eprintln!("{}", styled(DIM, said));
        }
        Meant::Lab(lab)
    }

    /// Whether a namespace of this name, which this lab made, is meant.
    pub(crate) fn is(&self, netns: &str, made_by: Option<&LabName>) -> bool {
        let of = |name: &str| made_by.is_some_and(|lab| lab.as_str() == name);
        match self {
            Meant::Lab(lab) => of(lab.as_str()),
            Meant::Namespace(name) => name == netns,
            Meant::Any(name) => name == netns || of(name),
        }
    }

    /// That part of what was seen.
    pub(crate) fn part(&self, survey: Survey) -> Result<Survey, Trouble> {
        let (found, none) = match self {
            Meant::Lab(_) => (BTreeSet::new(), "no lab"),
            Meant::Namespace(name) => (names(&survey, &format!("ns:{name}"))?, "no namespace"),
            Meant::Any(name) => (names(&survey, name)?, "no namespace, container or lab"),
        };
        let mut part = match (found.is_empty(), self.known_lab()) {
            (false, _) => survey.only(&found),
            (true, Some(lab)) => survey.of_lab(&lab),
            (true, None) => return Err(self.nobody(none, survey.hidden > 0)),
        };
        // What is hidden elsewhere on the host is another matter.
        let mut devices = part.namespaces.iter().flat_map(|space| &space.devices);
        let leads_there = devices.any(|device| matches!(device.far, Some(Far::Unseen(_))));
        if !leads_there && part.namespaces.iter().all(|space| space.unread.is_none()) {
            part.unseen.clear();
        }
        Ok(part)
    }

    /// The lab, if there is one now.
    fn known_lab(&self) -> Option<LabName> {
        let lab = match self {
            Meant::Lab(lab) => lab.clone(),
            Meant::Namespace(_) => return None,
            Meant::Any(name) => name.parse().ok()?,
        };
        is_known(&lab).then_some(lab)
    }

    fn nobody(&self, none: &str, hides: bool) -> Trouble {
        let name = match self {
            Meant::Lab(lab) => lab.as_str(),
            Meant::Namespace(name) | Meant::Any(name) => name,
        };
        let said = format!("{none} is called `{name}`");
        let trouble = Trouble::failed(codes::NO_SUCH_NAMESPACE, said);
        match self {
            // Labs, and namespaces that have a name, are all seen.
            Meant::Any(_) if hides => trouble
                .cause("it may be one that only processes of others are in, which are not seen"),
            _ => trouble,
        }
    }
}

fn is_known(lab: &LabName) -> bool {
    lab::list().is_ok_and(|all| all.iter().any(|one| one.name == *lab))
}

/// What the namespaces are called that are meant by a name: one, or none.
fn names(survey: &Survey, name: &str) -> Result<BTreeSet<String>, Trouble> {
    let found = survey.find(&by_process(name));
    if let [_, _, ..] = found.as_slice() {
        let names: Vec<&str> = found.iter().map(|space| space.name.as_str()).collect();
        let said = format!("`{name}` may be {}", names.join(" or "));
        return Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said).hint("write more of it"));
    }
    Ok(found.iter().map(|space| space.name.clone()).collect())
}

/// A process is meant by its namespace, which may be the one that netyard runs in.
pub(crate) fn by_process(what: &str) -> Cow<'_, str> {
    let pid = what.strip_prefix("pid:");
    let pid = pid.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
    let namespace = pid.and_then(|pid| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok());
    match namespace {
        Some(namespace) => Cow::Owned(namespace.to_string_lossy().into_owned()),
        None => Cow::Borrowed(what),
    }
}

/// Words of a command line with the namespaces of labs in the place of those, up to the first
/// word that names neither.
pub(crate) fn places(words: &[String]) -> Result<Vec<String>, Trouble> {
    let mut all = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let netns = word.split(':').next().and_then(|netns| netns.parse().ok());
        let there = word == "host" || netns.is_some_and(|netns: NetnsName| has_namespace(&netns));
        // `NAMESPACE:INTERFACE` comes first.
        let meant = match there && (word == "host" || word.contains(':')) {
            true => Meant::Any(word.clone()),
            false => Meant::by(word),
        };
        match meant {
            Meant::Namespace(name) => all.push(name),
            Meant::Any(_) if there => all.push(word.clone()),
            Meant::Any(_) => {
                all.extend_from_slice(&words[number..]);
                break;
            }
            Meant::Lab(lab) => {
                let state = lab::observe(&lab)?;
                let own = state.namespaces.keys().filter_map(|netns| netns.name());
                let before = all.len();
                all.extend(own.map(ToString::to_string));
                if all.len() == before {
                    let said = format!("lab `{lab}` has no namespaces here");
                    return Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said));
                }
            }
        }
    }
    Ok(all)
}

//! Which lab, namespace or container of this host somebody means by a name, in every verb
//! that takes either: a lab before a namespace of its name; `lab:NAME` and `ns:NAME` are
//! that alone.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

use netyard::report::codes;
use netyard::state::happening::Place;
use netyard::state::survey::{Container, Far, Space, Survey};
use netyard::state::{LabName, Netns, NetnsName};
use netyard::{has_namespace, lab, survey};

use super::output::{DIM, styled};
use super::source;
use super::trouble::Trouble;
use crate::cni;

/// The labs that are meant where labs are asked for: the one of this name, or all by which a
/// container of this name or number has its interfaces. That there is none of a name which
/// could be a lab's is for the verb to say.
pub(crate) fn labs(word: &str) -> Result<Vec<LabName>, Trouble> {
    let lab = word.parse::<LabName>();
    if let Ok(lab) = &lab
        && lab::is_up(lab)?
    {
        return Ok(vec![lab.clone()]);
    }
    let of: Vec<LabName> = of_container(word)?
        .into_iter()
        .map(|(lab, _)| lab)
        .collect();
    match lab {
        Ok(lab) if of.is_empty() => Ok(vec![lab]),
        Err(_) if of.is_empty() => {
            let said = format!("no lab or container is called `{word}`");
            Err(Trouble::input(codes::NO_SUCH_LAB, said).hint("`netyard list` shows all of them"))
        }
        _ => Ok(of),
    }
}

/// Those of several words, each once.
pub(crate) fn all_labs(words: &[String]) -> Result<Vec<LabName>, Trouble> {
    let mut all = Vec::new();
    for lab in words
        .iter()
        .map(|word| labs(word))
        .collect::<Result<Vec<_>, _>>()?
        .concat()
    {
        if !all.contains(&lab) {
            all.push(lab);
        }
    }
    Ok(all)
}

/// The namespace that is meant where one that is there is asked for.
pub(crate) fn namespace(word: &str) -> Result<Netns, Trouble> {
    if let Ok(netns) = word.parse()
        && has_namespace(&netns)
    {
        return Ok(netns);
    }
    let place = nameless(word)?.and_then(|place| place.parse().ok());
    place.ok_or_else(|| {
        let said = format!("there is no namespace `{word}`");
        Trouble::failed(codes::NO_SUCH_NAMESPACE, said)
    })
}

/// The labs of a container, and where each has it. It is meant by its name, its pod's name, its
/// number or the start of that.
pub(crate) fn of_container(word: &str) -> Result<Vec<(LabName, Netns)>, Trouble> {
    let is = |id: &str| {
        let (engine, id) = (String::new(), id.to_owned());
        Container { engine, id }.is_meant(word)
    };
    let (mut found, mut names) = (Vec::new(), BTreeSet::new());
    // Who may not read the journal knows of none.
    for lab in lab::list().unwrap_or_default() {
        let by_number = cni::container_of(&lab).is_some_and(|id| is(&id));
        let name = lab.name.clone();
        // What another netyard wrote may be unreadable to this one.
        let Ok(source) = source::recorded(lab) else {
            continue;
        };
        for (netns, container) in source.topology.containers() {
            if by_number || is(container.as_str()) {
                names.insert(container.as_str().to_owned());
                found.push((name.clone(), netns));
            }
        }
    }
    if names.len() > 1 {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = format!("`{word}` may be {}", names.join(" or "));
        return Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said).hint("write more of it"));
    }
    Ok(found)
}

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
        let Some(lab) = name
            .parse()
            .ok()
            .filter(|lab| is_known(lab).unwrap_or(false))
        else {
            return Meant::Any(name.to_owned());
        };
        if name
            .parse::<NetnsName>()
            .is_ok_and(|netns| has_namespace(&Netns::Named(netns)))
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

    /// Where that is in what was seen.
    pub(crate) fn find(&self, survey: &Survey) -> Result<Found, Trouble> {
        let (name, none) = match self {
            Meant::Lab(lab) => match is_known(lab)? {
                true => return Ok(Found::Lab(lab.clone())),
                false => return Err(self.nobody("no lab", false)),
            },
            Meant::Namespace(name) => (format!("ns:{name}"), "no namespace"),
            Meant::Any(name) => (name.clone(), "no namespace, container or lab"),
        };
        match (one(survey, &name)?, self) {
            (Some(one), _) => Ok(Found::Namespace(one.inode)),
            (None, Meant::Any(_)) if let Ok(lab) = name.parse() => match is_known(&lab)? {
                true => Ok(Found::Lab(lab)),
                false => Err(self.nobody(none, survey.hidden > 0)),
            },
            (None, _) => Err(self.nobody(none, survey.hidden > 0)),
        }
    }

    /// That part of what was seen.
    pub(crate) fn part(&self, survey: Survey) -> Result<Survey, Trouble> {
        Ok(self.find(&survey)?.of(survey))
    }

    fn nobody(&self, none: &str, hides: bool) -> Trouble {
        let name = match self {
            Meant::Lab(lab) => lab.as_str(),
            Meant::Namespace(name) | Meant::Any(name) => name,
        };
        let said = format!("{none} is called `{name}`");
        let trouble = Trouble::failed(codes::NO_SUCH_NAMESPACE, said);
        let trouble = trouble.hint("`netyard show` shows all that there are");
        match self {
            // Labs, and namespaces that have a name, are all seen.
            Meant::Any(_) if hides => trouble
                .cause("it may be one that only processes of others are in, which are not seen"),
            _ => trouble,
        }
    }
}

/// What was meant, and is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A namespace, by its number.
    Namespace(u64),
    /// All of a lab, up or not.
    Lab(LabName),
}

impl Found {
    /// The part of a survey that this is.
    pub(crate) fn of(&self, survey: Survey) -> Survey {
        let mut part = match self {
            Found::Namespace(inode) => survey.only(*inode),
            Found::Lab(lab) => survey.of_lab(lab),
        };
        // What is hidden elsewhere on the host is another matter.
        let mut devices = part.namespaces.iter().flat_map(|space| &space.devices);
        let leads_there = devices.any(|device| matches!(device.far, Some(Far::Unseen(_))));
        if !leads_there && part.namespaces.iter().all(|space| space.unread.is_none()) {
            part.unseen.clear();
        }
        part
    }

    /// Whether something happened there.
    pub(crate) fn is(&self, place: &Place) -> bool {
        match self {
            Found::Namespace(inode) => *inode == place.inode,
            Found::Lab(lab) => place.lab.as_ref() == Some(lab),
        }
    }
}

fn is_known(lab: &LabName) -> Result<bool, Trouble> {
    let all = lab::list().map_err(|error| {
        let cause = Trouble::from(error).into_parts().0.message;
        let said = format!("nothing is found that is called `{lab}`");
        Trouble::failed(codes::JOURNAL, said).cause(format!("labs are not known: {cause}"))
    })?;
    Ok(all.iter().any(|one| one.name == *lab))
}

/// The namespace that is meant by a name, if there is one.
fn one<'s>(survey: &'s Survey, name: &str) -> Result<Option<&'s Space>, Trouble> {
    match survey.find(&by_process(name)).as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let names: Vec<&str> = several.iter().map(|space| space.name.as_str()).collect();
            let said = format!("`{name}` may be {}", names.join(" or "));
            Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said).hint("write more of it"))
        }
    }
}

/// A process is meant by its namespace, which may be the one that netyard runs in, and so is
/// a path.
pub(crate) fn by_process(what: &str) -> Cow<'_, str> {
    let pid = what.strip_prefix("pid:");
    let pid = pid.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
    let path = match (pid, what.starts_with('/')) {
        (Some(pid), _) => format!("/proc/{pid}/ns/net"),
        (None, true) => what.to_owned(),
        (None, false) => return Cow::Borrowed(what),
    };
    match std::fs::metadata(path) {
        Ok(there) => Cow::Owned(format!("net:[{}]", there.ino())),
        Err(_) => Cow::Borrowed(what),
    }
}

/// `NAMESPACE` or `NAMESPACE:INTERFACE` of a namespace that is there.
fn is_place(word: &str) -> bool {
    let netns = word.rsplit_once(':').map_or(word, |(netns, _)| netns);
    netns.parse().is_ok_and(|netns| has_namespace(&netns))
}

/// Where it is now.
fn path(space: &Space) -> Option<String> {
    let host = space.host.then(|| "host".to_owned());
    let process = space.processes.first();
    let process = process.map(|process| format!("/proc/{}/ns/net", process.pid));
    let known = host.or_else(|| space.names.first().cloned());
    known.or(process).or_else(|| space.mounts.first().cloned())
}

/// The same of one that has no name: of a process (`pid:4711`), of a container that a lab is of,
/// or of what `show` calls `docker:0123456789ab` or `sleep:4711`.
fn nameless(word: &str) -> Result<Option<String>, Trouble> {
    if let Some(process) = word.strip_prefix("pid:") {
        let (pid, dev) = process.split_at(process.find(':').unwrap_or(process.len()));
        let place = format!("/proc/{pid}/ns/net{dev}");
        let number = pid.bytes().all(|byte| byte.is_ascii_digit());
        return Ok(Some(place).filter(|place| number && is_place(place)));
    }
    let (name, dev) = word.split_at(word.rfind(':').unwrap_or(word.len()));
    if let Some((_, netns)) = of_container(name)?.into_iter().next() {
        return Ok(Some(format!("{netns}{dev}")).filter(|place| is_place(place)));
    }
    if !word.contains(':') {
        return Ok(None);
    }
    let survey = survey::look()?;
    for (name, dev) in [(word, ""), (name, dev)] {
        if let Some(path) = one(&survey, name)?.and_then(path) {
            return Ok(Some(format!("{path}{dev}")));
        }
    }
    Ok(None)
}

/// Words of a command line with the namespaces of labs in the place of those, and paths in the
/// place of what has no name, up to the first word that names none of them.
pub(crate) fn places(words: &[String]) -> Result<Vec<String>, Trouble> {
    let mut all = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let there = is_place(word);
        // `NAMESPACE:INTERFACE` comes first.
        let meant = match there && (word == "host" || word.contains(':')) {
            true => Meant::Any(word.clone()),
            false => Meant::by(word),
        };
        match meant {
            Meant::Namespace(name) => all.push(name),
            Meant::Any(_) if there => all.push(word.clone()),
            Meant::Any(_) => match nameless(word)? {
                Some(place) => all.push(place),
                None => {
                    all.extend_from_slice(&words[number..]);
                    break;
                }
            },
            Meant::Lab(lab) => {
                let state = lab::observe(&lab)?;
                let own = state.namespaces.keys();
                let own = own.filter(|netns| **netns != Netns::Host);
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

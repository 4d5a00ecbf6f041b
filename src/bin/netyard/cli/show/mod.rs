pub(crate) mod cells;
mod text;

use std::borrow::Cow;
use std::process::ExitCode;

use netyard::report::codes;
use netyard::state::LabName;
use netyard::state::survey::Survey;
use netyard::{lab, survey};

use super::output;
use super::trouble::Trouble;

/// Show every network namespace of this host, and what is wired to what
///
/// Named namespaces, those of containers and of other processes, each once, with
/// devices of any kind, whoever made them: addresses, the other end of each cable,
/// routes; of one namespace or lab also neighbours, counters and processes. As an
/// ordinary user it shows what that user may see, and says what it could not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples: netyard show                all of this host
          netyard show one            a namespace, by its name
          netyard show two-pcs        a lab, by its name
          netyard show lab:three      one that has a namespace of its name
          netyard show pid:4711       the namespace of a process
          netyard show 0123456789ab   that of a container, by its number
          netyard show --json | jq '.namespaces[].name'")]
pub(crate) struct Args {
    /// A namespace, a lab or a container; `host` is the namespace that netyard runs in
    #[arg(value_name = "LAB|NS")]
    what: Option<String>,
    /// All of this host, as without an argument
    #[arg(long, conflicts_with = "what")]
    host: bool,
    /// Neighbours, counters and processes too
    #[arg(short, long)]
    long: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let whole = survey::look()?;
    let (survey, long) = match &args.what {
        None => (whole, args.long),
        Some(what) => (part(whole, what)?, true),
    };
    if args.json {
        return output::json(&survey);
    }
    text::show(&survey, long);
    Ok(ExitCode::SUCCESS)
}

/// What somebody means by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    /// A namespace, by its number.
    Namespace(u64),
    /// All of a lab, up or not.
    Lab(LabName),
}

/// What is meant; nothing where nobody is called so. A namespace is meant before a lab of
/// that name.
pub(crate) fn choose(survey: &Survey, what: &str) -> Result<Option<Meant>, Trouble> {
    if let Some(lab) = what.strip_prefix("lab:") {
        return known_lab(lab);
    }
    let what = &*meant(what);
    match survey.find(what).as_slice() {
        [] => known_lab(what),
        [one] => Ok(Some(Meant::Namespace(one.inode))),
        several => {
            let names: Vec<&str> = several.iter().map(|space| space.name.as_str()).collect();
            let said = format!("`{what}` may be {}", names.join(" or "));
            Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said).hint("write more of it"))
        }
    }
}

fn known_lab(name: &str) -> Result<Option<Meant>, Trouble> {
    let Ok(lab) = name.parse::<LabName>() else {
        return Ok(None);
    };
    let all = lab::list().map_err(|error| {
        let cause = Trouble::from(error).into_parts().0.message;
        nobody(name).cause(format!("labs are not known: {cause}"))
    })?;
    let is_known = all.iter().any(|one| one.name == lab);
    Ok(is_known.then_some(Meant::Lab(lab)))
}

fn nobody(name: &str) -> Trouble {
    let said = format!("no namespace, container or lab is called `{name}`");
    let trouble = Trouble::failed(codes::NO_SUCH_NAMESPACE, said);
    trouble.hint("`netyard show` shows all that there are")
}

impl Meant {
    /// The part of a survey that this is.
    pub(crate) fn of(&self, survey: Survey) -> Survey {
        match self {
            Meant::Namespace(inode) => survey.only(*inode),
            Meant::Lab(lab) => survey.of_lab(lab),
        }
    }
}

/// The part that somebody means by a name.
pub(crate) fn part(survey: Survey, what: &str) -> Result<Survey, Trouble> {
    Ok(certain(&survey, what)?.of(survey))
}

/// What is meant, where there must be something.
pub(crate) fn certain(survey: &Survey, what: &str) -> Result<Meant, Trouble> {
    choose(survey, what)?.ok_or_else(|| {
        let name = what.strip_prefix("lab:").unwrap_or(what);
        match survey.unseen.first() {
            Some(unseen) => nobody(name).cause(unseen.clone()),
            None => nobody(name),
        }
    })
}

/// A process is meant by its namespace, which may be the one that netyard runs in.
pub(crate) fn meant(what: &str) -> Cow<'_, str> {
    let pid = what.strip_prefix("pid:");
    let pid = pid.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
    let namespace = pid.and_then(|pid| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok());
    match namespace {
        Some(namespace) => Cow::Owned(namespace.to_string_lossy().into_owned()),
        None => Cow::Borrowed(what),
    }
}

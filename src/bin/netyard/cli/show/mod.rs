pub(crate) mod cells;
mod text;

use std::process::ExitCode;

use netyard::survey;

use super::meant::Meant;
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
          netyard show three          a lab, by its name
          netyard show ns:three       a namespace that a lab has the name of
          netyard show pid:4711       the namespace of a process
          netyard show 0123456789ab   that of a container, by its number
          netyard show --json | jq '.namespaces[].name'")]
pub(crate) struct Args {
    /// A lab, a namespace (also `ns:NAME`) or a container; `host` is the namespace that netyard runs in
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
        Some(what) => (Meant::by(what).part(whole)?, true),
    };
    if args.json {
        return output::json(&survey);
    }
    text::show(&survey, long);
    Ok(ExitCode::SUCCESS)
}

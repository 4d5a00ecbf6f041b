use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;

use super::output::{Trouble, say};

/// Print the manual page: `netyard man | man -l -`; with a verb, that of the verb
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A verb, such as `up`
    verb: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut command = super::Cli::command();
    command.build();
    let page = match &args.verb {
        None => command,
        Some(verb) => command.find_subcommand(verb).cloned().ok_or_else(|| {
            Trouble::input(format!("there is no verb `{verb}`: see `netyard --help`"))
        })?,
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    say!("{}", String::from_utf8_lossy(&text).trim_end());
    Ok(ExitCode::SUCCESS)
}

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::output::{Trouble, say};

/// Print completions for a shell: `source <(netyard completions bash)`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut text = Vec::new();
    generate(args.shell, &mut super::Cli::command(), "netyard", &mut text);
    say!("{}", String::from_utf8_lossy(&text).trim_end());
    Ok(ExitCode::SUCCESS)
}

use std::process::ExitCode;

use super::output::Trouble;

/// Prove with packets what the file expects
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The lab's name, or its topology file
    #[arg(value_name = "FILE|LAB")]
    target: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    super::source::topology_of(&args.target)?;
    Err(Trouble::failed("later"))
}

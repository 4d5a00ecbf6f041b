use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::process::{Command, ExitCode};

use netyard::state::Netns;

use super::output::Trouble;

/// Run a program in a namespace; a shell if none is given
///
/// The exit code is the program's; 127 means that there is no such program, 126
/// that it cannot be run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The namespace; `host` is the one netyard runs in
    netns: String,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let netns: Netns = args
        .netns
        .parse()
        .map_err(|e| Trouble::input(format!("{e}")))?;
    if let Some(name) = netns.name()
        && !netyard::has_namespace(name)
    {
        return Err(Trouble::failed(format!("there is no namespace `{name}`"))
            .hint("`netyard list` shows those of the labs, `ip netns` all that have a name"));
    }
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let mut words = args.command.iter();
    let program = words.next().unwrap_or(&shell);
    if args.command.is_empty() && std::io::stdin().is_terminal() {
        anstream::eprintln!("a shell in namespace {netns}; `exit` leaves it");
    }
    let mut command = Command::new(program);
    command.args(words);
    let error = netyard::exec(&netns, &mut command);
    let said = format!("{} in namespace {netns}: {error}", program.display());
    match error.kind() {
        ErrorKind::NotFound => Ok(Trouble::failed(said).exit_with(127)),
        ErrorKind::PermissionDenied => Ok(Trouble::failed(said)
            .hint("entering a namespace needs root")
            .exit_with(126)),
        _ => Ok(Trouble::failed(said).exit_with(126)),
    }
}

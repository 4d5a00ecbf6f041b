use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::process::{Command, ExitCode};

use netyard::report::codes;
use netyard::state::Netns;

use super::trouble::Trouble;

/// Run a program in a namespace; a shell if none is given
///
/// The lab's namespaces are known by name inside: `ping three`. The exit code is the
/// program's; 127 means that there is no such program, 126 that it cannot be run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard exec one -- ping 10.0.0.20
          netyard exec one                 a shell in there")]
pub(crate) struct Args {
    /// The namespace; `host` is the one netyard runs in
    netns: Netns,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    enter(&args.netns, &args.command)
}

/// Becomes a program in a namespace that is there.
pub(crate) fn enter(netns: &Netns, words: &[OsString]) -> Result<ExitCode, Trouble> {
    if let Some(name) = netns.name()
        && !netyard::has_namespace(name)
    {
        let message = format!("there is no namespace `{name}`");
        return Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, message));
    }
    let banner = format!("a shell in namespace {netns}; `exit` leaves it");
    Err(become_program(netns, words, &banner))
}

/// Becomes the program; or a shell, with a banner on a terminal. Returns when that failed.
pub(crate) fn become_program(netns: &Netns, words: &[OsString], banner: &str) -> Trouble {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    if words.is_empty() && std::io::stdin().is_terminal() {
        anstream::eprintln!("{banner}");
    }
    let mut words = words.iter();
    let program = words.next().unwrap_or(&shell);
    let mut command = Command::new(program);
    command.args(words);
    let error = netyard::exec(netns, &mut command);
    let said = format!("{} in namespace {netns}: {error}", program.display());
    let said = Trouble::failed(codes::CANNOT_RUN, said);
    match error.kind() {
        ErrorKind::NotFound => said.exit(127),
        ErrorKind::PermissionDenied => said
            .hint("entering a namespace needs root; a program needs the execute permission")
            .exit(126),
        _ => said.exit(126),
    }
}

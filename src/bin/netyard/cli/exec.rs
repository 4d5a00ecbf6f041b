use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;
use std::process::{Command, ExitCode};

use netyard::error::Failure;
use netyard::may_administer;
use netyard::report::codes;
use netyard::state::Netns;

use super::meant;
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
    /// The namespace, or a container; `host` is the one netyard runs in
    netns: String,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    enter(&args.netns, &args.command)
}

/// Becomes a program in a namespace that is there.
pub(crate) fn enter(place: &str, words: &[OsString]) -> Result<ExitCode, Trouble> {
    let netns = meant::namespace(place)?;
    let banner = format!("a shell in namespace {place}; `exit` leaves it");
    Err(become_program(&netns, words, &banner))
}

/// Becomes the program; or a shell, with a banner on a terminal. Returns when that failed.
pub(crate) fn become_program(netns: &Netns, words: &[OsString], banner: &str) -> Trouble {
    if words.is_empty() && std::io::stdin().is_terminal() {
        anstream::eprintln!("{banner}");
    }
    // Set to nothing it is as good as not set.
    let users = std::env::var_os("SHELL").filter(|shell| words.is_empty() && !shell.is_empty());
    let shell = users.clone().unwrap_or_else(|| "/bin/sh".into());
    let (program, arguments) = words.split_first().unwrap_or((&shell, &[]));
    failed(
        netns,
        Command::new(program).args(arguments),
        users.is_some(),
    )
}

/// The same with a command as it is.
pub(crate) fn become_command(netns: &Netns, command: &mut Command) -> Trouble {
    failed(netns, command, false)
}

fn failed(netns: &Netns, command: &mut Command, is_users_shell: bool) -> Trouble {
    let error = netyard::exec(netns, command);
    let program = command.get_program();
    let exit = match error.kind() {
        ErrorKind::NotFound => 127,
        _ => 126,
    };
    let name = match is_users_shell {
        true => format!("$SHELL, which is `{}`,", program.display()),
        false => format!("`{}`", program.display()),
    };
    let more = known(netns, program, is_users_shell, error.kind());
    let said = Failure::from(error);
    let said = format!("cannot run {name} in namespace {netns}: {said}");
    let trouble = Trouble::failed(codes::CANNOT_RUN, said).exit(exit);
    match more {
        Some((cause, hint)) => trouble.cause(cause).hint(hint),
        None => trouble,
    }
}

/// The cause, and what to do, where more can be said than the code says.
fn known(
    netns: &Netns,
    program: &OsStr,
    is_users_shell: bool,
    kind: ErrorKind,
) -> Option<(&'static str, &'static str)> {
    let denied = kind == ErrorKind::PermissionDenied;
    let (cause, hint) = if program.is_empty() {
        (
            "the name of the program is empty, as a quoted variable may be",
            "give the name of a program, or none at all for a shell",
        )
    } else if denied && *netns != Netns::Host && !may_administer() {
        ("entering a namespace needs root", codes::NOT_ROOT.fix)
    } else if is_users_shell && (denied || kind == ErrorKind::NotFound) {
        (
            "the environment names a shell that cannot be run",
            "name another: `SHELL=/bin/sh netyard ...`",
        )
    } else if denied && Path::new(program).is_dir() {
        ("it is a directory", codes::CANNOT_RUN.fix)
    } else if denied {
        (
            "it has no execute permission, or a directory on the way to it has none",
            "`chmod +x FILE` gives it; `sh FILE` runs a script without it",
        )
    } else {
        return None;
    };
    Some((cause, hint))
}

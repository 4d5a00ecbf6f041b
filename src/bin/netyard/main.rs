//! The netyard program: arguments in, the library's answers out.
//!
//! Exit codes: 0 done, 1 not done or not as expected, 2 the command line or the
//! file is wrong, 130 interrupted; those of `exec`, `run` and `shell` are their
//! program's.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod cli;
mod cni;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = std::env::var_os("CNI_COMMAND");
    let asked = command.as_ref().is_some_and(|command| !command.is_empty());
    match command {
        _ if !asked && cni::is_called_as_plugin() => cni::about(),
        Some(_) => cni::run(),
        None => cli::run(),
    }
}

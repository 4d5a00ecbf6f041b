//! The netyard program: arguments in, the library's answers out.
//!
//! Exit codes: 0 done, 1 not done or not as expected, 2 the command line or the
//! file is wrong.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}

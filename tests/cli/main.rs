//! The program's manners, where no kernel is needed: starters, errors as JSON, colours,
//! help, and files that would use up time or memory.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod errors;
mod graph;
mod import;
mod limits;
mod manners;
mod shapes;
mod starters;

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the program said and how it ended.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

fn netyard(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netyard"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"] {
        command.env_remove(name);
    }
    command
}

fn run(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn outcome(arguments: &[&str]) -> Outcome {
    run(netyard(arguments))
}

/// An empty directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The verbs, as the help lists them.
fn verbs() -> Vec<String> {
    let help = outcome(&["--help"]).out;
    let list = help.split("Commands:").nth(1).unwrap();
    let list = list.split("Options:").next().unwrap();
    // A description that is broken goes on further to the right.
    let lines = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs = lines.map(|line| line.split_whitespace().next().unwrap().to_owned());
    verbs.filter(|verb| verb != "help").collect()
}

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use netyard::report::codes;
use netyard::state::LabName;

use super::output::{BOLD, say, styled};
use super::trouble::Trouble;

/// Write a topology file to begin with: an example, with comments
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard init web                       writes web.yaml
          netyard init web --example internet    with a way out through the host
          netyard init -                         prints the example as it is")]
pub(crate) struct Args {
    /// The lab's name; the file is NAME.yaml, and none is overwritten. `-` prints it
    name: String,
    /// What to begin with
    #[arg(long, value_name = "EXAMPLE", default_value = "three")]
    example: Example,
}

/// The files in the repository's `examples`, which the tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Example {
    /// Two namespaces and one cable
    TwoPcs,
    /// Three namespaces on a switch that the host has an address on
    Three,
    /// The same with a way out: masquerade and forwarding
    Internet,
    /// IPv4 and IPv6 side by side
    DualStack,
    /// Four namespaces in a line, static routes
    Routers,
}

impl Example {
    fn text(self) -> &'static str {
        match self {
            Example::TwoPcs => include_str!("../../../../examples/two-pcs.yaml"),
            Example::Three => include_str!("../../../../examples/three.yaml"),
            Example::Internet => include_str!("../../../../examples/internet.yaml"),
            Example::DualStack => include_str!("../../../../examples/dual-stack.yaml"),
            Example::Routers => include_str!("../../../../examples/routers.yaml"),
        }
    }

    /// The example as a lab of this name.
    fn named(self, lab: &LabName) -> String {
        let rename = |line: &str| match line.strip_prefix("lab: ") {
            Some(_) => format!("lab: {lab}\n"),
            None => format!("{line}\n"),
        };
        self.text().lines().map(rename).collect()
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    if args.name == "-" {
        say!("{}", args.example.text().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let name = args.name.strip_suffix(".yaml").unwrap_or(&args.name);
    let lab: LabName = name.parse().map_err(|e| {
        Trouble::input(codes::BAD_NAME, format!("{e}"))
            .hint("give a lab's name, such as `web`: the file is written to this directory")
    })?;
    let file = format!("{lab}.yaml");
    let made = OpenOptions::new().write(true).create_new(true).open(&file);
    made.and_then(|mut made| made.write_all(args.example.named(&lab).as_bytes()))
        .map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                Trouble::failed(codes::FILE_EXISTS, format!("{file} exists already"))
            }
            _ => Trouble::failed(codes::CANNOT_WRITE, format!("cannot write {file}: {e}"))
                .hint("change to another directory, or print it with `netyard init -`"),
        })?;
    let styled = |command: &str| styled(BOLD, format!("netyard {command} {file}"));
    say!("{file} is written; read it, change it, then");
    say!(
        "  {}   a shell in it, without root; or as root",
        styled("run")
    );
    say!("  {}    make the network", styled("up"));
    say!("  {}  prove it with packets", styled("test"));
    say!("  {}  leave nothing behind", styled("down"));
    Ok(ExitCode::SUCCESS)
}

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use netyard::error::Error;
use netyard::report::codes;
use netyard::state::LabName;
use netyard::topology::Shape;

use super::output::{BOLD, say, styled};
use super::trouble::Trouble;

/// Write a topology file to begin with: an example or a shape, with comments
///
/// Shapes: `tree:FANOUT,DEPTH` (FANOUT to the power of DEPTH hosts), `line:N` (N hosts in a
/// row), `star:N` (N hosts on a switch), `mesh:N` (N hosts, each joined to each other),
/// `fat-tree:K` (of switches with K ports), `dumbbell:N` (N hosts on each side of a slow
/// cable). Every verb that takes a file takes a shape in its place.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard init web                       writes web.yaml
          netyard init web --example internet    with a way out through the host
          netyard init tree:3,2                  writes tree-3-2.yaml
          netyard init star:10 office            writes office.yaml
          netyard init -                         prints the example as it is
          netyard init mesh:4 -                  prints a shape")]
pub(crate) struct Args {
    /// The lab's name, or a shape; the file is NAME.yaml, and none is overwritten. `-` prints it
    #[arg(value_name = "NAME|SHAPE")]
    what: String,
    /// The name of a lab of that shape; without it as in `tree-3-2`
    name: Option<String>,
    /// What to begin with, if that is no shape; `three` if nothing is given
    #[arg(long, value_name = "EXAMPLE", conflicts_with = "name")]
    example: Option<Example>,
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

/// What a file is made from.
enum Starter {
    Example(Example),
    Shape(Shape),
}

impl Starter {
    /// As it is when no name is given.
    fn text(&self) -> String {
        match self {
            Starter::Example(example) => example.text().to_owned(),
            Starter::Shape(shape) => shape.file(&shape.lab()),
        }
    }

    fn named(&self, lab: &LabName) -> String {
        match self {
            Starter::Example(example) => example.named(lab),
            Starter::Shape(shape) => shape.file(lab),
        }
    }
}

/// What is meant, and the name to be given to it.
fn starter(args: &Args) -> Result<(Starter, String), Trouble> {
    if args.name.is_none() && !Shape::is_meant(&args.what) {
        let example = args.example.unwrap_or(Example::Three);
        return Ok((Starter::Example(example), args.what.clone()));
    }
    if args.example.is_some() {
        let message = format!("`{}` is a shape, and no example is one", args.what);
        return Err(Trouble::input(codes::USAGE, message).hint("leave `--example` out"));
    }
    let shape: Shape = args.what.parse().map_err(Error::from)?;
    let name = args.name.clone();
    let name = name.unwrap_or_else(|| shape.lab().to_string());
    Ok((Starter::Shape(shape), name))
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (starter, name) = starter(args)?;
    if name == "-" {
        say!("{}", starter.text().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let name = name.strip_suffix(".yaml").unwrap_or(&name);
    let lab: LabName = name.parse().map_err(|e| {
        Trouble::input(codes::BAD_NAME, format!("{e}"))
            .hint("give a lab's name, such as `web`: the file is written to this directory")
    })?;
    let file = format!("{lab}.yaml");
    write(&file, &starter.named(&lab))?;
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

/// A new file; none is written over another.
pub(crate) fn write(file: &str, text: &str) -> Result<(), Trouble> {
    let made = OpenOptions::new().write(true).create_new(true).open(file);
    made.and_then(|mut made| made.write_all(text.as_bytes()))
        .map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                Trouble::failed(codes::FILE_EXISTS, format!("{file} exists already"))
            }
            _ => Trouble::failed(codes::CANNOT_WRITE, format!("cannot write {file}: {e}"))
                .hint("change to another directory, or print it with `netyard init -`"),
        })
}

use std::process::ExitCode;

use netyard::topology::{NotImported, import};

use super::output::{DIM, say, styled};
use super::trouble::Trouble;
use super::{init, source};

/// Make a topology file of the wiring of a containerlab file
///
/// Nodes become namespaces, those of kind `bridge` networks; links, and addresses and routes
/// that `exec` gives by `ip`, become what they are here. A namespace runs no image: what has
/// no meaning for it is told with its place, and stands in comments above the file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard import lab.clab.yml                  prints the file
          netyard import lab.clab.yml -o lab.yaml      writes it
          netyard import lab.clab.yml | netyard up -")]
pub(crate) struct Args {
    /// The containerlab file; `-` reads standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// Write it to this file, which must not be there yet
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let text = source::text(&args.file)?;
    let name = source::origin(&args.file);
    let imported = import(&text).map_err(|error| match error {
        NotImported::File(error) => Trouble::file(&error, name),
        NotImported::Result(error) => Trouble::file(&error, &format!("{name} as a topology file")),
    })?;
    match &args.output {
        Some(file) => {
            init::write(file, &imported.file)?;
            say!("{file} is written; read it, then `netyard up {file}`");
        }
        None => say!("{}", imported.file.trim_end()),
    }
    for note in &imported.notes {
        anstream::eprintln!("{} {note}", styled(DIM, "note:"));
    }
    Ok(ExitCode::SUCCESS)
}

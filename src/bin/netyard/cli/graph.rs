use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use netyard::error::Error;
use netyard::ipam::Leases;
use netyard::report::codes;
use netyard::state::survey::Survey;
use netyard::topology::resolve;
use netyard::{graph, survey};

use super::meant::Meant;
use super::trouble::Trouble;
use super::{output, source};

/// Draw this host, a lab or a file: namespaces, switches, cables
///
/// Namespaces are rooms in the house that is the host; their interfaces are in the
/// walls, switches stand between them, and what leads out goes to a cloud. A file is
/// drawn as it asks for it, without root and without a look at this host. More than
/// 100 namespaces are drawn in groups of those that are alike.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard graph lab.yaml                    in this terminal
          netyard graph lab.yaml --as svg -o lab.svg
                                                    a picture for a document
          netyard graph --as html -o host.html      all of this host, as a page
          netyard graph three --as mermaid          for a README
          netyard graph lab.yaml --as dot | dot -Tpdf -o lab.pdf")]
pub(crate) struct Args {
    /// A topology file (`-` reads standard input), or a lab, a namespace (also
    /// `ns:NAME`) or a container of this host
    #[arg(value_name = "FILE|LAB|NS", value_hint = clap::ValueHint::FilePath)]
    what: Option<String>,
    /// All of this host, as without an argument
    #[arg(long, conflicts_with = "what")]
    host: bool,
    /// The form
    #[arg(long = "as", value_name = "FORM", default_value = "text")]
    form: Form,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For this terminal
    Text,
    /// A picture in light and dark, with details where one points
    Svg,
    /// A page with that picture, and a table of what it shows
    Html,
    /// For Graphviz
    Dot,
    /// For Mermaid, which many documents draw
    Mermaid,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (survey, title) = drawn(args.what.as_deref())?;
    let text = match args.form {
        Form::Text => graph::text(&survey, output::width()),
        Form::Svg => graph::svg(&survey, &title),
        Form::Html => graph::html(&survey, &title),
        Form::Dot => graph::dot(&survey, &title),
        Form::Mermaid => graph::mermaid(&survey, &title),
    };
    match &args.output {
        None => output::say!("{}", text.trim_end()),
        Some(path) => fs::write(path, text).map_err(|e| {
            let message = format!("cannot write {}: {e}", path.display());
            Trouble::failed(codes::CANNOT_WRITE, message)
        })?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be drawn, and what it is called.
fn drawn(what: Option<&str>) -> Result<(Survey, String), Trouble> {
    let Some(what) = what else {
        return Ok((survey::look()?, "host".to_owned()));
    };
    if source::is_file(what) {
        let topology = source::read(what)?.topology;
        let (state, _) = resolve(&topology, &Leases::default()).map_err(Error::from)?;
        return Ok((graph::survey(&state), format!("lab {}", topology.lab)));
    }
    let part = Meant::by(what).part(survey::look()?)?;
    Ok((part, what.to_owned()))
}

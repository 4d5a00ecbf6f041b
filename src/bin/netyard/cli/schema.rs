use std::process::ExitCode;

use netyard::topology;

use super::output;
use super::trouble::Trouble;

/// Print the JSON Schema of the topology file, for editors
///
/// With it they complete keys, show what they mean, and mark what is wrong. Editors that use yaml-language-server find the schema by a comment on the file's
/// first line: `# yaml-language-server: $schema=topology.schema.json`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard schema > topology.schema.json")]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<ExitCode, Trouble> {
    output::json(&topology::schema())
}

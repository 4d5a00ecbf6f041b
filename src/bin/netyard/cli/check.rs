use std::process::ExitCode;

use netyard::error::Error;
use netyard::ipam::Leases;
use netyard::state::Netns;
use netyard::topology::resolve;
use serde_json::json;

use super::output::{self, BOLD, say, styled};
use super::source;
use super::trouble::Trouble;

/// Check a topology file: no root, no kernel, nothing changed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard check lab.yaml")]
pub(crate) struct Args {
    /// The topology file (`-` reads standard input), or a shape as for `init`
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// Print the file's meaning as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let topology = source::read(&args.file)?.topology;
    resolve(&topology, &Leases::default()).map_err(Error::from)?;
    if args.json {
        return output::json(&json!({ "lab": topology.lab, "topology": topology }));
    }
    let count = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let named = topology
        .namespaces
        .keys()
        .filter(|netns| **netns != Netns::Host)
        .count();
    say!(
        "{}: lab {} is right: {}, {}, {}, {}",
        args.file,
        styled(BOLD, &topology.lab),
        count(named, "namespace"),
        count(topology.networks.len(), "network"),
        count(topology.links.len(), "link"),
        count(topology.expect.len(), "expectation"),
    );
    Ok(ExitCode::SUCCESS)
}

use std::process::ExitCode;

use netyard::ipam::Leases;
use netyard::topology::resolve;
use serde_json::json;

use super::output::{self, BOLD, Trouble, say, styled};
use super::source;

/// Check a topology file: no root, no kernel, nothing changed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The topology file; `-` reads standard input
    file: String,
    /// Print the file's meaning as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let topology = source::read(&args.file)?.topology;
    resolve(&topology, &Leases::default()).map_err(|e| Trouble::input(e.to_string()))?;
    if args.json {
        return output::json(&json!({ "lab": topology.lab, "topology": topology }));
    }
    let count = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let named = topology
        .namespaces
        .keys()
        .filter(|netns| netns.name().is_some())
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

use std::collections::BTreeMap;
use std::process::ExitCode;

use comfy_table::{Table, presets};
use netyard::lab;
use netyard::state::{IfName, LabName, LinkKind, NetState, Netns, NetworkName, is_link_local};
use serde_json::{Value, json};

use super::output::{self, say};
use super::trouble::Trouble;

/// Show the labs of this host, their namespaces and addresses
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard list three")]
pub(crate) struct Args {
    /// Only this lab
    lab: Option<LabName>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A device of a lab and where it is.
struct Row<'a> {
    netns: &'a Netns,
    dev: &'a IfName,
    addresses: Vec<String>,
    up: bool,
}

/// What the table shows of a namespace or a lab that has nothing to show.
const NOTHING: [&str; 3] = ["-", "", ""];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let states = match &args.lab {
        Some(lab) => vec![lab::observe(lab)?],
        None => lab::observe_all()?,
    };
    let labs = lab::list()?.into_iter();
    let external: BTreeMap<LabName, _> = labs.map(|lab| (lab.name, lab.external)).collect();
    let nothing = BTreeMap::new();
    let external = |state: &NetState| external.get(&state.lab).unwrap_or(&nothing);
    if args.json {
        let all = states.iter().map(|state| as_json(state, external(state)));
        return output::json(&all.collect::<Vec<_>>());
    }
    if states.is_empty() {
        say!("no lab is up");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["LAB", "NAMESPACE", "DEVICE", "STATE", "ADDRESSES"]);
    for state in &states {
        let mut lab = state.lab.as_str();
        let namespaces = by_namespace(state);
        if namespaces.is_empty() {
            table.add_row([lab, "-", "", "", "(nothing of it is there)"]);
        }
        for (netns, cells) in namespaces {
            let mut netns = netns.to_string();
            for [dev, up, addresses] in cells {
                // A lab and a namespace are named on their first lines.
                table.add_row([lab, &netns, &dev, &up, &addresses]);
                lab = "";
                netns.clear();
            }
        }
        for (network, of) in external(state) {
            table.add_row([
                lab,
                "-",
                network.as_str(),
                "",
                &format!("(network of lab {of})"),
            ]);
        }
    }
    say!("{}", table.trim_fmt());
    Ok(ExitCode::SUCCESS)
}

/// The lines of each namespace; one that has no device to show has a line too.
fn by_namespace(state: &NetState) -> BTreeMap<&Netns, Vec<[String; 3]>> {
    let own = state
        .namespaces
        .iter()
        .filter(|(_, ns)| ns.owner.as_ref() == Some(&state.lab));
    let mut all: BTreeMap<&Netns, Vec<[String; 3]>> =
        own.map(|(netns, _)| (netns, vec![])).collect();
    for row in rows(state) {
        let up = if row.up { "up" } else { "down" };
        let line = [row.dev.to_string(), up.to_owned(), row.addresses.join(" ")];
        all.entry(row.netns).or_default().push(line);
    }
    for lines in all.values_mut().filter(|lines| lines.is_empty()) {
        lines.push(NOTHING.map(str::to_owned));
    }
    all
}

/// The devices that tell something: on the host, those with an address or plugged
/// into nothing; in a namespace all, but `lo` only with an address of its own.
fn rows(state: &NetState) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (netns, namespace) in &state.namespaces {
        let host = *netns == Netns::Host;
        if !host && namespace.owner.as_ref() != Some(&state.lab) {
            continue;
        }
        for (dev, link) in &namespace.links {
            let port = link.master.is_some() && link.addresses.is_empty();
            let foreign = link.owner.as_ref() != Some(&state.lab);
            let idle = link.kind == LinkKind::Loopback && link.addresses.is_empty();
            if host && (foreign || port) || idle {
                continue;
            }
            let addresses = link.addresses.iter().filter(|a| !is_link_local(a));
            let addresses = addresses.map(ToString::to_string).collect();
            rows.push(Row {
                netns,
                dev,
                addresses,
                up: link.up,
            });
        }
    }
    rows
}

fn as_json(state: &NetState, external: &BTreeMap<NetworkName, LabName>) -> Value {
    let mut namespaces = serde_json::Map::new();
    for row in rows(state) {
        let devices = namespaces
            .entry(row.netns.to_string())
            .or_insert_with(|| json!({}));
        devices[row.dev.as_str()] = json!({ "up": row.up, "addresses": row.addresses });
    }
    for (netns, namespace) in &state.namespaces {
        if namespace.owner.as_ref() == Some(&state.lab) {
            namespaces
                .entry(netns.to_string())
                .or_insert_with(|| json!({}));
        }
    }
    json!({ "lab": state.lab, "namespaces": namespaces, "external": external })
}

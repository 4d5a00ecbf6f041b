use std::process::ExitCode;

use comfy_table::{Table, presets};
use netyard::lab;
use netyard::state::{IfName, LabName, LinkKind, NetState, Netns, is_link_local};
use serde_json::{Value, json};

use super::output::{self, Trouble, say};

/// Show the labs of this host, their namespaces and addresses
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this lab
    lab: Option<LabName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A device of a lab and where it is.
struct Row<'a> {
    netns: &'a Netns,
    dev: &'a IfName,
    addresses: Vec<String>,
    up: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut states = Vec::new();
    let labs = lab::list()?.into_iter();
    for lab in labs.filter(|lab| args.lab.as_ref().is_none_or(|wanted| *wanted == lab.name)) {
        states.push(lab::observe(&lab.name)?);
    }
    if args.json {
        return output::json(&states.iter().map(as_json).collect::<Vec<_>>());
    }
    if states.is_empty() {
        say!("no lab is up");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["LAB", "NAMESPACE", "DEVICE", "STATE", "ADDRESSES"]);
    for state in &states {
        let mut before = (String::new(), String::new());
        for row in rows(state) {
            let (lab, netns) = (state.lab.to_string(), row.netns.to_string());
            let shown = |text: &str, before: &str| {
                if text == before {
                    String::new()
                } else {
                    text.to_owned()
                }
            };
            let up = if row.up { "up" } else { "down" };
            let first = shown(&lab, &before.0);
            let second = shown(&netns, &before.1);
            table.add_row([
                first,
                second,
                row.dev.to_string(),
                up.to_owned(),
                row.addresses.join(" "),
            ]);
            before = (lab, netns);
        }
    }
    say!("{}", table.trim_fmt());
    Ok(ExitCode::SUCCESS)
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

fn as_json(state: &NetState) -> Value {
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
    json!({ "lab": state.lab, "namespaces": namespaces })
}

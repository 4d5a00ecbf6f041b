use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use comfy_table::{Table, presets};
use netyard::lab::{self, Described};
use netyard::state::{
    ContainerName, IfName, LabName, LinkKind, NetState, Netns, NetworkName, Published,
    is_link_local,
};
use serde_json::{Value, json};

use super::output::{self, say};
use super::trouble::Trouble;
use super::{meant, ports, source};

/// Show the labs of this host, their namespaces and addresses
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard list three")]
pub(crate) struct Args {
    /// Only this lab, or those of this container
    #[arg(value_name = "LAB|CONTAINER")]
    lab: Option<String>,
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
        Some(word) => (meant::labs(word)?.iter())
            .map(lab::observe)
            .collect::<Result<_, _>>()?,
        None => lab::observe_all()?,
    };
    let told = recorded(&states)?;
    let (published, containers) = (&told.published, &told.containers);
    let labs = lab::list()?.into_iter();
    let external: BTreeMap<LabName, _> = labs.map(|lab| (lab.name, lab.external)).collect();
    let nothing = BTreeMap::new();
    let external = |state: &NetState| external.get(&state.lab).unwrap_or(&nothing);
    if args.json {
        let labs = states.iter().map(|state| {
            let mut value = as_json(state, published, external(state));
            if let Some(of_lab) = containers.get(&state.lab).filter(|all| !all.is_empty()) {
                value["containers"] = json!(of_lab);
            }
            value
        });
        return output::json(&labs.collect::<Vec<_>>());
    }
    if states.is_empty() {
        say!("no lab is up");
        return Ok(ExitCode::SUCCESS);
    }
    say!("{}", table(&states, &told, external).trim_fmt());
    Ok(ExitCode::SUCCESS)
}

fn table<'s>(
    states: &'s [NetState],
    Recorded {
        published,
        containers,
        bare,
    }: &Recorded,
    external: impl Fn(&'s NetState) -> &'s BTreeMap<NetworkName, LabName>,
) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let with_ports = published.values().any(|ports| !ports.is_empty());
    let columns = ["LAB", "NAMESPACE", "DEVICE", "STATE", "ADDRESSES", "PORTS"];
    let shown = if with_ports { 6 } else { 5 };
    table.set_header(columns.iter().take(shown));
    for state in states {
        let mut lab = state.lab.as_str();
        let namespaces = by_namespace(state);
        if namespaces.is_empty() {
            let said = match bare.contains(&state.lab) {
                true => "(no device of its own)",
                false => "(nothing of it is there)",
            };
            table.add_row([lab, "-", "", "", said]);
        }
        for (netns, cells) in namespaces {
            let of_lab = published.get(&state.lab).into_iter().flatten();
            let mut ports = ports::short(of_lab.filter(|one| one.netns == *netns));
            let container = containers.get(&state.lab).and_then(|all| all.get(netns));
            let mut netns = match container {
                Some(name) => format!("{netns} ({})", name.short()),
                None => netns.to_string(),
            };
            for [dev, up, addresses] in cells {
                // A lab and a namespace are named on their first lines.
                let cells = [lab, &netns, &dev, &up, &addresses, &ports];
                table.add_row(cells.iter().take(shown));
                lab = "";
                netns.clear();
                ports.clear();
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
    table
}

/// What the files tell with which labs were last brought up.
#[derive(Default)]
struct Recorded {
    published: BTreeMap<LabName, BTreeSet<Published>>,
    containers: BTreeMap<LabName, BTreeMap<Netns, ContainerName>>,
    /// Those that have no device, as a routed network has none.
    bare: BTreeSet<LabName>,
}

fn recorded(states: &[NetState]) -> Result<Recorded, Trouble> {
    let shown = |lab: &Described| states.iter().any(|state| state.lab == lab.name);
    let mut all = Recorded::default();
    for lab in lab::list()?.into_iter().filter(shown) {
        let name = lab.name.clone();
        // A file of another netyard's may say what this one cannot read.
        if let Ok(source) = source::recorded(lab) {
            // Nor may what it leaves open be decided any more.
            let desired = lab::desired(&source.topology).ok();
            let has_none = |state: &NetState| {
                let mut all = state.namespaces.values();
                all.all(|namespace| namespace.links.is_empty())
            };
            if desired.as_ref().is_some_and(has_none) {
                all.bare.insert(name.clone());
            }
            let host = desired.and_then(|mut all| all.namespaces.remove(&Netns::Host));
            let published = host.unwrap_or_default().published;
            all.published.insert(name.clone(), published);
            let containers = source.topology.containers();
            all.containers.insert(name, containers.collect());
        }
    }
    Ok(all)
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
            let foreign = netns.made().is_none() && !state.owns(link);
            let idle = link.kind == LinkKind::Loopback && link.addresses.is_empty();
            if foreign || host && port || idle {
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

fn as_json(
    state: &NetState,
    published: &BTreeMap<LabName, BTreeSet<Published>>,
    external: &BTreeMap<NetworkName, LabName>,
) -> Value {
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
    let published = published.get(&state.lab).cloned().unwrap_or_default();
    json!({
        "lab": state.lab,
        "namespaces": namespaces,
        "published": published,
        "external": external,
    })
}

//! A network of CNI is a lab: a bridge, with what the host is to it. It is made with the first
//! attachment, and stays until `GC` finds none.

use ipnet::IpNet;
use netyard::lab::{self, Described, Journal};
use netyard::state::{Family, LabName, NetworkName};
use netyard::topology::{self, lab_name};
use serde_json::{Value, json};

use super::config::{Config, Kind, Role, subnets_of};
use super::failure::{Code, Failure};

/// The lab of a network.
pub(super) fn lab_of(network: &str) -> LabName {
    let name = format!("cni-{network}");
    let shortened = || lab_name(&name, &name);
    name.parse().unwrap_or_else(|_| shortened())
}

/// What the network is called in its lab.
pub(super) fn name_of(network: &str) -> NetworkName {
    let shortened = || lab_name(network, network).as_str().parse();
    // `host` is a namespace to every lab.
    let name = match network {
        "host" => shortened(),
        network => network.parse().or_else(|_| shortened()),
    };
    name.expect("the name of a lab can be that of a network")
}

/// The first line of its file: what tells it from a lab of somebody else's.
fn headline(network: &str) -> String {
    format!("# the CNI network {network}\n")
}

/// Whether a lab is that of a network, and not somebody else's of that name.
pub(super) fn is_network(lab: &Described, network: &str) -> bool {
    lab.name == lab_of(network) && lab.source.starts_with(&headline(network))
}

/// Makes the network as the configuration has it, if it is not there so.
pub(super) fn ensure(config: &Config, journal: Journal) -> Result<Journal, Failure> {
    match wanted(config, &journal)? {
        (_, true) => Ok(journal),
        (_, false) => hold(config, journal),
    }
}

/// The same, and nobody changes it before who attaches by that journal is there: others may
/// want it with subnets of theirs alone as long as nobody is.
pub(super) fn hold(config: &Config, journal: Journal) -> Result<Journal, Failure> {
    let journal = journal.hold()?;
    let (source, _) = wanted(config, &journal)?;
    bring_up(&source, journal.another()?)?;
    Ok(journal)
}

/// Whether it could be made, or is there. Nothing is changed.
pub(super) fn can_be(config: &Config) -> Result<(), Failure> {
    let (source, _) = wanted(config, &Journal::open()?)?;
    lab::plan(&topology::parse(&source)?)?;
    Ok(())
}

/// The file that it shall be there with, and whether it was brought up with that.
fn wanted(config: &Config, journal: &Journal) -> Result<(String, bool), Failure> {
    let lab = lab_of(&config.name);
    let known = journal.find(&lab)?;
    let head = headline(&config.name);
    let mut wanted = topology_of(config);
    if let Some(known) = &known {
        let Some(recorded) = known.source.strip_prefix(&head) else {
            let msg = format!("lab `{lab}` is not that of the CNI network {}", config.name);
            return Err(Failure::new(Code::Refused, msg)
                .details(format!("take it down with `netyard down {lab}`")));
        };
        let recorded = serde_json::from_str(recorded).unwrap_or_default();
        if wanted != recorded && journal.is_used(&lab)? {
            let network = name_of(&config.name);
            same(&wanted, &recorded, &network)?;
            apart(&wanted, &recorded, &network)?;
            // Who is attached has the gateway for a way out.
            if config.gateway == Role::Nothing && gateways(&recorded, &network).is_some() {
                let mut kept = recorded.clone();
                keep_subnets(&mut kept, &wanted, &network);
                wanted = kept;
            } else {
                keep_subnets(&mut wanted, &recorded, &network);
            }
        }
        if known.whole && wanted == recorded {
            return Ok((known.source.clone(), true));
        }
    }
    Ok((format!("{head}{wanted:#}"), false))
}

/// Brings it up again where something of it is gone: by `GC` of another process, or by
/// somebody's hand. Says whether it was.
pub(super) fn restore(config: &Config) -> Result<bool, Failure> {
    let journal = Journal::open()?;
    match journal.find(&lab_of(&config.name))? {
        Some(known) => bring_up(&known.source, journal),
        None => ensure(config, journal).map(|_| true),
    }
}

/// Whether something was to be done.
fn bring_up(source: &str, journal: Journal) -> Result<bool, Failure> {
    let topology = topology::parse(source)?;
    let plan = journal.up(&topology, source, &mut ())?;
    Ok(!plan.is_empty())
}

/// The host's addresses on the network, where it has any.
fn gateways<'v>(lab: &'v Value, network: &NetworkName) -> Option<&'v Vec<Value>> {
    let at = format!("/networks/{network}/gateway");
    lab.pointer(&at)?.as_array()
}

/// Whoever is attached would be cut off: the host, and what is new, would be on another bridge,
/// or in another VLAN.
fn same(wanted: &Value, recorded: &Value, network: &NetworkName) -> Result<(), Failure> {
    let both = |key: &str| {
        let at = format!("/networks/{network}/{key}");
        [wanted, recorded].map(|lab| lab.pointer(&at))
    };
    let kind = |bridge: Option<&Value>| bridge.map_or("`ptp`", |_| "`bridge`").to_owned();
    let number = |vlan: Option<&Value>| vlan.map_or("none".to_owned(), Value::to_string);
    let bridges = both("bridge");
    let (what, values) = match bridges {
        [Some(_), Some(_)] => ("bridge", bridges.map(number)),
        [wanted, recorded] => ("kind", [wanted, recorded].map(kind)),
    };
    let changed = [(what, values), ("VLAN", both("vlan").map(number))];
    let Some((what, [wanted, recorded])) = changed.into_iter().find(|(_, [a, b])| a != b) else {
        return Ok(());
    };
    let msg = format!("the {what} of network {network} is {recorded}, and not yet {wanted}");
    let why = "it changes when no container is attached; `netyard list` shows who is";
    Err(Failure::new(Code::Refused, msg).details(why))
}

/// Whoever is attached has addresses of the old subnets: those stay, and new ones lie beside them.
fn apart(wanted: &Value, recorded: &Value, network: &NetworkName) -> Result<(), Failure> {
    let at = format!("/networks/{network}/subnets");
    let subnets = |lab: &Value| -> Vec<IpNet> {
        let all = lab.pointer(&at).and_then(Value::as_array).into_iter();
        let all = all.flatten().filter_map(|one| one.as_str()?.parse().ok());
        all.collect()
    };
    let old = subnets(recorded);
    let meets = |a: &IpNet, b: &IpNet| a != b && (a.contains(b) || b.contains(a));
    for new in subnets(wanted) {
        if let Some(old) = old.iter().find(|old| meets(old, &new)) {
            let msg = format!("the subnet of network {network} is {old}, and not yet {new}");
            let why = "it changes when no container is attached, and `netyard list` shows who is; \
                       until then only ranges beside it can be added";
            return Err(Failure::new(Code::Refused, msg).details(why));
        }
    }
    Ok(())
}

/// Those that somebody has addresses of are kept, with their gateways, when others take their
/// place.
fn keep_subnets(wanted: &mut Value, recorded: &Value, network: &NetworkName) {
    for key in ["subnets", "gateway"] {
        let at = format!("/networks/{network}/{key}");
        let before = recorded.pointer(&at).and_then(Value::as_array);
        if let Some(Value::Array(list)) = wanted.pointer_mut(&at) {
            for old in before.into_iter().flatten() {
                if !list.contains(old) {
                    list.push(old.clone());
                }
            }
        }
    }
}

/// The network as a topology file.
fn topology_of(config: &Config) -> Value {
    let name = name_of(&config.name);
    let ranges: Vec<_> = config.ranges().collect();
    let subnets = subnets_of(ranges.iter().copied());
    let mut network = json!({ "subnets": subnets });
    match &config.kind {
        Kind::Bridge(bridge) => network["bridge"] = json!(bridge),
        _ => network["routed"] = json!(true),
    }
    let gateways = subnets
        .iter()
        .filter_map(|subnet| config.gateway_in(subnet));
    let gateways: Vec<_> = gateways.collect();
    network["gateway"] = match config.gateway {
        Role::Nothing => {
            // Somebody else has it, as host-local supposes.
            network["exclude"] = json!(gateways);
            json!("none")
        }
        _ if gateways.is_empty() => json!("none"),
        _ => json!(gateways),
    };
    if ranges.iter().any(|range| range.is_part()) {
        network["ranges"] = ranges.iter().map(|range| range.to_string()).collect();
    }
    let routed = network["gateway"] != json!("none");
    // Containers publish their ports in labs of their own.
    if routed && config.kind.is_bridge() {
        network["localnet"] = json!(true);
    }
    if let Some(vlan) = config.vlans.network {
        network["vlan"] = json!(vlan);
    }
    if config.masquerade && routed {
        network["masquerade"] = json!(true);
    }
    if let Some(mtu) = config.mtu {
        network["mtu"] = json!(mtu);
    }
    let mut allow = Vec::new();
    if routed {
        for family in [Family::Ipv4, Family::Ipv6] {
            let all = match family {
                Family::Ipv4 => "0.0.0.0/0",
                Family::Ipv6 => "::/0",
            };
            if subnets.iter().any(|subnet| Family::of(subnet) == family) {
                allow.push(json!({ "from": all, "to": name }));
                allow.push(json!({ "from": name, "to": all }));
            }
        }
    }
    json!({ "lab": lab_of(&config.name), "networks": { name.as_str(): network }, "allow": allow })
}

//! `CHECK`: whether all is still there.

use std::net::IpAddr;

use ipnet::IpNet;
use netyard::lab::{self, Journal, Status};
use netyard::plan::{Change, Op, Plan, Setting, Sign};
use netyard::state::Netns;
use netyard::topology;
use serde_json::Value;

use super::add::published;
use super::attach::{Known, inode, lab_name_of, netns_of, publish, rate};
use super::call::Call;
use super::config::{Config, Ipam};
use super::failure::{Code, Failure};
use super::keys::invalid;
use super::network::lab_of;
use super::said::is_as_said;

pub(super) fn check(config: &Config, call: &Call) -> Result<(), Failure> {
    let said = config.before()?;
    let dev = call.dev()?.as_str();
    let own = lab_name_of(&config.name, &call.container, dev);
    let netns = netns_of(call)?;
    let network = (config.kind.has_network()).then(|| lab_of(&config.name));
    for name in network.into_iter().chain([own.clone()]) {
        let known = Journal::open()?.find(&name)?;
        let known = known.ok_or_else(|| {
            let what = format!("{dev} of container {}", call.container);
            let msg = format!("{what} is not attached to network {}", config.name);
            Failure::new(Code::Different, msg).details(format!("no lab `{name}` is up"))
        })?;
        let topology = topology::parse(&known.source)?;
        let mut paths = topology.namespaces.keys().filter_map(Netns::joined);
        if let Some(path) = paths.next()
            && inode(path.as_str()) != inode(netns.as_str())
        {
            let msg = format!("{dev} of {netns} is not attached: {path} is");
            return Err(Failure::new(Code::Different, msg));
        }
        if topology.lab == own {
            is_as_asked(config, call, &known.source)?;
        }
        let Status { drift, seen, .. } = lab::status(&topology)?;
        let drift = drift.map_err(netyard::error::Error::from)?;
        let missing = drift.steps.into_iter().filter(|step| is_missing(&step.op));
        let missing = Plan {
            steps: missing.collect(),
            ..drift
        };
        if let Some(first) = missing.steps.first() {
            let changes = missing.changes();
            // What comes and goes with something else is no change of its own.
            let alone = || format!("not as it was made: {}", first.op.object());
            let what = changes.first().map_or_else(alone, difference);
            let others = match changes.len().saturating_sub(1) {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            let msg = format!("{what}{others}");
            let details = format!("`netyard repair {name}` does it");
            return Err(Failure::new(Code::Different, msg).details(details));
        }
        if topology.lab == own {
            let said = said
                .as_ref()
                .ok_or_else(|| invalid("prevResult", "it is missing"))?;
            is_as_said(said, (config, call), &lab::desired(&topology)?, &seen)?;
        }
    }
    Ok(())
}

/// That the attachment was made with what the runtime asks for, which is what it asked `ADD`. Of
/// what it does not name nothing is said.
fn is_as_asked(config: &Config, call: &Call, source: &str) -> Result<(), Failure> {
    let dev = call.dev()?.as_str();
    let inside = Known::inside(source);
    let interface = &inside["interfaces"][dev];
    let different = |what: String, has: String| {
        let msg = format!(
            "{dev} of container {} was made without {what}",
            call.container
        );
        Err(Failure::new(Code::Different, msg).details(has))
    };
    let all = |has: Vec<String>| match has.is_empty() {
        true => "it has none".to_owned(),
        false => format!("it has {}", has.join(", ")),
    };
    let mut ports = Known::ports(source);
    // Some runtimes ask for the ports of a container on each of its networks.
    let missing = |ports: &[Value]| -> Result<Option<Value>, Failure> {
        let asked: Vec<Value> = (config.ports.iter().map(publish)).collect::<Result<_, _>>()?;
        Ok(asked.into_iter().find(|port| !ports.contains(port)))
    };
    if missing(&ports)?.is_some() {
        ports.extend(published(
            call,
            &lab_name_of(&config.name, &call.container, dev),
        )?);
        if let Some(port) = missing(&ports)? {
            let what = format!("the port mapping {}", shown(&port));
            return different(what, all(ports.iter().map(shown).collect()));
        }
    }
    let rate = rate(&config.bandwidth);
    if rate.is_some() && rate.as_ref() != interface.get("rate") {
        let has = interface.get("rate").map(Value::to_string);
        return different("this bandwidth".to_owned(), all(has.into_iter().collect()));
    }
    let named = interface["addresses"].as_array().into_iter().flatten();
    let named = named.filter_map(|net| net.as_str()?.parse().ok());
    let named: Vec<IpNet> = named.collect();
    let lacks = |ip: &&IpAddr| !named.iter().any(|net| net.addr() == **ip);
    // Another plugin gives what it likes.
    let delegated = matches!(config.ipam, Ipam::Other(_));
    match config.ips.iter().find(lacks) {
        Some(ip) if !delegated => {
            let has = named.iter().map(ToString::to_string).collect();
            different(format!("the address {ip}"), all(has))
        }
        _ => Ok(()),
    }
}

/// A port as in `tcp 8080 -> 80`.
fn shown(port: &Value) -> String {
    let word = |key: &str| match &port[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let at = match port.get("address") {
        Some(_) => format!("{} ", word("address")),
        None => String::new(),
    };
    format!(
        "{} {at}{} -> {}",
        word("protocol"),
        word("host"),
        word("port")
    )
}

/// What is different, in words.
fn difference(change: &Change) -> String {
    let place = match &change.netns {
        Netns::Host => "on the host".to_owned(),
        netns => format!("in {netns}"),
    };
    let what = &change.what;
    match change.sign {
        Sign::Make => format!("{what} is missing {place}"),
        Sign::Remove => format!("{what} is {place}, and was not made"),
        Sign::Change | Sign::Remake => format!("not as it was made {place}: {what}"),
    }
}

/// What plugins that come after this one may change as they like is no difference.
fn is_missing(op: &Op) -> bool {
    !matches!(
        op,
        Op::SetLink {
            set: Setting::Mac(_) | Setting::Mtu(_) | Setting::Qdisc(None),
            ..
        } | Op::DelAddress { .. }
            | Op::DelRoute { .. }
            | Op::SetLifetime { .. }
    )
}

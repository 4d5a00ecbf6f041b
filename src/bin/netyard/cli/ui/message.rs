//! What a page is told, as JSON.

use axum::body::Bytes;
use netyard::graph;
use netyard::monitor::LocalTime;
use netyard::state::happening::Happening;
use netyard::state::survey::{Device, Neighbour, Space, Survey};
use netyard::state::{Listener, Process};
use serde_json::{Value, json};

use crate::cli::monitor::{self, weight};
use crate::cli::show::cells;

/// A message of a stream of events (HTML, 9.2).
fn event(kind: &str, data: &Value) -> Bytes {
    format!("event: {kind}\ndata: {data}\n\n").into()
}

/// The picture, and what is in it by number; or why there is none.
pub(super) fn map(survey: &Survey, unseen: &[String], title: &str, why: Option<&str>) -> Bytes {
    let space = |space: &Space| {
        json!({
            "netns": space.inode, "name": space.name, "host": space.host, "lab": space.lab,
            "devices": space.devices.iter().map(brief).collect::<Vec<_>>(),
        })
    };
    let namespaces: Vec<Value> = survey.namespaces.iter().map(space).collect();
    let data = json!({
        "title": title, "gone": why.is_some(), "why": why, "unseen": unseen, "namespaces": namespaces,
        "svg": graph::svg(survey, title),
    });
    event("map", &data)
}

fn brief(device: &Device) -> Value {
    json!({
        "dev": device.index, "name": device.name, "kind": device.kind,
        "state": device.condition(), "carries": device.carries(),
    })
}

/// What each device has carried until now, at a time in seconds.
pub(super) fn counters(survey: &Survey, at: f64) -> Bytes {
    let each = survey.namespaces.iter().flat_map(|space| {
        let counted = move |device: &Device| {
            let c = &device.counters;
            // In the order of the page's COUNTED.
            json!([
                format!("{}:{}", space.inode, device.index),
                [c.rx_bytes, c.tx_bytes, c.rx_packets, c.tx_packets],
                [c.rx_errors, c.tx_errors, c.rx_dropped, c.tx_dropped]
            ])
        };
        space.devices.iter().map(counted)
    });
    let all: Vec<Value> = each.collect();
    event("counters", &json!({ "at": at, "devices": all }))
}

/// An event as `netyard monitor --json` prints it, and its words.
pub(super) fn happened(time: &LocalTime, one: &Happening) -> Bytes {
    let mut data = monitor::json::line(time, one);
    data["clock"] = json!(time.clock());
    data["words"] = json!(format!(
        "{}{}",
        monitor::noun(&one.event),
        monitor::words(one)
    ));
    data["good"] = json!(weight(&one.event));
    event("event", &data)
}

/// All of a namespace.
pub(super) fn namespace(space: &Space, listening: Result<Vec<Listener>, String>) -> Value {
    let process = |one: &Process| json!({ "pid": one.pid, "name": one.name });
    let socket = |one: &Listener| {
        json!({
            "protocol": one.protocol, "at": one.at.to_string(),
            "process": one.process.as_ref().map(process),
        })
    };
    let neighbour = |one: &Neighbour| {
        json!({
            "address": one.address, "dev": one.dev, "mac": one.mac, "state": one.state,
        })
    };
    let (sockets, unheard) = match listening {
        Ok(all) => (all.iter().map(socket).collect::<Vec<_>>(), None),
        Err(why) => (Vec::new(), Some(why)),
    };
    json!({
        "netns": space.inode, "name": space.name, "host": space.host, "lab": space.lab,
        "names": space.names, "unread": space.unread,
        "container": space.container.as_ref().map(|one| format!("{} {}", one.engine, one.short())),
        "forwards": [space.forwards.ipv4, space.forwards.ipv6],
        "devices": space.devices.iter().map(|device| at_length(space, device)).collect::<Vec<_>>(),
        "routes": space.routes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "rules": space.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "masquerades": space.masquerades,
        "published": space.published.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "neighbours": space.neighbours.iter().map(neighbour).collect::<Vec<_>>(),
        "listening": sockets, "unheard": unheard,
        "processes": space.processes.iter().map(process).collect::<Vec<_>>(),
    })
}

fn at_length(space: &Space, device: &Device) -> Value {
    let mut value = brief(device);
    let nets = device.addresses.iter().map(|address| address.net);
    value["addresses"] = json!(nets.collect::<Vec<_>>());
    value["mac"] = json!(device.mac);
    value["mtu"] = json!(device.mtu);
    value["wiring"] = json!(cells::wiring(space, device));
    value
}

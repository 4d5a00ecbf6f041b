//! An event as a line of JSON.

use netyard::monitor::LocalTime;
use netyard::state::happening::{
    Change, Event, Happening, LinkChange, NamespaceChange, Power, Ruleset,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) fn line(time: &LocalTime, one: &Happening) -> Value {
    let mut line = Map::new();
    let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
    put("time", json!(time.rfc3339()));
    if let Some(place) = &one.place {
        put("netns", json!(place.netns));
        put("inode", json!(place.inode));
        if let Some(lab) = &place.lab {
            put("lab", json!(lab));
        }
    }
    put("what", json!(what(&one.event)));
    if one.found {
        put("found", json!(true));
    }
    if let Value::Object(rest) = rest(&one.event) {
        line.extend(rest);
    }
    Value::Object(line)
}

fn what(event: &Event) -> String {
    match event {
        Event::Ruleset(_) => "ruleset".to_owned(),
        event => event.noun().to_string(),
    }
}

fn rest(event: &Event) -> Value {
    match event {
        Event::Link { dev, index, change } => {
            let mut value = link(change);
            value["dev"] = json!(dev);
            value["index"] = json!(index);
            value
        }
        Event::Address { dev, net, change } => {
            let mut value = changed(change);
            value["dev"] = json!(dev);
            value["address"] = json!(net);
            value
        }
        Event::Route(change) => {
            let mut value = changed(change);
            value["route"] = json!(change.latest().to_string());
            value
        }
        Event::Neighbour {
            dev,
            address,
            change,
        } => {
            let mut value = changed(change);
            value["dev"] = json!(dev);
            value["address"] = json!(address);
            value
        }
        Event::Rule(change) => {
            let rule = change.latest();
            let (family, text) = (if rule.v6 { "ipv6" } else { "ipv4" }, rule.to_string());
            json!({ "event": sign(change), "family": family, "rule": text })
        }
        Event::Ruleset(Ruleset { by, came, went }) => {
            let by = by
                .as_ref()
                .map(|(pid, name)| json!({ "pid": pid, "name": name }));
            let counted = |all: &[(&'static str, usize)]| -> Map<String, Value> {
                let one =
                    |(noun, count): &(&'static str, usize)| ((*noun).to_owned(), json!(count));
                all.iter().map(one).collect()
            };
            json!({ "event": "changed", "by": by, "new": counted(came), "gone": counted(went) })
        }
        Event::Namespace(change) => match change {
            NamespaceChange::New => json!({ "event": "new" }),
            NamespaceChange::Gone => json!({ "event": "gone" }),
            NamespaceChange::Renamed { old } => json!({ "event": "renamed", "old": old }),
        },
        Event::Lost => json!({ "event": "lost" }),
    }
}

fn sign<T>(change: &Change<T>) -> &'static str {
    match change {
        Change::New(_) => "new",
        Change::Gone(_) => "gone",
        Change::Changed { .. } => "changed",
    }
}

fn changed<T: Serialize>(change: &Change<T>) -> Value {
    let event = sign(change);
    match change {
        Change::New(new) => json!({ "event": event, "new": new }),
        Change::Gone(old) => json!({ "event": event, "old": old }),
        Change::Changed { old, new } => json!({ "event": event, "old": old, "new": new }),
    }
}

fn link(change: &LinkChange) -> Value {
    match change {
        LinkChange::New {
            kind,
            state,
            master,
            from,
        } => json!({
            "event": "new", "kind": kind, "state": state.to_string(), "master": master,
            "from": from,
        }),
        LinkChange::Gone { to } => json!({ "event": "gone", "to": to }),
        LinkChange::Power { old, new } => {
            let event = match new {
                Power::Off => "down",
                Power::NoCarrier => "no-carrier",
                Power::On => "up",
            };
            json!({ "event": event, "old": old.to_string(), "new": new.to_string() })
        }
        LinkChange::Renamed { old } => json!({ "event": "renamed", "old": old }),
        LinkChange::Mtu { old, new } => json!({ "event": "mtu", "old": old, "new": new }),
        LinkChange::Master { old, new } => json!({ "event": "master", "old": old, "new": new }),
        LinkChange::Mac { old, new } => json!({ "event": "mac", "old": old, "new": new }),
        LinkChange::Alias { old, new } => json!({ "event": "alias", "old": old, "new": new }),
    }
}

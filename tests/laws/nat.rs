//! Namespaces that are routers of some kind.

use netyard::topology::parse;
use serde_json::{Value, json};

use crate::spec::Spec;

/// The file with those that can be routers: which have a way out, and an address there.
pub(crate) fn with_routers(mut file: Value, spec: &Spec, name: impl Fn(u8) -> String) -> Value {
    for i in 0..3 {
        let namespace = spec.namespaces[usize::from(i)].as_ref();
        let Some(kind) = namespace.and_then(|namespace| namespace.nat) else {
            continue;
        };
        let mut with = file.clone();
        let of = &mut with["namespaces"][name(i)];
        (of["forward"], of["nat"]) = (json!(true), nat(kind));
        if parse(&with.to_string()).is_ok() {
            file = with;
        }
    }
    file
}

fn nat(kind: u8) -> Value {
    match kind {
        0 => json!("home"),
        1 => json!("symmetric"),
        2 => json!({ "kind": "home", "hairpin": true, "udp_timeout": 30, "ipv6": "none" }),
        3 => json!({ "kind": "full-cone", "udp_timeout": 300, "ipv6": "nat66" }),
        4 => json!({ "kind": "address-restricted", "filter": "corporate" }),
        _ => json!({ "kind": "none", "ipv6": "firewall", "filter": "no-udp" }),
    }
}

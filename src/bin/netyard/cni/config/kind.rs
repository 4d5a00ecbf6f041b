//! How a container is connected.

use std::fs;

use netyard::state::IfName;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::keys::{Keys, invalid, unsupported};
use super::{device, flag};

/// The bridge that the reference plugin takes, too.
const BRIDGE: &str = "cni0";

/// The kernel's IPv4 routes (proc_net(5)): device, destination, and more in each line.
const ROUTES: &str = "/proc/net/route";

/// By what a container is connected; each is what a reference plugin of this name does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// Ports of a bridge on the host.
    Bridge(IfName),
    /// A cable to the host, which routes.
    Ptp,
    /// A device that one of the host carries.
    Carried(Carried),
    /// Only `lo`.
    Loopback,
}

/// A device that one of the host carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Carried {
    /// As a topology file has it: `macvlan`, `ipvlan`, `vlan`.
    pub(in super::super) word: &'static str,
    pub(in super::super) settings: Value,
}

/// The plugins that netyard is by its name alone.
pub(in super::super) const NAMES: [&str; 6] =
    ["bridge", "ptp", "macvlan", "ipvlan", "vlan", "loopback"];

impl Kind {
    pub(in super::super) fn is_bridge(&self) -> bool {
        matches!(self, Kind::Bridge(_))
    }

    /// Whether the network is a lab, which the host is on.
    pub(in super::super) fn has_network(&self) -> bool {
        matches!(self, Kind::Bridge(_) | Kind::Ptp)
    }

    /// By the key `kind`, else by the name that the program was called by, else a bridge.
    pub(super) fn read(keys: &mut Keys, program: &str) -> Result<Self, Failure> {
        let named: Option<String> = keys.take("kind")?;
        match named.as_deref().unwrap_or(program) {
            "ptp" => Ok(Kind::Ptp),
            "loopback" => Ok(Kind::Loopback),
            "macvlan" => carried(keys, ("macvlan", "mode"), &["linkInContainer"]),
            "ipvlan" => carried(
                keys,
                ("ipvlan", "mode"),
                &["linkContainer", "linkInContainer"],
            ),
            "vlan" => carried(keys, ("vlan", "vlanId"), &["linkInContainer"]),
            "bridge" => Self::bridge(keys),
            other if named.is_some() => {
                let known = NAMES.join(", ");
                Err(invalid("kind", &format!("`{other}` is none of {known}")))
            }
            _ => Self::bridge(keys),
        }
    }

    fn bridge(keys: &mut Keys) -> Result<Self, Failure> {
        let name = device(keys, "bridge", Some(BRIDGE))?;
        // An address of netyard's own bridge is always the one that is asked for, and its
        // leases give none twice: there is nothing to force, and nothing to detect.
        for key in ["forceAddress", "enabledad"] {
            flag(keys, key)?;
        }
        refuse(keys, &["disableContainerInterface"])?;
        Ok(Kind::Bridge(name))
    }
}

/// Refuses flags that are on.
fn refuse(keys: &mut Keys, names: &[&'static str]) -> Result<(), Failure> {
    for name in names {
        if flag(keys, name)? {
            return Err(unsupported(name, &json!(true)));
        }
    }
    Ok(())
}

fn carried(
    keys: &mut Keys,
    (word, key): (&'static str, &'static str),
    refused: &[&'static str],
) -> Result<Kind, Failure> {
    refuse(keys, refused)?;
    let parent = match keys.take::<String>("master")? {
        Some(name) if !name.is_empty() => name,
        _ => way_out().ok_or_else(|| invalid("master", "it is missing, and no default route"))?,
    };
    let mut settings = json!({ "parent": parent });
    let own = keys.take::<Value>(key)?.filter(|value| *value != json!(""));
    let name = if word == "vlan" { "id" } else { "mode" };
    if let Some(value) = own {
        settings[name] = value;
    } else if word == "vlan" {
        return Err(invalid(key, "it is missing"));
    }
    Ok(Kind::Carried(Carried { word, settings }))
}

/// The device of the default route, which the reference plugins take for a parent that is not
/// named.
fn way_out() -> Option<String> {
    let routes = fs::read_to_string(ROUTES).ok()?;
    // Device, destination, gateway, flags, three counters, mask: `0.0.0.0/1` is no default route.
    routes.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_zero = |at: usize| fields.get(at).is_some_and(|field| *field == "00000000");
        (is_zero(1) && is_zero(7)).then(|| fields[0].to_owned())
    })
}

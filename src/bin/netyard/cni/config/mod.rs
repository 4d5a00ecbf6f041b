//! The network configuration that a runtime hands over: keys of the reference plugins bridge,
//! ptp, macvlan, ipvlan, vlan, loopback and host-local, with their meaning. A key that is not
//! known is refused.

mod asked;
mod ipam;
mod kind;
#[cfg(test)]
mod lax_tests;
#[cfg(test)]
mod misspelt;
#[cfg(test)]
mod tests;
mod vlan;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use netyard::ipam::first_host;
use netyard::state::{IfName, Mac};
use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, is_identifier};
use super::failure::{Code, Failure};
use super::keys::{Keys, find, invalid};
use super::lax::{Others, read};
use super::version::Version;
use asked::Asked;
pub(super) use asked::{Bandwidth, Dns, PortMapping, burst_of};
pub(super) use ipam::{Ipam, Range, Route, is_main, subnets_of};
pub(super) use kind::{Carried, Kind, NAMES};
pub(super) use vlan::Vlans;

/// What a network is like, and what is asked for one attachment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) version: Version,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What the host is to the network.
    pub(super) gateway: Role,
    pub(super) masquerade: bool,
    pub(super) mtu: Option<u32>,
    pub(super) hairpin: bool,
    pub(super) mac_check: bool,
    pub(super) isolated: bool,
    pub(super) vlans: Vlans,
    pub(super) mac: Option<Mac>,
    pub(super) ipam: Ipam,
    pub(super) dns: Dns,
    pub(super) ports: Vec<PortMapping>,
    pub(super) bandwidth: Bandwidth,
    /// Addresses that the runtime asks for.
    pub(super) ips: Vec<IpAddr>,
    pub(super) prev: Option<Value>,
}

/// What the host is to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Nothing,
    Gateway,
    DefaultGateway,
}

/// What is enough to take away: whatever else the configuration says by now.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Basics {
    pub(super) name: String,
    #[serde(default)]
    ipam: Value,
    /// As it is written; `null`, too.
    #[serde(skip)]
    valid: Option<Value>,
}

const VALID: &str = "cni.dev/valid-attachments";

/// One that a runtime knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Attachment {
    #[serde(rename = "containerID")]
    pub(super) container: String,
    pub(super) ifname: String,
}

impl Basics {
    pub(super) fn read(text: &[u8]) -> Result<Self, Failure> {
        let value: Value = serde_json::from_slice(text).map_err(not_json)?;
        // What is wrong with it is for `GC`.
        let valid = find(&value, VALID).cloned();
        let basics = Basics {
            valid,
            ..read(&value, Others::Ignored).map_err(not_json)?
        };
        match is_identifier(&basics.name) {
            true => Ok(basics),
            false => Err(no_name(&basics.name)),
        }
    }

    /// The attachments that a runtime knows, for `GC`.
    pub(super) fn valid(&self) -> Result<Vec<Attachment>, Failure> {
        let valid = self.valid.as_ref().ok_or_else(|| {
            let msg = "GC without `cni.dev/valid-attachments`";
            Failure::new(Code::InvalidConfig, msg)
        })?;
        // `null` is how a list without anything may be written.
        let valid = read::<Option<_>>(valid, Others::Ignored).map_err(|e| {
            let msg = "`cni.dev/valid-attachments` is no list of attachments";
            Failure::new(Code::Decode, msg).details(e.to_string())
        })?;
        Ok(valid.unwrap_or_default())
    }

    /// The other plugin that gives addresses, if one does.
    pub(super) fn delegate(&self) -> Option<&str> {
        let kind = find(&self.ipam, "type").and_then(Value::as_str);
        kind.filter(|kind| !ipam::is_own(kind))
    }
}

fn not_json(error: serde_json::Error) -> Failure {
    let msg = "standard input is not the JSON of a network";
    Failure::new(Code::Decode, msg).details(error.to_string())
}

fn no_name(name: &str) -> Failure {
    invalid("name", &format!("`{name}` is no name of a network"))
}

impl Config {
    /// Reads it. `call` may ask for an address, too; `program` is the name that netyard was
    /// called by.
    pub(super) fn read(text: &[u8], call: &Call, program: &str) -> Result<Self, Failure> {
        let value: Value = serde_json::from_slice(text).map_err(not_json)?;
        let mut keys = Keys::of("", value)?;
        let version = version(&mut keys)?;
        let name: Option<String> = keys.take("name")?;
        let name = name.ok_or_else(|| invalid("name", "it is missing"))?;
        if !is_identifier(&name) {
            return Err(no_name(&name));
        }
        keys.take::<String>("type")?;
        asked::capabilities(&mut keys)?;
        let mut asked = Asked::read(&mut keys, call)?;
        let kind = Kind::read(&mut keys, program)?;
        let (ipam, resolver) = Ipam::read(&mut keys, std::mem::take(&mut asked.sets))?;
        let dns = Dns::read(&mut keys)?;
        let config = Config {
            version,
            name,
            gateway: role(&mut keys, &kind)?,
            masquerade: flag(&mut keys, "ipMasq")?,
            mtu: keys.take("mtu")?.filter(|mtu| *mtu != 0),
            hairpin: hairpin(&mut keys, &kind)?,
            mac_check: kind.is_bridge() && flag(&mut keys, "macspoofchk")?,
            isolated: kind.is_bridge() && flag(&mut keys, "portIsolation")?,
            vlans: Vlans::read(&mut keys, &kind)?,
            kind,
            ipam,
            dns: [asked.dns, dns]
                .into_iter()
                .find(|dns| !dns.is_empty())
                .unwrap_or(resolver),
            mac: asked.mac,
            ports: asked.ports,
            bandwidth: asked.bandwidth,
            ips: asked.ips,
            prev: keys.take("prevResult")?,
        };
        if config.bandwidth != Bandwidth::default() && !config.kind.has_network() {
            let what = "only a cable to the host has limits: of kind bridge or ptp";
            return Err(invalid("runtimeConfig.bandwidth", what));
        }
        if !config.ports.is_empty() && !config.kind.has_network() {
            let what = "the host leads on only to its own networks: of kind bridge or ptp";
            return Err(invalid("runtimeConfig.portMappings", what));
        }
        keys.take::<String>("ipMasqBackend")?;
        keys.pass_over("cni.dev/");
        keys.end()?;
        Ok(config)
    }

    /// The sets that an address is given of, each.
    pub(super) fn sets(&self) -> &[Vec<Range>] {
        match &self.ipam {
            Ipam::Own { sets, .. } => sets,
            _ => &[],
        }
    }

    /// Every range of its own addresses, set by set.
    pub(super) fn ranges(&self) -> impl Iterator<Item = &Range> {
        self.sets().iter().flatten()
    }

    /// The routes that its addresses come with.
    pub(super) fn routes(&self) -> &[Route] {
        match &self.ipam {
            Ipam::Own { routes, .. } => routes,
            _ => &[],
        }
    }

    /// The gateway of the subnet that an address lies in; on a routed network it has a length
    /// of its own.
    pub(super) fn gateway_of(&self, address: &IpNet) -> Option<IpAddr> {
        let mut around = self.ranges().map(|range| range.subnet);
        let around = around.find(|subnet| subnet.contains(&address.addr()))?;
        self.gateway_in(&around)
    }

    /// The gateway of a subnet.
    pub(super) fn gateway_in(&self, subnet: &IpNet) -> Option<IpAddr> {
        let of_it = || self.ranges().filter(|range| range.subnet == *subnet);
        let first = of_it().next()?;
        let named = of_it().find_map(|range| range.gateway);
        Some(named.unwrap_or_else(|| first_host(&first.subnet)))
    }
}

/// All of a subnet's family.
pub(super) fn everything(of: &IpNet) -> Option<IpNet> {
    let address: IpAddr = match of {
        IpNet::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpNet::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    IpNet::new(address, 0).ok()
}

fn flag(keys: &mut Keys, key: &'static str) -> Result<bool, Failure> {
    Ok(keys.take(key)?.unwrap_or(false))
}

/// Of a bridge the configuration says it; a routed network has no other way out.
fn role(keys: &mut Keys, kind: &Kind) -> Result<Role, Failure> {
    if !kind.is_bridge() {
        return Ok(match kind {
            Kind::Ptp => Role::Gateway,
            _ => Role::Nothing,
        });
    }
    let default = flag(keys, "isDefaultGateway")?;
    Ok(match (flag(keys, "isGateway")?, default) {
        (_, true) => Role::DefaultGateway,
        (true, false) => Role::Gateway,
        (false, false) => Role::Nothing,
    })
}

/// Both ways to reach oneself by a translated address come to the same at the port.
fn hairpin(keys: &mut Keys, kind: &Kind) -> Result<bool, Failure> {
    if !kind.is_bridge() {
        return Ok(false);
    }
    match (flag(keys, "hairpinMode")?, flag(keys, "promiscMode")?) {
        (true, true) => Err(invalid("hairpinMode", "it excludes `promiscMode`")),
        (hairpin, promiscuous) => Ok(hairpin || promiscuous),
    }
}

/// The version that is asked for; without one it is 0.1.0, as the specification says.
fn version(keys: &mut Keys) -> Result<Version, Failure> {
    let text: String = keys.take("cniVersion")?.unwrap_or_default();
    text.parse().map_err(|()| {
        let msg = match text.as_str() {
            "" => "there is no `cniVersion`, which means the incompatible 0.1.0".to_owned(),
            asked => format!("incompatible CNI version {asked}"),
        };
        let all: Vec<&str> = Version::ALL.iter().map(|one| one.as_str()).collect();
        Failure::new(Code::IncompatibleVersion, msg).details(format!("spoken: {}", all.join(", ")))
    })
}

/// A value that is written as a text; an empty one counts as missing.
fn parsed<T: FromStr<Err: std::fmt::Display>>(
    keys: &mut Keys,
    key: &'static str,
) -> Result<Option<T>, Failure> {
    let Some(text) = keys.take::<String>(key)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let read = text.parse();
    read.map(Some)
        .map_err(|e| invalid(key, &format!("`{text}`: {e}")))
}

/// A device's name that cannot be left out.
fn device(keys: &mut Keys, key: &'static str, default: Option<&str>) -> Result<IfName, Failure> {
    match (parsed(keys, key)?, default) {
        (Some(name), _) => Ok(name),
        (None, Some(default)) => default.parse().map_err(|e| invalid(key, &format!("{e}"))),
        (None, None) => Err(invalid(key, "it is missing")),
    }
}

//! What a runtime asks for one attachment: by capabilities, `args` or `CNI_ARGS`, the first
//! that says something.

use std::net::IpAddr;

use netyard::state::Mac;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::call::Call;
use super::super::failure::Failure;
use super::super::keys::{Keys, invalid};
use super::ipam::{Range, range_sets};

/// What is only handed on. In a runtime's words, which have conventions of their own
/// (containernetworking/cni, CONVENTIONS.md), two keys are called otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Dns {
    #[serde(default, alias = "servers", skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) nameservers: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(in super::super) domain: String,
    #[serde(default, alias = "searches", skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) search: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) options: Vec<String>,
}

impl Dns {
    pub(in super::super) fn is_empty(&self) -> bool {
        *self == Dns::default()
    }
}

/// A port of the host that leads to one of the container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct PortMapping {
    pub(in super::super) host_port: u16,
    pub(in super::super) container_port: u16,
    #[serde(default = "tcp")]
    pub(in super::super) protocol: String,
    #[serde(default, rename = "hostIP")]
    pub(in super::super) host_ip: Option<String>,
}

fn tcp() -> String {
    "tcp".to_owned()
}

/// Limits, in bit/s and bits, as the reference plugin has them; 0 is none. `ingress` is what
/// the container receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Bandwidth {
    pub(in super::super) ingress_rate: u64,
    pub(in super::super) ingress_burst: u64,
    pub(in super::super) egress_rate: u64,
    pub(in super::super) egress_burst: u64,
}

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) mac: Option<Mac>,
    pub(super) ips: Vec<IpAddr>,
    pub(super) ports: Vec<PortMapping>,
    pub(super) sets: Vec<Vec<Range>>,
    pub(super) dns: Option<Dns>,
    pub(super) bandwidth: Bandwidth,
}

impl Asked {
    pub(super) fn read(keys: &mut Keys, call: &Call) -> Result<Self, Failure> {
        let mut runtime = keys.object("runtimeConfig")?;
        let mut args = keys.object("args")?.object("cni")?;
        let by_args = |name: &str| call.args.get(name).cloned();
        let mac = match runtime.take::<String>("mac")? {
            Some(mac) => Some(mac),
            None => args.take("mac")?.or_else(|| by_args("MAC")),
        };
        let mac = mac.filter(|mac| !mac.is_empty());
        let mac = mac.map(|mac| {
            mac.parse()
                .map_err(|e| invalid("mac", &format!("`{mac}`: {e}")))
        });
        let ips = match runtime.take::<Vec<String>>("ips")? {
            Some(ips) => ips,
            None => match args.take("ips")? {
                Some(ips) => ips,
                None => by_args("IP").into_iter().collect(),
            },
        };
        let sets = runtime
            .take::<Vec<Vec<Value>>>("ipRanges")?
            .unwrap_or_default();
        let dns: Option<Dns> = runtime.take("dns")?;
        // Whatever else a runtime has on offer is for the plugins that took it.
        Ok(Asked {
            mac: mac.transpose()?,
            ips: ips.iter().map(|ip| address(ip)).collect::<Result<_, _>>()?,
            ports: runtime.take("portMappings")?.unwrap_or_default(),
            sets: range_sets("runtimeConfig.ipRanges", sets)?,
            dns: dns.filter(|dns| !dns.is_empty()),
            bandwidth: runtime.take("bandwidth")?.unwrap_or_default(),
        })
    }
}

/// With a prefix length or without.
fn address(text: &str) -> Result<IpAddr, Failure> {
    let alone = text.split('/').next().unwrap_or_default();
    alone
        .parse()
        .map_err(|e| invalid("ips", &format!("`{text}`: {e}")))
}

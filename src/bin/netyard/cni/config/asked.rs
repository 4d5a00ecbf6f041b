//! What a runtime asks for one attachment: by capabilities, `args` or `CNI_ARGS`, the first
//! that says something.

use std::net::IpAddr;

use netyard::state::Mac;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::CAPABILITIES;
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
    /// The value of `dns`; an empty one where there is none.
    pub(super) fn read(of: &mut Keys) -> Result<Self, Failure> {
        let mut keys = of.object("dns")?;
        let mut words = |key| keys.take::<Vec<String>>(key);
        let names = [words("nameservers")?, words("servers")?];
        let search = [words("search")?, words("searches")?];
        let dns = Dns {
            nameservers: names.into_iter().flatten().next().unwrap_or_default(),
            search: search.into_iter().flatten().next().unwrap_or_default(),
            options: keys.take("options")?.unwrap_or_default(),
            domain: keys.take("domain")?.unwrap_or_default(),
        };
        // One of a link has the link's name behind it (RFC 4007, section 11).
        let address = |name: &str| name.split('%').next().unwrap_or_default().parse::<IpAddr>();
        if let Some(name) = dns.nameservers.iter().find(|name| address(name).is_err()) {
            return Err(keys.wrong(&format!("nameserver `{name}` is no IP address")));
        }
        keys.end()?;
        Ok(dns)
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        *self == Dns::default()
    }
}

/// A port of the host that leads to one of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct PortMapping {
    pub(in super::super) host_port: u16,
    pub(in super::super) container_port: u16,
    pub(in super::super) protocol: String,
    pub(in super::super) host_ip: Option<String>,
}

impl PortMapping {
    fn read(keys: &mut Keys) -> Result<Self, Failure> {
        let protocol: Option<String> = keys.take("protocol")?;
        Ok(PortMapping {
            host_port: keys.need("hostPort")?,
            container_port: keys.need("containerPort")?,
            protocol: protocol.unwrap_or_else(|| "tcp".to_owned()),
            host_ip: keys.take::<Option<String>>("hostIP")?.flatten(),
        })
    }
}

/// Limits, in bit/s and bits, as the reference plugin has them; 0 is none. `ingress` is what
/// the container receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Bandwidth {
    pub(in super::super) ingress_rate: u64,
    pub(in super::super) ingress_burst: u64,
    pub(in super::super) egress_rate: u64,
    pub(in super::super) egress_burst: u64,
}

impl Bandwidth {
    fn read(runtime: &mut Keys) -> Result<Self, Failure> {
        let mut keys = runtime.object("bandwidth")?;
        let mut number = |key| keys.take(key).map(Option::unwrap_or_default);
        let read = Bandwidth {
            ingress_rate: number("ingressRate")?,
            ingress_burst: number("ingressBurst")?,
            egress_rate: number("egressRate")?,
            egress_burst: number("egressBurst")?,
        };
        for (way, rate, burst) in [
            ("ingress", read.ingress_rate, read.ingress_burst),
            ("egress", read.egress_rate, read.egress_burst),
        ] {
            // As the reference plugin has it.
            if rate == 0 && burst_of(burst).is_some() {
                return Err(keys.wrong(&format!("`{way}Burst` needs `{way}Rate`")));
            }
        }
        keys.end()?;
        Ok(read)
    }
}

/// containerd and CRI-O write `math.MaxUint32`, or eight times that, where they mean none.
pub(in super::super) fn burst_of(bits: u64) -> Option<u64> {
    (1..u64::from(u32::MAX)).contains(&bits).then_some(bits)
}

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) mac: Option<Mac>,
    pub(super) ips: Vec<IpAddr>,
    pub(super) ports: Vec<PortMapping>,
    pub(super) sets: Vec<Vec<Range>>,
    pub(super) dns: Dns,
    pub(super) bandwidth: Bandwidth,
}

impl Asked {
    pub(super) fn read(keys: &mut Keys, call: &Call) -> Result<Self, Failure> {
        let mut runtime = keys.object("runtimeConfig")?;
        let mut args = keys.object("args")?.object("cni")?;
        let by_args = |name: &str| call.args.get(name).filter(|it| !it.is_empty()).cloned();
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
        let asked = Asked {
            mac: mac.transpose()?,
            ips: ips.iter().map(|ip| address(ip)).collect::<Result<_, _>>()?,
            ports: runtime.list("portMappings", PortMapping::read)?,
            sets: range_sets("runtimeConfig.ipRanges", sets)?,
            dns: Dns::read(&mut runtime)?,
            bandwidth: Bandwidth::read(&mut runtime)?,
        };
        runtime.take::<Value>("aliases")?;
        // Whatever else a runtime has on offer is for the plugins that took it.
        runtime.end_of_ours()?;
        Ok(asked)
    }
}

/// What a runtime may ask for is no affair of ours but for what we take.
pub(super) fn capabilities(keys: &mut Keys) -> Result<(), Failure> {
    let mut keys = keys.object("capabilities")?;
    for name in CAPABILITIES {
        keys.take::<bool>(name)?;
    }
    keys.end_of_ours()
}

/// With a prefix length or without.
fn address(text: &str) -> Result<IpAddr, Failure> {
    let alone = text.split('/').next().unwrap_or_default();
    alone
        .parse()
        .map_err(|e| invalid("ips", &format!("`{text}`: {e}")))
}

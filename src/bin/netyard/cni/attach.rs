//! An attachment is a lab of its own: one interface, in the container's namespace, on the lab
//! of its network.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ipnet::IpNet;
use netyard::lab::Described;
use netyard::state::{Family, IfName, LabName, NetnsPath, Rate};
use netyard::topology::{self, Topology, lab_name};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::config::{
    Bandwidth, Carried, Config, Kind, PortMapping, Range, Role, Route, burst_of, everything,
    subnets_of,
};
use super::failure::{Code, Failure};
use super::network::{lab_of, name_of};

const OWN_NETNS: &str = "/proc/thread-self/ns/net";

/// `RT_SCOPE_LINK` (rtnetlink(7)): what is reached without a router.
const LINK_SCOPE: u32 = 253;

/// How long a burst may take, in s: the kernel tells it in 64 ns and 32 bits.
const LONGEST_BURST: u64 = 270;

/// The MTU of what nothing is said of.
const ETHERNET: u32 = 1500;

/// How much of a container's name stands in that of its lab.
const SHOWN: usize = 12;

/// The lab of an attachment: the same however often it is asked for.
pub(super) fn lab_name_of(network: &str, container: &str, dev: &str) -> LabName {
    let start = &container[..container.len().min(SHOWN)];
    lab_name(
        &format!("{start}-{dev}"),
        &format!("{network}/{container}/{dev}"),
    )
}

/// What is asked for, as text and as what it says.
pub(super) struct Attachment {
    pub(super) source: String,
    pub(super) topology: Topology,
    pub(super) netns: NetnsPath,
    pub(super) dev: IfName,
}

/// What tells a file, as a namespace is one, from all others, if there is one at the path.
pub(super) fn inode(path: impl AsRef<Path>) -> Option<(u64, u64)> {
    fs::metadata(path).map(|of| (of.dev(), of.ino())).ok()
}

/// Where the container's namespace is; it is none of the host's, in which no lab can be,
/// whatever `CNI_NETNS_OVERRIDE` says.
pub(super) fn netns_of(call: &Call) -> Result<NetnsPath, Failure> {
    let path = call.netns.as_deref().and_then(|path| path.to_str());
    let path = path.unwrap_or_default();
    let own = inode(OWN_NETNS);
    if own.is_some() && own == inode(path) {
        let msg = format!("CNI_NETNS `{path}` is the namespace that netyard was called in");
        return Err(Failure::new(Code::HostNamespace, msg));
    }
    path.parse().map_err(|e| {
        let msg = format!("CNI_NETNS `{path}` is no path of a namespace");
        Failure::new(Code::BadEnvironment, msg).details(format!("{e}"))
    })
}

/// Which attachment a lab is, by the first line of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) network: String,
    pub(super) container: String,
    pub(super) dev: String,
}

impl Known {
    fn headline(&self) -> String {
        let Known {
            network,
            container,
            dev,
        } = self;
        format!("# {dev} of container {container} on the CNI network {network}\n")
    }

    /// The container's namespace as a lab's file has it.
    pub(super) fn inside(source: &str) -> Value {
        let described = source.split_once('\n').map(|(_, rest)| rest);
        let described = described.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let namespaces = described
            .as_ref()
            .and_then(|one| one["namespaces"].as_object());
        let mut all = namespaces.into_iter().flat_map(|all| all.values());
        all.next().cloned().unwrap_or_default()
    }

    /// Which ports a lab's file has, as it has them.
    pub(super) fn ports(source: &str) -> Vec<Value> {
        let inside = Known::inside(source);
        inside["publish"].as_array().cloned().unwrap_or_default()
    }

    /// Of a lab that was made for one; its name says so, too.
    pub(super) fn of(lab: &Described) -> Option<Self> {
        let line = lab.source.lines().next()?.strip_prefix("# ")?;
        let (dev, rest) = line.split_once(" of container ")?;
        let (container, network) = rest.split_once(" on the CNI network ")?;
        let known = Known {
            network: network.to_owned(),
            container: container.to_owned(),
            dev: dev.to_owned(),
        };
        let name = lab_name_of(network, container, dev);
        (name == lab.name).then_some(known)
    }
}

/// Which subnets it gets addresses of: one of each set.
pub(super) type Choice = Vec<IpNet>;

/// The ways to take one subnet of each set, the first ones first.
pub(super) fn choices(sets: &[Vec<Range>]) -> Vec<Choice> {
    let mut all: Vec<Choice> = vec![Vec::new()];
    for set in sets {
        let subnets = subnets_of(set);
        let with = |one: &Choice| {
            let one = one.clone();
            let each = subnets.clone().into_iter();
            each.map(move |subnet| [one.clone(), vec![subnet]].concat())
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

impl Attachment {
    /// Of this call, with addresses of these subnets, but for these ports.
    pub(super) fn of(
        config: &Config,
        call: &Call,
        choice: &Choice,
        without: &[Value],
    ) -> Result<Self, Failure> {
        let netns = netns_of(call)?;
        let dev = call.dev()?.clone();
        let lab = lab_name_of(&config.name, &call.container, dev.as_str());
        let known = Known {
            network: config.name.clone(),
            container: call.container.clone(),
            dev: dev.to_string(),
        };
        let mut described = json!({ "lab": lab });
        let mut namespace = json!({ "container": container(call) });
        // `lo` is set up in any namespace that is joined.
        if config.kind != Kind::Loopback {
            namespace["interfaces"] = json!({ dev.as_str(): interface(config, choice) });
        }
        if config.kind.has_network() {
            let of = json!({ "external": lab_of(&config.name) });
            described["networks"] = json!({ name_of(&config.name).as_str(): of });
        }
        let routes = routes(config, choice, &dev);
        if !routes.is_empty() {
            namespace["routes"] = json!(routes);
        }
        let ports = config.ports.iter().map(publish);
        let mut ports = ports.collect::<Result<Vec<_>, _>>()?;
        ports.retain(|port| !without.contains(port));
        if !ports.is_empty() {
            namespace["publish"] = json!(ports);
        }
        described["namespaces"] = json!({ netns.as_str(): namespace });
        let source = format!("{}{described:#}", known.headline());
        Ok(Attachment {
            topology: topology::parse(&source)?,
            source,
            netns,
            dev,
        })
    }
}

/// One of no container in particular, on a network that is no lab.
pub(super) fn sample(config: &Config) -> Result<Topology, Failure> {
    let lab = lab_of(&config.name);
    let namespace = json!({ "interfaces": { "eth0": interface(config, &Choice::new()) } });
    let described = json!({ "lab": lab, "namespaces": { lab.as_str(): namespace } });
    Ok(topology::parse(&described.to_string())?)
}

/// What the container is called: by Kubernetes its pod, else as the runtime calls it.
fn container(call: &Call) -> String {
    let pod = |key: &str| call.args.get(key).filter(|value| !value.is_empty());
    let name = match (pod("K8S_POD_NAMESPACE"), pod("K8S_POD_NAME")) {
        (Some(namespace), Some(pod)) => format!("{namespace}/{pod}"),
        _ => call.container.clone(),
    };
    let graphic = name.chars().filter(char::is_ascii_graphic);
    graphic.take(128).collect()
}

fn interface(config: &Config, choice: &Choice) -> Value {
    let mut value = Map::new();
    match &config.kind {
        Kind::Carried(Carried { word, settings }) => {
            value.insert((*word).to_owned(), settings.clone());
            value.extend(config.mtu.map(|mtu| ("mtu".to_owned(), json!(mtu))));
        }
        _ => {
            value.insert("network".to_owned(), json!(name_of(&config.name)));
            // What it is made with stays, whatever the network is by then.
            value.insert("mtu".to_owned(), json!(config.mtu.unwrap_or(ETHERNET)));
        }
    }
    // Of subnets that overlap the narrowest has it.
    let around = |ip: &IpAddr| {
        let around = choice.iter().filter(|subnet| subnet.contains(ip));
        around.map(IpNet::prefix_len).max()
    };
    let named = config.ips.iter();
    let named = named.filter_map(|ip| IpNet::new(*ip, around(ip)?).ok());
    let addresses: Vec<IpNet> = named.collect();
    let mut subnets = choice.clone();
    subnets.retain(|subnet| !addresses.iter().any(|net| net.trunc() == *subnet));
    value.insert("addresses".to_owned(), json!(addresses));
    if config.kind.has_network() {
        value.insert("subnets".to_owned(), json!(subnets));
    }
    value.extend(rate(&config.bandwidth).map(|rate| ("rate".to_owned(), rate)));
    if let Some(mac) = config.mac {
        value.insert("mac".to_owned(), json!(mac));
    }
    for (key, flag) in [
        ("trusted", config.kind.is_bridge() && !config.mac_check),
        ("isolated", config.isolated),
        ("hairpin", config.hairpin),
    ] {
        if flag {
            value.insert(key.to_owned(), json!(true));
        }
    }
    if !config.vlans.trunk.is_empty() {
        value.insert("trunk".to_owned(), json!(config.vlans.trunk));
        let access = config.vlans.network.filter(|_| !config.vlans.tagged);
        value.extend(access.map(|vlan| ("access".to_owned(), json!(vlan))));
    }
    if config.kind.has_network() && !config.is_default(choice) {
        value.insert("default_route".to_owned(), json!(false));
    }
    Value::Object(value)
}

/// Limits as a topology file has them: bit/s, and bytes at once.
pub(super) fn rate(limits: &Bandwidth) -> Option<Value> {
    let mut value = Map::new();
    for (key, rate, burst) in [
        ("in", limits.ingress_rate, limits.ingress_burst),
        ("out", limits.egress_rate, limits.egress_burst),
    ] {
        if rate == 0 {
            continue;
        }
        // As the reference plugin, in whole bytes; no slower and no faster than the kernel's
        // own numbers allow.
        let rate = (rate / 8 * 8).clamp(Rate::LEAST, Rate::MOST);
        value.insert(key.to_owned(), json!(format!("{rate}bit")));
        if let Some(burst) = burst_of(burst) {
            let bytes = (burst / 8).min(rate / 8 * LONGEST_BURST);
            value.insert(format!("{key}_burst"), json!(bytes));
        }
    }
    (!value.is_empty()).then_some(Value::Object(value))
}

impl Config {
    /// The gateway of the first subnet of a destination's family.
    pub(super) fn gateway_for(&self, to: &IpNet, choice: &Choice) -> Option<IpAddr> {
        let family = Family::of(to);
        let mut subnets = choice.iter().filter(|subnet| Family::of(subnet) == family);
        self.gateway_in(subnets.next()?)
    }

    /// Whether the network's own gateway is the way to everything, in each of its families: that
    /// is left out where the container has another such way already.
    fn is_default(&self, choice: &Choice) -> bool {
        let routes = self.routes_of(choice);
        let mut families = choice.iter().map(Family::of);
        let plain = |family| {
            let mut all = routes.iter();
            all.any(|route| Family::of(&route.dst) == family && self.is_plain(route, choice))
        };
        // With tags alone it does not hear the gateway: the route is there if it is asked for.
        let hears = self.gateway != Role::Nothing && !self.vlans.tagged;
        hears && !choice.is_empty() && families.all(plain)
    }

    /// Whether a route is the default one by the network's own gateway, and no more is said of it.
    fn is_plain(&self, route: &Route, choice: &Choice) -> bool {
        let bare = Route {
            gw: route.gw,
            ..Route::to(route.dst)
        };
        let own = route.gw.is_none() || route.gw == self.gateway_for(&route.dst, choice);
        route.dst.prefix_len() == 0 && *route == bare && own
    }

    /// The routes that are asked for, and the default ones that come with the gateway.
    pub(super) fn routes_of(&self, choice: &Choice) -> Vec<Route> {
        let mut routes = self.routes().to_vec();
        let reached = |to: &IpNet| choice.iter().any(|net| Family::of(net) == Family::of(to));
        routes.retain(|route| reached(&route.dst));
        if self.gateway == Role::DefaultGateway {
            for to in choice.iter().filter_map(everything) {
                if !routes.iter().any(|route| route.dst == to) {
                    routes.push(Route {
                        gw: self.gateway_for(&to, choice),
                        ..Route::to(to)
                    });
                }
            }
        }
        routes
    }
}

fn routes(config: &Config, choice: &Choice, dev: &IfName) -> Vec<Value> {
    let route = |route: &Route| {
        // The reference plugins leave it to the kernel to cut off what is beyond the length.
        let mut value = json!({ "to": route.dst.trunc() });
        let scope = route.scope.filter(|scope| *scope != 0);
        let via = || route.gw.or_else(|| config.gateway_for(&route.dst, choice));
        // Without a gateway of its family it is on the link, as the reference plugins have it.
        let via = (scope != Some(LINK_SCOPE)).then(via).flatten();
        match via {
            Some(via) => value["via"] = json!(via),
            None => value["dev"] = json!(dev),
        }
        for (key, number) in [
            ("metric", route.priority),
            ("mtu", route.mtu),
            ("advmss", route.advmss),
        ] {
            if let Some(number) = number {
                value[key] = json!(number);
            }
        }
        if let Some(scope) = scope {
            value["scope"] = json!(scope.to_string());
        }
        value
    };
    let mut routes = config.routes_of(choice);
    if config.kind.has_network() && config.is_default(choice) {
        routes.retain(|route| !config.is_plain(route, choice));
    }
    routes.iter().map(route).collect()
}

/// A mapped port is there for everybody, as `portmap` has it.
pub(super) fn publish(port: &PortMapping) -> Result<Value, Failure> {
    let invalid = |what: String| Failure::new(Code::InvalidConfig, format!("portMappings: {what}"));
    for (number, what) in [(port.host_port, "host"), (port.container_port, "container")] {
        if number == 0 {
            return Err(invalid(format!("the {what}'s port is 0")));
        }
    }
    let mut value = json!({
        "host": port.host_port,
        "port": port.container_port,
        "protocol": port.protocol.to_lowercase(),
        "visible": "public",
    });
    let given = port.host_ip.as_deref().unwrap_or_default();
    if !given.is_empty() {
        let address: IpAddr = given
            .parse()
            .map_err(|e| invalid(format!("hostIP `{given}`: {e}")))?;
        // `0.0.0.0` and `::` are all addresses of one family, here and there.
        value["address"] = json!(address);
        if address.is_loopback() {
            value["visible"] = json!("loopback");
        }
    }
    Ok(value)
}

//! A generated topology as the file that a person would write.

use netyard::topology::parse;
use serde_json::{Map, Value, json};

use crate::child::{said_more, with_children};
use crate::nat::with_routers;
use crate::nets::{cable_net4, net4, net6};
use crate::rate::set_rate;
use crate::spec::{Allow, Cable, Network, Plug, Ports, RouteTo, Spec};
use crate::tunnel::with_tunnels;
use crate::vlan::{set_vlan, set_vlans};

struct Render<'s> {
    spec: &'s Spec,
    lab: u8,
}

/// The file of a lab; labs of different numbers have nothing in common.
pub(crate) fn file(spec: &Spec, lab: u8) -> Value {
    let render = Render { spec, lab };
    let file = with_children(render.file(), spec, |i| render.name(i), lab);
    let file = with_tunnels(file, spec, |i| render.name(i), lab);
    let mut file = with_routers(file, spec, |i| render.name(i));
    for i in 0..3 {
        let namespace = spec.namespaces[usize::from(i)].as_ref();
        let Some(to) = namespace.and_then(|namespace| namespace.publish) else {
            continue;
        };
        let mut with = file.clone();
        let port = 8000 + u16::from(lab) * 10 + u16::from(i);
        let visible = [
            json!("loopback"),
            json!("lan"),
            json!("public"),
            json!(["192.0.2.0/24"]),
        ];
        let tcp = json!({ "host": port, "port": 80, "visible": visible[usize::from(to)] });
        with["namespaces"][render.name(i)]["publish"] = json!([tcp, format!("{port}:9/udp")]);
        // Not every namespace has a way back.
        if parse(&with.to_string()).is_ok() {
            file = with;
        }
    }
    file
}

/// Whether the file describes a lab without anything.
pub(crate) fn is_nothing(file: &Value) -> bool {
    let parts =
        ["networks", "namespaces"].map(|part| file[part].as_object().is_none_or(Map::is_empty));
    parts == [true, true]
}

impl Render<'_> {
    fn file(&self) -> Value {
        let mut namespaces = Map::new();
        for i in 0..3 {
            if self.spec.namespaces[usize::from(i)].is_some() {
                namespaces.insert(self.name(i), self.namespace(i));
            }
        }
        let host = self.host();
        if host.as_object().is_some_and(|host| !host.is_empty()) {
            namespaces.insert("host".to_owned(), host);
        }
        let mut networks = Map::new();
        for (i, network) in self.networks() {
            networks.insert(format!("n{i}"), self.network(i, network));
        }
        let links: Vec<Value> = self.cables().map(|(i, c)| self.link(i, c)).collect();
        json!({ "lab": format!("lab{}", self.lab), "networks": networks,
            "namespaces": namespaces, "links": links, "allow": self.allow() })
    }

    fn name(&self, namespace: u8) -> String {
        match namespace {
            3 => "host".to_owned(),
            n => format!("l{}s{n}", self.lab),
        }
    }

    fn networks(&self) -> impl Iterator<Item = (u8, &Network)> {
        (0..3).filter_map(|i| Some((i, self.spec.networks[usize::from(i)].as_ref()?)))
    }

    /// The cables whose ends are there.
    fn cables(&self) -> impl Iterator<Item = (u8, &Cable)> {
        let there = |end: &u8| *end == 3 || self.spec.namespaces[usize::from(*end)].is_some();
        (0..3)
            .filter_map(|i| Some((i, self.spec.cables[usize::from(i)].as_ref()?)))
            .filter(move |(_, cable)| cable.ends.iter().all(there))
    }

    fn subnets(&self, i: u8, network: &Network) -> Vec<(String, u8)> {
        let v4 = network.v4.map(|variant| net4(self.lab, i, variant));
        let v6 = network.v6.map(|variant| net6(self.lab, i, variant));
        v4.into_iter().chain(v6).collect()
    }

    fn network(&self, i: u8, network: &Network) -> Value {
        let subnets = self.subnets(i, network);
        let mut value = json!({ "subnets": subnets.iter().map(whole).collect::<Vec<_>>() });
        if let Some(name) = network.bridge.filter(|_| !is_routed(network)) {
            value["bridge"] = json!(format!("l{}br{i}-{name}", self.lab));
        }
        match network.gateway {
            _ if subnets.is_empty() => {}
            None => value["gateway"] = json!("none"),
            Some(0) => {}
            Some(_) => {
                let second = subnets.iter().map(|(net, _)| format!("{net}2"));
                value["gateway"] = json!(second.collect::<Vec<_>>());
            }
        }
        if network.masquerade && network.gateway.is_some() && !subnets.is_empty() {
            value["masquerade"] = json!(true);
        }
        if is_routed(network) {
            value["routed"] = json!(true);
        }
        if network.internal && value.get("masquerade").is_none() {
            value["internal"] = json!(true);
        }
        value["localnet"] = json!(network.localnet);
        if !is_routed(network) {
            set_vlan(&mut value, network.vlan);
        }
        set_mtu(&mut value, network.mtu, network.v6.is_some());
        value
    }

    /// Between networks that have IPv4 and the host as their gateway.
    fn allow(&self) -> Vec<Value> {
        let reached = |i: u8| {
            let network = self.spec.networks[usize::from(i)].as_ref();
            network.is_some_and(|n| n.v4.is_some() && n.gateway.is_some())
        };
        let all = self.spec.allow.iter().filter(|allow| {
            let [from, to] = allow.sides;
            from != to && reached(from) && reached(to)
        });
        let line = |allow: &Allow| {
            let [from, to] = allow.sides.map(|i| json!(format!("n{i}")));
            let mut line = permit(allow.ports);
            (line["from"], line["to"]) = (from, to);
            line
        };
        all.map(line).collect()
    }

    fn namespace(&self, i: u8) -> Value {
        let Some(spec) = &self.spec.namespaces[usize::from(i)] else {
            return json!({});
        };
        let mut interfaces = self.ends(i);
        for (n, plug) in spec.plugs.iter().enumerate() {
            let network = plug.as_ref().map(|plug| (plug, usize::from(plug.network)));
            let again = |plug: &Plug| {
                let before = spec.plugs[..n].iter().flatten();
                before
                    .into_iter()
                    .any(|other| other.network == plug.network)
            };
            if let Some((plug, at)) = network
                && let Some(network) = &self.spec.networks[at]
                && !(is_routed(network) && again(plug))
            {
                // Routes may be by any of the network's subnets.
                let mut plug = plug.clone();
                plug.one_subnet &= spec.routes.is_empty();
                interfaces.insert(format!("e{n}"), self.plug(i, n, &plug, network));
            }
        }
        let lo: Vec<String> = (0..spec.lo).map(|n| self.lo_address(i, n)).collect();
        if !lo.is_empty() {
            interfaces.insert("lo".to_owned(), json!({ "addresses": lo }));
        }
        let routes = self.routes(i, &spec.routes);
        let mut value =
            json!({ "interfaces": interfaces, "forward": spec.forward, "routes": routes });
        for (list, key, permits) in [
            ("egress", "to", &spec.egress),
            ("ingress", "from", &spec.ingress),
        ] {
            if let Some(permits) = permits {
                let anybody = |ports: &Ports| {
                    let mut line = permit(*ports);
                    line[key] = json!("any");
                    line
                };
                value[list] = permits.iter().map(anybody).collect();
            }
        }
        value
    }

    fn lo_address(&self, namespace: u8, n: u8) -> String {
        match n {
            1 => format!("fd00:{}:ff{namespace}::1/128", self.lab),
            n => format!("10.{}.25{namespace}.{n}/32", self.lab),
        }
    }

    fn plug(&self, namespace: u8, n: usize, plug: &Plug, network: &Network) -> Value {
        let mut value = json!({ "network": format!("n{}", plug.network) });
        let mut hosts = plug.hosts.clone();
        hosts.sort_unstable();
        hosts.dedup();
        // Each interface has its own numbers on a network.
        let number = |host: &u8| u16::from(host * 6 - 50) + u16::from(namespace) * 2 + n as u16;
        let mut addresses = Vec::new();
        for (net, prefix) in self.subnets(plug.network, network) {
            let of_net = |host| format!("{net}{}/{prefix}", number(host));
            addresses.extend(hosts.iter().map(of_net));
        }
        if !addresses.is_empty() {
            value["addresses"] = json!(addresses);
        } else if plug.one_subnet {
            let first = self.subnets(plug.network, network).first().map(whole);
            value["subnets"] = json!(first.into_iter().collect::<Vec<_>>());
        }
        value["trusted"] = json!(plug.trusted);
        value["isolated"] = json!(plug.isolated);
        value["default_route"] = json!(!plug.no_default_route);
        value["hairpin"] = json!(plug.hairpin);
        if !is_routed(network) {
            let all = self.subnets(plug.network, network);
            set_vlans(&mut value, &plug.vlans, || all.iter().map(whole).collect());
        }
        if let Some(mac) = plug.mac {
            value["mac"] = json!(format!(
                "02:00:{n:02x}:{:02x}:{namespace:02x}:{mac:02x}",
                self.lab
            ));
        }
        set_mtu(&mut value, plug.mtu, network.v6.is_some());
        set_rate(&mut value, plug.rate);
        value
    }

    fn host(&self) -> Value {
        let mut host = Map::new();
        let ends = self.ends(3);
        if !ends.is_empty() {
            host.insert("interfaces".to_owned(), ends.into());
        }
        let routes = self.routes(3, &self.spec.host_routes);
        if !routes.is_empty() {
            host.insert("routes".to_owned(), routes.into());
        }
        host.into()
    }

    /// The ends of cables that lie in this namespace.
    fn ends(&self, namespace: u8) -> Map<String, Value> {
        let mut ends = Map::new();
        for (i, cable) in self.cables() {
            for side in [0, 1].into_iter().filter(|s| cable.ends[*s] == namespace) {
                let addresses = self.cable_addresses(i, cable, side);
                let mut end = json!({ "addresses": addresses });
                set_rate(&mut end, cable.rates[side]);
                ends.insert(format!("l{}c{i}-{side}", self.lab), end);
            }
        }
        ends
    }

    fn cable_addresses(&self, i: u8, cable: &Cable, side: usize) -> Vec<String> {
        let v4 = cable.v4.map(|variant| cable_net4(self.lab, i, variant));
        let v6 = cable.v6.map(|variant| net6(self.lab, 50 + i, variant));
        let v6 = v6.map(|(net, prefix)| (net, prefix, [1, 2]));
        let mut addresses = Vec::new();
        for (net, prefix, ends) in v4.into_iter().chain(v6) {
            let mut hosts = vec![ends[side]];
            let room = prefix != 30 && prefix != 31;
            let extra = cable.extra.iter().filter(|_| room);
            for extra in extra.map(|n| n * 2 + side as u8) {
                if !hosts.contains(&extra) {
                    hosts.push(extra);
                }
            }
            let address = |host: &u8| format!("{net}{host}/{prefix}");
            addresses.extend(hosts.iter().map(address));
        }
        addresses
    }

    fn link(&self, i: u8, cable: &Cable) -> Value {
        let end = |side: usize| format!("{}:l{}c{i}-{side}", self.name(cable.ends[side]), self.lab);
        let mut value = json!({ "endpoints": [end(0), end(1)] });
        set_mtu(&mut value, cable.mtu, cable.v6.is_some());
        value
    }

    fn routes(&self, namespace: u8, routes: &[RouteTo]) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        for route in routes {
            let Some(via) = self.hop(namespace, route) else {
                continue;
            };
            let to = match (route.to, route.v6) {
                (0, _) if namespace != 3 => "default".to_owned(),
                (n, false) => format!("10.{}.20{n}.0/24", self.lab),
                (n, true) => format!("fd00:{}:20{n}::/64", self.lab),
            };
            let mut value = json!({ "to": to, "via": via });
            if let Some(metric) = route.metric {
                value["metric"] = json!(metric);
            }
            said_more(&mut value, route);
            let same = |other: &Value| {
                let family = |v: &Value| v["via"].to_string().contains(':');
                other["to"] == value["to"]
                    && other["metric"] == value["metric"]
                    && family(other) == family(&value)
            };
            if !all.iter().any(same) {
                all.push(value);
            }
        }
        all
    }

    /// A host in the subnet of the network (0 to 2) or cable (3 to 5) that the route
    /// goes by.
    fn hop(&self, namespace: u8, route: &RouteTo) -> Option<String> {
        let (i, v6) = (route.by % 3, route.v6);
        let host = 120 + route.hop;
        if route.by < 3 {
            let network = self.spec.networks[usize::from(i)].as_ref()?;
            let beside = match namespace {
                3 => network.gateway.is_some(),
                n => {
                    let spec = self.spec.namespaces[usize::from(n)].as_ref()?;
                    spec.plugs.iter().flatten().any(|plug| plug.network == i)
                }
            };
            let (net, _) = self
                .subnets(i, network)
                .into_iter()
                .find(|(net, _)| net.contains(':') == v6)?;
            // There is nobody on the cable but the host, by whom nobody else is near either.
            if is_routed(network) {
                let gateway = network.gateway.filter(|_| beside && namespace != 3)?;
                return Some(format!("{net}{}", gateway.min(1) + 1));
            }
            return beside.then(|| format!("{net}{host}"));
        }
        let (_, cable) = self.cables().find(|(at, _)| *at == i)?;
        let here = cable.ends.map(|end| end == namespace);
        if v6 {
            let (net, _) = net6(self.lab, 50 + i, cable.v6?);
            return here.contains(&true).then(|| format!("{net}{host}"));
        }
        let (net, prefix, ends) = cable_net4(self.lab, i, cable.v4?);
        match (here, prefix) {
            // There is nobody else in so small a subnet.
            ([true, false], 30 | 31) => Some(format!("{net}{}", ends[1])),
            ([false, true], 30 | 31) => Some(format!("{net}{}", ends[0])),
            (_, 30 | 31) => None,
            _ => here.contains(&true).then(|| format!("{net}{host}")),
        }
    }
}

/// A subnet as a text.
fn whole((net, prefix): &(String, u8)) -> String {
    let all = if net.contains(':') { "" } else { "0" };
    format!("{net}{all}/{prefix}")
}

/// Without a gateway there is nobody to route.
fn is_routed(network: &Network) -> bool {
    let subnets = [network.v4, network.v6].into_iter().flatten();
    network.routed && network.gateway.is_some() && subnets.count() > 0
}

/// A permission without its sides.
fn permit(ports: Ports) -> Value {
    match ports {
        None => json!({}),
        Some((first, last)) => json!({ "protocol": "tcp", "port": format!("{first}-{last}") }),
    }
}

/// Less than 1280 bytes is no MTU for IPv6, and the file says so.
fn set_mtu(value: &mut Value, mtu: Option<u16>, v6: bool) {
    if let Some(mtu) = mtu.filter(|mtu| !v6 || *mtu >= 1280) {
        value["mtu"] = json!(mtu);
    }
}

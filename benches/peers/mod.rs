//! What publishes ports for container engines, driven as the engine would: netavark, and
//! the CNI plugins bridge, portmap and firewall. Where Debian's packages are installed.

#![allow(dead_code, reason = "no bench uses all of it")]

#[path = "../../tests/cni/driver.rs"]
pub(crate) mod driver;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use driver::{Attachment, Network};

use crate::yard::{ms, run};

const NETAVARK: &str = "/usr/lib/podman/netavark";
pub(crate) const PLUGINS: &str = "/usr/lib/cni";
/// The plugins in the order in which a container gets what they give.
const CHAIN: [&str; 3] = ["bridge", "portmap", "firewall"];
/// The bridge that a peer makes; its host's address there is 10.89.0.1.
pub(crate) const BRIDGE: &str = "peer0";
/// Where CNI's host-local keeps which addresses are taken.
pub(crate) const LEASES: &str = "/run/cni";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Netavark,
    Cni,
}

/// Who publishes ports.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// With its version.
    pub(crate) version: String,
    kind: Kind,
}

/// A namespace that gets ports.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
    number: usize,
}

/// Those that are installed.
pub(crate) fn found() -> Vec<Peer> {
    let there = |path: &str| Path::new(path).exists();
    let mut peers = Vec::new();
    if there(NETAVARK) {
        peers.push(Peer {
            name: "netavark",
            version: run(Command::new(NETAVARK).arg("--version"))
                .trim()
                .to_owned(),
            kind: Kind::Netavark,
        });
    }
    if CHAIN
        .iter()
        .all(|plugin| there(&format!("{PLUGINS}/{plugin}")))
    {
        let format = ["-W", "-f", "${Version}", "containernetworking-plugins"];
        let version = Command::new("dpkg-query").args(format).output();
        let version = version.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
        peers.push(Peer {
            name: "CNI",
            version: format!("CNI plugins {}", version.unwrap_or_default()),
            kind: Kind::Cni,
        });
    }
    peers
}

impl Peer {
    /// A namespace, which the engine makes before.
    pub(crate) fn namespace(&self, name: &str, number: usize) -> Container {
        run(Command::new("ip").args(["netns", "add", name]));
        let name = name.to_owned();
        Container { name, number }
    }

    /// Gives it an address and ports of the host, each with the one that it leads to; says
    /// in how many ms.
    pub(crate) fn up(&self, of: &Container, ports: impl Iterator<Item = (usize, usize)>) -> f64 {
        let ports: Vec<Value> = ports.map(|pair| self.port(pair)).collect();
        let file = of.file();
        match self.kind {
            Kind::Netavark => {
                fs::write(&file, of.options(&ports).to_string()).expect("the options");
                netavark("setup", of)
            }
            Kind::Cni => {
                let mut attachment = of.attachment(ports);
                let took = attach(&chain(PLUGINS), &mut attachment);
                let known = json!([attachment.result, attachment.asks["portMappings"]]);
                fs::write(&file, known.to_string()).expect("the result");
                took
            }
        }
    }

    /// Takes it all back.
    pub(crate) fn down(&self, of: &Container) -> f64 {
        if self.kind == Kind::Netavark {
            return netavark("teardown", of);
        }
        let known = fs::read_to_string(of.file()).expect("the result");
        let [result, ports]: [Value; 2] = serde_json::from_str(&known).expect("what was written");
        let mut attachment = of.attachment(ports.as_array().cloned().unwrap_or_default());
        attachment.result = Some(result);
        detach(&chain(PLUGINS), &attachment)
    }

    /// Takes away the namespaces, and what peers leave behind.
    pub(crate) fn clear(&self, all: &[Container]) {
        for of in all {
            run(Command::new("ip").args(["netns", "del", &of.name]));
        }
        run(Command::new("nft").args(["flush", "ruleset"]));
        // CNI's bridge stays when the last container goes, and with it what is leased.
        let gone = Command::new("ip").args(["link", "del", BRIDGE]).output();
        gone.expect("ip runs");
        let _ = fs::remove_dir_all(LEASES);
    }

    fn port(&self, (host, port): (usize, usize)) -> Value {
        match self.kind {
            Kind::Netavark => json!({
                "host_ip": "", "host_port": host, "container_port": port, "protocol": "tcp", "range": 1
            }),
            Kind::Cni => json!({ "hostPort": host, "containerPort": port, "protocol": "tcp" }),
        }
    }
}

impl Container {
    /// The address that CNI gave it.
    pub(crate) fn address(&self) -> String {
        let known = fs::read_to_string(self.file()).expect("the result");
        let known: Value = serde_json::from_str(&known).expect("what was written");
        let address = known[0]["ips"][0]["address"].as_str();
        let address = address.and_then(|address| address.split('/').next());
        address.expect("an address").to_owned()
    }

    fn file(&self) -> String {
        format!("/run/{}.json", self.name)
    }

    /// What Podman gives to netavark.
    fn options(&self, ports: &[Value]) -> Value {
        let name = &self.name;
        let address = format!("10.89.0.{}", self.number + 1);
        json!({
            "container_id": format!("{:064x}", self.number), "container_name": name, "port_mappings": ports,
            "networks": { "bench": { "static_ips": [address], "interface_name": "eth0" } },
            "network_info": { "bench": {
                "name": "bench", "id": format!("{:064x}", 9), "driver": "bridge", "network_interface": BRIDGE,
                "subnets": [{ "subnet": "10.89.0.0/16", "gateway": "10.89.0.1" }], "ipv6_enabled": false,
                "internal": false, "dns_enabled": false, "ipam_options": { "driver": "host-local" },
            } },
        })
    }

    /// What a runtime gives to plugins.
    fn attachment(&self, ports: Vec<Value>) -> Attachment {
        let attachment = Attachment::new(&self.name, &format!("/run/netns/{}", self.name));
        attachment.asking("portMappings", ports.into())
    }
}

/// The network that CNI's plugins make together, from one directory.
pub(crate) fn chain(path: &str) -> Network {
    let list = json!({ "cniVersion": "1.0.0", "name": "bench", "plugins": [
        {
            "type": CHAIN[0], "bridge": BRIDGE, "isGateway": true, "ipMasq": true, "hairpinMode": true,
            "ipam": {
                "type": "host-local", "dataDir": LEASES, "ranges": [[{ "subnet": "10.89.0.0/16" }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        },
        { "type": CHAIN[1], "capabilities": { "portMappings": true }, "snat": true },
        { "type": CHAIN[2], "backend": "iptables" },
    ] });
    Network::new(list, path)
}

/// In how many ms plugins attach it.
pub(crate) fn attach(to: &Network, attachment: &mut Attachment) -> f64 {
    let began = Instant::now();
    to.add(attachment).unwrap_or_else(|e| panic!("{e}"));
    ms(began.elapsed())
}

/// In how many ms they detach it.
pub(crate) fn detach(from: &Network, attachment: &Attachment) -> f64 {
    let began = Instant::now();
    from.del(attachment).unwrap_or_else(|e| panic!("{e}"));
    ms(began.elapsed())
}

fn netavark(what: &str, of: &Container) -> f64 {
    let netns = format!("/run/netns/{}", of.name);
    let options = ["--config", "/run/netavark", "-f", &of.file(), what, &netns];
    let began = Instant::now();
    run(Command::new(NETAVARK).args(options));
    ms(began.elapsed())
}

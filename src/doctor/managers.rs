//! Programs that manage networks, and whether they leave those of labs alone.

use super::config::{self, entries};
use super::others::OTHERS;
use super::{Finding, Level};
use crate::state::Walls;
use crate::state::machine::Others;

pub(super) fn judge(others: &Others, walls: &Walls) -> Vec<Finding> {
    let runs = |names: &[&str]| names.iter().any(|name| others.running.contains(*name));
    let has_chain = |start: &str| {
        let mut chains = walls.tables.iter().flat_map(|wall| wall.chains.keys());
        chains.any(|chain| chain.starts_with(start))
    };
    let has_table = |name: &str| {
        let mut tables = walls.tables.iter().map(|wall| wall.name.as_str());
        tables.any(|table| table.split(' ').nth(1) == Some(name))
    };
    let mut all = Vec::new();
    if runs(&["firewalld"]) || has_table("firewalld") {
        all.push(firewalld());
    }
    all.extend(ufw(&others.ufw));
    if runs(&["NetworkManager"]) {
        all.push(network_manager(others));
    }
    // The kernel keeps 15 letters of a name (proc_pid_comm(5)).
    if runs(&["systemd-network"]) {
        all.extend(networkd(others));
    }
    if runs(&["dockerd"]) || has_chain("DOCKER") || has_table("docker-bridges") {
        all.push(docker(has_chain("DOCKER-USER")));
    }
    if has_table("netavark") || has_chain("NETAVARK") {
        all.push(OTHERS.ok(
            "podman",
            "Podman's netavark: its rules are for its own bridges only",
        ));
    }
    let libvirt = ["libvirtd", "virtnetworkd"];
    if runs(&libvirt) || has_table("libvirt_network") || has_chain("LIBVIRT") {
        all.push(OTHERS.ok("libvirt", "libvirt: its rules are for its own bridges only"));
    }
    let kubernetes = [
        "kubelet",
        "kube-proxy",
        "k3s-server",
        "k3s-agent",
        "k3s",
        "calico-node",
        "cilium-agent",
        "flanneld",
    ];
    if runs(&kubernetes) || has_chain("KUBE-") || has_table("kube-proxy") {
        all.push(kubernetes_network());
    }
    all
}

/// firewalld puts a device without a zone into the default one, which rejects what is
/// forwarded (firewalld.zone(5), `target`).
fn firewalld() -> Finding {
    OTHERS.finding(
        Level::Warning,
        "firewalld",
        "firewalld is here",
        (
            "it rejects what is forwarded from or to a bridge that is in no zone; its reloads leave netyard's table \
             alone",
            "for each bridge of a lab: `firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE` and \
             `firewall-cmd --reload`",
        ),
    )
}

fn ufw([conf, default]: &[String; 2]) -> Option<Finding> {
    let enabled = config::last(conf, "", "ENABLED");
    if enabled.is_none_or(|value| !value.eq_ignore_ascii_case("yes")) {
        return None;
    }
    let policy = config::last(default, "", "DEFAULT_FORWARD_POLICY").unwrap_or("DROP");
    if policy == "ACCEPT" {
        return Some(OTHERS.ok("ufw", "ufw is enabled, and lets through what is forwarded"));
    }
    Some(OTHERS.finding(
        Level::Warning,
        "ufw",
        format!("ufw is enabled, with DEFAULT_FORWARD_POLICY={policy}"),
        (
            "it drops what labs forward: namespaces reach neither other networks nor the outside",
            "for each bridge of a lab: `ufw route allow in on BRIDGE` and `ufw route allow out on BRIDGE`",
        ),
    ))
}

/// It leaves devices alone that others made and set up; but of a cable's end it would make
/// an Ethernet device with DHCP, if its rules for udev did not tell it otherwise
/// (85-nm-unmanaged.rules).
fn network_manager(others: &Others) -> Finding {
    let leaves = |(path, text): &(String, String)| match path.ends_with(".rules") {
        true => text.lines().any(|line| {
            !line.trim_start().starts_with('#')
                && line.contains("veth")
                && line.contains("NM_UNMANAGED")
        }),
        false => entries(text).any(|(_, key, value)| {
            let cables = ["veth", "*", "type:ethernet"];
            key == "unmanaged-devices" && cables.iter().any(|word| value.contains(word))
        }),
    };
    match others.network_manager.iter().any(leaves) {
        true => OTHERS.ok(
            "network-manager",
            "NetworkManager leaves cables alone, and bridges that others made",
        ),
        false => OTHERS.finding(
            Level::Warning,
            "network-manager",
            "NetworkManager is here, without a rule that it leaves cables alone",
            (
                "it may ask for an address by DHCP on the host's end of each cable",
                "write `[keyfile]` and `unmanaged-devices=driver:veth` into \
                 /etc/NetworkManager/conf.d/netyard.conf, then `systemctl reload NetworkManager`",
            ),
        ),
    }
}

/// networkd.conf(5), ManageForeignRoutes; of a device for which it has no file it leaves
/// everything.
fn networkd(others: &Others) -> Vec<Finding> {
    let mut all = Vec::new();
    let taken = others
        .networks
        .iter()
        .filter(|(_, text)| config::takes_any(text));
    for (path, _) in taken {
        all.push(OTHERS.finding(
            Level::Warning,
            "networkd-takes-devices",
            format!("systemd-networkd is here, and {path} is for cables or bridges of any name"),
            (
                "it sets them up as that file says, and takes away addresses and routes that netyard gave them",
                "write `Kind=!*` into its `[Match]`, or name the devices; then `networkctl reload`",
            ),
        ));
    }
    let settings = others.networkd.iter().rev();
    let mut told =
        settings.filter_map(|(_, text)| config::last(text, "Network", "ManageForeignRoutes"));
    let foreign = told.next().is_none_or(|value| !config::is_no(value));
    all.push(match foreign {
        false => OTHERS.ok(
            "networkd-routes",
            "systemd-networkd leaves routes alone that others made",
        ),
        true => OTHERS.finding(
            Level::Note,
            "networkd-routes",
            "systemd-networkd is here, with ManageForeignRoutes=yes, as it comes",
            (
                "a restart of it removes routes of others on devices that it manages: those that a lab's file gives \
                 the host by such a device",
                "`netyard repair` brings them back, `netyard watch` by itself; or write `[Network]` and \
                 `ManageForeignRoutes=no` into /etc/systemd/networkd.conf.d/netyard.conf",
            ),
        ),
    });
    all
}

/// docs.docker.com, "Docker with iptables".
fn docker(iptables: bool) -> Finding {
    match iptables {
        true => OTHERS.finding(
            Level::Note,
            "docker",
            "Docker is here, with iptables",
            (
                "when its start finds forwarding off it switches it on, and sets the policy of FORWARD to drop: that \
                 drops what labs forward too",
                "write `\"ip-forward-no-drop\": true` into /etc/docker/daemon.json, or accept the lab's bridges in the \
                 chain DOCKER-USER",
            ),
        ),
        false => OTHERS.ok("docker", "Docker: its rules are for its own bridges only"),
    }
}

fn kubernetes_network() -> Finding {
    OTHERS.finding(
        Level::Note,
        "kubernetes",
        "Kubernetes is here",
        (
            "a lab's subnet that lies in one of pods or services of the cluster cuts off the other",
            "choose `subnets:` apart from the cluster's pod and service ranges",
        ),
    )
}

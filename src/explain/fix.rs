//! What to change.

use super::cause::{Cause, Elsewhere, Place};
use crate::state::TableName;

fn set(place: &Place, words: &str) -> String {
    format!("{}link set {} {words}", ip(&place.netns), place.dev)
}

impl Cause {
    /// What to change, as a command where there is one.
    #[allow(clippy::too_many_lines, reason = "a line for each cause")]
    pub fn fix(&self) -> String {
        match self {
            Cause::DeviceDown(at) => set(at, "up"),
            Cause::LoopbackDown(netns) => format!("{}link set lo up", ip(netns)),
            Cause::NoAddress { netns, .. } => {
                format!("{}address add ADDRESS/PREFIX dev DEVICE", ip(netns))
            }
            Cause::WrongPrefix { at, own, .. } => format!(
                "give {at} the prefix of the others on the link, in place of /{}",
                own.prefix_len()
            ),
            Cause::NoRoute { netns, .. } => {
                format!(
                    "{}route add default via ROUTER (see `{}route`)",
                    ip(netns),
                    ip(netns)
                )
            }
            Cause::NoReturnRoute { netns, to } => {
                format!(
                    "{}route add {to} via ROUTER (see `{}route`)",
                    ip(netns),
                    ip(netns)
                )
            }
            Cause::NoMasquerade {
                netns,
                source,
                knows_not,
            } => {
                format!(
                    "masquerade it in {netns} (`masquerade: true` in a lab's file), or \
                     `{}route add {source} via ROUTER`",
                    ip(knows_not)
                )
            }
            Cause::Refused {
                netns,
                rule: Some(rule),
                ..
            } => {
                let priority = rule.split(':').next().unwrap_or_default();
                format!("{}rule del priority {priority}", ip(netns))
            }
            Cause::Refused { netns, .. } => {
                format!(
                    "look for that route with `{}route show table all`",
                    ip(netns)
                )
            }
            Cause::ForwardingOff { netns, v6, dev } => match (v6, dev) {
                (true, _) => inside(netns, "sysctl -w net.ipv6.conf.all.forwarding=1"),
                (_, Some(dev)) => inside(
                    netns,
                    &format!("sysctl -w net.ipv4.conf.{dev}.forwarding=1"),
                ),
                _ => inside(netns, "sysctl -w net.ipv4.ip_forward=1"),
            },
            Cause::OtherSource { .. } => {
                "let the answer pass where addresses are rewritten: masquerade the request, too"
                    .to_owned()
            }
            Cause::NotVisible { .. } => {
                "`visible:` of the port in the lab's file says who reaches it".to_owned()
            }
            Cause::ReversePath { at, .. } => inside(
                &at.netns,
                &format!(
                    "sysctl -w net.ipv4.conf.{}.rp_filter=2, or a route back by it",
                    at.dev
                ),
            ),
            Cause::Martian { .. } => "send from an address of the link".to_owned(),
            Cause::Filtered {
                netns,
                hook,
                table,
                line,
                ours,
            } => match ours {
                true => permitted(netns, table, hook),
                false => inside(netns, &past(table, line, hook)),
            },
            Cause::Isolated(one, _) => {
                format!(
                    "bridge link set dev {} isolated off, in {}",
                    one.dev, one.netns
                )
            }
            Cause::Apart(apart) => match &apart.mode {
                Some(_) => set(&apart.upper, &format!("type {} mode bridge", apart.kind)),
                None => "speak to it from another device on that card, of mode bridge".to_owned(),
            },
            Cause::PortBlocked { at, .. } => format!(
                "see `bridge link show dev {}`: wait for the spanning tree, or switch it off",
                at.dev
            ),
            Cause::WrongVlan { .. } => "give both sides the same VLAN".to_owned(),
            Cause::NoTag { at, vlans } if vlans.is_empty() => {
                format!("put {} into the VLAN of the others without a tag", at.dev)
            }
            Cause::NoTag { at, .. } => format!(
                "send by a VLAN device on that side, or give {} a VLAN without a tag, too",
                at.dev
            ),
            Cause::OtherLink { from, at, .. } => {
                format!(
                    "plug both into one bridge (see `netyard show {}`, `{}`)",
                    from.netns, at.netns
                )
            }
            Cause::NotPlugged { end, .. } => set(end, "master BRIDGE"),
            Cause::Nobody { from, gateway, .. } => match gateway {
                true => format!(
                    "name a router that is there (see `{}route`)",
                    ip(&from.netns)
                ),
                false => "give that address to somebody on the link".to_owned(),
            },
            Cause::Duplicate { address, other, .. } => {
                format!(
                    "{}address del {address}/PREFIX dev {}",
                    ip(&other.netns),
                    other.dev
                )
            }
            Cause::WrongNeighbour { at, address, .. } => {
                format!("{}neigh del {address} dev {}", ip(&at.netns), at.dev)
            }
            Cause::NeighbourFailed { at, .. } => {
                format!(
                    "look at who answers there: `netyard capture {}:{} arp`",
                    at.netns, at.dev
                )
            }
            Cause::ArpIgnored { at, setting, .. } => {
                let word = setting.split('=').next().unwrap_or_default();
                let set = |dev: &str| format!("net.ipv4.conf.{dev}.{word}=0");
                let both = format!("sysctl -w {} {}", set("all"), set(&at.dev));
                inside(&at.netns, &both)
            }
            Cause::NothingListens { elsewhere, .. } => match elsewhere {
                Some(Elsewhere::At(_)) => "let it listen on 0.0.0.0 or [::]".to_owned(),
                Some(Elsewhere::SixOnly) => "let it listen on 0.0.0.0, too".to_owned(),
                Some(Elsewhere::On(_)) => "let it listen on all devices".to_owned(),
                None => "start a program that does".to_owned(),
            },
            Cause::EchoIgnored(netns, true) => {
                inside(netns, "sysctl -w net.ipv6.icmp.echo_ignore_all=0")
            }
            Cause::EchoIgnored(netns, false) => {
                inside(netns, "sysctl -w net.ipv4.icmp_echo_ignore_all=0")
            }
            Cause::TooLarge { at, size, .. } => set(at, &format!("mtu {size}")),
            Cause::TooLargeForRoute {
                netns, to, learnt, ..
            } => match learnt {
                true => format!("{}route flush cache, or send less", ip(netns)),
                false => format!(
                    "a larger `mtu` for that route (see `{}route get {to}`)",
                    ip(netns)
                ),
            },
            Cause::TooFar(_) => {
                "a larger TTL where it is sent (`sysctl net.ipv4.ip_default_ttl`)".to_owned()
            }
            Cause::Circle(netns) => format!("look at `{}route`", ip(netns)),
            Cause::Unusable { at, address, .. } => {
                format!(
                    "{}address show dev {} tells of {address}",
                    ip(&at.netns),
                    at.dev
                )
            }
            Cause::Ipv6Mtu { at, .. } => set(at, "mtu 1500"),
            Cause::Ipv6Off(at) => inside(
                &at.netns,
                &format!("sysctl -w net.ipv6.conf.{}.disable_ipv6=0", at.dev),
            ),
        }
    }
}

/// The word of a lab's file that lets it pass one of netyard's tables.
fn permitted(netns: &str, table: &str, hook: &str) -> String {
    let listed = |list| format!("`{list}` of {netns} in the lab's file says who may");
    match (table.starts_with("bridge"), hook) {
        _ if is_partition(table) => "`netyard link heal LAB` ends the partition".to_owned(),
        (true, _) => "`trusted: true` of the interface in the lab's file lets it".to_owned(),
        (_, "forward" | "input") if table.ends_with(TableName::Router.as_str()) => {
            format!("`nat` of {netns} in the lab's file says who passes")
        }
        (_, "input") if netns != "host" => listed("ingress"),
        (_, "output") if netns != "host" => listed("egress"),
        _ => "in the lab's file: `allow` between networks, `masquerade: true` to go out, \
              `publish` to come in"
            .to_owned(),
    }
}

/// Whether a table keeps namespaces apart for a while.
pub(super) fn is_partition(table: &str) -> bool {
    table.ends_with(TableName::Partition.as_str())
}

/// The command that lets pass what a foreign rule or policy drops.
fn past(table: &str, line: &str, hook: &str) -> String {
    let chain = line
        .strip_prefix("chain ")
        .and_then(|rest| rest.split(':').next());
    let chain = chain.unwrap_or("CHAIN");
    let handle = line.rsplit_once(" # handle ").map(|(_, rest)| rest);
    let handle = handle.and_then(|rest| rest.split(' ').next());
    let mut command = match handle {
        Some(handle) => format!("nft insert rule {table} {chain} position {handle} ... accept"),
        None if line.ends_with("policy drop") => {
            format!("nft add rule {table} {chain} ... accept")
        }
        // The old kind has no numbers.
        None => format!("iptables-legacy -I {chain} ... -j ACCEPT"),
    };
    if hook.contains(BRIDGED) {
        command += "; or sysctl -w net.bridge.bridge-nf-call-iptables=0";
    }
    command
}

/// What is said of a hook that frames on a bridge meet.
pub(super) const BRIDGED: &str = "br_netfilter";

/// A command as it is run in a namespace.
fn inside(netns: &str, command: &str) -> String {
    within(netns).map_or_else(|| command.to_owned(), |enter| format!("{enter} {command}"))
}

/// The start of an `ip` command that works in a namespace.
fn ip(netns: &str) -> String {
    match (process(netns), netns.split_once(" net:[")) {
        (Some(pid), _) => format!("nsenter -t {pid} -n ip "),
        (None, None) if netns == "host" => "ip ".to_owned(),
        // One of several that are called so.
        (None, Some((name, _))) => format!("ip -n {name} "),
        (None, None) => format!("ip -n {netns} "),
    }
}

/// What goes before a command that shall run in a namespace; `None`: in that of the caller.
fn within(netns: &str) -> Option<String> {
    match process(netns) {
        Some(pid) => Some(format!("nsenter -t {pid} -n")),
        None => (netns != "host").then(|| format!("netyard exec {netns} --")),
    }
}

/// The number of the process by which a namespace without a name is called (`sleep:4711`).
fn process(netns: &str) -> Option<&str> {
    let (_, pid) = netns.rsplit_once(':')?;
    pid.bytes().all(|byte| byte.is_ascii_digit()).then_some(pid)
}

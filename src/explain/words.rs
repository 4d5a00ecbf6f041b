//! Causes in words: the line that decides, and what to change.

use std::fmt;

use super::cause::{Cause, Place, ip};

fn family(v6: bool) -> &'static str {
    if v6 { "IPv6" } else { "IPv4" }
}

fn tag(id: Option<u16>) -> String {
    match id {
        Some(id) => format!("VLAN {id}"),
        None => "no VLAN".to_owned(),
    }
}

fn set(place: &Place, words: &str) -> String {
    format!("{}link set {} {words}", ip(&place.netns), place.dev)
}

/// The line that decides.
impl fmt::Display for Cause {
    #[allow(clippy::too_many_lines, reason = "a sentence for each cause")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::DeviceDown(at) => write!(f, "device {at} is down"),
            Cause::LoopbackDown(netns) => write!(
                f,
                "lo in {netns} is down, over which a namespace speaks to its own addresses"
            ),
            Cause::NoAddress { netns, v6 } => write!(f, "{netns} has no {} address", family(*v6)),
            Cause::WrongPrefix { at, own, other } => write!(
                f,
                "{own} on {at} has a prefix that does not cover {other}, which is on the same link"
            ),
            Cause::NoRoute { netns, to } => write!(f, "{netns} has no route to {to}"),
            Cause::NoReturnRoute { netns, to } => {
                write!(f, "{netns} has no route back to {to}: answers end there")
            }
            Cause::NoMasquerade {
                netns,
                source,
                knows_not,
            } => write!(
                f,
                "{netns} sends it out as from {source}, not masqueraded, and {knows_not} knows no way back to that"
            ),
            Cause::Refused { netns, kind, to } => {
                write!(f, "a route of {netns} to {to} says {kind}")
            }
            Cause::ForwardingOff { netns, v6, dev } => {
                let on = dev.as_ref().map(|dev| format!(" what comes by {dev}"));
                let on = on.unwrap_or_default();
                write!(
                    f,
                    "{netns}, on the way, does not forward {}{on}",
                    family(*v6)
                )
            }
            Cause::ReversePath { at, source } => write!(
                f,
                "{at} drops what comes from {source}: the way back would not leave by it (rp_filter)"
            ),
            Cause::Martian { at, source } => write!(
                f,
                "{at} drops what comes from {source}: no such address may come from outside"
            ),
            Cause::Filtered {
                netns,
                hook,
                table,
                line,
                ..
            } => {
                write!(f, "table {table} of {netns} drops it ({hook}): {line}")
            }
            Cause::Isolated(one, other) => {
                write!(
                    f,
                    "ports {} and {} of one bridge are both isolated",
                    one.dev, other
                )
            }
            Cause::PortBlocked { at, state } => {
                write!(f, "port {at} of a bridge is {state}: it carries nothing")
            }
            Cause::WrongVlan { at, has, frame } => {
                write!(f, "it has {} where {at} has {}", tag(*frame), tag(*has))
            }
            Cause::OtherLink { from, to, at } => {
                write!(f, "{from} looks for {to}, which {at} has: on another link")
            }
            Cause::NotPlugged { from, end, to } => write!(
                f,
                "{end}, the other end of the cable of {from}, is plugged into nothing: {to} is not there"
            ),
            Cause::Nobody { from, to, gateway } => {
                let what = if *gateway { "the router " } else { "" };
                write!(
                    f,
                    "{from} looks for {what}{to}, and nobody on that link has it"
                )
            }
            Cause::Duplicate {
                address,
                one,
                other,
            } => {
                write!(f, "{one} and {other} both have {address} on one link")
            }
            Cause::WrongNeighbour {
                at,
                address,
                says,
                has,
            } => {
                write!(
                    f,
                    "the neighbour table of {at} says {address} is at {says}; it is at {has}"
                )
            }
            Cause::NeighbourFailed { at, address } => {
                write!(
                    f,
                    "{at} asked for {address}, and nobody answered (neighbour failed)"
                )
            }
            Cause::NothingListens {
                netns,
                port,
                elsewhere,
            } => match elsewhere {
                Some(address) => {
                    write!(f, "in {netns} somebody listens on {port} at {address} only")
                }
                None => write!(f, "nobody listens on {port} in {netns}"),
            },
            Cause::OtherSource { netns, asked, by } => write!(
                f,
                "the answer comes to {netns} from {by}, not from {asked} that it asked: it is not taken for one"
            ),
            Cause::NotVisible { port, to } => {
                write!(f, "port {port} is published, and not to who asks: {to}")
            }
            Cause::EchoIgnored(netns) => write!(f, "{netns} is told not to answer pings"),
            Cause::TooLarge { at, mtu, size } => write!(
                f,
                "{at} takes packets of {mtu} bytes, and this one has {size} and may not be divided"
            ),
            Cause::Circle(netns) => write!(f, "the routes go in a circle, by {netns} again"),
            Cause::Unusable {
                at,
                address,
                duplicate,
            } => match duplicate {
                true => write!(
                    f,
                    "{at} does not use {address}: another has it on the same link"
                ),
                false => write!(
                    f,
                    "{at} does not use {address} yet: it asks whether another has it"
                ),
            },
            Cause::Ipv6Off(at) => write!(f, "IPv6 is switched off on {at}"),
        }
    }
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
            Cause::NoMasquerade { .. } => {
                "`masquerade: true` for the network in the file, or a route back".to_owned()
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
                ours,
                table,
                hook,
                ..
            } => match ours {
                true => permitted(netns, table, hook),
                false => format!(
                    "{}: an accept of your own before that rule",
                    inside(netns, &format!("nft -a list table {table}"))
                ),
            },
            Cause::Isolated(one, _) => {
                format!(
                    "bridge link set dev {} isolated off, in {}",
                    one.dev, one.netns
                )
            }
            Cause::PortBlocked { at, .. } => format!(
                "see `bridge link show dev {}`: wait for the spanning tree, or switch it off",
                at.dev
            ),
            Cause::WrongVlan { .. } => "give both sides the same VLAN".to_owned(),
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
            Cause::NothingListens { elsewhere, .. } => match elsewhere {
                Some(_) => "let it listen on 0.0.0.0 or [::]".to_owned(),
                None => "start a program that does".to_owned(),
            },
            Cause::EchoIgnored(netns) => inside(netns, "sysctl -w net.ipv4.icmp_echo_ignore_all=0"),
            Cause::TooLarge { at, size, .. } => set(at, &format!("mtu {size}")),
            Cause::Circle(netns) => format!("look at `{}route`", ip(netns)),
            Cause::Unusable { at, address, .. } => {
                format!(
                    "{}address show dev {} tells of {address}",
                    ip(&at.netns),
                    at.dev
                )
            }
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
        (true, _) => "`trusted: true` of the interface in the lab's file lets it".to_owned(),
        (_, "input") if netns != "host" => listed("ingress"),
        (_, "output") if netns != "host" => listed("egress"),
        _ => "in the lab's file: `allow` between networks, `masquerade: true` to go out, \
              `publish` to come in"
            .to_owned(),
    }
}

/// A command as it is run in a namespace.
fn inside(netns: &str, command: &str) -> String {
    match netns {
        "host" => command.to_owned(),
        _ => format!("netyard exec {netns} -- {command}"),
    }
}

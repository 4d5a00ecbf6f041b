//! Causes in words: the line that decides, and what to change.

use std::fmt;

use super::cause::{Apart, Cause, Elsewhere};
use super::fix::is_partition;

fn family(v6: bool) -> &'static str {
    if v6 { "IPv6" } else { "IPv4" }
}

fn tag(id: Option<u16>) -> String {
    match id {
        Some(id) => format!("VLAN {id}"),
        None => "no VLAN".to_owned(),
    }
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
            Cause::Refused {
                netns,
                kind,
                to,
                rule,
            } => match rule {
                Some(rule) => write!(f, "a routing rule of {netns} says {kind}: {rule}"),
                None => write!(f, "a route of {netns} to {to} says {kind}"),
            },
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
                ours: true,
            } if is_partition(table) => {
                let other = match hook.as_str() {
                    "input" => "comes from",
                    _ => "goes",
                };
                write!(
                    f,
                    "{netns} is parted from where it {other} (`netyard link partition`): {line}"
                )
            }
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
            Cause::Apart(apart) => {
                let Apart {
                    upper, kind, other, ..
                } = apart.as_ref();
                match &apart.mode {
                    Some(mode) => write!(
                        f,
                        "{upper} is a {kind} of mode {mode}: it and {other}, on the same card, do not hear each other"
                    ),
                    None => write!(
                        f,
                        "{upper} is a {kind} on {other}: it and the card itself do not hear each other"
                    ),
                }
            }
            Cause::PortBlocked { at, state } => {
                write!(f, "port {at} of a bridge is {state}: it carries nothing")
            }
            Cause::WrongVlan { at, has, frame } => {
                write!(f, "it has {} where {at} has {}", tag(*frame), tag(*has))
            }
            Cause::NoTag { at, vlans } if vlans.is_empty() => {
                write!(f, "it has no tag, and {at} is in no VLAN")
            }
            Cause::NoTag { at, vlans } => {
                write!(
                    f,
                    "it has no tag where {at} takes only tagged ones, of VLAN {vlans}"
                )
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
            Cause::ArpIgnored {
                at,
                address,
                setting,
            } => write!(
                f,
                "{at} does not answer who asks for {address} by ARP ({setting})"
            ),
            Cause::NothingListens {
                netns,
                port,
                elsewhere,
            } => match elsewhere {
                Some(Elsewhere::At(address)) => {
                    write!(f, "in {netns} somebody listens on {port} at {address} only")
                }
                Some(Elsewhere::SixOnly) => write!(
                    f,
                    "nobody listens on {port} in {netns} by IPv4: who does at [::] takes IPv6 alone (IPV6_V6ONLY)"
                ),
                Some(Elsewhere::On(dev)) => write!(
                    f,
                    "in {netns} somebody listens on {port} on device {dev} only (SO_BINDTODEVICE)"
                ),
                None => write!(f, "nobody listens on {port} in {netns}"),
            },
            Cause::OtherSource { netns, asked, by } => write!(
                f,
                "the answer comes to {netns} from {by}, not from {asked} that it asked: it is not taken for one"
            ),
            Cause::NotVisible { port, to } => {
                write!(f, "port {port} is published, and not to who asks: {to}")
            }
            Cause::EchoIgnored(netns, _) => write!(f, "{netns} is told not to answer pings"),
            Cause::TooLarge { at, mtu, size } => write!(
                f,
                "{at} takes packets of {mtu} bytes, and this one has {size} and may not be divided"
            ),
            Cause::TooLargeForRoute {
                netns,
                to,
                mtu,
                size,
                learnt,
            } => {
                let told = if *learnt {
                    ", as a router has told it"
                } else {
                    ""
                };
                write!(
                    f,
                    "the route of {netns} to {to} takes packets of {mtu} bytes{told}, and this one has {size} and may not be divided"
                )
            }
            Cause::TooFar(netns) => write!(
                f,
                "{netns}, on the way, throws it away: it has passed as many routers as it may (TTL)"
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
            Cause::Ipv6Mtu { at, mtu } => write!(
                f,
                "{at} takes packets of {mtu} bytes: with less than 1280 there is no IPv6 on it"
            ),
            Cause::Ipv6Off(at) => write!(f, "IPv6 is switched off on {at}"),
        }
    }
}

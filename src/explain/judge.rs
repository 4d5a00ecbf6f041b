//! What the rules of a namespace do with a packet, in the words of the walk.

use std::net::IpAddr;

use super::filter::{self, Arp, Ask, Connection, ConnectionState, Ends, Fate, Line};
use super::ground::{After, Hook, Judgement, Known, Layer, Load, Packet, Rewrite, Seek};
use crate::state::ruleset::{self, NatKind, Ruleset};
use crate::state::{TABLE, TableName, Transport, echo};

/// Neighbour solicitation and advertisement (RFC 4861).
const ASKS: u8 = 135;
const TELLS: u8 = 136;

/// What they do with it.
pub(crate) fn judge(
    ruleset: &Ruleset,
    layer: Layer,
    hook: Hook,
    packet: &Packet,
    ask: &dyn Ask,
) -> Judgement {
    let layer = match layer {
        Layer::Ip => filter::Layer::Ip,
        Layer::Bridge => filter::Layer::Bridge,
    };
    let hook = match hook {
        Hook::Ingress => ruleset::Hook::Ingress,
        Hook::Egress => ruleset::Hook::Egress,
        Hook::Prerouting => ruleset::Hook::Prerouting,
        Hook::Input => ruleset::Hook::Input,
        Hook::Forward => ruleset::Hook::Forward,
        Hook::Output => ruleset::Hook::Output,
        Hook::Postrouting => ruleset::Hook::Postrouting,
    };
    let passage = filter::pass(ruleset, layer, hook, &seen(packet), ask);
    let (table, line, ours) = told(passage.line.as_ref());
    match passage.fate {
        Fate::Accept => {
            let after = &passage.packet;
            let left = After {
                marks: (after.mark, after.connection.mark),
                known: match after.connection.state {
                    ConnectionState::Untracked => Known::Untracked,
                    _ => packet.known,
                },
                ttl: after.ttl,
            };
            // What connection tracking does to answers is known already.
            let by_rules = passage.rewrite.filter(|_| !packet.answer);
            match by_rules.as_ref().map(rewritten) {
                None => Judgement::Passes(None, left),
                Some(Some(rewrite)) => Judgement::Passes(Some(rewrite), left),
                Some(None) => {
                    let (table, line, _) = told(passage.rewritten_by.as_ref());
                    Judgement::Unknown { table, line }
                }
            }
        }
        Fate::Drop => Judgement::Drops { table, line, ours },
        Fate::Reject(with) => Judgement::Drops {
            table,
            line: format!("{line} (refused with {with})"),
            ours,
        },
        Fate::Unknown(why) => Judgement::Unknown {
            table,
            line: format!("{line} ({why})"),
        },
    }
}

/// Family and name of the table, the rule or policy with its chain, and whether it is ours.
pub(super) fn told(line: Option<&Line>) -> (String, String, bool) {
    let Some(line) = line else {
        return Default::default();
    };
    let table = format!("{} {}", line.family, line.table);
    let handle = line.handle.map(|handle| format!(" # handle {handle}"));
    let text = format!(
        "chain {}: {}{}",
        line.chain,
        line.text,
        handle.unwrap_or_default()
    );
    // Whoever wrote a rule may not steer a terminal.
    let plain = |text: String| text.replace(char::is_control, "\u{fffd}");
    (plain(table), plain(text), is_ours(&line.table))
}

fn is_ours(table: &str) -> bool {
    let own = TableName::NAMESPACE.map(TableName::as_str);
    table == TABLE || own.contains(&table)
}

/// The one address that a packet gets; `None` where it may be one of several.
fn rewritten(rewrite: &filter::Rewrite) -> Option<Rewrite> {
    let only = |(first, last)| (first == last).then_some(first);
    let port = match rewrite.port {
        None => None,
        Some((first, last)) => (first == last).then_some(first),
    };
    Some(match rewrite.kind {
        NatKind::Source => Rewrite::Source(only(rewrite.address?)?, port),
        // Of several ports one is chosen, too.
        NatKind::Destination | NatKind::Redirect if rewrite.port.is_some() != port.is_some() => {
            return None;
        }
        NatKind::Destination => {
            let to = rewrite.address.map(|several| only(several).ok_or(()));
            Rewrite::Destination(to.transpose().ok()?, port)
        }
        NatKind::Masquerade => Rewrite::Masquerade,
        NatKind::Redirect => Rewrite::Here(port),
    })
}

/// What connection tracking does, in the words of rules.
fn translated(rewrite: Rewrite) -> Option<filter::Rewrite> {
    let (kind, address) = match rewrite {
        Rewrite::Destination(address, _) => (NatKind::Destination, address?),
        Rewrite::Source(address, _) => (NatKind::Source, address),
        Rewrite::Here(_) | Rewrite::Masquerade => return None,
    };
    Some(filter::Rewrite {
        kind,
        address: Some((address, address)),
        port: None,
    })
}

/// What it carries: the number of the protocol, the port that it is for, type and code of ICMP.
fn carried(packet: &Packet) -> (u8, u16, Option<(u8, u8)>) {
    let (icmp, kinds) = echo(packet.v6());
    match (packet.load, packet.v6()) {
        (_, true) if packet.seek == Some(Seek::Asks) => (icmp, 0, Some((ASKS, 0))),
        (_, true) if packet.seek == Some(Seek::Tells) => (icmp, 0, Some((TELLS, 0))),
        (_, false) if packet.seek.is_some() => (0, 0, None),
        (Load::Echo, _) => (icmp, 0, Some((kinds[usize::from(packet.answer)], 0))),
        (Load::To(transport, port), _) => (Transport::number(transport), port, None),
    }
}

/// The packet as rules see it.
fn seen(packet: &Packet) -> filter::Packet {
    let source = packet.source.unwrap_or(match packet.v6() {
        true => std::net::Ipv6Addr::UNSPECIFIED.into(),
        false => std::net::Ipv4Addr::UNSPECIFIED.into(),
    });
    let (protocol, port, icmp) = carried(packet);
    let ends = |(from, to): (std::net::SocketAddr, std::net::SocketAddr)| Ends {
        source: (from.ip(), from.port()),
        destination: (to.ip(), to.port()),
    };
    let arp = packet.seek.filter(|_| !packet.v6()).map(|seek| Arp {
        reply: seek == Seek::Tells,
        sender: packet.ether.map(|(sender, _)| sender),
        target: packet.ether.map(|(_, target)| target),
    });
    // It is sent to all whose address ends like that (RFC 4291, 2.7.1).
    let destination = match (packet.seek, packet.destination) {
        (Some(Seek::Asks), IpAddr::V6(ip)) => {
            let [.., a, b, c] = ip.octets();
            let group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c];
            IpAddr::from(group)
        }
        (_, destination) => destination,
    };
    filter::Packet {
        arp,
        source_port: packet.source_port,
        destination_port: port,
        chosen: matches!(packet.load, Load::To(..)) && packet.seek.is_none(),
        icmp,
        size: packet.size,
        ttl: packet.ttl,
        mark: packet.marks.0,
        iif: packet.iif.clone(),
        oif: packet.oif.clone(),
        ether: packet.ether,
        connection: Connection {
            state: match (packet.known, packet.answer) {
                // ARP is of no connection.
                _ if arp.is_some() => ConnectionState::Invalid,
                (Known::Untracked, _) => ConnectionState::Untracked,
                (Known::Unseen, _) => ConnectionState::Invalid,
                (Known::Tracked, true) => ConnectionState::Established,
                (Known::Tracked, false) => ConnectionState::New,
            },
            reply: packet.answer,
            snat: packet.disguised,
            dnat: packet.redirected,
            mark: packet.marks.1,
            original: packet.original.map(ends),
            translation: packet.undone.and_then(translated),
        },
        ..filter::Packet::new(source, destination, protocol)
    }
}

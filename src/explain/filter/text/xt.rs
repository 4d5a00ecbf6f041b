//! What iptables brings, as nft would write it by itself.

use super::value::{Kind, endpoint, protocol, value};
use crate::explain::filter::xt::{self, Info};
use crate::state::ruleset::NatKind;

/// A condition.
pub(super) fn condition(name: &str, revision: u32, data: &[u8]) -> Option<String> {
    let info = Info(data);
    Some(match (name, revision) {
        ("comment", _) => return Some(String::new()),
        ("conntrack", 2..) if info.u16(146) == 1 => states(info),
        ("addrtype", 1) => address_types(info)?,
        ("tcp" | "udp", _) => ports(name, info),
        ("multiport", 1) => multiport(info),
        ("mark", 1) => mark("meta mark", info),
        ("connmark", 1) => mark("ct mark", info),
        ("limit", _) => "<limit>".to_owned(),
        _ => return None,
    })
}

fn not(is: bool) -> &'static str {
    if is { "!= " } else { "" }
}

/// Bits of the state, and those that stand for the status.
fn states(info: Info<'_>) -> String {
    const STATES: [(u16, &str); 5] = [
        (1, "invalid"),
        (2, "established"),
        (4, "related"),
        (8, "new"),
        (0x100, "untracked"),
    ];
    const STATUS: [(u16, &str); 2] = [(0x40, "snat"), (0x80, "dnat")];
    let (mask, not) = (info.u16(150), not(info.u16(148) & 1 != 0));
    let set = |all: &[(u16, &'static str)]| {
        let set = all.iter().filter(|(bit, _)| mask & bit != 0);
        set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
    };
    let (states, status) = (set(&STATES), set(&STATUS));
    let parts = [("ct state", states), ("ct status", status)];
    let parts = parts.iter().filter(|(_, set)| !set.is_empty());
    let parts: Vec<String> = parts
        .map(|(what, set)| format!("{what} {not}{set}"))
        .collect();
    parts.join(" or ")
}

fn address_types(info: Info<'_>) -> Option<String> {
    let flags = info.u32(4);
    let device = match (flags & 4 != 0, flags & 8 != 0) {
        (true, _) => " . iif",
        (_, true) => " . oif",
        _ => "",
    };
    let mut all = Vec::new();
    for (name, at, flag) in [("saddr", 0, 1), ("daddr", 2, 2)] {
        let mask = info.u16(at);
        let kinds = (0..9u32).filter(|kind| mask & 1 << kind != 0);
        let kinds = kinds.map(|kind| value(Kind::AddressType, &kind.to_ne_bytes()));
        let kinds: Vec<String> = kinds.collect();
        let not = not(flags & flag != 0);
        match &kinds[..] {
            [] => {}
            [kind] => all.push(format!("fib {name}{device} type {not}{kind}")),
            several => {
                let kinds = several.join(", ");
                all.push(format!("fib {name}{device} type {not}{{ {kinds} }}"));
            }
        }
    }
    (!all.is_empty()).then(|| all.join(" "))
}

fn ports(name: &str, info: Info<'_>) -> String {
    let inverted = if name == "tcp" {
        info.u8(11)
    } else {
        info.u8(8)
    };
    let mut all = Vec::new();
    for (field, at, flag) in [("sport", 0, 1), ("dport", 4, 2)] {
        let (first, last) = (info.u16(at), info.u16(at + 2));
        let not = not(inverted & flag != 0);
        match (first, last) {
            (0, 0xffff) => {}
            _ if first == last => all.push(format!("{name} {field} {not}{first}")),
            _ => all.push(format!("{name} {field} {not}{first}-{last}")),
        }
    }
    if name == "tcp" && info.u8(9) != 0 {
        let bits = |bits: u8| super::value::bits(Kind::TcpFlags, &[bits], ",");
        let (mask, set) = (bits(info.u8(9)), bits(info.u8(10)));
        let (mask, set) = (
            mask.unwrap_or_default(),
            set.unwrap_or_else(|| "0x0".into()),
        );
        all.push(format!(
            "tcp flags {}{set} / {mask}",
            not(inverted & 4 != 0)
        ));
    }
    match all.is_empty() {
        true => format!(
            "meta l4proto {}",
            protocol(if name == "tcp" { 6 } else { 17 })
        ),
        false => all.join(" "),
    }
}

fn multiport(info: Info<'_>) -> String {
    let mut ports = Vec::new();
    let count = usize::from(info.u8(1)).min(15);
    let mut at = 0;
    while at < count {
        let port = info.u16(2 + 2 * at);
        if info.u8(32 + at) != 0 {
            at += 1;
            ports.push(format!("{port}-{}", info.u16(2 + 2 * at)));
        } else {
            ports.push(port.to_string());
        }
        at += 1;
    }
    let field = match info.u8(0) {
        0 => "sport",
        1 => "dport",
        _ => "sport or dport",
    };
    let not = not(info.u8(47) != 0);
    format!("th {field} {not}{{ {} }}", ports.join(", "))
}

fn mark(what: &str, info: Info<'_>) -> String {
    let (mark, mask) = (info.u32(0), info.u32(4));
    let inverted = info.u8(8) != 0;
    match mask {
        u32::MAX => format!("{what} {}0x{mark:08x}", not(inverted)),
        _ => {
            let op = if inverted { "!=" } else { "==" };
            format!("{what} & 0x{mask:08x} {op} 0x{mark:08x}")
        }
    }
}

/// A deed.
pub(super) fn target(name: &str, revision: u32, data: &[u8], six: bool) -> Option<String> {
    let info = Info(data);
    if let Some(rewrite) = xt::rewrite(name, revision, data, six) {
        let word = match rewrite.kind {
            NatKind::Destination => "dnat",
            NatKind::Source => "snat",
            NatKind::Masquerade => "masquerade",
            NatKind::Redirect => "redirect",
        };
        return Some(match endpoint(rewrite.address, rewrite.port) {
            Some(to) => format!("{word} to {to}"),
            None => word.to_owned(),
        });
    }
    Some(match (name, revision) {
        ("REJECT", _) => match xt::refusal(info.u32(0), six).as_str() {
            "icmp port-unreachable" | "icmpv6 port-unreachable" => "reject".to_owned(),
            with => format!("reject with {with}"),
        },
        ("LOG", _) => {
            let prefix = data.get(2..32).unwrap_or_default();
            let prefix = String::from_utf8_lossy(prefix);
            match prefix.split('\0').next() {
                Some("") | None => "log".to_owned(),
                Some(prefix) => format!("log prefix \"{prefix}\""),
            }
        }
        ("NFLOG", _) => "log".to_owned(),
        ("MARK", 2) => match (info.u32(0), info.u32(4)) {
            (mark, u32::MAX) => format!("meta mark set 0x{mark:08x}"),
            (mark, mask) => {
                format!("meta mark set meta mark & 0x{:08x} ^ 0x{mark:08x}", !mask)
            }
        },
        ("NOTRACK", _) => "notrack".to_owned(),
        _ => return None,
    })
}

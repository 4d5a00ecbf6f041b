//! Routing rules: RTM_NEWRULE, RTM_DELRULE and the list of those that are not as the
//! kernel made them.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use super::attr::{parse, put};
use super::socket::{NLM_F_CREATE, NLM_F_EXCL, Request, Socket};
use crate::state::IpRule;
use crate::sys::uapi::*;

/// What the kernel makes with a namespace: priority and table
/// (`fib_default_rules_init`, net/ipv4/fib_rules.c; `fib6_rules_net_init`, net/ipv6/fib6_rules.c).
const USUAL: [(u32, u8); 3] = [
    (0, RT_TABLE_LOCAL),
    (32766, RT_TABLE_MAIN),
    (32767, RT_TABLE_DEFAULT),
];

/// Those that others have added, and those of the kernel's that are not there.
pub(crate) fn list(socket: &mut Socket) -> io::Result<(BTreeSet<IpRule>, BTreeSet<IpRule>)> {
    let request = Request {
        kind: RTM_GETRULE,
        flags: 0,
        body: vec![0; RULE_HEADER],
    };
    let listed = socket.dump(&request)??;
    let (mut odd, mut lost) = (BTreeSet::new(), BTreeSet::new());
    for family in [libc::AF_INET, libc::AF_INET6].map(|family| family as u8) {
        let v6 = i32::from(family) == libc::AF_INET6;
        let bodies = listed.iter().map(|(_, body)| body);
        let own = bodies.filter(|body| body.first() == Some(&family));
        let rules: Vec<IpRule> = own.filter_map(|body| rule(v6, body)).collect();
        let mut usual: Vec<IpRule> = USUAL[..if v6 { 2 } else { 3 }]
            .iter()
            .map(|(priority, table)| usual(family, *priority, *table))
            .collect();
        // A kernel without the family, or without rules, has none.
        if rules.is_empty() {
            continue;
        }
        for rule in rules {
            let known = usual
                .iter()
                .position(|usual| usual.to_string() == rule.to_string());
            match known {
                Some(at) => drop(usual.remove(at)),
                None => drop(odd.insert(rule)),
            }
        }
        lost.extend(usual);
    }
    Ok((odd, lost))
}

/// All of them, also the kernel's.
pub(crate) fn every(socket: &mut Socket) -> io::Result<BTreeSet<IpRule>> {
    let request = Request {
        kind: RTM_GETRULE,
        flags: 0,
        body: vec![0; RULE_HEADER],
    };
    let listed = socket.dump(&request)??;
    Ok(listed.iter().filter_map(|(_, body)| told(body)).collect())
}

/// What the kernel makes with a namespace.
pub(crate) fn fresh() -> BTreeSet<IpRule> {
    let v4 = USUAL
        .iter()
        .map(|(priority, table)| (libc::AF_INET, *priority, *table));
    let v6 = USUAL[..2]
        .iter()
        .map(|(priority, table)| (libc::AF_INET6, *priority, *table));
    v4.chain(v6)
        .map(|(family, priority, table)| usual(family as u8, priority, table))
        .collect()
}

/// One as a message has it; `None` of another family than IP.
pub(crate) fn told(body: &[u8]) -> Option<IpRule> {
    match i32::from(*body.first()?) {
        libc::AF_INET => rule(false, body),
        libc::AF_INET6 => rule(true, body),
        _ => None,
    }
}

/// Adds a rule.
pub(crate) fn add(rule: &IpRule) -> Request {
    Request {
        kind: RTM_NEWRULE,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: rule.message.clone(),
    }
}

/// Removes a rule.
pub(crate) fn delete(rule: &IpRule) -> Request {
    Request {
        kind: RTM_DELRULE,
        flags: 0,
        body: rule.message.clone(),
    }
}

fn usual(family: u8, priority: u32, table: u8) -> IpRule {
    // Family, lengths and type of service, table, reserved, action, flags.
    let mut message = vec![family, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0];
    put(&mut message, FRA_PRIORITY, &priority.to_ne_bytes());
    put(&mut message, FRA_TABLE, &u32::from(table).to_ne_bytes());
    put(&mut message, FRA_PROTOCOL, &[RTPROT_KERNEL]);
    IpRule {
        v6: i32::from(family) == libc::AF_INET6,
        priority,
        words: format!("from all lookup {}", name(table.into())),
        message,
    }
}

fn name(table: u32) -> String {
    match u8::try_from(table) {
        Ok(RT_TABLE_LOCAL) => "local".to_owned(),
        Ok(RT_TABLE_MAIN) => "main".to_owned(),
        Ok(RT_TABLE_DEFAULT) => "default".to_owned(),
        _ => table.to_string(),
    }
}

fn rule(v6: bool, body: &[u8]) -> Option<IpRule> {
    let header = body.get(..RULE_HEADER)?;
    let attributes: Vec<(u16, &[u8])> = parse(&body[RULE_HEADER..]).collect();
    let find = |wanted| {
        attributes
            .iter()
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, v)| *v)
    };
    let number = |wanted| Some(u32::from_ne_bytes(find(wanted)?.try_into().ok()?));
    let text = |wanted| {
        let bytes = find(wanted)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let net = |wanted, length: u8| Some(format!("{}/{length}", address(find(wanted)?)?));
    let mut words = Vec::new();
    if header[8] & FIB_RULE_INVERT != 0 {
        words.push("not".to_owned());
    }
    words.push(format!(
        "from {}",
        net(FRA_SRC, header[2]).unwrap_or("all".to_owned())
    ));
    let mut with = |word: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{word} {value}")));
    };
    with("to", net(FRA_DST, header[1]));
    with(
        "tos",
        Some(header[3])
            .filter(|tos| *tos != 0)
            .map(|tos| format!("{tos:#x}")),
    );
    let mask = number(FRA_FWMASK).filter(|mask| *mask != u32::MAX);
    let mark = number(FRA_FWMARK).map(|mark| match mask {
        Some(mask) => format!("{mark:#x}/{mask:#x}"),
        None => format!("{mark:#x}"),
    });
    with("fwmark", mark);
    with("iif", text(FRA_IIFNAME));
    with("oif", text(FRA_OIFNAME));
    let protocol = find(FRA_IP_PROTO).and_then(|value| value.first());
    with("ipproto", protocol.map(u8::to_string));
    words.push(action(header, number));
    let suppressed = number(FRA_SUPPRESS_PREFIXLEN).filter(|length| *length != u32::MAX);
    words.extend(suppressed.map(|length| format!("suppress_prefixlength {length}")));
    // What has no words here makes it no rule of the kernel's all the same.
    let told = |kind: &u16| TOLD.contains(kind);
    if !attributes.iter().all(|(kind, _)| told(kind)) {
        words.push("...".to_owned());
    }
    Some(IpRule {
        v6,
        priority: number(FRA_PRIORITY).unwrap_or_default(),
        words: words.join(" "),
        message: body.to_vec(),
    })
}

fn action(header: &[u8], number: impl Fn(u16) -> Option<u32>) -> String {
    match header[7] {
        FR_ACT_TO_TBL => {
            let table = number(FRA_TABLE).unwrap_or_else(|| header[4].into());
            format!("lookup {}", name(table))
        }
        FR_ACT_GOTO => format!("goto {}", number(FRA_GOTO).unwrap_or_default()),
        FR_ACT_NOP => "nop".to_owned(),
        FR_ACT_BLACKHOLE => "blackhole".to_owned(),
        FR_ACT_UNREACHABLE => "unreachable".to_owned(),
        FR_ACT_PROHIBIT => "prohibit".to_owned(),
        other => format!("action {other}"),
    }
}

const TOLD: [u16; 13] = [
    FRA_DST,
    FRA_SRC,
    FRA_IIFNAME,
    FRA_OIFNAME,
    FRA_GOTO,
    FRA_PRIORITY,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_TABLE,
    FRA_PROTOCOL,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_IP_PROTO,
    FRA_PAD,
];

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}

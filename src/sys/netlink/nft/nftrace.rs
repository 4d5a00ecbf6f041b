//! The kernel's own trace of one packet, as `nft monitor trace` shows it. What begins it is
//! a table that the kernel removes when the socket that made it is closed, whatever becomes
//! of the program (`NFT_TABLE_F_OWNER`, Linux 5.12).

use std::io;

use super::expr::{self, Expr};
use super::{commit, of_family, put_u32};
use crate::state::ruleset::TableFamily;
use crate::state::{Transport, echo};
use crate::sys::netlink::attr::{put_nested, put_text};
use crate::sys::netlink::listing::{find, number, text};
use crate::sys::netlink::notices::{Notices, messages};
use crate::sys::netlink::ruleset::{family, u64_at};
use crate::sys::netlink::socket::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, Request, Socket};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

/// By what a packet and its answer are known wherever they come, whatever their addresses
/// are by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Echo request and reply, of IPv6 or not, by the first bytes that they carry.
    Echo(bool, [u8; 8]),
    /// The begin of a TCP connection, by its sequence number, and the answer, which
    /// acknowledges that (RFC 9293, 3.5).
    Syn(u32),
    /// A datagram of UDP, by the first bytes that it carries, and the answer, by the port that
    /// it goes back to.
    Datagram([u8; 8], u16),
}

/// Which of them it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// The packet.
    There,
    /// The answer.
    Back,
}

impl Sign {
    /// What must hold of the packet, or of the answer: byte for byte from the transport header on.
    fn holds(self, way: Way) -> (u8, Vec<(u32, Vec<u8>)>) {
        match (self, way) {
            (Sign::Echo(v6, bytes), way) => {
                let (protocol, kinds) = echo(v6);
                let kind = kinds[usize::from(way == Way::Back)];
                (protocol, vec![(0, vec![kind]), (8, bytes.to_vec())])
            }
            (Sign::Syn(number), Way::There) => (
                Transport::Tcp.number(),
                vec![(4, number.to_be_bytes().to_vec())],
            ),
            (Sign::Syn(number), Way::Back) => {
                let next = number.wrapping_add(1);
                (
                    Transport::Tcp.number(),
                    vec![(8, next.to_be_bytes().to_vec())],
                )
            }
            (Sign::Datagram(bytes, _), Way::There) => {
                (Transport::Udp.number(), vec![(8, bytes.to_vec())])
            }
            (Sign::Datagram(_, port), Way::Back) => (
                Transport::Udp.number(),
                vec![(2, port.to_be_bytes().to_vec())],
            ),
        }
    }

    fn rule(self, way: Way) -> Vec<Expr> {
        let (protocol, parts) = self.holds(way);
        let mut all = vec![
            expr::meta(NFT_META_L4PROTO, NFT_REG_1),
            expr::compare(NFT_CMP_EQ, &[protocol]),
        ];
        for (offset, bytes) in parts {
            let (base, length) = (NFT_PAYLOAD_TRANSPORT_HEADER, bytes.len() as u32);
            all.push(expr::payload(base, offset, length, NFT_REG_1));
            all.push(expr::compare(NFT_CMP_EQ, &bytes));
        }
        let on = [
            (NFTA_IMMEDIATE_DREG, expr::number(NFT_REG_1)),
            (NFTA_IMMEDIATE_DATA, expr::data(&[1])),
        ];
        let trace = [
            (NFTA_META_KEY, expr::number(NFT_META_NFTRACE)),
            (NFTA_META_SREG, expr::number(NFT_REG_1)),
        ];
        all.push(Expr::new("immediate", on));
        all.push(Expr::new("meta", trace));
        all
    }
}

/// What the kernel did with a packet at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Which of the two it is.
    pub(crate) way: Way,
    /// Where it met rules.
    pub(crate) at: At,
    /// The device that it came in by, and that it leaves by, where the kernel tells.
    pub(crate) devices: (Option<u32>, Option<u32>),
}

/// What it met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    /// The first thing in the namespace.
    Begin,
    /// A rule, by its number, or a chain's policy.
    Line {
        family: TableFamily,
        table: String,
        chain: String,
        handle: Option<u64>,
        /// Whether the packet ends there; else it goes on.
        drops: bool,
    },
}

/// Hears the trace in one namespace.
#[derive(Debug)]
pub(crate) struct Ear {
    /// As long as it is open the table is there.
    _table: Socket,
    table: String,
    notices: Notices,
    /// The numbers of the packets that were seen.
    known: Vec<(u32, Way)>,
    /// Whether something was lost, where very much is traced at once.
    pub(crate) gaps: bool,
}

impl Ear {
    /// In the namespace of the calling thread; on its bridges, too, if there are any.
    pub(crate) fn open(sign: Sign, bridges: bool) -> io::Result<Self> {
        let table = format!("netyard-trace-{}", std::process::id());
        let mut socket = Socket::netfilter()?;
        let notices = Notices::of_traces()?;
        let inside = [NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT];
        let mut operations = begin(NFPROTO_INET, &table, &inside, sign);
        if bridges {
            // What the namespace itself sends is known before it comes to a bridge.
            let on_bridges = [NF_INET_PRE_ROUTING];
            operations.extend(begin(NFPROTO_BRIDGE, &table, &on_bridges, sign));
        }
        match commit(&mut socket, operations)? {
            Some((_, refused)) => Err(refused.into()),
            None => Ok(Ear {
                _table: socket,
                table,
                notices,
                known: Vec::new(),
                gaps: false,
            }),
        }
    }

    /// What was heard since.
    pub(crate) fn heard(&mut self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        loop {
            match self.notices.datagram() {
                Ok(Some((_, datagram))) => {
                    let all = messages(datagram);
                    events.extend(all.filter_map(|one| event(one, &self.table, &mut self.known)));
                }
                Ok(None) => return Ok(events),
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => self.gaps = true,
                Err(e) => return Err(e),
            }
        }
    }
}

impl std::os::fd::AsFd for Ear {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.notices.as_fd()
    }
}

/// The table, a chain for each hook and way, and its rule. It comes before all others there.
fn begin(family: u8, table: &str, hooks: &[u32], sign: Sign) -> Vec<Request> {
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    let mut all = vec![of_family(family, NFT_MSG_NEWTABLE, flags, |out| {
        put_text(out, NFTA_TABLE_NAME, table);
        put_u32(out, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
    })];
    for way in [Way::There, Way::Back] {
        for hook in hooks {
            let name = format!("{}-{hook}", word(way));
            all.push(of_family(family, NFT_MSG_NEWCHAIN, flags, |out| {
                put_text(out, NFTA_CHAIN_TABLE, table);
                put_text(out, NFTA_CHAIN_NAME, &name);
                put_text(out, NFTA_CHAIN_TYPE, "filter");
                put_nested(out, NFTA_CHAIN_HOOK, |out| {
                    put_u32(out, NFTA_HOOK_HOOKNUM, *hook);
                    put_u32(out, NFTA_HOOK_PRIORITY, NF_IP_PRI_FIRST as u32);
                });
            }));
            let flags = NLM_F_CREATE | NLM_F_APPEND;
            all.push(of_family(family, NFT_MSG_NEWRULE, flags, |out| {
                put_text(out, NFTA_RULE_TABLE, table);
                put_text(out, NFTA_RULE_CHAIN, &name);
                put_nested(out, NFTA_RULE_EXPRESSIONS, |out| {
                    sign.rule(way).iter().for_each(|one| one.put(out));
                });
            }));
        }
    }
    all
}

fn word(way: Way) -> &'static str {
    match way {
        Way::There => "there",
        Way::Back => "back",
    }
}

/// A message of the trace. The packet is known by the kernel's number for it, which our own
/// chain is the first to show.
fn event(message: &[u8], own: &str, known: &mut Vec<(u32, Way)>) -> Option<Event> {
    let kind = u16::from_ne_bytes([*message.get(4)?, *message.get(5)?]);
    if kind != NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE {
        return None;
    }
    let attributes = message.get(HEADER + FAMILY_HEADER..)?;
    let family = family(*message.get(HEADER)?)?;
    let id = number(attributes, NFTA_TRACE_ID);
    let (table, chain) = (
        text(attributes, NFTA_TRACE_TABLE),
        text(attributes, NFTA_TRACE_CHAIN),
    );
    let device = |kind| find(attributes, kind).map(|_| number(attributes, kind));
    let devices = (device(NFTA_TRACE_IIF), device(NFTA_TRACE_OIF));
    let rule = find(attributes, NFTA_TRACE_RULE_HANDLE);
    if table == own {
        let ways = [Way::There, Way::Back];
        let way = ways.into_iter().find(|way| chain.starts_with(word(*way)))?;
        // The end of all rules is told, too, without a number; and each chain of a known packet.
        rule?;
        let at = At::Begin;
        known.push((id, way));
        return Some(Event { way, at, devices });
    }
    // Others may have packets traced, too.
    let (_, way) = *known.iter().rev().find(|(own, _)| *own == id)?;
    let (handle, code) = match number(attributes, NFTA_TRACE_TYPE) {
        NFT_TRACETYPE_RULE => {
            let verdict = find(attributes, NFTA_TRACE_VERDICT)?;
            (rule.and_then(u64_at), number(verdict, NFTA_VERDICT_CODE))
        }
        NFT_TRACETYPE_POLICY => (None, number(attributes, NFTA_TRACE_POLICY)),
        _ => return None,
    };
    let drops = code == NF_DROP as u32;
    let decides = drops || code == NF_ACCEPT as u32;
    let at = At::Line {
        family,
        table,
        chain,
        handle,
        drops,
    };
    decides.then_some(Event { way, at, devices })
}

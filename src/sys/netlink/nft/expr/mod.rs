//! Rules as the kernel's expressions. What a term becomes is written once: a rule
//! is read by looking which term would have been written so.

mod router;
mod test;

use std::collections::BTreeMap;

use crate::state::{ChainName, Family, Field, SetName, TableName, Term};
use crate::sys::netlink::attr::{parse, put, put_nested, put_text};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

use self::router::{ORIGINAL, REPLY};

/// One expression: its name and its attributes, each as raw bytes.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) name: String,
    attributes: BTreeMap<u16, Vec<u8>>,
}

impl Expr {
    pub(super) fn new(name: &str, attributes: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Self {
        Expr {
            name: name.to_owned(),
            attributes: attributes.into_iter().collect(),
        }
    }

    /// Appends it to a rule's list (`NFTA_RULE_EXPRESSIONS`, of `NFTA_LIST_ELEM`).
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_nested(out, NFTA_LIST_ELEM, |out| {
            put_text(out, NFTA_EXPR_NAME, &self.name);
            put_nested(out, NFTA_EXPR_DATA, |out| {
                for (kind, value) in &self.attributes {
                    put(out, *kind, value);
                }
            });
        });
    }

    /// One entry of a rule's list as the kernel sent it.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (mut name, mut attributes) = (String::new(), BTreeMap::new());
        for (kind, value) in parse(bytes) {
            match kind {
                NFTA_EXPR_NAME => name = text(value).to_owned(),
                NFTA_EXPR_DATA => {
                    attributes = parse(value).map(|(k, v)| (k, v.to_vec())).collect();
                }
                _ => {}
            }
        }
        Expr { name, attributes }
    }

    /// Whether the kernel would do the same for both. It also lists attributes
    /// that were not sent, as zero: flags that are not set, the first of several
    /// operations (nft_bitwise_dump and nft_lookup_dump in net/netfilter).
    fn same(&self, other: &Expr) -> bool {
        let covers = |a: &Expr, b: &Expr| {
            a.attributes
                .iter()
                .all(|(kind, value)| match b.attributes.get(kind) {
                    Some(there) => there == value,
                    None => value.iter().all(|byte| *byte == 0),
                })
        };
        self.name == other.name && covers(self, other) && covers(other, self)
    }
}

/// A text without the final zero of the kernel's strings.
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes)
        .unwrap_or_default()
        .trim_end_matches('\0')
}

/// Numbers in expressions are in network order, registers too.
pub(super) fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// A string attribute by itself: its bytes and the final zero.
fn name(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The kernel lists nested data without the flag for nesting, so that here is none.
pub(super) fn data(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, NFTA_DATA_VALUE, value);
    out
}

/// The expressions that a term is made of, as nft makes them; all work from the
/// first register on. `None` for what netyard did not write.
pub(super) fn of(term: &Term) -> Option<Vec<Expr>> {
    Some(match term {
        Term::In(fields, set) => lookup(fields, *set, 0),
        Term::NotIn(fields, set) => lookup(fields, *set, NFT_LOOKUP_F_INV),
        Term::Is(test) => test::of(*test),
        Term::Accept => vec![verdict(NF_ACCEPT, None)],
        Term::Drop => vec![verdict(NF_DROP, None)],
        Term::Return => vec![verdict(NFT_RETURN, None)],
        Term::Jump(chain) => vec![verdict(NFT_JUMP, Some(*chain))],
        Term::Goto(chain) => vec![verdict(NFT_GOTO, Some(*chain))],
        Term::Masquerade => vec![Expr::new("masq", [])],
        Term::Dnat(family, fields, map) => dnat(*family, fields, *map),
        Term::Snat(address, port) => router::snat(*address, *port),
        Term::Prefix(field, map) => router::prefix(*field, *map),
        Term::Update(set, key, data) => router::update(*set, key, data),
        Term::Unknown(_) => return None,
    })
}

/// The set is found by its name. In a batch that also makes the set that works too:
/// the kernel looks among what is about to be (nft_set_lookup_global).
fn lookup(fields: &[Field], set: SetName, flags: u32) -> Vec<Expr> {
    let mut all = load(fields, set.table());
    all.push(Expr::new(
        "lookup",
        [
            (NFTA_LOOKUP_SET, name(set.as_str())),
            (NFTA_LOOKUP_SREG, number(NFT_REG_1)),
            (NFTA_LOOKUP_FLAGS, number(flags)),
        ],
    ));
    all
}

/// What the map has is brought into the register, then taken as the destination: an
/// address, and after it a port, where the map has one.
fn dnat(family: Family, fields: &[Field], map: SetName) -> Vec<Expr> {
    let mut all = load(fields, map.table());
    all.push(Expr::new(
        "lookup",
        [
            (NFTA_LOOKUP_SET, name(map.as_str())),
            (NFTA_LOOKUP_SREG, number(NFT_REG_1)),
            (NFTA_LOOKUP_DREG, number(NFT_REG_1)),
            (NFTA_LOOKUP_FLAGS, number(0)),
        ],
    ));
    let (family, length) = protocol_family(family);
    let (mut nat, mut flags) = (
        vec![
            (NFTA_NAT_TYPE, number(NFT_NAT_DNAT)),
            (NFTA_NAT_FAMILY, number(u32::from(family))),
            (NFTA_NAT_REG_ADDR_MIN, number(NFT_REG_1)),
            (NFTA_NAT_REG_ADDR_MAX, number(NFT_REG_1)),
        ],
        NF_NAT_RANGE_MAP_IPS,
    );
    if map.data().len() > 1 {
        nat.push((NFTA_NAT_REG_PROTO_MIN, number(register(length))));
        nat.push((NFTA_NAT_REG_PROTO_MAX, number(register(length))));
        flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
    }
    nat.push((NFTA_NAT_FLAGS, number(flags)));
    all.push(Expr::new("nat", nat));
    all
}

/// Brings fields side by side into registers, once it is sure that there are such.
fn load(fields: &[Field], table: TableName) -> Vec<Expr> {
    let needed = fields.iter().find_map(|field| needs(*field, table));
    let mut all: Vec<Expr> = needed.into_iter().flatten().collect();
    all.extend(load_at(fields, 0));
    all
}

/// Brings them into registers from this many bytes after the first on.
fn load_at(fields: &[Field], mut at: u32) -> Vec<Expr> {
    let mut all = Vec::new();
    for field in fields {
        let (expr, length) = load_one(*field, register(at));
        all.push(expr);
        // Beside a VLAN's number stand its priority and a flag (802.1Q, 9.6).
        if *field == Field::VlanId {
            all.push(masked(register(at), &[0x0f, 0xff]));
        }
        at += length;
    }
    all
}

/// What must be so for the field to be there: a table of `inet` sees both families, one of
/// `bridge` every frame.
fn needs(field: Field, table: TableName) -> Option<[Expr; 2]> {
    match (field, table) {
        (Field::Saddr(family) | Field::Daddr(family), TableName::Bridge) => {
            Some(test::is_network(match family {
                Family::Ipv4 => ETH_P_IP,
                Family::Ipv6 => ETH_P_IPV6,
            }))
        }
        (Field::Saddr(family) | Field::Daddr(family), _) => Some(is_family(family)),
        (Field::ArpEther | Field::ArpAddress, _) => Some(test::is_frame(ETH_P_ARP)),
        (Field::VlanId, _) => Some(test::is_frame(ETH_P_8021Q)),
        _ => None,
    }
}

/// The register that begins this many bytes after the first. Those of 16 bytes are four
/// of 4 bytes each, which have numbers of their own; the kernel lists the larger where it
/// can (nft_dump_register in net/netfilter/nf_tables_api.c).
fn register(at: u32) -> u32 {
    match at % 16 {
        0 => NFT_REG_1 + at / 16,
        _ => NFT_REG32_00 + at / 4,
    }
}

/// Brings one field into a register; and how many bytes of it are then taken.
fn load_one(field: Field, register: u32) -> (Expr, u32) {
    match field {
        Field::IifName => (meta(NFT_META_IIFNAME, register), 16),
        Field::OifName => (meta(NFT_META_OIFNAME, register), 16),
        Field::NfProto => (meta(NFT_META_NFPROTO, register), 4),
        Field::L4Proto => (meta(NFT_META_L4PROTO, register), 4),
        // Byte 12 of an IPv4 header and 16 (RFC 791), byte 8 of an IPv6 header and 24 (RFC 8200).
        Field::Saddr(Family::Ipv4) => (network(12, 4, register), 4),
        Field::Saddr(Family::Ipv6) => (network(8, 16, register), 16),
        Field::Daddr(Family::Ipv4) => (network(16, 4, register), 4),
        Field::Daddr(Family::Ipv6) => (network(24, 16, register), 16),
        // Bytes 6, and of an Ethernet ARP packet 8 and 14 (RFC 826).
        Field::EtherSaddr => (payload(NFT_PAYLOAD_LL_HEADER, 6, 6, register), 8),
        Field::ArpEther => (network(8, 6, register), 8),
        Field::ArpAddress => (network(14, 4, register), 4),
        Field::Target => (payload(NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16, register), 16),
        Field::VlanId => (payload(NFT_PAYLOAD_LL_HEADER, 14, 2, register), 4),
        Field::Dport => (payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, register), 4),
        Field::Sport => (payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, register), 4),
        Field::OriginalSaddr => (router::ct(NFT_CT_SRC_IP, ORIGINAL, register), 4),
        Field::OriginalSport => (router::ct(NFT_CT_PROTO_SRC, ORIGINAL, register), 4),
        Field::ReplySaddr => (router::ct(NFT_CT_SRC_IP, REPLY, register), 4),
        Field::ReplySport => (router::ct(NFT_CT_PROTO_SRC, REPLY, register), 4),
    }
}

/// The number of a family, and the length of its addresses.
fn protocol_family(family: Family) -> (u8, u32) {
    match family {
        Family::Ipv4 => (NFPROTO_IPV4, 4),
        Family::Ipv6 => (NFPROTO_IPV6, 16),
    }
}

fn is_family(family: Family) -> [Expr; 2] {
    let (number, _) = protocol_family(family);
    [
        meta(NFT_META_NFPROTO, NFT_REG_1),
        compare(NFT_CMP_EQ, &[number]),
    ]
}

fn network(offset: u32, length: u32, register: u32) -> Expr {
    payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length, register)
}

pub(super) fn payload(base: u32, offset: u32, length: u32, register: u32) -> Expr {
    Expr::new(
        "payload",
        [
            (NFTA_PAYLOAD_DREG, number(register)),
            (NFTA_PAYLOAD_BASE, number(base)),
            (NFTA_PAYLOAD_OFFSET, number(offset)),
            (NFTA_PAYLOAD_LEN, number(length)),
        ],
    )
}

/// Names come as all 16 bytes of the register, padded with zeros
/// (nft_meta_store_ifname), hence the length of the keys of a set of names.
pub(super) fn meta(key: u32, register: u32) -> Expr {
    Expr::new(
        "meta",
        [
            (NFTA_META_DREG, number(register)),
            (NFTA_META_KEY, number(key)),
        ],
    )
}

pub(super) fn compare(op: u32, value: &[u8]) -> Expr {
    Expr::new(
        "cmp",
        [
            (NFTA_CMP_SREG, number(NFT_REG_1)),
            (NFTA_CMP_OP, number(op)),
            (NFTA_CMP_DATA, data(value)),
        ],
    )
}

/// A register in which no bits but these stay.
pub(super) fn masked(register: u32, mask: &[u8]) -> Expr {
    Expr::new(
        "bitwise",
        [
            (NFTA_BITWISE_SREG, number(register)),
            (NFTA_BITWISE_DREG, number(register)),
            (NFTA_BITWISE_LEN, number(mask.len() as u32)),
            (NFTA_BITWISE_MASK, data(mask)),
            (NFTA_BITWISE_XOR, data(&vec![0; mask.len()])),
        ],
    )
}

/// The verdict register takes no number but a nested code
/// (nft_verdict_init in net/netfilter/nf_tables_api.c).
fn verdict(code: i32, chain: Option<ChainName>) -> Expr {
    let (mut inner, mut value) = (Vec::new(), Vec::new());
    put(&mut inner, NFTA_VERDICT_CODE, &code.to_be_bytes());
    if let Some(chain) = chain {
        put_text(&mut inner, NFTA_VERDICT_CHAIN, chain.as_str());
    }
    put(&mut value, NFTA_DATA_VERDICT, &inner);
    Expr::new(
        "immediate",
        [
            (NFTA_IMMEDIATE_DREG, number(NFT_REG_VERDICT)),
            (NFTA_IMMEDIATE_DATA, value),
        ],
    )
}

/// Every term that netyard writes into this table, with its expressions: those of its own
/// rules, and a few that others may have made of them.
pub(super) fn vocabulary(table: TableName) -> Vec<(Term, Vec<Expr>)> {
    let rules = table.chains().flat_map(ChainName::rules);
    let mut terms: Vec<Term> = Vec::new();
    for term in rules.flat_map(|rule| rule.0) {
        if !terms.contains(&term) {
            terms.extend(opposite(&term));
            terms.push(term);
        }
    }
    terms
        .into_iter()
        .filter_map(|term| of(&term).map(|expressions| (term, expressions)))
        .collect()
}

fn opposite(term: &Term) -> Option<Term> {
    match term.clone() {
        Term::In(fields, set) => Some(Term::NotIn(fields, set)),
        Term::NotIn(fields, set) => Some(Term::In(fields, set)),
        _ => None,
    }
}

/// Whether it does nothing: nft turns a single byte around in keys that may be ranges.
pub(super) fn is_idle(expr: &Expr) -> bool {
    let length = expr.attributes.get(&NFTA_BYTEORDER_LEN);
    expr.name == "byteorder" && length == Some(&number(1))
}

/// A rule's expressions as terms; one that fits nothing is named. Where one term's
/// expressions begin with all of another's, the longer is meant.
pub(super) fn terms(vocabulary: &[(Term, Vec<Expr>)], mut rest: &[Expr]) -> Vec<Term> {
    let mut terms = Vec::new();
    while let Some(first) = rest.first() {
        let fits = |(_, expressions): &&(Term, Vec<Expr>)| {
            rest.len() >= expressions.len() && expressions.iter().zip(rest).all(|(a, b)| a.same(b))
        };
        let known = vocabulary.iter().filter(fits);
        let known = known.max_by_key(|(_, expressions)| expressions.len());
        let (term, length) = match known {
            Some((term, expressions)) => (term.clone(), expressions.len()),
            None => (Term::Unknown(first.name.clone()), 1),
        };
        terms.push(term);
        rest = &rest[length..];
    }
    terms
}

//! What only a router's rules have, as the kernel's expressions.

use crate::state::{Family, Field, NewAddress, NewPort, SetName, TableName};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

use super::{Expr, data, is_family, load, load_at, name, number, register};

/// Who began a flow; `IP_CT_DIR_ORIGINAL` and `IP_CT_DIR_REPLY`.
pub(super) const ORIGINAL: u8 = 0;
/// Who answers in it.
pub(super) const REPLY: u8 = 1;

/// Something about the packet's flow, in one of its directions.
pub(super) fn ct(key: u32, direction: u8, register: u32) -> Expr {
    Expr::new(
        "ct",
        [
            (NFTA_CT_DREG, number(register)),
            (NFTA_CT_KEY, number(key)),
            (NFTA_CT_DIRECTION, vec![direction]),
        ],
    )
}

/// The address goes into the first register, if it is not that of the device, and the port
/// into the next that is free, as nft counts them: each value begins with 16 bytes of its own.
pub(super) fn snat(address: NewAddress, port: NewPort) -> Vec<Expr> {
    let asked = address == NewAddress::Asked;
    let at = if asked { 16 } else { 0 };
    let mut all = Vec::new();
    if port == NewPort::Mapped {
        all.extend(is_family(Family::Ipv4));
    }
    if asked {
        all.push(ct(NFT_CT_DST_IP, ORIGINAL, NFT_REG_1));
    }
    let (more, registers) = new_port(port, at);
    all.extend(more);
    let mut flags = match port {
        NewPort::Same => 0,
        NewPort::Random => NF_NAT_RANGE_PROTO_RANDOM_FULLY,
        NewPort::Other => NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_PROTO_RANDOM_FULLY,
        NewPort::Mapped => NF_NAT_RANGE_PROTO_SPECIFIED,
    };
    if asked {
        flags |= NF_NAT_RANGE_MAP_IPS;
        let mut nat = source_by(NFPROTO_IPV4, [NFT_REG_1; 2]);
        if let Some([low, high]) = registers {
            nat.push((NFTA_NAT_REG_PROTO_MIN, number(low)));
            nat.push((NFTA_NAT_REG_PROTO_MAX, number(high)));
        }
        nat.push((NFTA_NAT_FLAGS, number(flags)));
        all.push(Expr::new("nat", nat));
        return all;
    }
    let mut masq = vec![(NFTA_MASQ_FLAGS, number(flags))];
    if let Some([low, high]) = registers {
        masq.push((NFTA_MASQ_REG_PROTO_MIN, number(low)));
        masq.push((NFTA_MASQ_REG_PROTO_MAX, number(high)));
    }
    all.push(Expr::new("masq", masq));
    all
}

/// Brings a port, or the first and the last of several, into registers; and into which.
fn new_port(port: NewPort, at: u32) -> (Vec<Expr>, Option<[u32; 2]>) {
    let first = register(at);
    match port {
        NewPort::Same | NewPort::Random => (Vec::new(), None),
        NewPort::Other => {
            let last = register(at + 16);
            let both = [(first, 1024u16), (last, u16::MAX)];
            let both = both.map(|(register, port)| immediate(register, port));
            (both.to_vec(), Some([first, last]))
        }
        NewPort::Mapped => {
            let mut all = load_at(&[Field::Saddr(Family::Ipv4), Field::Sport], at);
            all.push(lookup(SetName::Mapped, first));
            (all, Some([first; 2]))
        }
    }
}

fn immediate(register: u32, port: u16) -> Expr {
    Expr::new(
        "immediate",
        [
            (NFTA_IMMEDIATE_DREG, number(register)),
            (NFTA_IMMEDIATE_DATA, data(&port.to_be_bytes())),
        ],
    )
}

/// What the map has comes into the register of the key.
fn lookup(map: SetName, register: u32) -> Expr {
    Expr::new(
        "lookup",
        [
            (NFTA_LOOKUP_SET, name(map.as_str())),
            (NFTA_LOOKUP_SREG, number(register)),
            (NFTA_LOOKUP_DREG, number(register)),
            (NFTA_LOOKUP_FLAGS, number(0)),
        ],
    )
}

fn source_by(family: u8, [low, high]: [u32; 2]) -> Vec<(u16, Vec<u8>)> {
    vec![
        (NFTA_NAT_TYPE, number(NFT_NAT_SNAT)),
        (NFTA_NAT_FAMILY, number(u32::from(family))),
        (NFTA_NAT_REG_ADDR_MIN, number(low)),
        (NFTA_NAT_REG_ADDR_MAX, number(high)),
    ]
}

/// The first and the last address of the other prefix come into two registers.
pub(super) fn prefix(field: Field, map: SetName) -> Vec<Expr> {
    let mut all = load(&[field], TableName::Router);
    all.push(lookup(map, NFT_REG_1));
    let mut nat = source_by(NFPROTO_IPV6, [NFT_REG_1, register(16)]);
    if matches!(field, Field::Daddr(_)) {
        nat[0].1 = number(NFT_NAT_DNAT);
    }
    let flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_NETMAP;
    nat.push((NFTA_NAT_FLAGS, number(flags)));
    all.push(Expr::new("nat", nat));
    all
}

/// The key comes into the first registers, the data behind it: from the next on that begins
/// 16 bytes.
pub(super) fn update(set: SetName, key: &[Field], data: &[Field]) -> Vec<Expr> {
    let mut all = load_at(key, 0);
    let behind = register(16);
    all.extend(load_at(data, 16));
    let mut update = vec![
        (NFTA_DYNSET_SET_NAME, name(set.as_str())),
        (NFTA_DYNSET_OP, number(NFT_DYNSET_OP_UPDATE)),
        (NFTA_DYNSET_SREG_KEY, number(NFT_REG_1)),
    ];
    if !data.is_empty() {
        update.push((NFTA_DYNSET_SREG_DATA, number(behind)));
    }
    all.push(Expr::new("dynset", update));
    all
}

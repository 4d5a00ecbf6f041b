//! What nft keeps beside an object for itself: bytes that the kernel stores
//! unread. One byte of type, one of length, the value (libnftnl's udata.h, whose
//! numbers these are; they are no part of the kernel's interface).

use crate::sys::uapi::NFT_META_IIFNAME;

/// A comment: type 0 of tables, rules and elements alike.
const COMMENT: u8 = 0;
/// `NFTNL_UDATA_SET_KEYBYTEORDER`.
const KEY_BYTE_ORDER: u8 = 0;
/// `NFTNL_UDATA_SET_DATABYTEORDER`.
const DATA_BYTE_ORDER: u8 = 1;
/// `NFTNL_UDATA_SET_KEY_TYPEOF`.
const KEY_TYPEOF: u8 = 3;
/// `NFTNL_UDATA_SET_DATA_INTERVAL`.
const DATA_INTERVAL: u8 = 6;
/// `NFTNL_UDATA_SET_ELEM_FLAGS` with `SET_ELEM_F_INTERVAL_OPEN`.
const ELEMENT_FLAGS: u8 = 1;
const INTERVAL_OPEN: u32 = 1;

fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend([kind, value.len() as u8]);
    out.extend(value);
}

/// A comment as nft writes it, final zero and all.
pub(super) fn comment(text: &str) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    value.push(0);
    let mut out = Vec::new();
    put(&mut out, COMMENT, &value);
    out
}

/// The mark of an element without an upper end: nft then lists it as it was typed
/// and not as a range.
pub(super) fn open_interval(out: &mut Vec<u8>) {
    put(out, ELEMENT_FLAGS, &INTERVAL_OPEN.to_ne_bytes());
}

/// In which byte order nft shows a set's keys and a map's data.
pub(super) fn byte_orders(key: u32, data: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, KEY_BYTE_ORDER, &key.to_ne_bytes());
    if data != 0 {
        put(&mut out, DATA_BYTE_ORDER, &data.to_ne_bytes());
    }
    out
}

/// What a map has is a range.
pub(super) fn data_is_interval(out: &mut Vec<u8>) {
    put(out, DATA_INTERVAL, &1u32.to_ne_bytes());
}

/// `@th,64,128`: of no known header; the transport header's bits from 64 on, 128 of them.
pub(super) fn target() -> Vec<u8> {
    numbers(&[(0, 0), (1, 0), (2, 3), (3, 64), (4, 128)])
}

/// `vlan id`: of the header of VLANs (`PROTO_DESC_VLAN`) the field `VLANHDR_VID` (nft's
/// include/proto.h), 12 bits.
pub(super) fn vlan_id() -> Vec<u8> {
    numbers(&[(0, 16), (1, 4), (4, 12)])
}

/// What nft writes for `typeof iifname . PAYLOAD`, which no list of types can say: kinds
/// of expressions (enum expr_types of its include/expression.h) with their values.
pub(super) fn typeof_name_and(payload: &[u8]) -> Vec<u8> {
    const CONCAT: u32 = 13;
    const META: u32 = 9;
    const PAYLOAD: u32 = 7;
    let iifname = numbers(&[(0, NFT_META_IIFNAME)]);
    let mut both = Vec::new();
    put(&mut both, 0, &expression(META, &iifname));
    put(&mut both, 1, &expression(PAYLOAD, payload));
    let mut out = Vec::new();
    put(&mut out, KEY_TYPEOF, &expression(CONCAT, &both));
    out
}

fn expression(kind: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, 0, &kind.to_ne_bytes());
    put(&mut out, 1, value);
    out
}

fn numbers(values: &[(u8, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, value) in values {
        put(&mut out, *kind, &value.to_ne_bytes());
    }
    out
}

/// The comment in what an object carries.
pub(crate) fn read_comment(mut bytes: &[u8]) -> Option<&str> {
    while let [kind, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *kind == COMMENT {
            return std::str::from_utf8(value.strip_suffix(&[0])?).ok();
        }
        bytes = &rest[value.len()..];
    }
    None
}

//! What nft keeps beside an object for itself: bytes that the kernel stores
//! unread. One byte of type, one of length, the value (libnftnl's udata.h, whose
//! numbers these are; they are no part of the kernel's interface).

/// A comment: type 0 of tables, rules and elements alike.
const COMMENT: u8 = 0;
/// `NFTNL_UDATA_SET_KEYBYTEORDER`.
const KEY_BYTE_ORDER: u8 = 0;
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

/// In which byte order nft shows a set's keys.
pub(super) fn byte_order(order: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, KEY_BYTE_ORDER, &order.to_ne_bytes());
    out
}

/// The comment in what an object carries.
pub(super) fn read_comment(mut bytes: &[u8]) -> Option<&str> {
    while let [kind, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *kind == COMMENT {
            return std::str::from_utf8(value.strip_suffix(&[0])?).ok();
        }
        bytes = &rest[value.len()..];
    }
    None
}

//! A netlink message in bytes: its header, and what an answer says (linux/netlink.h).

use super::{KernelError, Request};
use crate::sys::netlink::attr::{parse, u16_at, u32_at};
use crate::sys::uapi::{
    HEADER, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSGERR_ATTR_MSG,
};

pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
}

pub(super) fn encode(out: &mut Vec<u8>, request: &Request, extra: u16, sequence: u32) {
    let length = (HEADER + request.body.len()) as u32;
    out.extend(length.to_ne_bytes());
    out.extend(request.kind.to_ne_bytes());
    out.extend((request.flags | NLM_F_REQUEST | extra).to_ne_bytes());
    out.extend(sequence.to_ne_bytes());
    out.extend(0u32.to_ne_bytes());
    out.extend(&request.body);
    out.resize(out.len().next_multiple_of(4), 0);
}

pub(super) fn decode(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = u32_at(bytes, 0)? as usize;
    let body = bytes.get(HEADER..length)?;
    let (kind, flags) = (u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let message = Message {
        kind,
        flags,
        sequence: u32_at(bytes, 8)?,
        body,
    };
    Some((
        message,
        bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]),
    ))
}

/// The verdict in an NLMSG_ERROR or NLMSG_DONE: `None` when the message is
/// neither, `Some(None)` when it says that all went well.
pub(super) fn error(message: &Message<'_>) -> Option<Option<KernelError>> {
    if message.kind != NLMSG_ERROR && message.kind != NLMSG_DONE {
        return None;
    }
    let errno = -(u32_at(message.body, 0).unwrap_or(0) as i32);
    if errno == 0 {
        return Some(None);
    }
    // An error repeats the request's header, and its body unless it is capped.
    let after = match message.kind {
        NLMSG_DONE => 4,
        _ if message.flags & NLM_F_CAPPED != 0 => 4 + HEADER,
        _ => 4 + (u32_at(message.body, 4).unwrap_or(0) as usize).next_multiple_of(4),
    };
    let told = message.flags & NLM_F_ACK_TLVS != 0;
    let text = told
        .then(|| message.body.get(after..).and_then(words))
        .flatten();
    Some(Some(KernelError { errno, text }))
}

/// The kernel's own words (extended ACK, `NLMSGERR_ATTR_MSG`).
fn words(tlvs: &[u8]) -> Option<String> {
    parse(tlvs)
        .find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)
        .map(|(_, text)| {
            String::from_utf8_lossy(text)
                .trim_end_matches('\0')
                .to_owned()
        })
}

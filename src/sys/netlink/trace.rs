//! Netlink messages in words, for whoever listens to the `log` crate's trace level.

use netlink_packet_core::ParseableParametrized;
use netlink_packet_route::RouteNetlinkMessage;

use super::KernelError;
use super::socket::Request;
use crate::sys::uapi::{
    ALL, FAMILY_HEADER, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES,
};

/// A request as it is sent.
pub(super) fn sent(request: &Request) {
    if log::log_enabled!(log::Level::Trace) {
        log::trace!("  > {}", words(request));
    }
}

/// The kernel's refusal of one.
pub(super) fn refused(request: &Request, error: &KernelError) {
    if log::log_enabled!(log::Level::Trace) {
        log::trace!("  < {error}: {}", words(request));
    }
}

fn words(request: &Request) -> String {
    let Request { kind, body, .. } = request;
    // The two that frame an nftables batch have the numbers of link messages, and
    // only this header (struct nfgenmsg).
    match *kind {
        NFNL_MSG_BATCH_BEGIN if body.len() == FAMILY_HEADER => return "a batch begins".to_owned(),
        NFNL_MSG_BATCH_END if body.len() == FAMILY_HEADER => return "the batch ends".to_owned(),
        _ => {}
    }
    if kind >> 8 == NFNL_SUBSYS_NFTABLES {
        let nft = u64::from(kind & 0xff);
        let mut names = ALL.iter().filter(|(name, ..)| name.starts_with("NFT_MSG_"));
        let name = names.find(|(.., value)| *value == nft);
        let name = name.map_or("NFT_MSG", |(name, ..)| name);
        return format!("{name}, {} bytes", body.len());
    }
    match RouteNetlinkMessage::parse_with_param(body, *kind) {
        Ok(message) => format!("{message:?}"),
        Err(_) => format!("type {kind}, {} bytes", body.len()),
    }
}

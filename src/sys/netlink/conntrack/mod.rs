//! Flows (ctnetlink): those that fit are listed, then forgotten one by one.

mod entry;
mod question;
#[cfg(test)]
mod tests;

use std::io;

use rustix::io::Errno;

use super::KernelError;
use super::attr::parse;
use super::socket::{Request, Socket};
use crate::state::FlowMatch;
use crate::sys::uapi::*;
use entry::Entry;

/// Has the kernel forget all flows that fit one of these, and says how many. However many
/// there are to fit, the kernel's list is read once; and not at all where the namespace has no
/// flow, for it is one of the whole machine, with 262144 buckets by default
/// (Documentation/networking/nf_conntrack-sysctl.rst): some 5-10 ms. (Since Linux 6.12 a deletion can take
/// a filter itself; but it goes through all flows for each, knows no subnets, and of IPv6
/// addresses it takes those that do not fit.)
pub(crate) fn delete(
    socket: &mut Socket,
    flows: &[FlowMatch],
) -> io::Result<Result<usize, KernelError>> {
    if flows.is_empty() || count(socket)? == Some(0) {
        return Ok(Ok(0));
    }
    let index = question::Index::of(flows);
    let wanted = |body: &[u8]| Entry::read(body).is_some_and(|entry| index.fits(&entry.flow));
    let found = match socket.dump_some(&question::list(flows), wanted)? {
        // A kernel that cannot pick these out can still list all.
        Err(refused) if refused.errno == Errno::INVAL.raw_os_error() => {
            socket.dump_some(&question::list_all(), wanted)?
        }
        found => found,
    };
    let found = match found {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let entries = found.iter().filter_map(|(_, body)| Entry::read(body));
    let requests: Vec<Request> = entries.map(|entry| entry.deletion()).collect();
    let mut gone = 0;
    for answer in socket.transact(&requests)? {
        match answer {
            None => gone += 1,
            // It ended by itself since it was listed.
            Some(refused) if refused.errno == Errno::NOENT.raw_os_error() => {}
            Some(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Ok(gone))
}

/// How many flows the socket's namespace has, if the kernel tells (`ctnetlink_stat_ct`,
/// net/netfilter/nf_conntrack_netlink.c).
fn count(socket: &mut Socket) -> io::Result<Option<u32>> {
    let question = message(IPCTNL_MSG_CT_GET_STATS, NFPROTO_UNSPEC, |_| {});
    let Ok((_, body)) = socket.ask(&question)? else {
        return Ok(None);
    };
    let mut attributes = parse(body.get(FAMILY_HEADER..).unwrap_or_default());
    let entries = attributes.find(|(kind, _)| *kind == CTA_STATS_GLOBAL_ENTRIES);
    let entries = entries.and_then(|(_, value)| value.try_into().ok());
    Ok(entries.map(u32::from_be_bytes))
}

/// Whether the kernel lists flows at all.
pub(crate) fn list(socket: &mut Socket) -> io::Result<Result<(), KernelError>> {
    let listed = socket.dump_some(&question::list_all(), |_| false)?;
    Ok(listed.map(drop))
}

fn message(kind: u16, family: u8, attributes: impl FnOnce(&mut Vec<u8>)) -> Request {
    let mut body = vec![family, NFNETLINK_V0, 0, 0];
    attributes(&mut body);
    Request {
        kind: NFNL_SUBSYS_CTNETLINK << 8 | kind,
        flags: 0,
        body,
    }
}

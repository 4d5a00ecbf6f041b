//! Flows (ctnetlink): those that fit are forgotten, by the kernel's own search where it has
//! the words for them, else listed and forgotten one by one.

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

// To go through flows that are there costs the kernel about as much with each deletion as
// with the list, and through empty buckets a hundredth (`get_next_corpse` against
// `ctnetlink_dump_table`, which locks each; net/netfilter). So some deletions are cheaper
// than a list, unless there are many of both.
const EMPTY: usize = 4096;
const AT_ONCE: usize = 16 * EMPTY;

/// Has the kernel forget all flows that fit one of these. Nothing is asked where the
/// namespace has no flow, for the table is one of the whole machine, with 262144 buckets by
/// default (Documentation/networking/nf_conntrack-sysctl.rst): to list them takes 5-15 ms,
/// however few flows there are. A few published ports the kernel deletes by itself (Linux
/// 6.12 and later, 0.1 ms each); else its list is read, once for all.
pub(crate) fn delete(
    socket: &mut Socket,
    flows: &[FlowMatch],
) -> io::Result<Result<(), KernelError>> {
    if flows.is_empty() {
        return Ok(Ok(()));
    }
    let there = match count(socket)? {
        Some(0) => return Ok(Ok(())),
        Some(there) => usize::try_from(there).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let few = flows.len().saturating_mul(there.max(EMPTY)) <= AT_ONCE;
    let deletions = || flows.iter().map(question::deletion).collect();
    let by_kernel: Option<Vec<Request>> = few.then(deletions).flatten();
    if let Some(deletions) = by_kernel {
        let answers = socket.transact(&deletions)?;
        // An older one refuses what is to it no whole tuple (EINVAL).
        if answers.iter().all(Option::is_none) {
            return Ok(Ok(()));
        }
    }
    delete_listed(socket, flows)
}

fn delete_listed(socket: &mut Socket, flows: &[FlowMatch]) -> io::Result<Result<(), KernelError>> {
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
    let answers = socket.transact(&requests)?.into_iter().flatten();
    // It ended by itself since it was listed.
    let mut refused = answers.filter(|refused| refused.errno != Errno::NOENT.raw_os_error());
    Ok(refused.next().map_or(Ok(()), Err))
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

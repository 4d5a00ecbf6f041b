//! Our tables of the firewall: written in one batch, read back as values.

mod element;
mod entry;
mod expr;
pub(crate) mod nftrace;
mod read;
#[cfg(test)]
mod samples;
mod table;
#[cfg(test)]
mod tests;
mod userdata;

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::KernelError;
use super::socket::{Request, Socket};
use crate::state::{Element, LabName, SetName, Table, TableName};
use crate::sys::netns;
use crate::sys::uapi::*;

pub(crate) use read::{Keys, read, read_elements};
pub(crate) use table::DIGEST;
pub(crate) use userdata::read_comment;

/// What may be done to a table.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Make it, with all that is in it. Rules of the user are in their chain already.
    AddTable(Table),
    /// Take it away, with all that is in it, but for rules of the user.
    DelTable(Table),
    /// Put an element into a set.
    AddElement {
        /// The set.
        set: SetName,
        /// The element.
        element: Element,
        /// The lab that owns it; `None`: netyard itself.
        owner: Option<LabName>,
    },
    /// Take an element out of a set.
    DelElement {
        /// The set.
        set: SetName,
        /// The element.
        element: Element,
    },
}

impl Change {
    fn requests(&self) -> Result<Vec<Request>, KernelError> {
        Ok(match self {
            Change::AddTable(table) => return table::requests(table),
            Change::DelTable(table) => table::removal(table),
            Change::AddElement {
                set,
                element,
                owner,
            } => element::add(*set, [(element, owner.as_ref())]),
            Change::DelElement { set, element } => vec![element::del(*set, element)],
        })
    }
}

/// Makes all the changes at once, or none: then the answer names the change that
/// was refused. A refusal of the batch itself counts as one of its first change.
pub(crate) fn apply(
    socket: &mut Socket,
    changes: &[Change],
) -> io::Result<Result<(), (usize, KernelError)>> {
    if changes.is_empty() {
        return Ok(Ok(()));
    }
    let (mut operations, mut origins) = (Vec::new(), Vec::new());
    for (i, change) in changes.iter().enumerate() {
        match change.requests() {
            Ok(more) => operations.extend(more),
            Err(refused) => return Ok(Err((i, refused))),
        }
        origins.resize(operations.len(), i);
    }
    let refused = commit(socket, operations)?;
    let origin = |at: Option<usize>| at.and_then(|at| origins.get(at).copied()).unwrap_or(0);
    Ok(refused.map_or(Ok(()), |(at, refused)| Err((origin(at), refused))))
}

/// Whether the kernel refuses such a table. Tried in a namespace that is thrown away; where
/// modules have parts of it, they are loaded by this.
pub(crate) fn lacks(table: &Table) -> io::Result<bool> {
    let mut lacks = false;
    for place in netns::create(1)? {
        let mut socket = netns::enter(Some(place.fd.as_fd()), Socket::netfilter)?;
        let made = apply(&mut socket, &[Change::AddTable(table.clone())])?;
        // Who may not make one is told so when it is made.
        lacks |= made.is_err_and(|(_, refused)| refused.errno != libc::EPERM);
    }
    Ok(lacks)
}

/// Does all the operations at once, or none: then it says which was refused; none of them
/// where the batch itself was.
fn commit(
    socket: &mut Socket,
    operations: Vec<Request>,
) -> io::Result<Option<(Option<usize>, KernelError)>> {
    // Kernels before 6.10 never answer the end of a batch: the last operation is
    // asked instead (bf2ac490d28c, "netfilter: nfnetlink: Handle ACK flags for
    // batch messages").
    let last = operations.len();
    let mut requests = vec![border(NFNL_MSG_BATCH_BEGIN)];
    requests.extend(operations);
    requests.push(border(NFNL_MSG_BATCH_END));
    let refused = socket.batch(&requests, last)?;
    Ok(refused.map(|(at, refused)| match at.checked_sub(1) {
        None => (None, explained(refused)),
        operation => (operation, refused),
    }))
}

/// A kernel without nf_tables refuses the begin of a batch like this, wordlessly
/// (nfnetlink_rcv_batch in net/netfilter/nfnetlink.c).
fn explained(refused: KernelError) -> KernelError {
    match refused.errno == Errno::OPNOTSUPP.raw_os_error() && refused.text.is_none() {
        true => KernelError {
            errno: 0,
            text: Some("this kernel has no nf_tables, which the firewall needs".to_owned()),
        },
        false => refused,
    }
}

/// The begin or the end of a batch: it names the subsystem, in network order.
fn border(kind: u16) -> Request {
    let [high, low] = NFNL_SUBSYS_NFTABLES.to_be_bytes();
    Request {
        kind,
        flags: 0,
        body: vec![0, NFNETLINK_V0, high, low],
    }
}

fn message(
    table: TableName,
    kind: u16,
    flags: u16,
    attributes: impl FnOnce(&mut Vec<u8>),
) -> Request {
    let family = match table {
        TableName::Inet | TableName::Inside | TableName::Router | TableName::Partition => {
            NFPROTO_INET
        }
        TableName::Bridge => NFPROTO_BRIDGE,
    };
    of_family(family, kind, flags, attributes)
}

fn of_family(family: u8, kind: u16, flags: u16, attributes: impl FnOnce(&mut Vec<u8>)) -> Request {
    let mut body = vec![family, NFNETLINK_V0, 0, 0];
    attributes(&mut body);
    Request {
        kind: NFNL_SUBSYS_NFTABLES << 8 | kind,
        flags,
        body,
    }
}

/// Numbers in nf_tables attributes are in network order.
fn put_u32(out: &mut Vec<u8>, kind: u16, value: u32) {
    super::attr::put(out, kind, &value.to_be_bytes());
}

/// The version of the rule set of the socket's namespace.
pub(crate) fn generation(socket: &mut Socket) -> io::Result<Option<u32>> {
    let question = Request {
        kind: NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
        flags: 0,
        body: vec![NFPROTO_UNSPEC, NFNETLINK_V0, 0, 0],
    };
    // A kernel without nf_tables has none.
    let Ok((_, body)) = socket.ask(&question)? else {
        return Ok(None);
    };
    let attributes = body.get(FAMILY_HEADER..).unwrap_or_default();
    let number = super::attr::parse(attributes).find(|(kind, _)| *kind == NFTA_GEN_ID);
    let number = number.and_then(|(_, value)| value.try_into().ok());
    Ok(number.map(u32::from_be_bytes))
}

//! Lists of nf_tables' objects, of any table of anybody, read while others may change them.

use std::io;

use rustix::io::Errno;

use super::attr::{parse, put_text};
use super::socket::{Request, Socket, u32_at};
use crate::sys::uapi::*;

/// How often all is read again when it changed meanwhile.
const TRIES: usize = 8;

/// A table by its family, as the kernel numbers it, and its name.
pub(super) type Place = (u8, String);

/// Asks for lists, and notes whether the rule set changed between them.
pub(super) struct Reader<'a> {
    socket: &'a mut Socket,
    /// The number of the rule set's version, which every answer carries.
    generation: Option<Vec<u8>>,
    changed: bool,
}

/// What is read of one version of the rule set.
pub(super) fn steady<T>(
    socket: &mut Socket,
    read: impl Fn(&mut Reader<'_>) -> io::Result<T>,
) -> io::Result<T> {
    for _ in 0..TRIES {
        let mut reader = Reader {
            socket,
            generation: None,
            changed: false,
        };
        let found = read(&mut reader)?;
        if !reader.changed {
            return Ok(found);
        }
    }
    Err(io::Error::other(
        "the firewall changed each of the 8 times it was read",
    ))
}

impl Reader<'_> {
    /// A list's entries: the family and the attributes of each.
    pub(super) fn list(
        &mut self,
        kind: u16,
        family: u8,
        names: &[(u16, &str)],
    ) -> io::Result<Vec<(u8, Vec<u8>)>> {
        let replies = match self.socket.dump(&request(kind, family, names))? {
            Ok(replies) => replies,
            // What was listed has gone; a kernel without nf_tables has nothing to list
            // (nfnetlink_rcv_msg, net/netfilter/nfnetlink.c).
            Err(e) if e.errno == Errno::NOENT.raw_os_error() => {
                self.changed = true;
                Vec::new()
            }
            Err(e) if e.errno == Errno::INVAL.raw_os_error() => Vec::new(),
            Err(e) => return Err(e.into()),
        };
        let attributes = |(_, mut body): (u16, Vec<u8>)| {
            let rest = body.split_off(FAMILY_HEADER.min(body.len()));
            // `res_id`, the low half of the version.
            let seen = body.get(2..).unwrap_or_default();
            let generation = self.generation.get_or_insert_with(|| seen.to_vec());
            self.changed |= generation != seen;
            (body.first().copied().unwrap_or_default(), rest)
        };
        Ok(replies.into_iter().map(attributes).collect())
    }
}

/// A question about objects of a family with these names.
pub(super) fn request(kind: u16, family: u8, names: &[(u16, &str)]) -> Request {
    let mut body = vec![family, NFNETLINK_V0, 0, 0];
    names
        .iter()
        .for_each(|(kind, name)| put_text(&mut body, *kind, name));
    Request {
        kind: NFNL_SUBSYS_NFTABLES << 8 | kind,
        flags: 0,
        body,
    }
}

/// The value of the first attribute of a kind.
pub(super) fn find(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut all = parse(attributes);
    all.find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

/// A text without the final zero of the kernel's strings.
pub(super) fn text(attributes: &[u8], wanted: u16) -> String {
    plain(find(attributes, wanted).unwrap_or_default())
}

/// The same of its bytes.
pub(super) fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches('\0')
        .to_owned()
}

/// A number that is there, or else zero.
pub(super) fn number(attributes: &[u8], wanted: u16) -> u32 {
    let value = find(attributes, wanted).and_then(|value| u32_at(value, 0));
    value.map_or(0, u32::from_be)
}

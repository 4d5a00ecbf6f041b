//! Netlink messages in words, for whoever listens to the `log` crate's trace level: a
//! line for each, with what the kernel answered.
//!
//! ```text
//! NEWLINK create,excl one-eth0 dev=100000001 up master=100000000 (veth) peer=[eth0 dev=1000 netns=fd 15] -> ok
//! ```

mod route;

use std::fmt::{self, Display};

use netlink_packet_core::ParseableParametrized;
use netlink_packet_route::RouteNetlinkMessage;

use super::KernelError;
use super::attr;
use super::socket::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request};
use crate::sys::uapi::{
    ALL, FAMILY_HEADER, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_CTNETLINK,
    NFNL_SUBSYS_NFTABLES,
};

/// The flags of a request that makes something, by which it is not taken for another.
const FLAGS: [(u16, &str); 4] = [
    (NLM_F_CREATE, "create"),
    (NLM_F_EXCL, "excl"),
    (NLM_F_REPLACE, "replace"),
    (NLM_F_APPEND, "append"),
];

/// A request, and whether the kernel did it.
pub(super) fn done(request: &Request, refused: Option<&KernelError>) {
    tell(request, "ok", refused);
}

/// A batch, which is done as a whole or not at all, and what was refused of it.
pub(super) fn batch(requests: &[Request], refused: Option<&(usize, KernelError)>) {
    let rest = refused.map_or("ok", |_| "not done");
    for (at, request) in requests.iter().enumerate() {
        let own = refused.filter(|(number, _)| *number == at);
        tell(request, rest, own.map(|(_, refused)| refused));
    }
}

/// A question for a list, and how long that is.
pub(super) fn listed(request: &Request, count: usize, refused: Option<&KernelError>) {
    tell(request, format_args!("a list of {count}"), refused);
}

fn tell(request: &Request, done: impl Display, refused: Option<&KernelError>) {
    if log::log_enabled!(log::Level::Trace) {
        match refused {
            Some(refused) => log::trace!("{} -> {refused}", words(request)),
            None => log::trace!("{} -> {done}", words(request)),
        }
    }
}

fn words(request: &Request) -> String {
    let (name, about) = told(request);
    let flags = FLAGS.iter().filter(|(bit, _)| request.flags & bit != 0);
    let flags: Vec<&str> = flags.map(|(_, flag)| *flag).collect();
    let parts = [name, flags.join(","), about];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// The name of the message, and what it is about.
fn told(Request { kind, body, .. }: &Request) -> (String, String) {
    // The two that frame an nftables batch have the numbers of link messages, and
    // only this header (struct nfgenmsg).
    match *kind {
        NFNL_MSG_BATCH_BEGIN if body.len() == FAMILY_HEADER => return frame("BATCH_BEGIN"),
        NFNL_MSG_BATCH_END if body.len() == FAMILY_HEADER => return frame("BATCH_END"),
        _ => {}
    }
    match kind >> 8 {
        NFNL_SUBSYS_NFTABLES => return netfilter("NFT_MSG_", *kind, body),
        NFNL_SUBSYS_CTNETLINK => return netfilter("IPCTNL_MSG_", *kind, body),
        _ => {}
    }
    match RouteNetlinkMessage::parse_with_param(body, *kind) {
        Ok(message) => route::told(&message),
        Err(_) => (format!("type {kind}"), format!("{} bytes", body.len())),
    }
}

fn frame(name: &str) -> (String, String) {
    (name.to_owned(), String::new())
}

/// A message about the firewall table, with the names that come first, such as those
/// of the table and the set; or about flows, which have none.
fn netfilter(prefix: &str, kind: u16, body: &[u8]) -> (String, String) {
    let number = u64::from(kind & 0xff);
    let mut names = ALL.iter();
    let name = names.find_map(|(name, _, value)| {
        let name = name.strip_prefix(prefix)?;
        (*value == number).then_some(name)
    });
    let attributes = attr::parse(body.get(FAMILY_HEADER..).unwrap_or_default());
    let texts = attributes.filter_map(|(_, value)| text(value));
    let about: Vec<&str> = texts.take(2).collect();
    let bytes = format!("({} bytes)", body.len());
    let about = [about.join(" "), bytes].join(" ");
    (name.unwrap_or(prefix).to_owned(), about)
}

/// An attribute's value, where it is a name.
fn text(value: &[u8]) -> Option<&str> {
    let text = str::from_utf8(value.strip_suffix(b"\0")?).ok()?;
    let is_name = |c: char| c.is_ascii_graphic();
    (text.len() > 1 && text.chars().all(is_name)).then_some(text)
}

/// Words of a line, of which some may be missing.
#[derive(Default)]
struct Line(Vec<String>);

impl Line {
    fn push(&mut self, word: impl Display) {
        self.0.push(word.to_string());
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

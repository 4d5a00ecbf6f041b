//! Netlink: one file per noun, one function per request, no policy.

pub(crate) mod address;
pub(crate) mod attr;
pub(crate) mod link;
pub(crate) mod nsid;
pub(crate) mod route;
pub(crate) mod socket;

use std::{fmt, io};

use netlink_packet_core::{Emitable, ParseableParametrized};
use netlink_packet_route::RouteNetlinkMessage;

use socket::{Reply, Request};

/// A route netlink message as a request.
fn request(message: &RouteNetlinkMessage, flags: u16) -> Request {
    let mut body = vec![0; message.buffer_len()];
    message.emit(&mut body);
    Request {
        kind: message.message_type(),
        flags,
        body,
    }
}

/// A reply as a route netlink message.
fn decoded((kind, body): &Reply) -> io::Result<RouteNetlinkMessage> {
    RouteNetlinkMessage::parse_with_param(body, *kind)
        .map_err(|e| io::Error::other(format!("a netlink message of type {kind} is odd: {e}")))
}

/// What the kernel refused: the error number and, where it gave one, its own
/// sentence (extended ACK).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelError {
    /// An errno, such as 17 for EEXIST.
    pub errno: i32,
    /// The kernel's sentence.
    pub text: Option<String>,
}

impl std::error::Error for KernelError {}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = std::io::Error::from_raw_os_error(self.errno).to_string();
        let said = said
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_lowercase();
        match &self.text {
            Some(text) => write!(
                f,
                "{said} (the kernel says: {})",
                text.trim_end_matches('.')
            ),
            None => f.write_str(&said),
        }
    }
}

impl From<KernelError> for std::io::Error {
    fn from(refused: KernelError) -> Self {
        std::io::Error::new(
            std::io::Error::from_raw_os_error(refused.errno).kind(),
            refused,
        )
    }
}

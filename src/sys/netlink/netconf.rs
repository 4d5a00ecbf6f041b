//! Forwarding, of a namespace and of each device, as RTM_GETNETCONF tells it: one request
//! over the socket inside, where reading /proc/sys needs a thread that enters.

use std::collections::BTreeMap;
use std::io;

use super::attr::parse;
use super::socket::{Request, Socket};
use crate::sys::uapi::{
    NETCONFA_FORWARDING, NETCONFA_IFINDEX, NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT,
    RTM_GETNETCONF,
};

/// The switches of one family.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    /// That of the namespace.
    pub(crate) all: bool,
    /// That which devices to come have.
    pub(crate) default: bool,
    /// By index.
    pub(crate) devices: BTreeMap<u32, bool>,
}

/// Those of IPv4 and of IPv6.
pub(crate) fn forwarding(socket: &mut Socket) -> io::Result<[(u8, Switches); 2]> {
    // A family, which is none in particular, and padding.
    let request = Request {
        kind: RTM_GETNETCONF,
        flags: 0,
        body: vec![0; 4],
    };
    let mut both = [(4, Switches::default()), (6, Switches::default())];
    for (_, body) in socket.dump(&request)?? {
        let family = body.first().map(|family| i32::from(*family));
        let (_, switches) = match family {
            Some(libc::AF_INET) => &mut both[0],
            Some(libc::AF_INET6) => &mut both[1],
            _ => continue,
        };
        let number = |wanted| {
            let mut all = parse(body.get(4..).unwrap_or_default());
            let (_, value) = all.find(|(kind, _)| *kind == wanted)?;
            Some(i32::from_ne_bytes(value.try_into().ok()?))
        };
        let (Some(index), Some(value)) = (number(NETCONFA_IFINDEX), number(NETCONFA_FORWARDING))
        else {
            continue;
        };
        match index {
            NETCONFA_IFINDEX_ALL => switches.all = value != 0,
            NETCONFA_IFINDEX_DEFAULT => switches.default = value != 0,
            index => drop(switches.devices.insert(index.cast_unsigned(), value != 0)),
        }
    }
    Ok(both)
}

//! Nexthops that have a number (ip-nexthop(8)): where `net.ipv4.nexthop_compat_mode` is off a
//! route tells that number alone.

use std::io;
use std::net::IpAddr;

use super::attr::{parse, put};
use super::fib::Way;
use super::socket::{Request, Socket, u32_at};
use crate::sys::uapi::nexthop::*;

/// The ways of one, or of each in a group.
pub(crate) fn ways(socket: &mut Socket, id: u32) -> io::Result<Vec<Way>> {
    let body = look_up(socket, id)?;
    let attributes = body.get(NHMSG..).unwrap_or_default();
    let group = parse(attributes).find(|(kind, _)| *kind == NHA_GROUP);
    let Some((_, group)) = group else {
        return Ok(way(attributes).into_iter().collect());
    };
    let ids = group.chunks(NEXTHOP_GRP).filter_map(|one| u32_at(one, 0));
    let mut ways = Vec::new();
    for id in ids {
        let body = look_up(socket, id)?;
        ways.extend(way(body.get(NHMSG..).unwrap_or_default()));
    }
    Ok(ways)
}

fn look_up(socket: &mut Socket, id: u32) -> io::Result<Vec<u8>> {
    let mut body = vec![0; NHMSG];
    put(&mut body, NHA_ID, &id.to_ne_bytes());
    let question = Request {
        kind: RTM_GETNEXTHOP,
        flags: 0,
        body,
    };
    Ok(socket.ask(&question)??.1)
}

fn way(attributes: &[u8]) -> Option<Way> {
    let find = |wanted: u16| parse(attributes).find(|(kind, _)| *kind == wanted);
    let via = find(NHA_GATEWAY).and_then(|(_, bytes)| {
        let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
            .ok()
    });
    let dev = u32_at(find(NHA_OIF)?.1, 0)?;
    Some(Way { via, dev })
}

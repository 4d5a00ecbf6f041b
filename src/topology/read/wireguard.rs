//! WireGuard interfaces, their keys and peers.

use std::net::SocketAddr;

use super::{Item, Problem, Reader};
use crate::report::codes;
use crate::topology::keys::table;
use crate::topology::{PeerName, PeerSpec, WireguardSpec};

impl Reader<'_> {
    pub(super) fn wireguard(&mut self, item: &Item<'_>) -> Option<WireguardSpec> {
        let mut fields = self.fields(item, &table::WIREGUARD)?;
        let key = self.required(&mut fields, "private-key");
        let port = fields.take("listen-port");
        let mark = fields.take("fwmark");
        let key = key.and_then(|item| self.parsed(&item, "a key", codes::BAD_KEY));
        let listen_port = port.and_then(|item| self.port(&item));
        let fwmark = mark.and_then(|item| self.number(&item, "a number like 51820"));
        let peers = self.items(fields.take("peers"), "peers", Self::wireguard_peer);
        Some(WireguardSpec {
            private_key: key?,
            listen_port,
            fwmark: fwmark.unwrap_or_default(),
            peers,
        })
    }

    fn wireguard_peer(&mut self, item: &Item<'_>) -> Option<PeerSpec> {
        let mut fields = self.fields(item, &table::WIREGUARD_PEER)?;
        let (key, peer) = (fields.take("public-key"), fields.take("peer"));
        let preshared = fields.take("preshared-key");
        let (endpoint, allowed) = (fields.take("endpoint"), fields.take("allowed-ips"));
        let keepalive = fields.take("persistent-keepalive");
        let name = self.peer_name(item, (key, peer));
        let preshared = preshared.map(|item| self.parsed(&item, "a key", codes::BAD_KEY));
        let endpoint = endpoint.map(|item| self.socket(&item));
        let allowed_ips = self.one_or_more(allowed, "subnets", Self::subnet);
        let keepalive = keepalive.map(|item| self.keepalive(&item));
        Some(PeerSpec {
            name: name?,
            preshared_key: preshared.map_or(Some(None), |key| key.map(Some))?,
            endpoint: endpoint.map_or(Some(None), |at| at.map(Some))?,
            allowed_ips,
            persistent_keepalive: keepalive.map_or(Some(None), |s| s.map(Some))?,
        })
    }

    /// By its key, or by the interface that has the other half of it.
    fn peer_name(
        &mut self,
        item: &Item<'_>,
        (key, peer): (Option<Item<'_>>, Option<Item<'_>>),
    ) -> Option<PeerName> {
        match (key, peer) {
            (Some(key), None) => {
                let key = self.parsed(&key, "a key", codes::BAD_KEY);
                key.map(PeerName::PublicKey)
            }
            (None, Some(peer)) => {
                let text = self.scalar(&peer, "an interface like `two:wg0`")?;
                match text.parse() {
                    Ok(end) => Some(PeerName::Interface(end)),
                    Err(why) => {
                        let problem = Problem::new(codes::BAD_WIREGUARD, why, peer.span);
                        self.problem(problem.hint("write it as in `peer: \"two:wg0\"`"))
                    }
                }
            }
            (Some(_), Some(peer)) => {
                let message = "a peer is known by its `public-key` or as `peer` of this file";
                let problem = Problem::new(codes::BAD_WIREGUARD, message, peer.span);
                self.problem(problem.hint("leave one of them out"))
            }
            (None, None) => {
                let message = "a WireGuard peer has a `public-key`, or is a `peer` of this file";
                let hint = "add `public-key: KEY`, or `peer: \"NAMESPACE:INTERFACE\"` for one of this file";
                let problem = Problem::new(codes::BAD_WIREGUARD, message, item.span.clone());
                self.problem(problem.hint(hint))
            }
        }
    }

    fn socket(&mut self, item: &Item<'_>) -> Option<SocketAddr> {
        let what = "an address and a port like 192.0.2.1:51820 or \"[fd00::1]:51820\"";
        let text = self.scalar(item, what)?;
        match text.parse::<SocketAddr>() {
            Ok(at) if at.port() != 0 => Some(at),
            Ok(_) => {
                let message = "nobody receives on port 0";
                let problem = Problem::new(codes::BAD_NUMBER, message, item.span.clone());
                self.problem(problem.hint("write the peer's `listen-port`"))
            }
            Err(_) => {
                let message = format!("`{text}` is not an address and a port");
                let problem = Problem::new(codes::BAD_ADDRESS, message, item.span.clone());
                self.problem(problem.hint(format!("write {what}")))
            }
        }
    }

    fn keepalive(&mut self, item: &Item<'_>) -> Option<u16> {
        let what = "a number of seconds, 1 to 65535";
        let number = self.number(item, what)?;
        match u16::try_from(number) {
            Ok(seconds @ 1..) => Some(seconds),
            _ => {
                let message = format!("`{number}` is not {what}");
                self.problem(Problem::new(codes::BAD_NUMBER, message, item.span.clone()))
            }
        }
    }
}

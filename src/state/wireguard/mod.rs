//! WireGuard interfaces: encrypted tunnels, as wg(8) shows and sets them.

mod key;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use key::{NotAKey, PresharedKey, PrivateKey, PublicKey};

/// The kernel's word for the kind.
pub(crate) const WIREGUARD: &str = "wireguard";

/// What a WireGuard interface is told beside what every device is. In a desired state an
/// endpoint or port that is left open is as the kernel has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wireguard {
    /// Its own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<PrivateKey>,
    /// The UDP port that it receives on, in the namespace in which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen_port: Option<u16>,
    /// The mark of the packets that it sends, for routing rules; 0 is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fwmark: u32,
    /// With whom it speaks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub peers: BTreeMap<PublicKey, WireguardPeer>,
}

/// One of those that a WireGuard interface speaks with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireguardPeer {
    /// What both know beside their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preshared_key: Option<PresharedKey>,
    /// Where it is sent to. Whoever has its key and sends from elsewhere is answered there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SocketAddr>,
    /// The addresses behind it: what goes to them is sent to it, and it sends from no others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allowed_ips: BTreeSet<IpNet>,
    /// After how many seconds without a packet one is sent; 0 is never.
    #[serde(default, skip_serializing_if = "is_none")]
    pub persistent_keepalive: u16,
}

fn is_zero(mark: &u32) -> bool {
    *mark == 0
}

fn is_none(seconds: &u16) -> bool {
    *seconds == 0
}

/// One request to the kernel, or one command, on the way from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit<'w> {
    /// What is the interface's own becomes this; the other is what it was.
    Own(&'w Wireguard, &'w Wireguard),
    /// A peer goes.
    Remove(&'w PublicKey),
    /// A peer becomes this, from what it was; `None`: it was not there.
    Peer(&'w PublicKey, &'w WireguardPeer, Option<&'w WireguardPeer>),
}

impl Wireguard {
    /// What may be told of it in a few words: its port, and how many peers.
    pub(crate) fn details(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let port = self
            .listen_port
            .map(|port| ("listen-port", port.to_string()));
        let peers = ("peers", self.peers.len().to_string());
        let all = port.into_iter().chain([peers]);
        all.map(|(word, value)| (word.to_owned(), value))
    }

    /// The same with what it leaves open as it is.
    pub(crate) fn settled(&self, have: &Wireguard) -> Wireguard {
        let mut settled = self.clone();
        settled.listen_port = self.listen_port.or(have.listen_port);
        for (key, peer) in &mut settled.peers {
            let have = have.peers.get(key).and_then(|have| have.endpoint);
            peer.endpoint = peer.endpoint.or(have);
        }
        settled
    }

    /// What has to be done so that this is there where the other was: nobody who stays as he
    /// was is touched. Peers that go come first: an address is one peer's alone, and the last
    /// to be given it has it (`add`, drivers/net/wireguard/allowedips.c).
    pub(crate) fn edits<'w>(&'w self, was: &'w Wireguard) -> Vec<Edit<'w>> {
        let own = |of: &Wireguard| (of.private_key, of.listen_port, of.fwmark);
        let mut edits = Vec::new();
        if own(self) != own(was) {
            edits.push(Edit::Own(self, was));
        }
        let mut come = Vec::new();
        for (key, old) in &was.peers {
            match self.peers.get(key) {
                None => edits.push(Edit::Remove(key)),
                // The kernel forgets no endpoint but with its peer.
                Some(new) if new.endpoint.is_none() && old.endpoint.is_some() => {
                    edits.push(Edit::Remove(key));
                    come.push(Edit::Peer(key, new, None));
                }
                Some(new) if new != old => come.push(Edit::Peer(key, new, Some(old))),
                Some(_) => {}
            }
        }
        let new = self.peers.iter();
        let new = new.filter(|(key, _)| !was.peers.contains_key(key));
        come.extend(new.map(|(key, peer)| Edit::Peer(key, peer, None)));
        edits.extend(come);
        edits
    }
}

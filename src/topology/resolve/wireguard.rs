//! WireGuard interfaces, with the keys of those peers that the file names.

use super::cable::{insert, queue};
use crate::state::{End, Link, LinkKind, NetState, Wireguard, WireguardPeer};
use crate::topology::{Interface, PeerSpec, Topology, WireguardSpec};

/// The MTU of one that is given none (`wg_setup`, drivers/net/wireguard/device.c).
const MTU: u32 = 1420;

/// Up, with its addresses. It makes no IPv6 link-local address (`wg_open`,
/// drivers/net/wireguard/device.c), and looks for no neighbours that would need one.
pub(super) fn tunnel(
    topology: &Topology,
    state: &mut NetState,
    (end, interface): (End, &Interface),
    spec: &WireguardSpec,
) {
    let peers = spec.peers.iter();
    let peers = peers.filter_map(|peer| Some((topology.key_of(&peer.name)?, of(peer))));
    let told = Wireguard {
        private_key: Some(spec.private_key),
        listen_port: spec.listen_port,
        fwmark: spec.fwmark,
        peers: peers.collect(),
    };
    let mtu = Some(interface.mtu.unwrap_or(MTU));
    let link = Link {
        up: true,
        mtu: interface.mtu,
        owner: Some(topology.lab.clone()),
        addresses: interface.addresses.clone(),
        qdisc: queue(interface.limits.sent, interface.netem.sent, mtu),
        wireguard: Some(Box::new(told)),
        ..Link::new(LinkKind::Wireguard)
    };
    insert(state, end, link);
}

fn of(peer: &PeerSpec) -> WireguardPeer {
    WireguardPeer {
        preshared_key: peer.preshared_key,
        endpoint: peer.endpoint,
        allowed_ips: peer.allowed_ips.iter().copied().collect(),
        persistent_keepalive: peer.persistent_keepalive.unwrap_or_default(),
    }
}

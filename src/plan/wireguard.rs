//! WireGuard interfaces: made in their own namespace, told their keys and peers, and told of
//! those peers alone that change.

use super::impact::Harm;
use super::order::{Rank, Turn};
use super::{Draft, Op, Setting};
use crate::state::{Edit, End, Link, LinkKind, PublicKey, Wireguard};

/// The MTU of one that nobody gave another: an outer IPv6 packet of 1500 bytes less its headers
/// (`wg_setup`, drivers/net/wireguard/device.c).
pub(super) const MTU: u32 = 1420;

/// How much of a key tells it from others.
const SHORT: usize = 8;

pub(super) fn add(draft: &mut Draft<'_>, end: &End, want: &Link) {
    draft.made.insert(end.clone());
    let link = Link {
        owner: Some(draft.lab().clone()),
        ..want.clone()
    };
    let because = "its socket stays in the namespace that it is made in";
    draft.push(Rank::Configure(Turn::Link), make(end, &link), because);
}

/// Makes it, down and with nothing on it.
pub(super) fn make(end: &End, link: &Link) -> Op {
    let link = Link {
        owner: link.owner.clone(),
        mtu: link.mtu,
        ..Link::new(LinkKind::Wireguard)
    };
    Op::AddWireguard {
        end: end.clone(),
        link,
    }
}

/// What it was told, for one that is made again.
pub(super) fn told_again(end: &End, before: &Link) -> Option<Op> {
    let all = before.wireguard.clone()?;
    let was = Box::default();
    (all != was).then(|| Op::SetLink {
        end: end.clone(),
        set: Setting::Wireguard(all),
        was: Setting::Wireguard(was),
    })
}

/// What one has been told that was just made.
pub(super) fn bare(want: &Link) -> Option<Box<Wireguard>> {
    want.wireguard.as_ref().map(|_| Box::default())
}

/// What it has to be told.
pub(super) fn told(want: &Link, have: &Link) -> Option<(Rank, Setting, Setting, &'static str)> {
    let was = have.wireguard.clone().unwrap_or_default();
    let set = Box::new(want.wireguard.as_ref()?.settled(&was));
    let because = "the file gives it these keys and peers";
    (set != was).then(|| {
        let [set, was] = [set, was].map(Setting::Wireguard);
        (Rank::Peers, set, was, because)
    })
}

/// What changes, in a few words for each part.
pub(super) fn words(set: &Wireguard, was: &Wireguard) -> String {
    let words = set.edits(was).into_iter().flat_map(|edit| match edit {
        Edit::Own(set, was) => own(set, was),
        Edit::Remove(key) if set.peers.contains_key(key) => Vec::new(),
        Edit::Remove(key) => vec![format!("peer {} (gone)", short(key))],
        Edit::Peer(key, ..) if was.peers.contains_key(key) => {
            vec![format!("peer {} (changed)", short(key))]
        }
        Edit::Peer(key, ..) => vec![format!("peer {} (new)", short(key))],
    });
    words.collect::<Vec<_>>().join(", ")
}

fn own(set: &Wireguard, was: &Wireguard) -> Vec<String> {
    let mut words = Vec::new();
    if set.private_key != was.private_key {
        words.push("private key".to_owned());
    }
    if set.listen_port != was.listen_port {
        let [port, now] = [set, was].map(|all| all.listen_port.unwrap_or(0));
        words.push(format!("listen-port {port} (now {now})"));
    }
    if set.fwmark != was.fwmark {
        words.push(format!("fwmark {} (now {})", set.fwmark, was.fwmark));
    }
    words
}

fn short(key: &PublicKey) -> String {
    key.to_string().chars().take(SHORT).collect()
}

/// Whom a change disturbs: with another key all peers begin anew
/// (`wg_set_device`, drivers/net/wireguard/netlink.c), and what goes to one that is gone is lost.
pub(super) fn felt(set: &Wireguard, was: &Wireguard) -> Option<(Harm, String)> {
    let gone = |key: &&PublicKey| !set.peers.contains_key(key);
    let gone: Vec<String> = was.peers.keys().filter(gone).map(short).collect();
    if !gone.is_empty() {
        return Some((Harm::Cut, format!("what goes to peer {}", gone.join(", "))));
    }
    let key = was.private_key.is_some() && set.private_key != was.private_key;
    let port = was.listen_port.is_some() && set.listen_port != was.listen_port;
    let what = match (key, port) {
        (true, _) => "what goes over it, until its peers know the new key",
        (false, true) => "what goes over it, until its peers know the new port",
        (false, false) => return None,
    };
    Some((Harm::Blip, what.to_owned()))
}

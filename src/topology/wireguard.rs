//! WireGuard interfaces as described.

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{Interface, Topology};
use crate::state::{End, PresharedKey, PrivateKey, PublicKey};

/// What a WireGuard interface is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WireguardSpec {
    /// Its own key.
    pub private_key: PrivateKey,
    /// The UDP port that it receives on; `None`: the kernel chooses.
    pub listen_port: Option<u16>,
    /// The mark of the packets that it sends; 0 is none.
    pub fwmark: u32,
    /// With whom it speaks.
    pub peers: Vec<PeerSpec>,
}

/// One of those that it speaks with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerSpec {
    /// Who it is.
    pub name: PeerName,
    /// What both know beside their keys.
    pub preshared_key: Option<PresharedKey>,
    /// Where it is sent to; `None`: from where it was heard last.
    pub endpoint: Option<SocketAddr>,
    /// The addresses behind it.
    pub allowed_ips: Vec<IpNet>,
    /// After how many seconds without a packet one is sent; `None`: never.
    pub persistent_keepalive: Option<u16>,
}

/// Who a peer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerName {
    /// Whoever has the private key to this one.
    PublicKey(PublicKey),
    /// An interface of the lab.
    Interface(End),
}

impl Topology {
    /// An interface that is described.
    pub(super) fn interface(&self, end: &End) -> Option<&Interface> {
        self.namespaces.get(&end.netns)?.interfaces.get(&end.dev)
    }

    /// The key by which a peer is known, if there is such an interface.
    pub(super) fn key_of(&self, peer: &PeerName) -> Option<PublicKey> {
        match peer {
            PeerName::PublicKey(key) => Some(*key),
            PeerName::Interface(end) => {
                let of = self.interface(end)?.wireguard.as_ref()?;
                Some(of.private_key.public())
            }
        }
    }
}

/// The text of a file, as long, in which keys that nobody else shall know are so many asterisks: who is
/// shown what is wrong beside them need not be told them, nor may a log.
pub(super) fn hide_keys(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_');
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_digit) {
        let (between, from) = rest.split_at(start);
        shown += between;
        let end = from.find(|c| !is_digit(c)).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        let said = shown.trim_end_matches([' ', '"', '\'', '\n', '\r']);
        // Most of one is as good as told.
        let secret = ["private-key:", "preshared-key:"]
            .iter()
            .any(|key| said.ends_with(key));
        let secret = secret && digits.len() >= MOST_OF_ONE;
        let whole = digits.len() == KEY_DIGITS && after.starts_with('=');
        let hidden = secret || whole && !said.ends_with("public-key:");
        shown += &match hidden {
            true => "*".repeat(digits.len()),
            false => digits.to_owned(),
        };
        rest = after;
        if let Some(after) = after.strip_prefix('=').filter(|_| hidden) {
            shown.push('*');
            rest = after;
        }
    }
    shown + rest
}

/// How many digits of base64 a key has before its `=`.
const KEY_DIGITS: usize = 43;
/// How many are too many to be shown.
const MOST_OF_ONE: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_are_hidden_where_they_stand() {
        let key = "IoCtoJ6ZlypRw6j5jbjcCFAcsrcfByDWHWmOGOvaTY8=";
        let hidden = "*".repeat(key.len());
        for (before, after) in [
            ("private-key: ", ", x: 1"),
            ("preshared-key: \"", "\" }"),
            ("", ""),
        ] {
            let text = format!("{before}{key}{after}");
            assert_eq!(hide_keys(&text), format!("{before}{hidden}{after}"));
        }
        let most = &key[..key.len() - 2];
        let text = hide_keys(&format!("private-key:\n  '{most}'"));
        assert!(
            text.ends_with("'******************************************'"),
            "{text}"
        );
        for text in [
            format!("public-key: {key}"),
            format!("- {{ public-key: \"{key}\" }}"),
            "\u{e9} private-key: /etc/wireguard/key".to_owned(),
            format!("A{key}"),
        ] {
            assert_eq!(hide_keys(&text), text);
        }
    }
}

//! What should be known of published ports, and in which words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use crate::state::{Family, IfName, Netns};

/// What a [`Warning`](super::Warning) says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Caution {
    /// A chain drops what is forwarded to them.
    Dropped {
        /// Its table.
        table: String,
        /// Its name.
        chain: String,
        /// Over which families.
        families: BTreeSet<Family>,
    },
    /// A chain may drop that.
    MayBeDropped {
        /// Its table.
        table: String,
        /// Its name.
        chain: String,
    },
    /// A chain refuses these ports of the host, which published ones do not pass.
    PastTheFirewall {
        /// Its table.
        table: String,
        /// Its name.
        chain: String,
    },
    /// A chain may refuse these ports of the host to some.
    MayBePastTheFirewall {
        /// Its table.
        table: String,
        /// Its name.
        chain: String,
    },
    /// The namespace's own list does not have them.
    NotListed {
        /// The namespace.
        netns: Netns,
    },
    /// The network is another lab's, whose bridge routes no loopback addresses.
    NotByLoopback {
        /// The bridge.
        bridge: IfName,
    },
    /// There are rules that were not looked at.
    LegacyRules,
    /// The host has not got this address.
    NoSuchAddress {
        /// The address.
        address: IpAddr,
    },
}

pub(super) fn message(kind: &Caution, ports: &[String]) -> String {
    let ports = named(ports);
    match kind {
        Caution::Dropped {
            table,
            chain,
            families,
        } => {
            let over = match families.iter().collect::<Vec<_>>()[..] {
                [Family::Ipv4] => " over IPv4",
                [Family::Ipv6] => " over IPv6",
                _ => "",
            };
            format!(
                "the chain `{chain}` of the nft table `{table}` drops what comes{over} to {ports}, and what \
                 one table drops no other can accept; `nft insert rule {table} {chain} ct status dnat accept` lets \
                 it pass"
            )
        }
        Caution::MayBeDropped { table, chain } => format!(
            "the chain `{chain}` of the nft table `{table}` may drop what comes to {ports}: that depends on where \
             it comes from, or on rules that cannot be followed from here"
        ),
        Caution::PastTheFirewall { table, chain } => format!(
            "the chain `{chain}` of the nft table `{table}` refuses {ports} to this host itself; published ports do \
             not pass there: they are reachable all the same"
        ),
        Caution::MayBePastTheFirewall { table, chain } => format!(
            "the chain `{chain}` of the nft table `{table}` refuses {ports} to this host itself at least from some, or \
             by rules that cannot be followed from here; published ports do not pass there"
        ),
        Caution::NotListed { netns } => format!(
            "the `ingress` of {netns} does not list what {ports} leads to: nobody reaches it"
        ),
        Caution::NotByLoopback { bridge } => format!(
            "127.0.0.1 does not lead to {ports}: bridge {bridge} is another lab's, which publishes no port there"
        ),
        Caution::LegacyRules => format!(
            "there are rules of the old iptables, which were not looked at: they may drop {ports} \
             (`iptables-legacy -S` shows them)"
        ),
        Caution::NoSuchAddress { address } => {
            format!("the host has not got the address {address} of {ports} at present")
        }
    }
}

/// So many ports are named in a warning.
const NAMED: usize = 4;

fn named(ports: &[String]) -> String {
    let shown = ports
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match ports.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

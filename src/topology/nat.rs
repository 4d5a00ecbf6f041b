//! What kind of router a namespace is: `nat`.

use std::fmt;
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};
use serde::Serialize;

use super::subnets::towards;
use super::{NamespaceSpec, RouteSpec, Topology};
use crate::state::{Family, IfName, Netns, is_link_local};

/// What a router does with what passes it. RFC 4787 has the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nat {
    /// What it does with IPv4.
    pub kind: NatPreset,
    /// The interface that leads outwards; `None`: the one of its default route.
    pub outside: Option<IfName>,
    /// Whether those inside reach each other by their ports outside (RFC 4787, 6);
    /// `None`: as is usual for the kind.
    pub hairpin: Option<bool>,
    /// How many seconds a UDP mapping stays without a packet; `None`: [`Nat::UDP_TIMEOUT`].
    pub udp_timeout: Option<u32>,
    /// How many seconds a flow does that was answered; `None`: as long, and no less than
    /// [`Nat::UDP_TIMEOUT`].
    pub udp_stream_timeout: Option<u32>,
    /// What it does with IPv6; `None`: that is [`Ipv6::Firewall`], and with
    /// [`NatPreset::None`] nothing.
    pub ipv6: Option<Ipv6>,
    /// The prefix that the inside has outside, of [`Ipv6::Nptv6`].
    pub prefix: Option<IpNet>,
    /// What it does not let out.
    pub filter: Option<Filter>,
}

/// Values with the words that the file has for them.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $what:literal { $($(#[$means:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum $name {
            $($(#[$means])* #[serde(rename = $word)] $value,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[$name] = &[$($name::$value),*];

            /// Its word in the file.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$value => $word,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = NoSuchWord;
            fn from_str(text: &str) -> Result<Self, NoSuchWord> {
                let known = $name::ALL.iter().find(|one| one.as_str() == text);
                known.copied().ok_or_else(|| NoSuchWord {
                    text: text.to_owned(),
                    what: $what,
                    words: &[$($word),*],
                })
            }
        }
    };
}

words! {
    /// What a router does with IPv4: how endpoints are mapped, and who gets in.
    NatPreset, "kind of NAT" {
        /// No translation, and all pass.
        None = "none",
        /// Endpoint-independent mapping, address and port-dependent filtering.
        Home = "home",
        /// Endpoint-independent mapping and filtering.
        FullCone = "full-cone",
        /// Endpoint-independent mapping, address-dependent filtering.
        AddressRestricted = "address-restricted",
        /// Address and port-dependent mapping and filtering.
        Symmetric = "symmetric",
        /// A carrier's (RFC 6888): as the full cone, with hairpinning.
        Cgnat = "cgnat",
    }
}

words! {
    /// What a router does with IPv6.
    Ipv6, "way with IPv6" {
        /// Nothing passes.
        None = "none",
        /// What goes out, and its answers (RFC 6092).
        Firewall = "firewall",
        /// The same, with the router's address (NAT66).
        Nat66 = "nat66",
        /// The inside has another prefix outside (RFC 6296).
        Nptv6 = "nptv6",
    }
}

words! {
    /// What a router does not let out.
    Filter, "filter" {
        /// All but TCP to 80, 443 and 53, and UDP to 53.
        Corporate = "corporate",
        /// UDP.
        NoUdp = "no-udp",
    }
}

/// A word that is none of those that could stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchWord {
    text: String,
    what: &'static str,
    words: &'static [&'static str],
}

impl fmt::Display for NoSuchWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(|word| format!("`{word}`")).collect();
        let (last, before) = words.split_last().ok_or(fmt::Error)?;
        let (text, before) = (&self.text, before.join(", "));
        write!(
            f,
            "`{text}` is no {}: there are {before} and {last}",
            self.what
        )
    }
}

impl std::error::Error for NoSuchWord {}

impl Nat {
    /// How many seconds a UDP mapping stays where the file says nothing: no less than two
    /// minutes (RFC 4787, REQ-5).
    pub const UDP_TIMEOUT: u32 = 120;

    /// One of this kind, with all else as is usual.
    pub fn of(kind: NatPreset) -> Self {
        Nat {
            kind,
            outside: None,
            hairpin: None,
            udp_timeout: None,
            udp_stream_timeout: None,
            ipv6: None,
            prefix: None,
            filter: None,
        }
    }

    /// Whether it leads back inside. A carrier's has to (RFC 6888, REQ-1); of others few do.
    pub fn hairpins(&self) -> bool {
        self.hairpin.unwrap_or(self.kind == NatPreset::Cgnat)
    }

    /// How many seconds a mapping stays, and a flow that was answered.
    pub fn timeouts(&self) -> (u32, u32) {
        let mapping = self.udp_timeout.unwrap_or(Nat::UDP_TIMEOUT);
        let stream = self.udp_stream_timeout;
        (mapping, stream.unwrap_or(mapping.max(Nat::UDP_TIMEOUT)))
    }

    /// What it does with IPv6; `None`: nothing.
    pub fn ipv6(&self) -> Option<Ipv6> {
        let usual = (self.kind != NatPreset::None).then_some(Ipv6::Firewall);
        self.ipv6.or(usual)
    }

    /// The families in which nothing comes in unasked.
    pub(super) fn closed(&self) -> Vec<Family> {
        let four = (self.kind != NatPreset::None).then_some(Family::Ipv4);
        let six = match self.ipv6() {
            Some(Ipv6::None | Ipv6::Firewall | Ipv6::Nat66) => Some(Family::Ipv6),
            Some(Ipv6::Nptv6) | None => None,
        };
        four.into_iter().chain(six).collect()
    }
}

impl Topology {
    /// The interface of a router that leads outwards: the one that is named, or that of its
    /// default route.
    pub(super) fn outside(&self, netns: &Netns, spec: &NamespaceSpec) -> Option<IfName> {
        let named = spec.nat.as_ref().and_then(|nat| nat.outside.clone());
        let nets = self.device_nets(netns);
        let by = |route: &RouteSpec| match (&route.dev, route.via) {
            (Some(dev), _) => Some(dev.clone()),
            (None, via) => Some(towards(&nets, via?)?.dev.clone()),
        };
        let mut written: Vec<&RouteSpec> = spec.routes.iter().filter(|r| r.is_default()).collect();
        written.sort_by_key(|route| (Family::of(&route.to), route.metric()));
        let given = || {
            let mut families = [Family::Ipv4, Family::Ipv6].into_iter();
            families.find_map(|family| Some(self.default_gateway(netns, family)?.0.clone()))
        };
        named
            .or_else(|| written.into_iter().find_map(by))
            .or_else(given)
    }

    /// The one prefix of this length that all IPv6 subnets inside are in.
    pub(super) fn inside_prefix(
        &self,
        netns: &Netns,
        outside: &IfName,
        length: u8,
    ) -> Option<Ipv6Net> {
        let nets = self.device_nets(netns).into_iter();
        let inside = nets.filter(|of| of.dev != *outside && !of.is_loopback());
        let mut prefixes = inside.filter_map(|of| match of.net {
            IpNet::V6(net) if !is_link_local(&of.net) => Some(net),
            _ => None,
        });
        let short = |net: Ipv6Net| {
            let prefix = Ipv6Net::new(net.addr(), length).ok()?.trunc();
            (net.prefix_len() >= length).then_some(prefix)
        };
        let first = short(prefixes.next()?)?;
        prefixes
            .all(|net| short(net) == Some(first))
            .then_some(first)
    }
}

//! Links: network devices, as `ip link` shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::child::Child;
use super::name::{IfName, LabName, Netns};
use super::qdisc::Qdisc;
use super::vlan::{Filtering, Vlans};
use super::wireguard::Wireguard;

/// A network device in one namespace. In a desired state `None` means "as the
/// kernel chooses"; an observed link has every field that the kernel reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What the device is.
    pub kind: LinkKind,
    /// Administratively up (`IFF_UP`), whatever the carrier says.
    #[serde(default)]
    pub up: bool,
    /// Largest packet in bytes, without the Ethernet header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The bridge that this device is a port of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<IfName>,
    /// Whether, as a bridge's port, it sends back what came in by it (`hairpin`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hairpin: bool,
    /// Whether packets of 127.0.0.0/8 are routed by it (`route_localnet`,
    /// Documentation/networking/ip-sysctl.rst).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub localnet: bool,
    /// The lab that made it (its alias is `netyard:LAB`); `None`: not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<LabName>,
    /// How the kernel makes this device's IPv6 link-local address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addrgen: Option<AddrGen>,
    /// Addresses in the order they were, or will be, added; those that the
    /// kernel adds by itself (IPv6 link-local, router advertisements) left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpNet>,
    /// Given addresses that the kernel will remove in time, or uses no more for what is new.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expiring: BTreeMap<IpNet, Lifetime>,
    /// Addresses that the kernel has made from what routers advertise (RFC 4862, 5.5.3).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub learned: BTreeSet<IpNet>,
    /// It is up without the IPv6 link-local address that the kernel makes: somebody removed it,
    /// or it was told to make none. The kernel makes it no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mute: bool,
    /// As a port of a bridge it reaches no other isolated port.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated: bool,
    /// As a port of a bridge it carries nothing, though it and the bridge are up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// What it does with VLANs, as a bridge.
    #[serde(default, skip_serializing_if = "Filtering::is_usual")]
    pub filtering: Filtering,
    /// The VLANs that it is in, as a port of a bridge that tells them apart, or as that bridge;
    /// but for the one that the bridge gives to every port.
    #[serde(default, skip_serializing_if = "Vlans::is_empty")]
    pub vlans: Vlans,
    /// What limits or delays what it sends; `None`, desired or observed, is the kernel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qdisc: Option<Qdisc>,
    /// Keys and peers, of a WireGuard interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wireguard: Option<Box<Wireguard>>,
    /// The `IFLA_GROUP` number, by which many links are deleted at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Link {
    /// Every address that it has, whoever gave it and for however long, but those that the
    /// kernel makes for the link alone.
    pub fn all_addresses(&self) -> impl Iterator<Item = &IpNet> {
        let lasting = self.addresses.iter().chain(&self.learned);
        lasting.chain(self.expiring.keys())
    }

    /// A link of this kind that is down and has nothing else.
    pub fn new(kind: LinkKind) -> Self {
        Link {
            kind,
            up: false,
            mtu: None,
            mac: None,
            master: None,
            hairpin: false,
            localnet: false,
            owner: None,
            addrgen: None,
            addresses: Vec::new(),
            expiring: BTreeMap::new(),
            learned: BTreeSet::new(),
            mute: false,
            isolated: false,
            blocked: false,
            filtering: Filtering::default(),
            vlans: Vlans::default(),
            qdisc: None,
            wireguard: None,
            group: 0,
        }
    }

    /// Whether the host routes by it for a lab: a bridge, or its end of a cable.
    pub(crate) fn is_routed_by(&self) -> bool {
        let end = || self.owner.is_some() && self.master.is_none() && !self.addresses.is_empty();
        match self.kind {
            LinkKind::Bridge => true,
            LinkKind::Veth { .. } => end(),
            _ => false,
        }
    }

    /// The other end of a cable, when this is one and its peer is known.
    pub fn peer(&self) -> Option<&End> {
        match &self.kind {
            LinkKind::Veth { peer } => peer.as_ref(),
            _ => None,
        }
    }

    /// Whether it is whole in itself, with no other end: another device carries it, or it is a
    /// WireGuard interface.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self.kind, LinkKind::Child(_) | LinkKind::Wireguard)
    }

    /// What it is on its parent, when another device carries it.
    pub fn child(&self) -> Option<&Child> {
        match &self.kind {
            LinkKind::Child(child) => Some(child),
            _ => None,
        }
    }
}

/// How long an address stays, in seconds (`struct ifa_cacheinfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    /// Until it is removed.
    pub valid: u32,
    /// Until it is used no more for what is new.
    pub preferred: u32,
}

impl Lifetime {
    /// As an address has that is given without a lifetime.
    pub const FOREVER: Lifetime = Lifetime {
        valid: u32::MAX,
        preferred: u32::MAX,
    };
}

/// As `ip address` takes it.
impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |seconds: u32| match seconds {
            u32::MAX => "forever".to_owned(),
            seconds => seconds.to_string(),
        };
        let (valid, preferred) = (word(self.valid), word(self.preferred));
        write!(f, "valid_lft {valid} preferred_lft {preferred}")
    }
}

/// Whether it is an IPv6 link-local address (RFC 4291, 2.5.6): each link has its
/// own of these, so that they name nothing beyond it.
pub fn is_link_local(address: &IpNet) -> bool {
    matches!(address, IpNet::V6(net) if net.addr().is_unicast_link_local())
}

/// The link-local address that the kernel makes of a hardware address
/// (`addrconf_ifid_eui48`, include/net/addrconf.h; RFC 4291, appendix A).
pub fn eui64(mac: Mac) -> IpNet {
    let [a, b, c, d, e, f] = mac.0.map(u16::from);
    let [one, two] = [(a ^ 2) << 8 | b, c << 8 | 0xff];
    let [three, four] = [0xfe00 | d, e << 8 | f];
    let address = Ipv6Addr::new(0xfe80, 0, 0, 0, one, two, three, four);
    IpNet::V6(Ipv6Net::new_assert(address, 64))
}

/// Whether it is a link-local address that the kernel made of a hardware address
/// (RFC 4291, appendix A), not one that somebody gave.
pub fn is_generated(address: &IpNet) -> bool {
    let eui64 = matches!(address, IpNet::V6(net) if net.addr().octets()[11..13] == [0xff, 0xfe]);
    eui64 && is_link_local(address)
}

/// The broadcast address that the kernel makes for a subnet (`fib_add_ifaddr`,
/// net/ipv4/fib_frontend.c). A /31 has none (RFC 3021), nor has a /32.
pub fn broadcast(subnet: &IpNet) -> Option<IpAddr> {
    let has = matches!(subnet, IpNet::V4(net) if net.prefix_len() < 31);
    has.then(|| subnet.broadcast())
}

/// The kinds of device that netyard makes or meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// `lo`.
    Loopback,
    /// A switch.
    Bridge,
    /// One end of a cable.
    Veth {
        /// The other end; `None` when it lies in a namespace that was not read.
        #[serde(default)]
        peer: Option<End>,
    },
    /// A device that another one carries.
    Child(Child),
    /// A WireGuard interface; what it is told is in [`Link::wireguard`].
    Wireguard,
    /// Anything else, by the kernel's word for it (`vxlan`, `tun`, ...).
    Other(String),
}

/// One end of a cable: a device in a namespace, written `NETNS:DEVICE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct End {
    /// Where the device is.
    pub netns: Netns,
    /// Its name there.
    pub dev: IfName,
}

impl FromStr for End {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // A path may hold a colon, a device's name none.
        let Some((netns, dev)) = text.rsplit_once(':') else {
            return Err(format!("`{text}` is not NAMESPACE:INTERFACE"));
        };
        let netns = netns.parse().map_err(|e| format!("{e}"))?;
        let dev = dev.parse().map_err(|e| format!("{e}"))?;
        Ok(End { netns, dev })
    }
}

impl TryFrom<String> for End {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<End> for String {
    fn from(end: End) -> String {
        end.to_string()
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.netns, self.dev)
    }
}

/// How IPv6 link-local addresses come about (`IFLA_INET6_ADDR_GEN_MODE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddrGen {
    /// From the hardware address; the kernel's default.
    Eui64,
    /// None is made, so the device is silent on IPv6 until it gets an address.
    None,
}

impl fmt::Display for AddrGen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddrGen::Eui64 => "eui64",
            AddrGen::None => "none",
        })
    }
}

/// A 48-bit hardware address, written `02:42:0a:00:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

impl FromStr for Mac {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a hardware address like 02:42:0a:00:00:01");
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|p| p.len() == 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| bad())?;
        }
        if parts.next().is_some() {
            return Err(bad());
        }
        // is_valid_ether_addr(): the kernel refuses multicast and all-zero addresses.
        if bytes[0] & 1 == 1 || bytes == [0; 6] {
            return Err(format!(
                "`{text}` is a multicast or zero address, which no device may have"
            ));
        }
        Ok(Mac(bytes))
    }
}

impl TryFrom<String> for Mac {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> String {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

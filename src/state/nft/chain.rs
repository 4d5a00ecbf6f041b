//! The chains of our tables, with their rules.

use serde::{Deserialize, Serialize};

use super::partition;
use super::publish;
use super::routed;
use super::router;
use super::rule::{Field, Rule, Term, Test};
use super::set::SetName;
use super::{Family, TableName};

/// The chains. The policy of those that packets meet by themselves is accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainName {
    /// The user's own rules: what is forwarded meets them first. netyard makes the
    /// chain and never touches it again.
    User,
    /// `type filter hook forward priority filter`: who may pass through the host.
    Forward,
    /// Where a published port leads.
    Publish,
    /// Who is directly attached may use these ports.
    Near,
    /// What a checked port of a routed network may send.
    Routed,
    /// `type filter hook prerouting priority raw`: loopback addresses stay on this host.
    Raw,
    /// `type nat hook prerouting priority dstnat`: ports published to others.
    Prerouting,
    /// `type nat hook output priority dstnat`: ports published to this host.
    NatOutput,
    /// `type nat hook postrouting priority srcnat`: source NAT.
    Postrouting,
    /// What a checked port may say in ARP.
    PortArp,
    /// What it may send over IPv4.
    PortIp,
    /// What it may send over IPv6.
    PortIp6,
    /// `type filter hook prerouting` of bridges: what comes in by a checked port.
    Port,
    /// `type filter hook input` of a namespace: what it takes.
    Input,
    /// `type filter hook output` of a namespace: what it sends.
    Output,
    /// Whose a port of a router outside is.
    Endpoint,
    /// `type filter hook input` of a router: what it takes from outside.
    RouterInput,
    /// `type filter hook forward` of a router: who may pass.
    RouterForward,
    /// `type nat hook prerouting` of a router: whose a port outside is.
    RouterPrerouting,
    /// `type nat hook postrouting` of a router: with which address and port it leaves.
    RouterPostrouting,
    /// `type filter hook postrouting` of a router, once the source is changed: it is
    /// remembered who got which port.
    Bindings,
    /// `type filter hook input` of a partition: whom it does not hear.
    PartitionInput,
    /// `type filter hook output` of a partition: to whom it does not send.
    PartitionOutput,
}

impl ChainName {
    /// Every chain. One that others jump to comes before them.
    pub const ALL: [ChainName; 23] = [
        ChainName::User,
        ChainName::Forward,
        ChainName::Publish,
        ChainName::Near,
        ChainName::Routed,
        ChainName::Raw,
        ChainName::Prerouting,
        ChainName::NatOutput,
        ChainName::Postrouting,
        ChainName::PortArp,
        ChainName::PortIp,
        ChainName::PortIp6,
        ChainName::Port,
        ChainName::Input,
        ChainName::Output,
        ChainName::Endpoint,
        ChainName::RouterInput,
        ChainName::RouterForward,
        ChainName::RouterPrerouting,
        ChainName::RouterPostrouting,
        ChainName::Bindings,
        ChainName::PartitionInput,
        ChainName::PartitionOutput,
    ];

    /// The table that it is in.
    pub fn table(self) -> TableName {
        match self {
            ChainName::User
            | ChainName::Forward
            | ChainName::Publish
            | ChainName::Near
            | ChainName::Routed
            | ChainName::Raw
            | ChainName::Prerouting
            | ChainName::NatOutput
            | ChainName::Postrouting => TableName::Inet,
            ChainName::PortArp | ChainName::PortIp | ChainName::PortIp6 | ChainName::Port => {
                TableName::Bridge
            }
            ChainName::Input | ChainName::Output => TableName::Inside,
            ChainName::Endpoint
            | ChainName::RouterInput
            | ChainName::RouterForward
            | ChainName::RouterPrerouting
            | ChainName::RouterPostrouting
            | ChainName::Bindings => TableName::Router,
            ChainName::PartitionInput | ChainName::PartitionOutput => TableName::Partition,
        }
    }

    /// The chain's name in the kernel.
    pub fn as_str(self) -> &'static str {
        match self {
            ChainName::User => "user",
            ChainName::Forward | ChainName::RouterForward => "forward",
            ChainName::Publish => "publish",
            ChainName::Near => "near",
            ChainName::Routed => "routed",
            ChainName::Raw => "raw",
            ChainName::Prerouting | ChainName::RouterPrerouting => "prerouting",
            ChainName::Postrouting | ChainName::RouterPostrouting => "postrouting",
            ChainName::PortArp => "port_arp",
            ChainName::PortIp => "port_ip",
            ChainName::PortIp6 => "port_ip6",
            ChainName::Port => "port",
            ChainName::Input | ChainName::RouterInput | ChainName::PartitionInput => "input",
            ChainName::NatOutput | ChainName::Output | ChainName::PartitionOutput => "output",
            ChainName::Bindings => "bindings",
            ChainName::Endpoint => "endpoint",
        }
    }

    /// Whether its rules are the user's.
    pub fn is_users(self) -> bool {
        self == ChainName::User
    }

    /// Type, hook and priority, as nft writes them. `None`: packets meet it only when
    /// another chain sends them there.
    pub fn hook(self) -> Option<&'static str> {
        Some(match self {
            ChainName::User
            | ChainName::Publish
            | ChainName::Near
            | ChainName::Routed
            | ChainName::PortArp
            | ChainName::PortIp
            | ChainName::PortIp6
            | ChainName::Endpoint => return None,
            ChainName::Forward | ChainName::RouterForward => {
                "type filter hook forward priority filter; policy accept;"
            }
            ChainName::Raw => "type filter hook prerouting priority raw; policy accept;",
            ChainName::Prerouting | ChainName::RouterPrerouting => {
                "type nat hook prerouting priority dstnat; policy accept;"
            }
            ChainName::NatOutput => "type nat hook output priority -100; policy accept;",
            ChainName::Postrouting | ChainName::RouterPostrouting => {
                "type nat hook postrouting priority srcnat; policy accept;"
            }
            // Before everything else, the connection tracking of br_netfilter too.
            ChainName::Port => "type filter hook prerouting priority -300; policy accept;",
            ChainName::Input | ChainName::RouterInput | ChainName::PartitionInput => {
                "type filter hook input priority filter; policy accept;"
            }
            // After source NAT, which is at 100: what is met is the packet as it leaves.
            ChainName::Bindings => "type filter hook postrouting priority 110; policy accept;",
            ChainName::Output | ChainName::PartitionOutput => {
                "type filter hook output priority filter; policy accept;"
            }
        })
    }

    /// The rules that this chain has in our table.
    pub fn rules(self) -> Vec<Rule> {
        let rules = match self {
            ChainName::User => Vec::new(),
            ChainName::Forward => forward(),
            ChainName::Publish => publish::publish(),
            ChainName::Near => publish::near(),
            ChainName::Routed => routed::port(),
            ChainName::Raw => publish::raw(),
            ChainName::Prerouting => publish::prerouting(),
            ChainName::NatOutput => publish::output(),
            ChainName::Postrouting => postrouting(),
            ChainName::PortArp => port_arp(),
            ChainName::PortIp => port_ip(),
            ChainName::PortIp6 => port_ip6(),
            ChainName::Port => port(),
            ChainName::Input => inside(
                Test::FromLo,
                Field::Saddr,
                [SetName::Ingress4, SetName::Ingress6],
            ),
            ChainName::Output => inside(
                Test::ToLo,
                Field::Daddr,
                [SetName::Egress4, SetName::Egress6],
            ),
            ChainName::Endpoint => router::endpoint(),
            ChainName::RouterInput => router::input(),
            ChainName::RouterForward => router::forward(),
            ChainName::RouterPrerouting => router::prerouting(),
            ChainName::RouterPostrouting => router::postrouting(),
            ChainName::Bindings => router::bindings(),
            ChainName::PartitionInput => partition::input(),
            ChainName::PartitionOutput => partition::output(),
        };
        rules.into_iter().map(Rule).collect()
    }
}

/// Only what the file names is forwarded from or to a network; and on a host that did
/// not forward before, nothing else at all.
fn forward() -> Vec<Vec<Term>> {
    use Field::{Daddr, Dport, IifName, L4Proto, NfProto, OifName, Saddr};
    let policy = |family| vec![Saddr(family), Daddr(family), L4Proto, Dport];
    let mut rules = vec![
        vec![Term::Jump(ChainName::User)],
        vec![Term::Is(Test::Established), Term::Accept],
        vec![
            Term::In(vec![IifName, OifName], SetName::Bridged),
            Term::Accept,
        ],
    ];
    rules.extend(routed::beside());
    rules.extend([
        vec![
            Term::Is(Test::Published),
            Term::In(vec![OifName], SetName::Networks),
            Term::Accept,
        ],
        vec![
            Term::In(vec![IifName], SetName::Inside),
            Term::NotIn(vec![OifName], SetName::Networks),
            Term::Accept,
        ],
        vec![
            Term::In(policy(Family::Ipv4), SetName::Allow4),
            Term::Accept,
        ],
        vec![
            Term::In(policy(Family::Ipv6), SetName::Allow6),
            Term::Accept,
        ],
        vec![Term::In(vec![IifName], SetName::Networks), Term::Drop],
        vec![Term::In(vec![OifName], SetName::Networks), Term::Drop],
        vec![Term::In(vec![NfProto], SetName::Guard), Term::Drop],
    ]);
    rules
}

/// A namespace that reaches itself by a published port, a client on the loopback address,
/// and, where bridges pass no rules, one on the same network get the bridge's address: the
/// answer must come by here.
fn postrouting() -> Vec<Vec<Term>> {
    let saddr = |family| vec![Field::Saddr(family)];
    let itself = |family| vec![Field::Saddr(family), Field::Daddr(family)];
    let published = |term| vec![Term::Is(Test::Published), term, Term::Masquerade];
    vec![
        published(Term::Is(Test::FromLoopback)),
        published(Term::In(itself(Family::Ipv4), SetName::Hairpin4)),
        published(Term::In(itself(Family::Ipv6), SetName::Hairpin6)),
        vec![
            Term::Is(Test::Published),
            Term::In(vec![Field::NfProto], SetName::Direct),
            Term::In(vec![Field::OifName], SetName::Networks),
            Term::In(vec![Field::IifName, Field::OifName], SetName::Bridged),
            Term::Masquerade,
        ],
        vec![
            Term::In(vec![Field::OifName], SetName::Networks),
            Term::Return,
        ],
        vec![
            Term::In(saddr(Family::Ipv4), SetName::Masquerade4),
            Term::Masquerade,
        ],
        vec![
            Term::In(saddr(Family::Ipv6), SetName::Masquerade6),
            Term::Masquerade,
        ],
    ]
}

/// A port that is checked speaks with its own hardware address; then each protocol has its
/// chain. VLAN tags hide nothing from these rules, but for a trunk's: who is beside it in its
/// VLANs, and with which addresses, is its own matter. In the VLAN that it is in without a tag,
/// and with the tag of VLAN 0, which means none (802.1Q), it speaks without one.
fn port() -> Vec<Vec<Term>> {
    let to = |test, chain| vec![Term::Is(test), Term::Goto(chain)];
    vec![
        vec![
            Term::NotIn(vec![Field::IifName], SetName::Checked),
            Term::Accept,
        ],
        vec![
            Term::NotIn(vec![Field::IifName, Field::EtherSaddr], SetName::Macs),
            Term::Drop,
        ],
        to(Test::Arp, ChainName::PortArp),
        to(Test::Ip, ChainName::PortIp),
        to(Test::Ip6, ChainName::PortIp6),
        vec![
            Term::In(vec![Field::IifName, Field::VlanId], SetName::Trunks),
            Term::Accept,
        ],
        vec![Term::Is(Test::Vlan), Term::Drop],
        vec![Term::Is(Test::ServiceVlan), Term::Drop],
    ]
}

/// Nobody speaks for another (RFC 826); a probe has no sender yet (RFC 5227, 2.1.1).
fn port_arp() -> Vec<Vec<Term>> {
    let from = |field| vec![Field::IifName, field];
    vec![
        vec![
            Term::NotIn(from(Field::ArpEther), SetName::Macs),
            Term::Drop,
        ],
        vec![Term::Is(Test::ArpProbe), Term::Accept],
        vec![
            Term::In(from(Field::ArpAddress), SetName::Sources4),
            Term::Accept,
        ],
        vec![Term::Drop],
    ]
}

/// Its own addresses; and who asks for one has none yet (RFC 2131, 4.1).
fn port_ip() -> Vec<Vec<Term>> {
    let from = vec![Field::IifName, Field::Saddr(Family::Ipv4)];
    vec![
        vec![Term::Is(Test::DhcpReply), Term::Drop],
        vec![Term::In(from, SetName::Sources4), Term::Accept],
        vec![Term::Is(Test::DhcpRequest), Term::Accept],
        vec![Term::Drop],
    ]
}

/// Its own addresses, and no word of a router; before it has an address it asks whether
/// someone has it, for its own only (RFC 4862, 5.4.2), and joins groups (RFC 3590).
fn port_ip6() -> Vec<Vec<Term>> {
    let from = vec![Field::IifName, Field::Saddr(Family::Ipv6)];
    let about = vec![Field::IifName, Field::Target];
    vec![
        vec![Term::Is(Test::Dhcp6Reply), Term::Drop],
        vec![Term::Is(Test::RouterAdvert), Term::Drop],
        vec![Term::Is(Test::Redirect), Term::Drop],
        vec![
            Term::Is(Test::NeighbourAdvert),
            Term::NotIn(about.clone(), SetName::Targets6),
            Term::Drop,
        ],
        vec![Term::In(from, SetName::Sources6), Term::Accept],
        vec![
            Term::Is(Test::AddressCheck),
            Term::In(about, SetName::Targets6),
            Term::Accept,
        ],
        vec![Term::Is(Test::FirstReport), Term::Accept],
        vec![Term::Drop],
    ]
}

/// Answers, itself, what keeps a link alive, and what the file lists; nothing else.
fn inside(itself: Test, peer: fn(Family) -> Field, sets: [SetName; 2]) -> Vec<Vec<Term>> {
    let listed = |family| vec![peer(family), Field::L4Proto, Field::Dport];
    let [four, six] = sets;
    vec![
        vec![Term::Is(Test::Established), Term::Accept],
        vec![Term::Is(itself), Term::Accept],
        vec![Term::Is(Test::LinkUpkeep), Term::Accept],
        vec![Term::In(listed(Family::Ipv4), four), Term::Accept],
        vec![Term::In(listed(Family::Ipv6), six), Term::Accept],
        vec![Term::Drop],
    ]
}

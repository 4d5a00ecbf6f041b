//! The tour: each step is a file that netyard brings up, and pings of which some fail.

/// A step of the tour.
pub(super) struct Step {
    pub(super) title: &'static str,
    /// What it is about, in lines of at most 76 characters.
    pub(super) story: &'static str,
    /// The topology file; what it has more or less than the one before is shown.
    pub(super) file: String,
    /// Something that the tutorial does by hand before the pings.
    pub(super) by_hand: Option<Sysctl>,
    /// What is said at the end.
    pub(super) moral: &'static str,
}

/// A kernel setting of the host that is written and, after the pings, put back.
pub(super) struct Sysctl {
    pub(super) command: &'static str,
    pub(super) path: &'static str,
    pub(super) value: &'static str,
}

const FORWARDING: Sysctl = Sysctl {
    command: "sysctl -w net.ipv4.ip_forward=1",
    path: "/proc/sys/net/ipv4/ip_forward",
    value: "1",
};

/// The host's address on the switch, and what else the network has.
fn three(network: &str, expect: &str) -> String {
    format!(
        "\
lab: three
networks:
  lan:
    bridge: virtual-bridge
    subnets: [10.0.0.0/24]
{network}namespaces:
  one:   {{ interfaces: {{ eth0: {{ network: lan, addresses: 10.0.0.10/24 }} }} }}
  two:   {{ interfaces: {{ eth0: {{ network: lan, addresses: 10.0.0.20/24 }} }} }}
  three: {{ interfaces: {{ eth0: {{ network: lan, addresses: 10.0.0.30/24 }} }} }}
  host:
    interfaces: {{ uplink: {{ addresses: 203.0.113.1/24 }} }}
    routes: [ {{ to: 198.51.100.0/24, via: 203.0.113.2 }} ]
  internet:
    interfaces:
      eth0: {{ addresses: 203.0.113.2/24 }}
      lo: {{ addresses: 198.51.100.80/32 }}
links:
  - endpoints: [\"host:uplink\", \"internet:eth0\"]
expect:
{expect}"
    )
}

fn two_pcs(one: &str, two: &str, expect: &str) -> String {
    format!(
        "\
lab: two-pcs
namespaces:
  pc-one: {{ interfaces: {{ eth0: {{{one}}} }} }}
  pc-two: {{ interfaces: {{ eth0: {{{two}}} }} }}
links:
  - endpoints: [\"pc-one:eth0\", \"pc-two:eth0\"]
expect:
{expect}"
    )
}

/// The steps, in order.
pub(super) fn steps() -> Vec<Step> {
    [a_cable(), a_switch()].into_iter().flatten().collect()
}

/// The tutorial's first part.
fn a_cable() -> Vec<Step> {
    vec![
        Step {
            title: "Two computers and a cable",
            story: "\
A network namespace is the whole network of a computer: its own devices,
addresses, routes. A veth pair is a cable: what goes in at one end comes out
at the other. Two namespaces and one cable, from a file of a few lines:",
            file: two_pcs("", "", "  - { from: pc-one, to: 10.0.0.2, reach: false }\n"),
            by_hand: None,
            moral: "A cable is not enough: nobody has an address yet.",
        },
        Step {
            title: "Addresses",
            story: "\
The file gets an address for each end. netyard finds the difference and does
only that. With an address comes the route to its subnet.",
            file: two_pcs(
                " addresses: 10.0.0.1/24 ",
                " addresses: 10.0.0.2/24 ",
                "  - { from: pc-one, to: pc-two }\n  - { from: host, to: 10.0.0.1, reach: false }\n",
            ),
            by_hand: None,
            moral: "The two reach each other. The host does not: it is not plugged in.",
        },
    ]
}

/// The tutorial's second part, and its end: the way out.
fn a_switch() -> Vec<Step> {
    vec![
        Step {
            title: "A switch for more of them",
            story: "\
A bridge is a switch: one cable from each namespace into it, and all of them
are on one network. The switch stands on the host, but the host has no address
there. Behind the host, by another cable, is the internet: a namespace that
plays it, for these packets go nowhere real.",
            file: three(
                "    gateway: none\n",
                "  - { from: one, to: two }\n  - { from: host, to: one, reach: false }\n  - { from: one, to: 198.51.100.80, reach: false }\n",
            ),
            by_hand: None,
            moral: "They reach each other; without a gateway nothing leads further.",
        },
        Step {
            title: "The host gets an address on the switch",
            story: "\
With an address on the bridge the host is on their network too, and can be
their gateway: each namespace gets a default route by it.",
            file: three(
                "    gateway: 10.0.0.1\n",
                "  - { from: host, to: one }\n  - { from: one, to: 203.0.113.1 }\n  - { from: one, to: 198.51.100.80, reach: false }\n",
            ),
            by_hand: None,
            moral: "The packet for the internet reaches the host, and the host is no router.",
        },
        Step {
            title: "Forwarding, by hand",
            story: "\
The tutorial now makes the host a router. For once we do it by hand, in this
private world, because it is not enough, and because it opens the host:",
            file: three(
                "    gateway: 10.0.0.1\n",
                "  - { from: one, to: 198.51.100.80, reach: false }\n",
            ),
            by_hand: Some(FORWARDING),
            moral: "\
netyard lets nothing out of a network that the file does not let out; and
nobody out there would know the way back to 10.0.0.0/24.",
        },
        Step {
            title: "Masquerade",
            story: "\
It may leave now, with the host's own address, so that answers find back. One
word in the file: what was done by hand is put back, and netyard switches
forwarding on, after a guard, so that the host forwards for this network and
for nobody else.",
            file: three(
                "    gateway: 10.0.0.1\n    masquerade: true\n",
                "  - { from: one, to: 198.51.100.80 }\n  - { from: three, to: 198.51.100.80 }\n  - { from: internet, to: 10.0.0.10, reach: false }\n",
            ),
            by_hand: None,
            moral: "Everyone gets out, and nobody gets in unasked.",
        },
    ]
}

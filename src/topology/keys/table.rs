//! Every key.

use super::Default::{Flag, Required, Words};
use super::texts::{
    ADDRESS, ANY_TEXT, COMMAND, CONTAINER, DESTINATION, DEVICE, END, IPVLAN_MODE, LAB, MAC,
    MACVLAN_MODE, MAPPED, NAMESPACE_NAME, NAT_FILTER, NAT_IPV6, NAT_KIND, NETWORK_NAME, PARENT,
    PART, PARTY, PARTY_OR_ANY, PORTS, PREFIXED, PRESET, PROGRAM_NAME, PROTOCOL, RANGE, SCOPE,
    SHARE, SOCKET, SPEED, SUBNET, TARGET, TIME, TRANSPORT, VARIABLE, VISIBLE, VLANS, WG_KEY,
};
use super::{Key, Kind, Mapping};

/// A constant for each mapping, and the list of them.
macro_rules! mappings {
    ($($name:ident $word:literal = $what:literal {
        $($key:literal: $kind:expr, $default:expr, $means:literal;)*
    })*) => {
        $(
            pub(in crate::topology) static $name: Mapping = Mapping {
                what: $what,
                keys: &[$(Key { name: $key, kind: $kind, default: $default, means: $means }),*],
            };
        )*
        /// Each with the name that the schema gives it; the whole file comes first.
        pub(in crate::topology) static ALL: &[(&str, &Mapping)] = &[$(($word, &$name)),*];
    };
}

const MTU: Kind = Kind::Number(68, 65535, "bytes");
const VLAN_ID: Kind = Kind::Number(1, 4094, "number");
const PROTOCOL_KIND: Kind = Kind::One(&PROTOCOL);
const PORT: Kind = Kind::Number(1, 65535, "port");

mappings! {
TOPOLOGY "topology" = "a topology file" {
    "lab": Kind::One(&LAB), Required("`lab: NAME`"),
        "The lab's name. Everything that is made carries it.";
    "networks": Kind::Named(&NETWORK_NAME, &NETWORK), Words("none"),
        "Switches: bridges in the host's namespace.";
    "namespaces": Kind::Named(&NAMESPACE_NAME, &NAMESPACE), Words("none"),
        "Namespaces, as `ip netns` lists them; `host` is the one that netyard was started in. One whose name begins with `/` is that at this path: it is joined, not made.";
    "links": Kind::Listed(&LINK), Words("none"),
        "Cables (veth pairs) between two interfaces.";
    "allow": Kind::Listed(&PERMISSION), Words("none"),
        "What the host forwards from and to networks: nothing but this, and what masquerading networks send out.";
    "resolver": Kind::Flag, Flag(false),
        "Whether a DNS resolver in each namespace knows the others by name, beside the hosts file.";
    "expect": Kind::Listed(&EXPECTATION), Words("none"),
        "What must be reachable and what must not; `netyard test` proves it with packets.";
}
NETWORK "network" = "a network" {
    "subnets": Kind::Some(&SUBNET), Words("a free one is chosen"),
        "IPv4, IPv6 or both; `[]` is a switch without addresses.";
    "ipv6": Kind::Flag, Flag(false),
        "An IPv6 subnet too: where `subnets` has none, a free one is chosen (RFC 4193).";
    "ranges": Kind::Some(&RANGE), Words("all host addresses"),
        "Which addresses are given to interfaces that have none in the file.";
    "exclude": Kind::Some(&RANGE), Words("none"),
        "Which are not.";
    "gateway": Kind::SomeOrNone(&ADDRESS), Words("the first host address of each subnet"),
        "The host's address on the bridge, which the namespaces use for their default route.";
    "masquerade": Kind::Flag, Flag(false),
        "What leaves through the host gets the host's address as its source (source NAT).";
    "vlan": VLAN_ID, Words("none; 1 if an interface on it has `access` or `trunk`"),
        "The VLAN that its ports, and the host on it, are in without a tag: its bridge tells VLANs apart.";
    "internal": Kind::Flag, Flag(false),
        "No way out: no default route, and beyond the host only what `allow` names.";
    "routed": Kind::Flag, Flag(false),
        "No bridge: each interface has a cable of its own to the host, which routes.";
    "localnet": Kind::Flag, Flag(false),
        "127.0.0.1 of the host leads to ports that other labs publish on it, too (`route_localnet`).";
    "bridge": Kind::One(&DEVICE), Words("`LAB-NETWORK`, shortened to 15 bytes"),
        "The bridge's device name.";
    "external": Kind::One(&LAB), Words("none: the network is this lab's own"),
        "The lab whose network of this name it is; then no other key stands here.";
    "mtu": MTU, Words("the kernel's (1500)"),
        "Largest packet, for the bridge and every interface on it; with IPv6 at least 1280.";
}
NAMESPACE "namespace" = "a namespace" {
    "interfaces": Kind::Named(&DEVICE, &INTERFACE), Words("none"),
        "Its devices. An end of a link without settings need not be listed.";
    "routes": Kind::Listed(&ROUTE), Words("none"),
        "Static routes, beside the default route via the first network's gateway.";
    "publish": Kind::Shortened(&MAPPED, &PUBLISH), Words("none"),
        "Ports of the host that lead into the namespace.";
    "forward": Kind::Flag, Flag(false),
        "Whether it is a router, for each family in which it has an address.";
    "nat": Kind::OneOr(&NAT_KIND, &NAT), Words("all passes as it is"),
        "What kind of router it is: how it translates addresses, and what it lets through.";
    "egress": Kind::Listed(&EGRESS), Words("everything"),
        "With whom it may begin to speak; with an empty list, with nobody.";
    "ingress": Kind::Listed(&INGRESS), Words("everything"),
        "Who may begin to speak with it; with an empty list, nobody.";
    "container": Kind::One(&CONTAINER), Words("none"),
        "The container whose namespace it is, as those know it who look at the lab.";
    "run": Kind::Named(&PROGRAM_NAME, &PROGRAM), Words("none"),
        "Programs that run in it for as long as the lab is there.";
}
PROGRAM "program" = "a program" {
    "command": Kind::Some(&COMMAND), Required("`command: [PROGRAM, ARGUMENT]`, or a line for the shell"),
        "What runs: a line for `sh -c`, or the list of a program and its arguments.";
    "env": Kind::Texts(&VARIABLE, &ANY_TEXT), Words("what netyard has"),
        "Environment variables beside those that netyard has, each as `NAME: value`.";
    "directory": Kind::One(&ANY_TEXT), Words("the one that `up` is run in"),
        "Its working directory; a relative one begins where `up` is run.";
    "output": Kind::One(&ANY_TEXT), Words("a file that `netyard logs` shows, gone with the lab"),
        "The file that takes what it writes on standard output and standard error.";
    "ready": Kind::Of(&READY), Words("it is as soon as it is started"),
        "When it is ready: `up` and `run` wait for that.";
    "main": Kind::Flag, Flag(false),
        "Whether `netyard run FILE` lasts as long as it, and ends with its exit code: one of a file.";
}
READY "ready" = "a condition to be ready" {
    "tcp": PORT, Words("none"),
        "Something listens on this TCP port in its namespace.";
    "udp": PORT, Words("none"),
        "Something takes what comes to this UDP port in its namespace.";
    "text": Kind::One(&ANY_TEXT), Words("none"),
        "It has written this text.";
    "within": Kind::One(&TIME), Words("`10s`"),
        "How long that may take.";
}
NAT "nat" = "a router's NAT" {
    "kind": Kind::One(&NAT_KIND), Required("`kind: home`"),
        "What it does with IPv4: how endpoints are mapped, and who gets in.";
    "outside": Kind::One(&DEVICE), Words("the one of its default route"),
        "The interface that leads outwards.";
    "hairpin": Kind::Flag, Words("`true` for `cgnat`, else `false`"),
        "Whether those inside reach each other by their UDP ports outside.";
    "udp_timeout": Kind::Number(1, 86400, "seconds"), Words("120"),
        "How long a UDP mapping stays without a packet from inside.";
    "udp_stream_timeout": Kind::Number(1, 86400, "seconds"), Words("120, or `udp_timeout` if that is longer"),
        "How long a UDP flow stays that was answered.";
    "ipv6": Kind::One(&NAT_IPV6), Words("`firewall`; with `kind: none` all passes"),
        "What it does with IPv6.";
    "prefix": Kind::One(&SUBNET), Words("none"),
        "The IPv6 prefix that the inside has outside, of `nptv6`.";
    "filter": Kind::One(&NAT_FILTER), Words("none"),
        "What it does not let out.";
}
PUBLISH "publish" = "a published port" {
    "host": Kind::One(&PORTS), Required("`host: 8080`, the port of the host"),
        "The ports of the host.";
    "port": Kind::One(&PORTS), Words("the same as `host`"),
        "The ports of the namespace, as many.";
    "protocol": Kind::One(&TRANSPORT), Words("`tcp`"),
        "The protocol.";
    "address": Kind::One(&ADDRESS), Words("every address of the host"),
        "The address of the host that has the ports.";
    "visible": Kind::Some(&VISIBLE), Words("`loopback`"),
        "Who may reach them beside the host itself: nobody, its neighbours, everybody, or these sources.";
}
INTERFACE "interface" = "an interface" {
    "network": Kind::One(&NETWORK_NAME), Words("none: a link plugs it"),
        "The network that it is plugged into.";
    "macvlan": Kind::Of(&MACVLAN), Words("none"),
        "It is a macvlan on a device of the host: beside that, with a hardware address of its own.";
    "ipvlan": Kind::Of(&IPVLAN), Words("none"),
        "It is an ipvlan on a device of the host, whose hardware address it shares.";
    "vlan": Kind::Of(&VLAN), Words("none"),
        "It is what a device of the host carries with a VLAN number (802.1Q).";
    "wireguard": Kind::Of(&WIREGUARD), Words("none"),
        "It is a WireGuard interface: what goes over it is encrypted, and sent by UDP in this namespace.";
    "addresses": Kind::Some(&PREFIXED),
        Words("on a network the next free one of each subnet; else none"),
        "Its addresses, in this order.";
    "subnets": Kind::Some(&SUBNET), Words("without `addresses` all of its network; else none"),
        "The subnets of its network of which it gets the next free address.";
    "mac": Kind::One(&MAC), Words("on a network and of a macvlan derived from its name; else the kernel chooses"),
        "Its hardware address.";
    "mtu": MTU, Words("the network's, link's or parent's"),
        "Largest packet; with IPv6 at least 1280.";
    "trusted": Kind::Flag, Flag(false),
        "Whether it may speak from any address, and answer as a DHCP server or IPv6 router.";
    "isolated": Kind::Flag, Flag(false),
        "Whether it reaches no other isolated interface of its network.";
    "hairpin": Kind::Flag, Flag(false),
        "Whether its port of the switch sends back what came in by it.";
    "access": VLAN_ID, Words("with `trunk` none; else the network's `vlan`"),
        "The VLAN of its network's switch that it is in without a tag.";
    "trunk": Kind::Some(&VLANS), Words("none"),
        "The VLANs of its network's switch that it is in with a tag.";
    "default_route": Kind::Flag, Flag(true),
        "Whether its network's gateway may be the way to everything.";
    "rate": Kind::OneOr(&SPEED, &RATE), Words("as fast as the machine"),
        "How fast it is at most, in both directions or in each.";
    "netem": Kind::OneOr(&PRESET, &NETEM), Words("packets come at once, and all of them"),
        "What becomes of packets on their way, in both directions or in each.";
}
RATE "rate" = "a rate for each direction" {
    "in": Kind::One(&SPEED), Words("no limit"),
        "What it receives at most.";
    "out": Kind::One(&SPEED), Words("no limit"),
        "What it sends at most.";
    "in_burst": Kind::Number(0, u32::MAX, "bytes"), Words("what is enough for the rate"),
        "How much it may receive at once, after a pause.";
    "out_burst": Kind::Number(0, u32::MAX, "bytes"), Words("what is enough for the rate"),
        "How much it may send at once, after a pause.";
}
NETEM "netem" = "what becomes of packets" {
    "delay": Kind::One(&TIME), Words("none"),
        "How long a packet takes.";
    "jitter": Kind::One(&TIME), Words("none"),
        "How much longer or shorter some take, at most as long as the delay.";
    "loss": Kind::One(&PART), Words("none"),
        "How many packets get lost.";
    "duplicate": Kind::One(&PART), Words("none"),
        "How many come twice.";
    "reorder": Kind::One(&PART), Words("none"),
        "How many do not wait for the delay, and so overtake others.";
    "corrupt": Kind::One(&PART), Words("none"),
        "How many have one wrong bit.";
    "rate": Kind::One(&SPEED), Words("as fast as the machine"),
        "How fast they leave.";
    "limit": Kind::Number(1, u32::MAX, "packets"), Words("what is enough for the delay"),
        "How many may be on their way; what comes then is dropped.";
    "in": Kind::OneOr(&PRESET, &CONDITIONS), Words("none"),
        "What becomes of those that it receives; then no other key stands here but `out`.";
    "out": Kind::OneOr(&PRESET, &CONDITIONS), Words("none"),
        "What becomes of those that it sends.";
}
CONDITIONS "conditions" = "what becomes of packets of one direction" {
    "delay": Kind::One(&TIME), Words("none"),
        "How long a packet takes.";
    "jitter": Kind::One(&TIME), Words("none"),
        "How much longer or shorter some take, at most as long as the delay.";
    "loss": Kind::One(&PART), Words("none"),
        "How many packets get lost.";
    "duplicate": Kind::One(&PART), Words("none"),
        "How many come twice.";
    "reorder": Kind::One(&PART), Words("none"),
        "How many do not wait for the delay, and so overtake others.";
    "corrupt": Kind::One(&PART), Words("none"),
        "How many have one wrong bit.";
    "rate": Kind::One(&SPEED), Words("as fast as the machine"),
        "How fast they leave.";
    "limit": Kind::Number(1, u32::MAX, "packets"), Words("what is enough for the delay"),
        "How many may be on their way; what comes then is dropped.";
}
MACVLAN "macvlan" = "a macvlan" {
    "parent": Kind::One(&PARENT), Required("`parent: eth0`, a device of the host"),
        "The device of the host that carries it.";
    "mode": Kind::One(&MACVLAN_MODE), Words("`bridge`"),
        "With whom on that device it speaks.";
}
IPVLAN "ipvlan" = "an ipvlan" {
    "parent": Kind::One(&PARENT), Required("`parent: eth0`, a device of the host"),
        "The device of the host that carries it.";
    "mode": Kind::One(&IPVLAN_MODE), Words("`l2`"),
        "How it passes packets on; all on one device have one mode.";
}
VLAN "vlan" = "a VLAN device" {
    "parent": Kind::One(&PARENT), Required("`parent: eth0`, a device of the host"),
        "The device of the host that carries it.";
    "id": VLAN_ID, Required("`id: 7`, the VLAN's number"),
        "The VLAN's number.";
}
WIREGUARD "wireguard" = "a WireGuard interface" {
    "private-key": Kind::One(&WG_KEY), Required("`private-key: KEY`; `wg genkey` makes one, as does `head -c 32 /dev/urandom | base64`"),
        "Its own key; what others need of it follows from that.";
    "listen-port": PORT, Words("the kernel chooses"),
        "The UDP port that it receives on.";
    "fwmark": Kind::Number(0, u32::MAX, "number"), Words("none"),
        "The mark of the packets that it sends, for routing rules.";
    "peers": Kind::Listed(&WIREGUARD_PEER), Words("none"),
        "With whom it speaks.";
}
WIREGUARD_PEER "wireguard_peer" = "a WireGuard peer" {
    "public-key": Kind::One(&WG_KEY), Words("that of `peer`"),
        "By which it is known.";
    "peer": Kind::One(&END), Words("none: `public-key` says it"),
        "A WireGuard interface of this file, whose public key it is.";
    "preshared-key": Kind::One(&WG_KEY), Words("none"),
        "What both know beside their keys; the same at both.";
    "endpoint": Kind::One(&SOCKET), Words("from where it was heard last"),
        "Where it is sent to.";
    "allowed-ips": Kind::Some(&SUBNET), Words("none"),
        "The addresses behind it: what goes to them is sent to it, and it sends from no others.";
    "persistent-keepalive": Kind::Number(1, 65535, "seconds"), Words("never"),
        "After how long without a packet one is sent, for whoever is behind a NAT.";
}
ROUTE "route" = "a route" {
    "to": Kind::One(&DESTINATION), Required("the destination: `to: SUBNET` or `to: default`"),
        "The destination; `default` is everything in the family of `via`.";
    "via": Kind::One(&ADDRESS), Words("none: what it leads to is on the link of `dev`"),
        "The next hop, in a subnet of one of the namespace's interfaces.";
    "dev": Kind::One(&DEVICE), Words("the interface in whose subnet `via` is"),
        "The interface that it uses.";
    "metric": Kind::Number(0, u32::MAX, "number"), Words("the kernel's: 0 for IPv4, 1024 for IPv6"),
        "Of two routes to one destination the lower is preferred.";
    "mtu": Kind::Number(68, 65520, "bytes"), Words("the interface's"),
        "Largest packet by this route.";
    "advmss": Kind::Number(1, 65495, "bytes"), Words("as fits into the MTU"),
        "The largest TCP segment that is asked for.";
    "scope": Kind::One(&SCOPE), Words("`global` with `via`, `link` without"),
        "How far away the destination is, of IPv4; as ip-route(8) calls it.";
}
LINK "link" = "a link" {
    "endpoints": Kind::Two(&END), Required("the two ends: `endpoints: [\"one:eth0\", \"two:eth0\"]`"),
        "The two ends of the cable.";
    "mtu": MTU, Words("the kernel's (1500)"),
        "Largest packet, for both ends; with IPv6 at least 1280.";
    "netem": Kind::OneOr(&PRESET, &CONDITIONS), Words("packets come at once, and all of them"),
        "What becomes of packets on their way, in both directions alike.";
}
PERMISSION "permission" = "a permission" {
    "from": Kind::One(&PARTY), Required("`from:` a network, a namespace or a subnet"),
        "Who may begin.";
    "to": Kind::One(&PARTY), Required("`to:` a network, a namespace or a subnet"),
        "With whom. Replies pass.";
    "protocol": PROTOCOL_KIND, Words("`any`"),
        "What may be spoken; `icmp` is ICMPv6 over IPv6.";
    "port": Kind::Ports, Words("all"),
        "To which ports, of `tcp`, `udp` or `sctp`.";
}
EGRESS "egress" = "an egress permission" {
    "to": Kind::One(&PARTY_OR_ANY), Required("`to:` a network, a namespace, a subnet or `any`"),
        "With whom the namespace may begin to speak. Replies pass.";
    "protocol": PROTOCOL_KIND, Words("`any`"),
        "What may be spoken; `icmp` is ICMPv6 over IPv6.";
    "port": Kind::Ports, Words("all"),
        "To which ports, of `tcp`, `udp` or `sctp`.";
}
INGRESS "ingress" = "an ingress permission" {
    "from": Kind::One(&PARTY_OR_ANY), Required("`from:` a network, a namespace, a subnet or `any`"),
        "Who may begin to speak with the namespace. Replies pass.";
    "protocol": PROTOCOL_KIND, Words("`any`"),
        "What may be spoken; `icmp` is ICMPv6 over IPv6.";
    "port": Kind::Ports, Words("all"),
        "To which ports of the namespace, of `tcp`, `udp` or `sctp`.";
}
EXPECTATION "expectation" = "an expectation" {
    "from": Kind::One(&NAMESPACE_NAME), Required("`from: NAMESPACE`, where the probe starts"),
        "Where the probe starts.";
    "to": Kind::One(&TARGET), Required("`to: NAMESPACE`, or an address to probe"),
        "Whom it is sent to; of a namespace every family in which it has an address.";
    "reach": Kind::Flag, Flag(true),
        "Whether it must arrive, or must not.";
    "tcp": PORT, Words("a ping"),
        "A TCP connection to this port, in the place of a ping.";
    "udp": PORT, Words("a ping"),
        "A UDP datagram to this port, in the place of a ping.";
    "rtt_ms": Kind::Fraction(60000, "milliseconds"), Words("none"),
        "Of 10 echoes, the median time there and back is no longer.";
    "loss": Kind::One(&SHARE), Words("none"),
        "Of 100 to 1000 echoes no larger share is lost.";
    "mtu": Kind::NumberOrTrue(68, 65535, "bytes"), Words("none"),
        "Echoes of this size arrive undivided; `true`: as large as the sender's device takes.";
}
}

//! What is wrong with sizes, ways, modes of devices, and how neighbours are found.

use super::Case;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a route that takes less",
        broken: "ip -n one route replace default via 10.0.0.1 mtu 1000",
        ask: "one 203.0.113.2 --size 1400",
        cause: "too-large-for-route",
        line: "the route of one to 203.0.113.2 takes packets of 1000 bytes",
    },
    Case {
        name: "a route on the way that takes less",
        broken: "ip route add 203.0.113.2/32 dev uplink mtu 1000",
        ask: "one 203.0.113.2 --size 1400",
        cause: "too-large-for-route",
        line: "the route of host to 203.0.113.2 takes packets of 1000 bytes",
    },
    Case {
        name: "what a router has told of sizes",
        broken: "ip link set uplink mtu 1000; ip netns exec one ping -c1 -W0.3 -M do -s 1372 203.0.113.2 >/dev/null || true; ip link set uplink mtu 1500",
        ask: "one 203.0.113.2 --size 1400",
        cause: "too-large-for-route",
        line: "as a router has told it",
    },
    Case {
        name: "a TTL that runs out",
        broken: "ip netns exec one sysctl -qw net.ipv4.ip_default_ttl=1",
        ask: "one 203.0.113.2",
        cause: "ttl-exceeded",
        line: "host, on the way, throws it away",
    },
    Case {
        name: "a route that lets no router pass it",
        broken: "ip -n one route replace default via 10.0.0.1 hoplimit 1",
        ask: "one 203.0.113.2",
        cause: "ttl-exceeded",
        line: "host, on the way",
    },
    Case {
        name: "a rule that takes its TTL",
        broken: "nft 'table ip t { chain p { type filter hook prerouting priority mangle; iifname \"br0\" ip ttl set 1; }; }'",
        ask: "one 203.0.113.2",
        cause: "ttl-exceeded",
        line: "host, on the way",
    },
    Case {
        name: "a rule for a TTL that has counted down",
        broken: "nft 'table ip t { chain f { type filter hook forward priority 0; ip ttl 63 drop; }; }'",
        ask: "one 203.0.113.2",
        cause: "filtered",
        line: "ip ttl 63 drop",
    },
    Case {
        name: "a reverse path that a mark leads elsewhere",
        broken: "nft 'table ip m { chain p { type filter hook prerouting priority mangle; iifname \"br0\" meta mark set 7; iifname \"br0\" fib saddr . mark oif missing drop; }; }'; ip rule add fwmark 7 lookup 77; ip route add unreachable default table 77",
        ask: "one 10.0.0.1",
        cause: "filtered",
        line: "table ip m of host drops it (prerouting)",
    },
    Case {
        name: "macvlans of mode private",
        broken: "for n in one two; do ip -n $n link del eth0; ip link add link uplink name m-$n netns $n type macvlan mode private; done; ip -n one address add 10.0.0.10/24 dev m-one; ip -n two address add 10.0.0.20/24 dev m-two; ip -n one link set m-one up; ip -n two link set m-two up",
        ask: "one 10.0.0.20",
        cause: "shared-card",
        line: "of mode private",
    },
    Case {
        name: "macvlans of mode vepa",
        broken: "for n in one two; do ip -n $n link del eth0; ip link add link uplink name m-$n netns $n type macvlan mode vepa; done; ip -n one address add 10.0.0.10/24 dev m-one; ip -n two address add 10.0.0.20/24 dev m-two; ip -n one link set m-one up; ip -n two link set m-two up",
        ask: "one 10.0.0.20",
        cause: "shared-card",
        line: "of mode vepa",
    },
    Case {
        name: "a macvlan that speaks to its card",
        broken: "ip -n one link del eth0; ip link add link uplink name eth0 netns one type macvlan mode bridge; ip -n one address add 203.0.113.10/24 dev eth0; ip -n one link set eth0 up",
        ask: "one 203.0.113.1",
        cause: "shared-card",
        line: "eth0 in one is a macvlan on uplink in host",
    },
    Case {
        name: "a card that speaks to a macvlan on it",
        broken: "ip -n one link del eth0; ip link add link uplink name eth0 netns one type macvlan mode bridge; ip -n one address add 203.0.113.10/24 dev eth0; ip -n one link set eth0 up",
        ask: "host 203.0.113.10",
        cause: "shared-card",
        line: "eth0 in one is a macvlan on uplink in host",
    },
    Case {
        name: "a device too small for IPv6",
        broken: "ip -n one link set eth0 mtu 1200",
        ask: "one fd00::20",
        cause: "ipv6-mtu",
        line: "eth0 in one takes packets of 1200 bytes",
    },
];

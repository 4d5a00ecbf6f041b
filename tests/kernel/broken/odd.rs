//! What is wrong with sizes, ways, modes of devices, and how neighbours are found.

#![allow(unsafe_code)]

use std::os::fd::AsRawFd;

use super::{Case, NETWORK, explained, tried};
use crate::sandbox::{sh, try_sh, until};

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
    Case {
        name: "a rule that hears no ARP",
        broken: "ip netns exec two nft 'table arp f { chain i { type filter hook input priority 0; policy drop; }; }'",
        ask: "one two",
        cause: "filtered",
        line: "table arp f of two drops it (input, of who asks for 10.0.0.20)",
    },
    Case {
        name: "a rule that sends no answers by ARP",
        broken: "ip netns exec two nft 'table arp f { chain o { type filter hook output priority 0; arp operation reply drop; }; }'",
        ask: "one two",
        cause: "filtered",
        line: "table arp f of two drops it (output, of who asks for 10.0.0.20)",
    },
    Case {
        name: "a rule for the ARP of one address",
        broken: "ip netns exec one nft 'table arp f { chain o { type filter hook output priority 0; arp daddr ip 10.0.0.20 drop; }; }'",
        ask: "one two",
        cause: "filtered",
        line: "table arp f of one drops it (output",
    },
    Case {
        name: "a table of arptables",
        broken: "ip netns exec two arptables-nft -A INPUT -s 10.0.0.10 -j DROP",
        ask: "one two",
        cause: "filtered",
        line: "table arp filter of two drops it (input",
    },
    Case {
        name: "a rule for ARP on a bridge",
        broken: "nft 'table bridge f { chain f { type filter hook forward priority 0; ether type arp drop; }; }'",
        ask: "one two",
        cause: "filtered",
        line: "table bridge f of host drops it (forward, of who asks for 10.0.0.20)",
    },
    Case {
        name: "a rule for frames of the bridge itself",
        broken: "nft 'table bridge f { chain o { type filter hook output priority 0; ip daddr 10.0.0.20 drop; }; }'",
        ask: "host 10.0.0.20",
        cause: "filtered",
        line: "table bridge f of host drops it (output)",
    },
    Case {
        name: "a rule that drops neighbour solicitation",
        broken: "ip netns exec two nft 'table ip6 f { chain i { type filter hook input priority 0; icmpv6 type nd-neighbor-solicit drop; }; }'",
        ask: "one fd00::20",
        cause: "filtered",
        line: "table ip6 f of two drops it (input, of who asks for fd00::20)",
    },
    Case {
        name: "who is told not to answer ARP",
        broken: "ip netns exec two sysctl -qw net.ipv4.conf.eth0.arp_ignore=8",
        ask: "one two",
        cause: "arp-ignored",
        line: "eth0 in two does not answer who asks for 10.0.0.20 by ARP (arp_ignore=8)",
    },
    Case {
        name: "an address on another device, and ARP for its own alone",
        broken: "ip -n two address add 10.0.0.77/32 dev lo; ip netns exec two sysctl -qw net.ipv4.conf.all.arp_ignore=1",
        ask: "one 10.0.0.77",
        cause: "arp-ignored",
        line: "for 10.0.0.77 by ARP (arp_ignore=1)",
    },
    Case {
        name: "ARP by the device alone that leads back",
        broken: "ip -n two route add 10.0.0.10/32 dev lo; ip netns exec two sysctl -qw net.ipv4.conf.eth0.arp_filter=1",
        ask: "one two",
        cause: "arp-ignored",
        line: "(arp_filter=1)",
    },
];

/// A socket at `::` that does not take IPv4 (ipv6(7)).
pub(super) fn six_only() {
    sh(NETWORK);
    let connects = |to: &str| {
        let connect = format!("timeout 0.5 bash -c 'exec 3<>/dev/tcp/{to}/8000'");
        try_sh(&format!("ip netns exec one {connect}")).code == Some(0)
    };
    let listens = |only: u8| {
        sh(&format!(
            "ip netns exec two sysctl -qw net.ipv6.bindv6only={only}"
        ));
        let listener = crate::matrix::within("two", || std::net::TcpListener::bind("[::]:8000"));
        listener.expect("a listener")
    };
    let listener = listens(1);
    let (cause, line) = explained("one two:8000");
    assert_eq!(cause, "nothing-listens", "{line}");
    assert!(
        line.contains("by IPv4") && line.contains("IPV6_V6ONLY"),
        "{line}"
    );
    assert!(!connects("10.0.0.20") && connects("fd00::20"));
    assert_eq!(explained("one [fd00::20]:8000").0, "arrives");
    drop(listener);
    let _listener = listens(0);
    assert_eq!(explained("one two:8000").0, "arrives");
    assert!(connects("10.0.0.20"));
}

/// Who is on another link, and for whom the host answers (proxy_arp, `ip neigh add proxy`).
pub(super) fn proxies() {
    sh(NETWORK);
    // The one thinks that all of it is on its link, and the other knows the way back.
    sh("ip -n one address del 10.0.0.10/24 dev eth0; ip -n one address add 10.0.0.10/8 dev eth0");
    sh("ip -n internet route add 10.0.0.0/24 via 203.0.113.1");
    // Who stands in waits for up to 0.8 s, as whom it stands in for may answer.
    sh("sysctl -qw net.ipv4.neigh.br0.proxy_delay=0");
    let agree = |ask: &str, expected: &str| {
        let (said, line) = explained(ask);
        assert_eq!(said, expected, "{ask}: {line}");
        assert_eq!(tried(ask), expected == "arrives", "{ask}: {line}");
        sh("ip -n one neigh flush all; ip -n one -6 neigh flush all");
    };
    agree("one 10.9.0.5", "wrong-prefix");
    sh("sysctl -qw net.ipv4.conf.br0.proxy_arp=1");
    agree("one 10.9.0.5", "arrives");
    sh("sysctl -qw net.ipv4.conf.br0.proxy_arp=0; ip neigh add proxy 10.9.0.5 dev br0");
    agree("one 10.9.0.5", "arrives");
    sh("sysctl -qw net.ipv4.conf.br0.forwarding=0");
    agree("one 10.9.0.5", "wrong-prefix");
    sh(
        "ip address add fd09::1/64 dev uplink nodad; ip -n internet address add fd09::5/64 dev eth0 nodad",
    );
    sh("ip -n internet route add fd00::/64 via fd09::1; ip -n one route add fd09::/64 dev eth0");
    sh("sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.neigh.br0.proxy_delay=0");
    sh("ip neigh add proxy fd09::5 dev br0");
    until("the kernel uses the addresses of links", || {
        !sh("ip -6 address show; ip -n internet -6 address show").contains("tentative")
    });
    agree("one fd09::5", "other-link");
    sh("sysctl -qw net.ipv6.conf.br0.proxy_ndp=1");
    agree("one fd09::5", "arrives");
}

/// Two that are called the same, of which one is the host itself.
pub(super) fn called_host() {
    sh(NETWORK);
    sh("ip netns add host; ip link add p-host up master br0 type veth peer name eth0 netns host");
    sh("ip -n host address add 10.0.0.30/24 dev eth0; ip -n host link set eth0 up");
    assert_eq!(explained("one 10.0.0.30").0, "arrives");
    assert!(tried("one 10.0.0.30"));
    assert_eq!(explained("host 10.0.0.30").0, "arrives");
    sh("ip -n host link set eth0 down");
    let (cause, line) = explained("one 10.0.0.30");
    assert_eq!(cause, "device-down", "{line}");
    assert!(line.contains("eth0 in host net:["), "{line}");
    assert!(!tried("one 10.0.0.30"));
}

/// The kernel chooses by a hash, of which not all is known before.
pub(super) fn several() {
    sh(NETWORK);
    sh("ip -n one route replace default nexthop via 10.0.0.1 nexthop via 10.0.0.99");
    let (verdict, line) = explained("one 203.0.113.2");
    assert_eq!(verdict, "unknown", "{line}");
    assert!(line.contains("one of several ways"), "{line}");
    assert!(
        line.contains("10.0.0.99") && line.contains("it arrives"),
        "{line}"
    );
    // One of them takes both ways, and a pair of ports decides which of them a packet goes.
    sh("ip netns exec one sysctl -qw net.ipv4.fib_multipath_hash_policy=1");
    let by = |source: u16| {
        let way = format!("203.0.113.2 ipproto udp sport {source} dport 53");
        sh(&format!("ip -n one route get {way}")).contains("10.0.0.99")
    };
    let ways: std::collections::BTreeSet<bool> = (1000..1100).map(by).collect();
    assert_eq!(ways.len(), 2);
    // Where all lead to the same, it does not matter.
    sh("ip address add 10.0.0.99/24 dev br0");
    assert_eq!(explained("one 203.0.113.2").0, "arrives");
    // A group of nexthops, of which a route tells the number alone.
    sh("ip -n one nexthop add id 1 via 10.0.0.1 dev eth0");
    sh("ip -n one nexthop add id 2 via 10.0.0.98 dev eth0");
    sh("ip -n one nexthop add id 3 group 1/2; ip -n one route replace default nhid 3");
    sh("ip netns exec one sysctl -qw net.ipv4.nexthop_compat_mode=0");
    let (verdict, line) = explained("one 203.0.113.2");
    assert_eq!(verdict, "unknown", "{line}");
    assert!(line.contains("10.0.0.98"), "{line}");
}

/// From which address somebody asks decides whether who is told so answers (`arp_announce`).
pub(super) fn announced() {
    sh(NETWORK);
    sh("ip -n one address add 192.168.5.5/24 dev eth0");
    sh("ip -n one route add 10.0.0.20/32 dev eth0 src 192.168.5.5");
    sh("ip -n two route add 192.168.5.0/24 dev eth0");
    sh("ip netns exec two sysctl -qw net.ipv4.conf.eth0.arp_ignore=2");
    let (cause, line) = explained("one two");
    assert_eq!(cause, "arp-ignored", "{line}");
    assert!(line.contains("arp_ignore=2"), "{line}");
    assert!(!tried("one two"));
    sh("ip netns exec one sysctl -qw net.ipv4.conf.eth0.arp_announce=2");
    sh("ip -n one neigh flush all; ip -n two neigh flush all");
    let (verdict, line) = explained("one two");
    assert_eq!(verdict, "arrives", "{line}");
    assert!(tried("one two"));
}

/// A socket that is bound to one device takes nothing from another (SO_BINDTODEVICE).
pub(super) fn bound() {
    sh(NETWORK);
    let listener = |dev: &'static str| {
        let bound = move || {
            let listener = std::net::TcpListener::bind("0.0.0.0:8000").expect("a listener");
            let (fd, length) = (listener.as_raw_fd(), dev.len() as libc::socklen_t);
            // SAFETY: the name is there for as long as the call takes.
            let done = unsafe {
                let name = dev.as_ptr().cast();
                libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name, length)
            };
            assert_eq!(done, 0, "bound to {dev}");
            listener
        };
        crate::matrix::within("two", bound)
    };
    let connects = || {
        let connect = "timeout 0.5 bash -c 'exec 3<>/dev/tcp/10.0.0.20/8000'";
        try_sh(&format!("ip netns exec one {connect}")).code == Some(0)
    };
    let lo = listener("lo");
    let (cause, line) = explained("one two:8000");
    assert_eq!(cause, "nothing-listens", "{line}");
    assert!(line.contains("on device lo only"), "{line}");
    assert!(!connects());
    drop(lo);
    let _card = listener("eth0");
    assert_eq!(explained("one two:8000").0, "arrives");
    assert!(connects());
}

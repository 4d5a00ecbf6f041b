//! Rules as people and programs make them.

use super::Case;

pub(super) const RULESETS: &[(&str, &[Case])] = &[
    ("by_hand", BY_HAND),
    ("sets_and_maps", SETS),
    ("addresses_change", NAT),
    ("odd_corners", ODD),
    ("programs", super::programs::PROGRAMS),
];

const BY_HAND: &[Case] = &[
    ("nothing", "", &[]),
    (
        "drops",
        "nft -f - <<'E'
table inet filter {
  chain forward { type filter hook forward priority 0; policy drop; }
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 8080 accept; }
}
E",
        &[],
    ),
    (
        "a server's",
        "nft -f - <<'E'
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { invalid : drop, established : accept, related : accept }
    iifname lo accept
    ip protocol icmp icmp type { echo-request, destination-unreachable } accept
    meta l4proto ipv6-icmp icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, echo-request, nd-router-solicit } accept
    tcp dport { 80, 443 } ct state new accept
    udp dport 9000-9010 accept
    counter log prefix \"in \" reject with icmpx admin-prohibited
  }
  chain forward { type filter hook forward priority filter; policy accept; ip daddr 10.2.0.0/16 tcp dport != 80 drop; }
}
E",
        &[],
    ),
    (
        "two tables, the later drops",
        "nft -f - <<'E'
table ip a { chain f { type filter hook forward priority -10; policy drop; ip saddr 10.0.0.0/8 accept; }; }
table inet b { chain f { type filter hook forward priority 10; policy accept; udp dport 53 drop; ip6 saddr fd00:1::/32 drop; }; }
E",
        &[],
    ),
    (
        "jumps and returns",
        "nft -f - <<'E'
table inet f {
  chain deep { udp dport 53 return; meta l4proto tcp accept; icmp type echo-request drop; }
  chain more { jump deep; udp dport 5000 drop; goto last; drop; }
  chain last { udp dport 53 accept; drop; }
  chain forward { type filter hook forward priority 0; policy drop; ct state established accept; jump more; accept; }
  chain input { type filter hook input priority 0; ct state established accept; goto deep; drop; }
}
E",
        &[],
    ),
    (
        "dormant",
        "nft 'table inet f { flags dormant; chain forward { type filter hook forward priority 0; policy drop; }; }'",
        &[],
    ),
    (
        "marks",
        "nft -f - <<'E'
table inet f {
  chain pre { type filter hook prerouting priority mangle; udp dport 53 meta mark set 0x10; tcp dport 80 meta mark set 0x21; ct mark set meta mark and 0xf0; }
  chain forward { type filter hook forward priority 0; meta mark & 0xf0 == 0x10 drop; ct mark 0x20 meta mark 0x21 counter drop; }
  chain input { type filter hook input priority 0; meta mark 0x10 drop; meta mark >= 0x20 drop; }
}
E",
        &[],
    ),
    (
        "devices by name and number",
        "nft -f - <<'E'
table inet f {
  chain forward { type filter hook forward priority 0; ct state established accept; iifname \"v*\" oif vs udp dport 5000 drop; iif vc oifname vs tcp dport 80 drop; oifname != \"vs\" drop; }
  chain input { type filter hook input priority 0; meta iifkind \"veth\" tcp dport 443 drop; iifname { lo, \"vc*\" } udp dport 9005 drop; iifname { lo, vx } accept; iifname vc udp dport 53 drop; }
  chain output { type filter hook output priority 0; oif lo tcp dport 8080 reject with tcp reset; oifname vs udp dport 53 drop; }
}
E",
        &[],
    ),
    (
        "ports compared",
        "nft -f - <<'E'
table inet f {
  chain forward { type filter hook forward priority 0; tcp dport < 443 drop; udp dport >= 5000 drop; }
  chain input { type filter hook input priority 0; ct state established accept; th dport 400-500 drop; th dport != 8000-9100 meta l4proto != { 1, 58 } drop; }
}
E",
        &["@th,16,16"],
    ),
];

const SETS: &[Case] = &[
    (
        "named sets",
        "nft -f - <<'E'
table inet f {
  set ports { type inet_proto . inet_service; elements = { tcp . 80, udp . 53 }; }
  set nets { type ipv4_addr; flags interval; elements = { 10.2.0.0/24, 192.168.0.1-192.168.0.77 }; }
  set six { type ipv6_addr; flags interval; auto-merge; elements = { fd00:2::/64 }; }
  set empty { type ipv4_addr; }
  chain forward { type filter hook forward priority 0; policy drop; ct state established accept
    ip daddr @nets meta l4proto . th dport @ports accept
    ip6 daddr @six udp dport 53 accept
    ip saddr @empty accept; }
  chain input { type filter hook input priority 0; ct state established accept; meta l4proto . th dport != @ports meta l4proto { tcp, udp } drop; }
}
E",
        &[],
    ),
    (
        "verdict maps",
        "nft -f - <<'E'
table inet f {
  chain web { ip saddr 10.1.0.2 accept; drop; }
  map ports { type inet_service : verdict; elements = { 80 : jump web, 8080 : goto web, 53 : accept }; }
  chain forward { type filter hook forward priority 0; policy drop; ct state established accept; th dport vmap @ports; icmp type echo-request accept; }
  chain input { type filter hook input priority 0; ct state established accept; iifname . tcp dport vmap { vc . 80 : accept, vc . 443 : drop, lo . 8080 : accept, vc . 8080 : drop }; }
}
E",
        &["map ports"],
    ),
    (
        "concatenated ranges",
        "nft -f - <<'E'
table inet f {
  set some { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval
    elements = { 10.1.0.0/24 . 10.2.0.0/24 . tcp . 80-443, 10.1.0.2 . 10.2.0.2 . udp . 53, 0.0.0.0/0 . 10.1.0.1 . udp . 9000-9010 }; }
  chain forward { type filter hook forward priority 0; policy drop; ct state established accept; ip saddr . ip daddr . meta l4proto . th dport @some accept; }
  chain input { type filter hook input priority 0; ct state established accept; iif lo accept; meta nfproto ipv4 meta l4proto udp ip saddr . ip daddr . meta l4proto . th dport != @some drop; }
}
E",
        &[],
    ),
    (
        "catch-all, and limits on elements",
        "nft -f - <<'E'
table inet f {
  map ports { type inet_service : verdict; flags interval; elements = { 80-90 : accept, * : drop }; }
  set metered { type inet_service; flags dynamic; }
  set limited { type inet_service; limit rate 100/second; elements = { 5000, 53 }; }
  chain forward { type filter hook forward priority 0; ct state established accept; tcp dport vmap @ports; update @metered { udp dport limit rate over 1000/second } drop; udp dport @limited accept; drop; }
  chain input { type filter hook input priority 0; ct state established accept; limit rate over 1000/second drop; ct count over 1000 drop; tcp dport 443 quota over 1000 mbytes drop; tcp dport 80 limit rate 100/second accept; tcp dport 80 drop; }
}
E",
        &[],
    ),
    (
        "a set too large to be listed",
        "nft -f - <<'E'
table inet f {
  set many { type ipv4_addr . inet_service; elements = { 10.2.0.2 . 80, 10.2.0.2 . 53 }; }
  set nets { type ipv4_addr; flags interval; elements = { 10.1.0.0/24 }; }
  chain forward { type filter hook forward priority 0; policy drop; ct state established accept; ip daddr @nets drop; ip daddr . th dport @many ip saddr @nets accept; }
  chain input { type filter hook input priority 0; ct state established accept; ip saddr != @nets drop; tcp dport 80 drop; }
}
E
for i in $(seq 0 29); do
  nft add element inet f many \"{ $(for j in $(seq 1 200); do echo \"10.9.$i.$j . 80,\"; done) }\"
  nft add element inet f nets \"{ $(for j in $(seq 1 200); do echo \"11.$i.$j.0/28,\"; done) }\"
done",
        &["@th,16,16"],
    ),
];

const NAT: &[Case] = &[
    (
        "masquerade and publish",
        "nft -f - <<'E'
table ip nat {
  chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 10.2.0.2:80; udp dport 9005 dnat to 10.2.0.2:5000; }
  chain out { type nat hook output priority -100; tcp dport 8080 ip daddr 10.1.0.1 dnat to 10.2.0.2:80; }
  chain post { type nat hook postrouting priority srcnat; oifname vs masquerade; }
}
E",
        &[],
    ),
    (
        "maps",
        "nft -f - <<'E'
table inet nat {
  map to { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 8080 : 10.2.0.2 . 443, udp . 9005 : 10.2.0.2 . 53 }; }
  chain pre { type nat hook prerouting priority dstnat; fib daddr type local dnat ip to meta l4proto . th dport map @to; }
  chain out { type nat hook output priority -100; fib daddr type local dnat ip to meta l4proto . th dport map @to; }
  chain post { type nat hook postrouting priority srcnat; ip saddr 10.1.0.0/24 ip daddr 10.2.0.2 snat to 10.2.0.1; ip6 daddr fd00:2::/64 udp dport 53 masquerade; }
}
E",
        &[],
    ),
    (
        "redirect, and the first chain wins",
        "nft -f - <<'E'
table inet a { chain pre { type nat hook prerouting priority -110; tcp dport 80 redirect to :8080; }; }
table ip b { chain pre { type nat hook prerouting priority -100; tcp dport { 80, 443 } redirect to :5000; }; }
table ip c { chain out { type nat hook output priority 0; tcp dport 80 redirect to :443; ip daddr 10.2.0.2 udp dport 53 redirect; }; }
E",
        &[],
    ),
    (
        "filters before and behind",
        "nft -f - <<'E'
table inet f {
  chain raw { type filter hook prerouting priority raw; ct state invalid meta mark set 7; tcp dport 443 drop; }
  chain nat { type nat hook prerouting priority dstnat; ip daddr 10.1.0.1 tcp dport 8080 dnat ip to 10.2.0.2:80; udp dport 53 dnat to :5000; }
  chain behind { type filter hook prerouting priority 0; meta mark != 7 drop; tcp dport 8080 ip daddr 10.1.0.1 drop; meta l4proto udp ct original proto-dst 53 meta mark set 8; }
  chain forward { type filter hook forward priority 0; ct status dnat accept; ct original ip daddr 10.2.0.2 meta mark 7 tcp dport 80 drop; ct direction reply accept; }
  chain input { type filter hook input priority 0; meta mark 8 drop; }
}
E",
        &[],
    ),
    (
        "one network for another",
        "nft -f - <<'E'
table ip n {
  chain pre { type nat hook prerouting priority dstnat; dnat ip prefix to ip daddr map { 10.1.0.0/24 : 10.2.0.0/24 }; }
  chain post { type nat hook postrouting priority srcnat; snat to 10.2.0.1; }
}
E",
        &[],
    ),
    (
        "written over without a connection",
        "nft -f - <<'E'
table ip n { chain pre { type filter hook prerouting priority raw; udp dport 9005 ip daddr 10.1.0.1 ip daddr set 10.2.0.2 udp dport set 53 notrack; }
  chain forward { type filter hook forward priority 0; ct state untracked udp dport 53 accept; udp dport 53 drop; }; }
E",
        &[],
    ),
];

const ODD: &[Case] = &[
    (
        "by the frame",
        "ip -n c link set eth0 address 02:00:00:00:00:0c
nft -f - <<'E'
table netdev d { chain i { type filter hook ingress device vc priority 0; udp dport 5000 drop; ip daddr 10.2.0.2 tcp dport 80 drop; }; }
table inet f { chain i { type filter hook ingress device vc priority 0; tcp dport 443 drop; }; }
E",
        &[],
    ),
    (
        "reverse path and address types",
        "nft -f - <<'E'
table inet f {
  chain pre { type filter hook prerouting priority raw; fib saddr . iif oif missing drop; fib daddr . iif type != { local, unicast, multicast } drop; }
  chain input { type filter hook input priority 0; ct state established accept; fib daddr . iif type local tcp dport 80 drop; fib saddr type local accept; fib daddr . iif type != local udp dport 9005 drop; }
  chain forward { type filter hook forward priority 0; fib daddr oifname vs udp dport 53 drop; fib saddr oif vc tcp dport 80 drop; }
}
E",
        &[],
    ),
    (
        "sizes, times to live, flags",
        "nft -f - <<'E'
table inet f {
  chain forward { type filter hook forward priority 0; ct state established accept; ip ttl < 63 drop; ip ttl 63 udp dport 5000 drop; tcp flags & (fin | syn | rst | ack) == syn tcp dport 8080 drop; tcp flags ! syn drop; meta length 29 udp dport 53 drop; ip6 hoplimit > 63 drop; }
  chain input { type filter hook input priority 0; meta pkttype != host drop; udp length > 9 drop; meta length > 500 drop; }
}
E",
        &[],
    ),
    (
        "whose it is",
        "nft -f - <<'E'
table inet f {
  chain output { type filter hook output priority 0; meta skuid 4711 drop; }
  chain forward { type filter hook forward priority 0; meta skuid != 4711 drop; }
}
E",
        &["meta skuid"],
    ),
    (
        "doubts that change nothing",
        "nft -f - <<'E'
table inet f {
  chain logged { counter; return; }
  chain output { type filter hook output priority 0; policy drop; meta cpu 0 jump logged; meta random > 5 accept; accept; }
  chain input { type filter hook input priority 0; ct state established accept; meta cpu > 1000 tcp dport 80 drop; tcp dport 80 drop; }
  chain forward { type filter hook forward priority 0; ct state established accept; tcp dport 80 numgen inc mod 2 vmap { 0 : drop, 1 : accept }; numgen inc mod 2 vmap { 0 : accept, 1 : accept }; }
}
E",
        &["map __map0"],
    ),
    (
        "not tracked",
        "nft -f - <<'E'
table inet f {
  chain raw { type filter hook prerouting priority raw; udp dport 53 notrack; }
  chain rawout { type filter hook output priority raw; tcp dport 80 notrack; udp dport 53 ct state invalid drop; }
  chain forward { type filter hook forward priority 0; ct state untracked drop; }
  chain output { type filter hook output priority 0; ct state new tcp dport 80 drop; }
  chain nat { type nat hook postrouting priority srcnat; oifname vs masquerade; }
}
E",
        &[],
    ),
];

//! Rules as programs make them: Docker's, ufw's and firewalld's.

use super::Case;

pub(super) const PROGRAMS: &[Case] = &[
    (
        "docker, by iptables-nft",
        "iptables-nft-restore <<'E'
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o vs -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o vs -j DOCKER
-A FORWARD -i vs ! -o vs -j ACCEPT
-A FORWARD -i vs -o vs -j ACCEPT
-A DOCKER -d 10.2.0.2/32 ! -i vs -o vs -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i vs ! -o vs -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o vs -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.2.0.0/24 ! -o vs -j MASQUERADE
-A POSTROUTING -s 10.2.0.2/32 -d 10.2.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i vs -j RETURN
-A DOCKER ! -i vs -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.2.0.2:80
COMMIT
E",
        &[],
    ),
    (
        "ufw, by iptables-nft",
        "iptables-nft-restore <<'E'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-not-local - [0:0]
:ufw-logging-deny - [0:0]
:ufw-before-forward - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-limit-accept - [0:0]
-A INPUT -j ufw-before-input
-A FORWARD -j ufw-before-forward
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp -m icmp --icmp-type 3 -j ACCEPT
-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix \"[UFW BLOCK] \"
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
-A ufw-not-local -j DROP
-A ufw-user-input -p tcp -m tcp --dport 80 -j ACCEPT
-A ufw-user-input -p tcp -m multiport --dports 443,9000:9010 -j ACCEPT
-A ufw-user-input -s 10.1.0.0/24 -p udp -m udp --dport 53 -j ACCEPT
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-forward -m iprange --src-range 10.1.0.1-10.1.0.9 -p udp -m multiport --dports 53 -j ACCEPT
COMMIT
E
ip6tables-nft-restore <<'E'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp6-adm-prohibited
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s fd00:1::/64 -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m comment --comment \"the web\" -j ACCEPT
COMMIT
E",
        &[],
    ),
    (
        "marks, by iptables-nft",
        "iptables-nft-restore <<'E'
*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A PREROUTING -j CONNMARK --restore-mark
-A PREROUTING -p udp --dport 53 -j MARK --set-xmark 0x4000/0x4000
-A PREROUTING -p tcp --dport 80 -j MARK --set-xmark 0x8000/0xffffffff
-A PREROUTING -m mark ! --mark 0x0 -j CONNMARK --save-mark
-A FORWARD -m mark --mark 0x4000/0x4000 -j DROP
-A FORWARD -m connmark --mark 0x8000 -m length --length 40:1500 -m ttl --ttl-lt 64 -j DROP
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp --dport 5000 -j CT --notrack
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A INPUT -m state --state NEW -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset
-A INPUT -m pkttype --pkt-type broadcast -j DROP
-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP
-A FORWARD -m conntrack --ctstate NEW --ctproto 17 --ctorigdstport 5000 -j DROP
COMMIT
E",
        &[],
    ),
    (
        "addresses change, by iptables-nft",
        "iptables-nft-restore <<'E'
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 443
-A PREROUTING -p udp -m udp -m multiport --dports 9000:9010 -j DNAT --to-destination 10.2.0.2:53
-A OUTPUT -d 10.1.0.1/32 -p tcp -j DNAT --to-destination 10.2.0.2
-A POSTROUTING -o vs -p udp -j SNAT --to-source 10.2.0.1
-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE
COMMIT
E
ip6tables-nft -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination [fd00:2::2]:80
ip6tables-nft -t nat -A POSTROUTING -o vs -j MASQUERADE",
        &[],
    ),
    (
        "what cannot be followed, by iptables-nft",
        "iptables-nft -A FORWARD -p tcp --dport 80 -m recent --name x --set -j ACCEPT
iptables-nft -A FORWARD -p tcp --dport 8080 -m recent --name x --rcheck -j DROP
iptables-nft -A INPUT -p tcp --dport 80 -j NFQUEUE --queue-num 1 --queue-bypass
iptables-nft -A INPUT -p tcp --dport 443 -m statistic --mode random --probability 0.5 -j DROP",
        &["match recent", "target NFQUEUE", "match statistic"],
    ),
    (
        "firewalld",
        "nft -f - <<'E'
table inet firewalld {
  chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump mangle_PREROUTING_ZONES; }
  chain mangle_PREROUTING_ZONES { iifname \"vs\" goto mangle_PRE_trusted; goto mangle_PRE_public; }
  chain mangle_PRE_public { jump mangle_PRE_public_allow; }
  chain mangle_PRE_public_allow { }
  chain mangle_PRE_trusted { }
  chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; policy accept; jump nat_PREROUTING_ZONES; }
  chain nat_PREROUTING_ZONES { goto nat_PRE_public; }
  chain nat_PRE_public { jump nat_PRE_public_allow; }
  chain nat_PRE_public_allow { meta nfproto ipv4 tcp dport 8080 dnat ip to 10.2.0.2:80; }
  chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; policy accept; oifname \"vs\" goto nat_POST_trusted; }
  chain nat_POST_trusted { meta nfproto ipv4 oifname != \"lo\" masquerade; }
  chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
    meta nfproto ipv6 fib saddr . mark . iif oif missing drop; }
  chain filter_INPUT { type filter hook input priority filter + 10; policy accept
    ct state { established, related } accept
    ct status dnat accept
    iifname \"lo\" accept
    ct state invalid drop
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited; }
  chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept
    ct state { established, related } accept
    ct status dnat accept
    iifname \"lo\" accept
    ct state invalid drop
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24 } reject with icmpv6 addr-unreachable
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited; }
  chain filter_OUTPUT { type filter hook output priority filter + 10; policy accept
    ct state { established, related } accept
    oifname \"lo\" accept
    ip6 daddr { ::/96, 2002::/24 } reject with icmpv6 addr-unreachable; }
  chain filter_INPUT_ZONES { iifname \"vs\" goto filter_IN_trusted; goto filter_IN_public; }
  chain filter_FORWARD_ZONES { iifname \"vc\" oifname \"vs\" goto filter_FWD_public; }
  chain filter_IN_trusted { accept; }
  chain filter_IN_public { jump filter_IN_public_log; jump filter_IN_public_deny; jump filter_IN_public_allow
    meta l4proto { icmp, ipv6-icmp } accept
    reject with icmpx admin-prohibited; }
  chain filter_IN_public_log { }
  chain filter_IN_public_deny { tcp dport 443 ct state new reject with tcp reset; }
  chain filter_IN_public_allow { tcp dport 80 ct state { new, untracked } accept
    ip6 daddr fe80::/64 udp dport 546 accept
    udp dport 53 accept; }
  chain filter_FWD_public { tcp dport 80 ct state { new, untracked } accept; }
}
E",
        &[],
    ),
];

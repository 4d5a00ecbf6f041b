//! The kernel's numbers, each written once. Every one goes also into [`ALL`], by
//! which tests/uapi.rs compares them with the kernel's own headers.

/// Defines constants by header; a name of ours has the C expression beside it.
macro_rules! numbers {
    ($($header:literal { $($name:ident: $type:ty = $value:expr $(, $c:literal)?;)* })*) => {
        $($(pub(crate) const $name: $type = $value;)*)*
        /// Every number: its C expression, the header, and what netyard takes it for.
        pub const ALL: &[(&str, &str, u64)] = &[
            $($((numbers!(@c $name $($c)?), $header, $name as u64),)*)*
        ];
    };
    (@c $name:ident) => { stringify!($name) };
    (@c $name:ident $c:literal) => { $c };
}

mod diag;
mod doctor;
pub(crate) mod nexthop;
mod qdisc;
pub(crate) mod rules;
pub(crate) mod vlan;
pub(crate) mod wireguard;

/// Those about sockets.
pub use diag::ALL as OF_SOCKETS;
pub(crate) use diag::*;
/// Those that only the doctor needs.
pub use doctor::ALL as OF_DOCTOR;
pub(crate) use doctor::*;
/// Those about queueing disciplines.
pub use qdisc::ALL as OF_QDISCS;
pub(crate) use qdisc::*;

numbers! {
    "linux/netlink.h" {
        HEADER: usize = 16, "sizeof(struct nlmsghdr)";
        ATTR_HEADER: usize = 4, "sizeof(struct nlattr)";
        NLMSG_ERROR: u16 = 2;
        NLMSG_DONE: u16 = 3;
        NLM_F_REQUEST: u16 = 0x1;
        NLM_F_ACK: u16 = 0x4;
        NLM_F_DUMP_INTR: u16 = 0x10;
        NLM_F_CAPPED: u16 = 0x100;
        NLM_F_ACK_TLVS: u16 = 0x200;
        NLM_F_DUMP: u16 = 0x300;
        NLM_F_REPLACE: u16 = 0x100;
        NLM_F_EXCL: u16 = 0x200;
        NLM_F_CREATE: u16 = 0x400;
        NLM_F_APPEND: u16 = 0x800;
        NLMSGERR_ATTR_MSG: u16 = 1;
        NETLINK_LISTEN_ALL_NSID: i32 = 8;
        NLA_F_NESTED: u16 = 0x8000;
        NLA_TYPE_MASK: u16 = 0x3fff, "NLA_TYPE_MASK & 0xffff";
    }
    "linux/ipv6_route.h" {
        IP6_RT_PRIO_USER: u32 = crate::state::IP6_METRIC;
    }
    "linux/netfilter/nf_tables_compat.h" {
        NFTA_TARGET_NAME: u16 = 1;
    }
    "linux/if.h" {
        IFNAMSIZ: usize = 16;
    }
    "linux/if_link.h" {
        IFLA_INET_CONF: u16 = 1;
    }
    "linux/if_packet.h" {
        PACKET_MULTICAST: u8 = 2;
    }
    "linux/ip.h" {
        IPV4_DEVCONF_ROUTE_LOCALNET: u16 = 26;
    }
    "linux/rtnetlink.h" {
        RTNLGRP_LINK: u32 = 1;
        RTNLGRP_NEIGH: u32 = 3;
        RTNLGRP_IPV4_IFADDR: u32 = 5;
        RTNLGRP_IPV4_ROUTE: u32 = 7;
        RTNLGRP_IPV4_RULE: u32 = 8;
        RTNLGRP_IPV6_IFADDR: u32 = 9;
        RTNLGRP_IPV6_ROUTE: u32 = 11;
        RTNLGRP_IPV6_RULE: u32 = 19;
        RTNLGRP_IPV4_NETCONF: u32 = 24;
        RTNLGRP_IPV6_NETCONF: u32 = 25;
        RTNLGRP_NSID: u32 = 28;
        RTNLGRP_NEXTHOP: u32 = 32;
        RTN_LOCAL: u32 = 2;
        RTM_NEWLINK: u16 = 16;
        RTM_DELLINK: u16 = 17;
        RTM_NEWADDR: u16 = 20;
        RTM_DELADDR: u16 = 21;
        RTM_NEWROUTE: u16 = 24;
        RTM_DELROUTE: u16 = 25;
        RTM_NEWNEIGH: u16 = 28;
        RTM_DELNEIGH: u16 = 29;
        RTM_NEWRULE: u16 = 32;
        RTM_DELRULE: u16 = 33;
        RTM_GETRULE: u16 = 34;
        RT_TABLE_DEFAULT: u8 = 253;
        RT_TABLE_MAIN: u8 = 254;
        RT_TABLE_LOCAL: u8 = 255;
        RTPROT_KERNEL: u8 = 2;
        RTM_NEWNETCONF: u16 = 80;
        RTM_GETNETCONF: u16 = 82;
        RTM_NEWNSID: u16 = 88;
        RTM_DELNSID: u16 = 89;
        RTM_GETNSID: u16 = 90;
        RTM_NEWNEXTHOP: u16 = 104;
        RTM_DELNEXTHOP: u16 = 105;
    }
    "linux/if_link.h" {
        IFLA_BRPORT_MODE: u16 = 4;
        IFLA_BRPORT_STATE: u16 = 1;
        IFLA_BRPORT_ISOLATED: u16 = 33;
    }
    "linux/if_bridge.h" {
        BR_STATE_DISABLED: u8 = 0;
        BR_STATE_FORWARDING: u8 = 3;
    }
    "linux/net_namespace.h" {
        NETNSA_NSID: u16 = 1;
        NETNSA_TARGET_NSID: u16 = 4;
        NETNSA_CURRENT_NSID: u16 = 5;
    }
    "linux/fib_rules.h" {
        RULE_HEADER: usize = 12, "sizeof(struct fib_rule_hdr)";
        FIB_RULE_INVERT: u8 = 2;
        FRA_DST: u16 = 1;
        FRA_SRC: u16 = 2;
        FRA_IIFNAME: u16 = 3;
        FRA_GOTO: u16 = 4;
        FRA_PRIORITY: u16 = 6;
        FRA_FWMARK: u16 = 10;
        FRA_SUPPRESS_PREFIXLEN: u16 = 14;
        FRA_TABLE: u16 = 15;
        FRA_FWMASK: u16 = 16;
        FRA_OIFNAME: u16 = 17;
        FRA_PAD: u16 = 18;
        FRA_PROTOCOL: u16 = 21;
        FRA_IP_PROTO: u16 = 22;
        FR_ACT_TO_TBL: u8 = 1;
        FR_ACT_GOTO: u8 = 2;
        FR_ACT_NOP: u8 = 3;
        FR_ACT_BLACKHOLE: u8 = 6;
        FR_ACT_UNREACHABLE: u8 = 7;
        FR_ACT_PROHIBIT: u8 = 8;
    }
    "linux/netconf.h" {
        NETCONFA_IFINDEX: u16 = 1;
        NETCONFA_FORWARDING: u16 = 2;
        NETCONFA_IFINDEX_ALL: i32 = -1;
        NETCONFA_IFINDEX_DEFAULT: i32 = -2;
    }
    "linux/if_link.h" {
        IFLA_IFNAME: u16 = 3;
        IFLA_MTU: u16 = 4;
        IFLA_MASTER: u16 = 10;
        IFLA_IFALIAS: u16 = 20;
        IFLA_GROUP: u16 = 27;
        IFLA_NEW_NETNSID: u16 = 45;
        IFLA_NEW_IFINDEX: u16 = 49;
        LINK_HEADER: usize = 16, "sizeof(struct ifinfomsg)";
    }
    "linux/icmp.h" {
        ICMP_ECHOREPLY: u8 = 0;
        ICMP_DEST_UNREACH: u8 = 3;
        ICMP_TIME_EXCEEDED: u8 = 11;
        ICMP_FILTER: i32 = 1;
    }
    "linux/icmpv6.h" {
        ICMPV6_DEST_UNREACH: u8 = 1;
        ICMPV6_PKT_TOOBIG: u8 = 2;
        ICMPV6_TIME_EXCEED: u8 = 3;
        ICMPV6_ECHO_REPLY: u8 = 129;
        ICMPV6_MGM_QUERY: u8 = 130;
        ICMPV6_MLD2_REPORT: u8 = 143;
        ICMPV6_FILTER: i32 = 1;
    }
    "linux/magic.h" {
        NSFS_MAGIC: i64 = 0x6e736673;
    }
    "linux/netfilter.h" {
        NFPROTO_UNSPEC: u8 = 0;
        NFPROTO_INET: u8 = 1;
        NFPROTO_IPV4: u8 = 2;
        NFPROTO_IPV6: u8 = 10;
        NFPROTO_BRIDGE: u8 = 7;
        NF_INET_PRE_ROUTING: u32 = 0;
        NF_INET_LOCAL_IN: u32 = 1;
        NF_INET_FORWARD: u32 = 2;
        NF_INET_LOCAL_OUT: u32 = 3;
        NF_INET_POST_ROUTING: u32 = 4;
        NF_DROP: i32 = 0;
        NF_ACCEPT: i32 = 1;
    }
    "linux/netfilter/nf_conntrack_common.h" {
        CT_ESTABLISHED: u32 = 2, "NF_CT_STATE_BIT(IP_CT_ESTABLISHED)";
        CT_NEW: u32 = 8, "NF_CT_STATE_BIT(IP_CT_NEW)";
        CT_RELATED: u32 = 4, "NF_CT_STATE_BIT(IP_CT_RELATED)";
        IPS_SRC_NAT: u32 = 0x10;
        IPS_DST_NAT: u32 = 0x20;
    }
    "linux/netfilter_ipv4.h" {
        NF_IP_PRI_FILTER: i32 = 0;
        NF_IP_PRI_RAW: i32 = -300;
        NF_IP_PRI_NAT_DST: i32 = -100;
        NF_IP_PRI_NAT_SRC: i32 = 100;
    }
    "linux/netfilter_bridge.h" {
        NF_BR_PRE_ROUTING: u32 = 0;
        NF_BR_PRI_NAT_DST_BRIDGED: i32 = -300;
    }
    "linux/if_ether.h" {
        ETH_P_IP: u16 = 0x0800;
        ETH_P_ARP: u16 = 0x0806;
        ETH_P_8021Q: u16 = 0x8100;
        ETH_P_IPV6: u16 = 0x86dd;
        ETH_P_8021AD: u16 = 0x88a8;
    }
    "linux/in.h" {
        IPPROTO_UDP: u8 = 17;
    }
    "linux/in6.h" {
        IPPROTO_ICMPV6: u8 = 58;
    }
    "linux/netfilter/nf_nat.h" {
        NF_NAT_RANGE_MAP_IPS: u32 = 1;
        NF_NAT_RANGE_PROTO_SPECIFIED: u32 = 2;
    }
    "linux/netfilter/nfnetlink.h" {
        FAMILY_HEADER: usize = 4, "sizeof(struct nfgenmsg)";
        NFNETLINK_V0: u8 = 0;
        NFNL_SUBSYS_CTNETLINK: u16 = 1;
        NFNL_SUBSYS_NFTABLES: u16 = 10;
        NFNLGRP_NFTABLES: u32 = 7;
        NFNL_MSG_BATCH_BEGIN: u16 = 16;
        NFNL_MSG_BATCH_END: u16 = 17;
    }
    "linux/netfilter/nfnetlink_conntrack.h" {
        IPCTNL_MSG_CT_GET: u16 = 1;
        IPCTNL_MSG_CT_DELETE: u16 = 2;
        IPCTNL_MSG_CT_GET_STATS: u16 = 5;
        CTA_STATS_GLOBAL_ENTRIES: u16 = 1;
        CTA_TUPLE_ORIG: u16 = 1;
        CTA_TUPLE_REPLY: u16 = 2;
        CTA_STATUS: u16 = 3;
        CTA_ID: u16 = 12;
        CTA_ZONE: u16 = 18;
        CTA_FILTER: u16 = 25;
        CTA_STATUS_MASK: u16 = 26;
        CTA_TUPLE_IP: u16 = 1;
        CTA_TUPLE_PROTO: u16 = 2;
        CTA_IP_V4_SRC: u16 = 1;
        CTA_IP_V4_DST: u16 = 2;
        CTA_IP_V6_SRC: u16 = 3;
        CTA_IP_V6_DST: u16 = 4;
        CTA_PROTO_NUM: u16 = 1;
        CTA_PROTO_SRC_PORT: u16 = 2;
        CTA_PROTO_DST_PORT: u16 = 3;
        CTA_FILTER_ORIG_FLAGS: u16 = 1;
        CTA_FILTER_REPLY_FLAGS: u16 = 2;
    }
    "linux/netfilter/nf_tables.h" {
        NFT_MSG_NEWTABLE: u16 = 0;
        NFT_MSG_GETTABLE: u16 = 1;
        NFT_MSG_DELTABLE: u16 = 2;
        NFT_MSG_NEWCHAIN: u16 = 3;
        NFT_MSG_GETCHAIN: u16 = 4;
        NFT_MSG_DELCHAIN: u16 = 5;
        NFT_MSG_NEWRULE: u16 = 6;
        NFT_MSG_GETRULE: u16 = 7;
        NFT_MSG_DELRULE: u16 = 8;
        NFT_MSG_NEWSET: u16 = 9;
        NFT_MSG_GETSET: u16 = 10;
        NFT_MSG_DELSET: u16 = 11;
        NFT_MSG_NEWSETELEM: u16 = 12;
        NFT_MSG_GETSETELEM: u16 = 13;
        NFT_MSG_DELSETELEM: u16 = 14;
        NFT_MSG_NEWGEN: u16 = 15;
        NFT_MSG_GETGEN: u16 = 16;
        NFT_MSG_NEWOBJ: u16 = 18;
        NFT_MSG_DELOBJ: u16 = 20;
        NFTA_GEN_ID: u16 = 1;
        NFTA_GEN_PROC_PID: u16 = 2;
        NFTA_GEN_PROC_NAME: u16 = 3;
        NFTA_LIST_ELEM: u16 = 1;
        NFTA_DATA_VALUE: u16 = 1;
        NFTA_DATA_VERDICT: u16 = 2;
        NFTA_VERDICT_CODE: u16 = 1;
        NFTA_VERDICT_CHAIN: u16 = 2;
        NFTA_TABLE_NAME: u16 = 1;
        NFTA_TABLE_FLAGS: u16 = 2;
        NFT_TABLE_F_DORMANT: u32 = 1;
        NFTA_TABLE_USERDATA: u16 = 6;
        NFTA_CHAIN_TABLE: u16 = 1;
        NFTA_CHAIN_NAME: u16 = 3;
        NFTA_CHAIN_HOOK: u16 = 4;
        NFTA_CHAIN_POLICY: u16 = 5;
        NFTA_CHAIN_TYPE: u16 = 7;
        NFTA_HOOK_HOOKNUM: u16 = 1;
        NFTA_HOOK_PRIORITY: u16 = 2;
        NFTA_RULE_TABLE: u16 = 1;
        NFTA_RULE_CHAIN: u16 = 2;
        NFTA_RULE_EXPRESSIONS: u16 = 4;
        NFTA_RULE_USERDATA: u16 = 7;
        NFTA_EXPR_NAME: u16 = 1;
        NFTA_EXPR_DATA: u16 = 2;
        NFTA_SET_TABLE: u16 = 1;
        NFTA_SET_NAME: u16 = 2;
        NFTA_SET_FLAGS: u16 = 3;
        NFTA_SET_KEY_TYPE: u16 = 4;
        NFTA_SET_KEY_LEN: u16 = 5;
        NFTA_SET_DATA_TYPE: u16 = 6;
        NFTA_SET_DATA_LEN: u16 = 7;
        NFTA_SET_DESC: u16 = 9;
        NFTA_SET_ID: u16 = 10;
        NFTA_SET_USERDATA: u16 = 13;
        NFT_SET_INTERVAL: u32 = 4;
        NFT_SET_MAP: u32 = 8;
        NFT_SET_CONCAT: u32 = 0x80;
        NFTA_SET_DESC_CONCAT: u16 = 2;
        NFTA_SET_FIELD_LEN: u16 = 1;
        NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
        NFTA_SET_ELEM_LIST_SET: u16 = 2;
        NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
        NFTA_SET_ELEM_KEY: u16 = 1;
        NFTA_SET_ELEM_DATA: u16 = 2;
        NFTA_SET_ELEM_FLAGS: u16 = 3;
        NFTA_SET_ELEM_KEY_END: u16 = 10;
        NFTA_SET_ELEM_USERDATA: u16 = 6;
        NFT_SET_ELEM_INTERVAL_END: u32 = 1;
        NFT_REG_VERDICT: u32 = 0;
        NFT_REG_1: u32 = 1;
        NFT_REG32_00: u32 = 8;
        NFT_CONTINUE: i32 = -1;
        NFT_RETURN: i32 = -5;
        NFT_JUMP: i32 = -3;
        NFT_GOTO: i32 = -4;
        NFTA_META_DREG: u16 = 1;
        NFTA_META_KEY: u16 = 2;
        NFT_META_PROTOCOL: u32 = 1;
        NFT_META_IIF: u32 = 4;
        NFT_META_IIFNAME: u32 = 6;
        NFT_META_OIFNAME: u32 = 7;
        NFT_META_NFPROTO: u32 = 15;
        NFT_META_L4PROTO: u32 = 16;
        NFT_META_PKTTYPE: u32 = 19;
        NFT_META_IIFKIND: u32 = 26;
        NFTA_CT_DREG: u16 = 1;
        NFTA_CT_KEY: u16 = 2;
        NFT_CT_STATE: u32 = 0;
        NFT_CT_STATUS: u32 = 2;
        NFTA_BITWISE_SREG: u16 = 1;
        NFTA_BITWISE_DREG: u16 = 2;
        NFTA_BITWISE_LEN: u16 = 3;
        NFTA_BITWISE_MASK: u16 = 4;
        NFTA_BITWISE_XOR: u16 = 5;
        NFTA_CMP_SREG: u16 = 1;
        NFTA_CMP_OP: u16 = 2;
        NFTA_CMP_DATA: u16 = 3;
        NFT_CMP_EQ: u32 = 0;
        NFT_CMP_NEQ: u32 = 1;
        NFT_CMP_LT: u32 = 2;
        NFT_CMP_LTE: u32 = 3;
        NFT_CMP_GT: u32 = 4;
        NFT_CMP_GTE: u32 = 5;
        NFTA_PAYLOAD_DREG: u16 = 1;
        NFTA_PAYLOAD_BASE: u16 = 2;
        NFTA_PAYLOAD_OFFSET: u16 = 3;
        NFTA_PAYLOAD_LEN: u16 = 4;
        NFT_PAYLOAD_LL_HEADER: u32 = 0;
        NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
        NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;
        NFTA_RANGE_SREG: u16 = 1;
        NFTA_RANGE_OP: u16 = 2;
        NFTA_RANGE_FROM_DATA: u16 = 3;
        NFTA_RANGE_TO_DATA: u16 = 4;
        NFTA_LOOKUP_SET: u16 = 1;
        NFTA_LOOKUP_SREG: u16 = 2;
        NFTA_LOOKUP_DREG: u16 = 3;
        NFTA_LOOKUP_FLAGS: u16 = 5;
        NFT_LOOKUP_F_INV: u32 = 1;
        NFTA_IMMEDIATE_DREG: u16 = 1;
        NFTA_IMMEDIATE_DATA: u16 = 2;
        NFTA_FIB_DREG: u16 = 1;
        NFTA_FIB_RESULT: u16 = 2;
        NFTA_FIB_FLAGS: u16 = 3;
        NFT_FIB_RESULT_ADDRTYPE: u32 = 3;
        NFTA_FIB_F_DADDR: u32 = 2;
        NFTA_BYTEORDER_LEN: u16 = 4;
        NFTA_NAT_TYPE: u16 = 1;
        NFTA_NAT_FAMILY: u16 = 2;
        NFTA_NAT_REG_ADDR_MIN: u16 = 3;
        NFTA_NAT_REG_ADDR_MAX: u16 = 4;
        NFTA_NAT_REG_PROTO_MIN: u16 = 5;
        NFTA_NAT_REG_PROTO_MAX: u16 = 6;
        NFTA_NAT_FLAGS: u16 = 7;
        NFT_NAT_DNAT: u32 = 1;
    }
}

//! Numbers by which all rules of a namespace are read, others' too.

numbers! {
    "linux/netfilter_ipv4/ip_tables.h" {
        IPT_SO_GET_INFO: i32 = 64;
        IPT_SO_GET_ENTRIES: i32 = 65;
        IPT_GETINFO: usize = 84, "sizeof(struct ipt_getinfo)";
        IPT_GET_ENTRIES: usize = 40, "sizeof(struct ipt_get_entries)";
        IPT_IP: usize = 84, "sizeof(struct ipt_ip)";
        IPT_ENTRY: usize = 112, "sizeof(struct ipt_entry)";
        IPT_F_GOTO: u8 = 2;
    }
    "linux/netfilter_ipv6/ip6_tables.h" {
        IP6T_IP6: usize = 136, "sizeof(struct ip6t_ip6)";
        IP6T_ENTRY: usize = 168, "sizeof(struct ip6t_entry)";
        IP6T_F_GOTO: u8 = 4;
    }
    "linux/netfilter.h" {
        NFPROTO_ARP: u8 = 3;
        NFPROTO_NETDEV: u8 = 5;
        NF_INET_INGRESS: u32 = 5;
        NF_NETDEV_INGRESS: u32 = 0;
        NF_NETDEV_EGRESS: u32 = 1;
    }
    "linux/netfilter_arp.h" {
        NF_ARP_IN: u32 = 0;
        NF_ARP_OUT: u32 = 1;
        NF_ARP_FORWARD: u32 = 2;
    }
    "linux/netfilter/nf_nat.h" {
        NF_NAT_RANGE_PROTO_RANDOM: u32 = 4;
        NF_NAT_RANGE_PERSISTENT: u32 = 8;
        NF_NAT_RANGE_PROTO_RANDOM_FULLY: u32 = 0x10;
        NF_NAT_RANGE_NETMAP: u32 = 0x40;
    }
    "linux/netfilter/nf_conntrack_common.h" {
        CT_INVALID: u32 = 1, "NF_CT_STATE_INVALID_BIT";
    }
    "linux/in.h" {
        IPPROTO_ICMP: u8 = 1;
    }
    "linux/icmp.h" {
        ICMP_ECHO: u8 = 8;
    }
    "linux/icmpv6.h" {
        ICMPV6_ECHO_REQUEST: u8 = 128;
    }
    "linux/netfilter_ipv4.h" {
        NF_IP_PRI_FIRST: i32 = i32::MIN;
    }
    "linux/netfilter/nfnetlink.h" {
        NFNLGRP_NFTRACE: u32 = 9;
    }
    "linux/netfilter/nf_tables_compat.h" {
        NFTA_TARGET_REV: u16 = 2;
        NFTA_TARGET_INFO: u16 = 3;
        NFTA_MATCH_NAME: u16 = 1;
        NFTA_MATCH_REV: u16 = 2;
        NFTA_MATCH_INFO: u16 = 3;
    }
    "linux/netfilter/nf_tables.h" {
        NFTA_HOOK_DEV: u16 = 3;
        NFTA_SET_TIMEOUT: u16 = 11;
        NFTA_SET_DESC_SIZE: u16 = 1;
        NFT_SET_TIMEOUT: u32 = 0x10;
        NFT_SET_EVAL: u32 = 0x20;
        NFT_NAT_SNAT: u32 = 0;
        NFTA_HOOK_DEVS: u16 = 4;
        NFTA_DEVICE_NAME: u16 = 1;
        NFTA_RULE_HANDLE: u16 = 3;
        NFT_SET_ANONYMOUS: u32 = 1;
        NFT_SET_ELEM_CATCHALL: u32 = 2;
        NFTA_SET_ELEM_EXPR: u16 = 7;
        NFTA_SET_ELEM_EXPRESSIONS: u16 = 11;
        NFTA_META_SREG: u16 = 3;
        NFT_MSG_TRACE: u16 = 17;
        NFT_TABLE_F_OWNER: u32 = 2;
        NFTA_TRACE_TABLE: u16 = 1;
        NFTA_TRACE_CHAIN: u16 = 2;
        NFTA_TRACE_RULE_HANDLE: u16 = 3;
        NFTA_TRACE_TYPE: u16 = 4;
        NFTA_TRACE_VERDICT: u16 = 5;
        NFTA_TRACE_ID: u16 = 6;
        NFTA_TRACE_IIF: u16 = 10;
        NFTA_TRACE_OIF: u16 = 12;
        NFTA_TRACE_POLICY: u16 = 16;
        NFT_TRACETYPE_POLICY: u32 = 1;
        NFT_TRACETYPE_RULE: u32 = 3;
        NFT_META_LEN: u32 = 0;
        NFT_META_PRIORITY: u32 = 2;
        NFT_META_MARK: u32 = 3;
        NFT_META_OIF: u32 = 5;
        NFT_META_IIFTYPE: u32 = 8;
        NFT_META_OIFTYPE: u32 = 9;
        NFT_META_SKUID: u32 = 10;
        NFT_META_SKGID: u32 = 11;
        NFT_META_NFTRACE: u32 = 12;
        NFT_META_RTCLASSID: u32 = 13;
        NFT_META_BRI_IIFNAME: u32 = 17;
        NFT_META_BRI_OIFNAME: u32 = 18;
        NFT_META_CPU: u32 = 20;
        NFT_META_IIFGROUP: u32 = 21;
        NFT_META_OIFGROUP: u32 = 22;
        NFT_META_CGROUP: u32 = 23;
        NFT_META_PRANDOM: u32 = 24;
        NFT_META_SECPATH: u32 = 25;
        NFT_META_OIFKIND: u32 = 27;
        NFT_META_TIME_NS: u32 = 30;
        NFT_META_TIME_DAY: u32 = 31;
        NFT_META_TIME_HOUR: u32 = 32;
        NFTA_PAYLOAD_SREG: u16 = 5;
        NFTA_CT_DIRECTION: u16 = 3;
        NFTA_CT_SREG: u16 = 4;
        NFT_CT_DIRECTION: u32 = 1;
        NFT_CT_MARK: u32 = 3;
        NFT_CT_HELPER: u32 = 6;
        NFT_CT_L3PROTOCOL: u32 = 7;
        NFT_CT_SRC: u32 = 8;
        NFT_CT_DST: u32 = 9;
        NFT_CT_PROTOCOL: u32 = 10;
        NFT_CT_PROTO_SRC: u32 = 11;
        NFT_CT_PROTO_DST: u32 = 12;
        NFT_CT_LABELS: u32 = 13;
        NFT_CT_ZONE: u32 = 17;
        NFT_CT_SRC_IP: u32 = 19;
        NFT_CT_DST_IP: u32 = 20;
        NFT_CT_SRC_IP6: u32 = 21;
        NFT_CT_DST_IP6: u32 = 22;
        NFTA_FIB_F_SADDR: u32 = 1;
        NFTA_FIB_F_MARK: u32 = 4;
        NFTA_FIB_F_IIF: u32 = 8;
        NFTA_FIB_F_OIF: u32 = 0x10;
        NFTA_FIB_F_PRESENT: u32 = 0x20;
        NFT_FIB_RESULT_OIF: u32 = 1;
        NFT_FIB_RESULT_OIFNAME: u32 = 2;
        NFTA_BITWISE_OP: u16 = 6;
        NFTA_BITWISE_DATA: u16 = 7;
        NFT_BITWISE_MASK_XOR: u32 = 0;
        NFT_BITWISE_LSHIFT: u32 = 1;
        NFT_BITWISE_RSHIFT: u32 = 2;
        NFTA_BYTEORDER_SREG: u16 = 1;
        NFTA_BYTEORDER_DREG: u16 = 2;
        NFTA_BYTEORDER_SIZE: u16 = 5;
        NFT_RANGE_NEQ: u32 = 1;
        NFTA_LIMIT_RATE: u16 = 1;
        NFTA_LIMIT_UNIT: u16 = 2;
        NFTA_LIMIT_BURST: u16 = 3;
        NFTA_LIMIT_TYPE: u16 = 4;
        NFTA_LIMIT_FLAGS: u16 = 5;
        NFT_LIMIT_F_INV: u32 = 1;
        NFT_LIMIT_PKT_BYTES: u32 = 1;
        NFTA_CONNLIMIT_COUNT: u16 = 1;
        NFTA_CONNLIMIT_FLAGS: u16 = 2;
        NFT_CONNLIMIT_F_INV: u32 = 1;
        NFTA_QUOTA_BYTES: u16 = 1;
        NFTA_QUOTA_FLAGS: u16 = 2;
        NFTA_QUOTA_CONSUMED: u16 = 4;
        NFT_QUOTA_F_INV: u32 = 1;
        NFTA_DYNSET_SET_NAME: u16 = 1;
        NFTA_DYNSET_OP: u16 = 3;
        NFTA_DYNSET_SREG_KEY: u16 = 4;
        NFTA_DYNSET_SREG_DATA: u16 = 5;
        NFTA_DYNSET_EXPR: u16 = 7;
        NFTA_DYNSET_EXPRESSIONS: u16 = 10;
        NFT_DYNSET_OP_ADD: u32 = 0;
        NFT_DYNSET_OP_UPDATE: u32 = 1;
        NFTA_MASQ_FLAGS: u16 = 1;
        NFTA_MASQ_REG_PROTO_MIN: u16 = 2;
        NFTA_MASQ_REG_PROTO_MAX: u16 = 3;
        NFTA_REDIR_REG_PROTO_MIN: u16 = 1;
        NFTA_REDIR_REG_PROTO_MAX: u16 = 2;
        NFTA_REDIR_FLAGS: u16 = 3;
        NFTA_REJECT_TYPE: u16 = 1;
        NFTA_REJECT_ICMP_CODE: u16 = 2;
        NFT_REJECT_ICMP_UNREACH: u32 = 0;
        NFT_REJECT_TCP_RST: u32 = 1;
        NFTA_LOG_GROUP: u16 = 1;
        NFTA_LOG_PREFIX: u16 = 2;
        NFTA_OBJREF_IMM_TYPE: u16 = 1;
        NFTA_OBJREF_IMM_NAME: u16 = 2;
        NFT_OBJECT_COUNTER: u32 = 1;
        NFT_OBJECT_CT_HELPER: u32 = 3;
        NFT_OBJECT_CT_TIMEOUT: u32 = 7;
        NFT_OBJECT_SECMARK: u32 = 8;
        NFT_OBJECT_CT_EXPECT: u32 = 9;
        NFTA_EXTHDR_DREG: u16 = 1;
        NFTA_EXTHDR_SREG: u16 = 7;
        NFTA_RT_DREG: u16 = 1;
        NFTA_SOCKET_DREG: u16 = 2;
        NFTA_NG_DREG: u16 = 1;
        NFTA_HASH_DREG: u16 = 2;
        NFTA_TUNNEL_DREG: u16 = 2;
        NFTA_XFRM_DREG: u16 = 1;
        NFTA_OSF_DREG: u16 = 1;
    }
}

//! Numbers of what the doctor tries.

numbers! {
    "linux/if.h" {
        IFREQ: usize = 40, "sizeof(struct ifreq)";
    }
    "linux/magic.h" {
        CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;
    }
    "linux/veth.h" {
        VETH_INFO_PEER: u16 = 1;
    }
    "linux/if_link.h" {
        IFLA_LINK: u16 = 5;
        IFLA_LINKINFO: u16 = 18;
        IFLA_INFO_KIND: u16 = 1;
        IFLA_INFO_DATA: u16 = 2;
        IFLA_BR_VLAN_FILTERING: u16 = 7;
        IFLA_MACVLAN_MODE: u16 = 1;
        MACVLAN_MODE_BRIDGE: u32 = 4;
        IFLA_VLAN_ID: u16 = 1;
        IFLA_VXLAN_ID: u16 = 1;
        IFLA_VRF_TABLE: u16 = 1;
    }
    "linux/pkt_sched.h" {
        TC_H_INGRESS: u32 = 0xffff_fff1;
        TC_H_MAJ_MASK: u32 = 0xffff_0000;
        TC_HTB_OPTIONS: usize = 20, "sizeof(struct tc_htb_glob)";
        TC_HTB_PROTOVER: u32 = 3;
        TCA_HTB_INIT: u16 = 2;
    }
}

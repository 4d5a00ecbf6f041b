//! VLANs of bridges.

numbers! {
    "linux/rtnetlink.h" {
        RTM_NEWVLAN: u16 = 112;
        RTM_GETVLAN: u16 = 114;
    }
    "linux/if_bridge.h" {
        BR_VLAN_MSG: usize = 8, "sizeof(struct br_vlan_msg)";
        BRIDGE_VLANDB_ENTRY: u16 = 1;
        BRIDGE_VLANDB_ENTRY_INFO: u16 = 1;
        BRIDGE_VLANDB_ENTRY_RANGE: u16 = 2;
        BRIDGE_VLAN_INFO_PVID: u16 = 2;
        BRIDGE_VLAN_INFO_UNTAGGED: u16 = 4;
    }
}

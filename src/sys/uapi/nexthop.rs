//! Nexthops that have a number.

numbers! {
    "linux/nexthop.h" {
        NHMSG: usize = 8, "sizeof(struct nhmsg)";
        NEXTHOP_GRP: usize = 8, "sizeof(struct nexthop_grp)";
        NHA_ID: u16 = 1;
        NHA_GROUP: u16 = 2;
        NHA_OIF: u16 = 5;
        NHA_GATEWAY: u16 = 6;
    }
    "linux/rtnetlink.h" {
        RTM_GETNEXTHOP: u16 = 106;
    }
}

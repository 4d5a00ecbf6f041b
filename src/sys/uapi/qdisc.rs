//! Numbers of queueing disciplines.

numbers! {
    "linux/rtnetlink.h" {
        RTNLGRP_TC: u32 = 4;
        RTM_NEWQDISC: u16 = 36;
        RTM_DELQDISC: u16 = 37;
        RTM_GETQDISC: u16 = 38;
        TC_HEADER: usize = 20, "sizeof(struct tcmsg)";
        TCA_KIND: u16 = 1;
        TCA_OPTIONS: u16 = 2;
    }
    "linux/pkt_sched.h" {
        TC_H_ROOT: u32 = 0xffff_ffff;
        TC_LINKLAYER_ETHERNET: u8 = 1;
        TC_RATE: usize = 12, "sizeof(struct tc_ratespec)";
        TC_TBF_OPTIONS: usize = 36, "sizeof(struct tc_tbf_qopt)";
        TCA_TBF_PARMS: u16 = 1;
        TCA_TBF_RATE64: u16 = 4;
        TCA_TBF_BURST: u16 = 6;
    }
}

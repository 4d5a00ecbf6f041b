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
        TC_NETEM_OPTIONS: usize = 24, "sizeof(struct tc_netem_qopt)";
        TC_NETEM_CORR: usize = 12, "sizeof(struct tc_netem_corr)";
        TC_NETEM_PAIR: usize = 8, "sizeof(struct tc_netem_reorder)";
        TC_NETEM_RATE: usize = 16, "sizeof(struct tc_netem_rate)";
        TC_NETEM_SLOT: usize = 40, "sizeof(struct tc_netem_slot)";
        TCA_NETEM_CORR: u16 = 1;
        TCA_NETEM_REORDER: u16 = 3;
        TCA_NETEM_CORRUPT: u16 = 4;
        TCA_NETEM_LOSS: u16 = 5;
        TCA_NETEM_RATE: u16 = 6;
        TCA_NETEM_ECN: u16 = 7;
        TCA_NETEM_RATE64: u16 = 8;
        TCA_NETEM_LATENCY64: u16 = 10;
        TCA_NETEM_JITTER64: u16 = 11;
        TCA_NETEM_SLOT: u16 = 12;
    }
}

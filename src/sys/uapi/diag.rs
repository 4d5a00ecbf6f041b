//! What tells of sockets.

numbers! {
    "linux/sock_diag.h" {
        SOCK_DIAG_BY_FAMILY: u16 = 20;
    }
    "linux/inet_diag.h" {
        INET_DIAG_REQUEST: usize = 56, "sizeof(struct inet_diag_req_v2)";
        INET_DIAG_ANSWER: usize = 72, "sizeof(struct inet_diag_msg)";
        INET_DIAG_REQ_BYTECODE: u16 = 1;
        INET_DIAG_SKV6ONLY: u16 = 11;
        INET_DIAG_BC_JMP: u8 = 1;
        INET_DIAG_BC_S_GE: u8 = 2;
        INET_DIAG_BC_S_LE: u8 = 3;
    }
    "netinet/tcp.h" {
        TCP_CLOSE: u32 = 7;
        TCP_LISTEN: u32 = 10;
    }
}

//! Numbers of generic netlink, and of WireGuard, which is spoken with by it.

numbers! {
    "linux/genetlink.h" {
        GENL_HEADER: usize = 4, "GENL_HDRLEN";
        GENL_ID_CTRL: u16 = 16;
        CTRL_CMD_GETFAMILY: u8 = 3;
        CTRL_ATTR_FAMILY_ID: u16 = 1;
        CTRL_ATTR_FAMILY_NAME: u16 = 2;
    }
    "linux/wireguard.h" {
        WG_GENL_VERSION: u8 = 1;
        WG_CMD_GET_DEVICE: u8 = 0;
        WG_CMD_SET_DEVICE: u8 = 1;
        WGDEVICE_A_IFINDEX: u16 = 1;
        WGDEVICE_A_PRIVATE_KEY: u16 = 3;
        WGDEVICE_A_LISTEN_PORT: u16 = 6;
        WGDEVICE_A_FWMARK: u16 = 7;
        WGDEVICE_A_PEERS: u16 = 8;
        WGPEER_A_PUBLIC_KEY: u16 = 1;
        WGPEER_A_PRESHARED_KEY: u16 = 2;
        WGPEER_A_FLAGS: u16 = 3;
        WGPEER_A_ENDPOINT: u16 = 4;
        WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL: u16 = 5;
        WGPEER_A_LAST_HANDSHAKE_TIME: u16 = 6;
        WGPEER_A_ALLOWEDIPS: u16 = 9;
        WGPEER_F_REMOVE_ME: u32 = 1;
        WGPEER_F_REPLACE_ALLOWEDIPS: u32 = 2;
        WGALLOWEDIP_A_FAMILY: u16 = 1;
        WGALLOWEDIP_A_IPADDR: u16 = 2;
        WGALLOWEDIP_A_CIDR_MASK: u16 = 3;
    }
    "netinet/in.h" {
        SOCKADDR_IN: usize = 16, "sizeof(struct sockaddr_in)";
        SOCKADDR_IN6: usize = 28, "sizeof(struct sockaddr_in6)";
    }
}

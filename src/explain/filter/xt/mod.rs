//! What iptables brings: conditions and deeds with data of their own, as nf_tables and the
//! old kind keep them. The layouts are those of linux/netfilter/xt_*.h.

mod condition;
mod deed;

use std::net::IpAddr;

pub(super) use condition::holds;
pub(super) use deed::{refusal, rewrite, target};

/// The data of a condition or a deed. What is behind its end is 0.
#[derive(Clone, Copy)]
pub(super) struct Info<'a>(pub(super) &'a [u8]);

impl Info<'_> {
    fn bytes<const N: usize>(self, at: usize) -> [u8; N] {
        let bytes = self
            .0
            .get(at..at + N)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.unwrap_or([0; N])
    }

    pub(super) fn u8(self, at: usize) -> u8 {
        self.bytes::<1>(at)[0]
    }

    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_ne_bytes(self.bytes(at))
    }

    /// In the order of the network.
    pub(super) fn port(self, at: usize) -> u16 {
        u16::from_be_bytes(self.bytes(at))
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(at))
    }

    /// An address in the 16 bytes that both families have (`union nf_inet_addr`).
    pub(super) fn address(self, at: usize, six: bool) -> IpAddr {
        match six {
            false => IpAddr::from(self.bytes::<4>(at)),
            true => IpAddr::from(self.bytes::<16>(at)),
        }
    }
}

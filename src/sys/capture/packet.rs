//! Packets, the devices that had them, and who is told.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::state::{IfName, LabName, Mac, Netns};

/// What stands at the beginning of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Medium {
    /// An Ethernet header.
    Ethernet,
    /// An IP header: the device is a tunnel.
    Ip,
}

/// How a packet met the device (packet(7), `sll_pkttype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It came in, for this host.
    Here,
    /// It came in, for all.
    Broadcast,
    /// It came in, for a group.
    Multicast,
    /// It came in, for somebody else.
    Elsewhere,
    /// It went out.
    Out,
}

impl Seen {
    pub(super) fn of(kind: u8) -> Self {
        match kind {
            libc::PACKET_BROADCAST => Seen::Broadcast,
            libc::PACKET_MULTICAST => Seen::Multicast,
            libc::PACKET_OTHERHOST => Seen::Elsewhere,
            libc::PACKET_OUTGOING => Seen::Out,
            _ => Seen::Here,
        }
    }
}

/// A device that is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Where it is.
    pub netns: Netns,
    /// Its name there.
    pub dev: IfName,
    /// Whose namespace it is.
    pub lab: Option<LabName>,
    /// How its packets begin.
    pub medium: Medium,
    /// Its address.
    pub mac: Option<Mac>,
}

/// A packet, as a device had it.
#[derive(Debug)]
pub struct Packet<'p> {
    /// Which of the [`Interface`]s.
    pub interface: usize,
    /// When, since 1970, by the kernel's clock.
    pub time: Duration,
    /// How it met the device.
    pub seen: Seen,
    /// How long it was, before it was cut.
    pub length: u32,
    /// The packet, from its first header on; a VLAN tag is in its place.
    pub bytes: &'p [u8],
}

/// How many packets an interface had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets that were handed on.
    pub captured: u64,
    /// Packets that the kernel had for the capture: those, those that it dropped, and what
    /// came after the last that was wanted.
    pub received: u64,
    /// Packets that the kernel dropped, because they came faster than they were read.
    pub dropped: u64,
}

/// Who is told of packets.
pub trait Log {
    /// A packet; they come in the order of their times.
    fn packet(&mut self, packet: &Packet<'_>) -> ControlFlow<()>;
    /// A device has come, and is listened to from now on: the next of the [`Interface`]s.
    fn came(&mut self, interface: &Interface);
    /// A device has come, and cannot be listened to.
    fn missed(&mut self, interface: &Interface, why: &str);
    /// A device has gone, or its namespace.
    fn gone(&mut self, interface: &Interface);
    /// All packets there are have been told of.
    fn pause(&mut self) -> ControlFlow<()>;
}

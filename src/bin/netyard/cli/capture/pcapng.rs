//! The file format of Wireshark (draft-ietf-opsawg-pcapng): four kinds of blocks, each with
//! options. Numbers are in this machine's order, which the first block tells.

use std::io::{self, Write};
use std::time::Duration;

use netyard::capture::{Count, Interface, Medium, Packet, Seen};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

/// A file that is written.
pub(super) struct File<W: Write> {
    out: W,
    /// Of one block; kept, as most are packets.
    block: Vec<u8>,
    about: About,
}

/// What is said of all packets.
pub(super) struct About {
    pub(super) snaplen: u32,
    pub(super) filter: Option<String>,
}

impl<W: Write> File<W> {
    /// Begins with what is known of the interfaces.
    pub(super) fn begin(out: W, interfaces: &[Interface], about: About) -> io::Result<Self> {
        let mut file = File {
            out,
            block: Vec::new(),
            about,
        };
        // The order of bytes, version 1.0, and a length that is not known.
        file.numbers(&[0x1a2b_3c4d]);
        file.block
            .extend([1u16, 0].into_iter().flat_map(u16::to_ne_bytes));
        file.numbers(&[u32::MAX, u32::MAX]);
        let program = concat!("netyard ", env!("CARGO_PKG_VERSION"));
        file.option(4, program.as_bytes());
        file.end(SECTION)?;
        interfaces.iter().try_for_each(|one| file.interface(one))?;
        Ok(file)
    }

    /// One more.
    pub(super) fn interface(&mut self, one: &Interface) -> io::Result<()> {
        // tcpdump.org/linktypes.html: LINKTYPE_ETHERNET and LINKTYPE_RAW.
        let link: u16 = match one.medium {
            Medium::Ethernet => 1,
            Medium::Ip => 101,
        };
        self.block.extend(link.to_ne_bytes());
        self.block.extend([0, 0]);
        self.numbers(&[self.about.snaplen]);
        let (netns, dev) = (&one.netns, &one.dev);
        self.option(2, format!("{netns}:{dev}").as_bytes());
        self.option(3, format!("device {dev} in namespace {netns}").as_bytes());
        let whose = match &one.lab {
            Some(lab) => format!("namespace {netns} of lab {lab}"),
            None => format!("namespace {netns}"),
        };
        self.option(1, whose.as_bytes());
        if let Some(mac) = &one.mac {
            self.option(6, &mac.0);
        }
        // Times in units of 10^-9 seconds.
        self.option(9, &[9]);
        if let Some(filter) = self.about.filter.clone() {
            // Of the kind that libpcap compiles.
            self.option(11, &[&[0], filter.as_bytes()].concat());
        }
        self.end(INTERFACE)
    }

    /// A packet.
    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let [high, low] = halves(packet.time);
        let captured = packet.bytes.len() as u32;
        let interface = packet.interface as u32;
        self.numbers(&[interface, high, low, captured, packet.length]);
        self.padded(packet.bytes);
        self.option(2, &flags(packet.seen).to_ne_bytes());
        self.end(PACKET)
    }

    /// What the kernel counted, when all is over.
    pub(super) fn finish(&mut self, counts: &[Count], now: Duration) -> io::Result<()> {
        for (number, count) in counts.iter().enumerate() {
            let [high, low] = halves(now);
            self.numbers(&[number as u32, high, low]);
            self.option(4, &count.received.to_ne_bytes());
            self.option(5, &count.dropped.to_ne_bytes());
            self.option(8, &count.captured.to_ne_bytes());
            self.end(STATISTICS)?;
        }
        self.out.flush()
    }

    /// Nothing stays behind: somebody may be reading.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn numbers(&mut self, numbers: &[u32]) {
        let bytes = numbers.iter().flat_map(|number| number.to_ne_bytes());
        self.block.extend(bytes);
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.block.extend(code.to_ne_bytes());
        self.block.extend((value.len() as u16).to_ne_bytes());
        self.padded(value);
    }

    /// Ends the options and writes the block, whose length stands on both sides.
    fn end(&mut self, kind: u32) -> io::Result<()> {
        self.numbers(&[0]);
        let length = (self.block.len() + 12) as u32;
        self.out.write_all(&kind.to_ne_bytes())?;
        self.out.write_all(&length.to_ne_bytes())?;
        self.out.write_all(&self.block)?;
        self.block.clear();
        self.out.write_all(&length.to_ne_bytes())
    }
}

fn halves(time: Duration) -> [u32; 2] {
    let nanoseconds = time.as_nanos() as u64;
    [(nanoseconds >> 32) as u32, nanoseconds as u32]
}

/// `epb_flags`: its two lowest bits are the direction, the next three how it was received.
fn flags(seen: Seen) -> u32 {
    const IN: u32 = 1;
    match seen {
        Seen::Out => 2,
        Seen::Here => IN | 1 << 2,
        Seen::Multicast => IN | 2 << 2,
        Seen::Broadcast => IN | 3 << 2,
        Seen::Elsewhere => IN | 4 << 2,
    }
}

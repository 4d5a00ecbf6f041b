//! ICMP and ICMPv6 echo as bytes (RFC 792, RFC 4443).

/// Marks our echoes among those of other programs.
pub(crate) const MAGIC: &[u8; 4] = b"nyrd";
/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

/// An echo request or reply, or an error about a request, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The answer to an attempt of a probe.
    Reply {
        /// Which probe.
        probe: u32,
        /// Which of its attempts.
        attempt: u32,
    },
    /// Somebody said that the packet cannot be delivered.
    Error {
        /// Which probe.
        probe: u32,
        /// In words.
        why: &'static str,
        /// The size that fits, where the packet was too large.
        fits: Option<u32>,
    },
}

impl Heard {
    /// Which probe it is about.
    pub(crate) fn probe(&self) -> u32 {
        match self {
            Heard::Reply { probe, .. } | Heard::Error { probe, .. } => *probe,
        }
    }
}

/// The smallest packet that holds our marks, with its IPv6 header.
pub(crate) const SMALLEST: u32 = 64;

/// An echo request for an attempt of a probe, as large as asked for with its IP
/// header. Its run tells it from those of others that run at the same time. The
/// kernel fills in the checksum of ICMPv6.
pub(crate) fn request(v6: bool, run: u32, (probe, attempt): (u32, u32), size: u32) -> Vec<u8> {
    let mut packet = vec![if v6 { 128 } else { 8 }, 0, 0, 0];
    packet.extend((run as u16).to_be_bytes());
    packet.extend((probe as u16).to_be_bytes());
    packet.extend(MAGIC);
    packet.extend(run.to_be_bytes());
    packet.extend(probe.to_be_bytes());
    packet.extend(attempt.to_be_bytes());
    let header = if v6 { 40 } else { 20 };
    packet.resize(packet.len().max((size as usize).saturating_sub(header)), 0);
    if !v6 {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// The internet checksum (RFC 1071).
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [a, b] => u32::from(u16::from_be_bytes([*a, *b])),
        [a] => u32::from(*a) << 8,
        _ => 0,
    });
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// What a raw ICMP socket received, if it concerns us. IPv4 comes with its header
/// (raw(7)), ICMPv6 without.
pub(crate) fn parse(v6: bool, run: u32, bytes: &[u8]) -> Option<Heard> {
    let icmp = if v6 {
        bytes
    } else {
        bytes.get(ipv4_header(bytes)?..)?
    };
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    if kind == if v6 { 129 } else { 0 } {
        let payload = ours(run, icmp)?;
        let (probe, attempt) = (number(payload, 0)?, number(payload, 4)?);
        return Some(Heard::Reply { probe, attempt });
    }
    let why = if v6 {
        error6(kind, code)?
    } else {
        error4(kind, code)?
    };
    // An error quotes the packet it is about, from its IP header on.
    let quoted = icmp.get(HEADER..)?;
    let length = if v6 { 40 } else { ipv4_header(quoted)? };
    let echo = quoted.get(length..)?;
    let probe = match echo.get(HEADER..) {
        // A router need not quote more than the header (RFC 792), but most do.
        None | Some([]) => quoted_sequence(run, echo)?,
        Some(_) => number(ours(run, echo)?, 0)?,
    };
    let fits = fits(v6, kind, code, icmp);
    Some(Heard::Error { probe, why, fits })
}

/// The probe by the header alone.
fn quoted_sequence(run: u32, echo: &[u8]) -> Option<u32> {
    let sequence = u16::from_be_bytes(echo.get(6..8)?.try_into().ok()?);
    let is_ours = echo.get(4..6)? == (run as u16).to_be_bytes();
    is_ours.then_some(sequence.into())
}

/// The MTU of the next link in an error about a packet that was too large: RFC 1191,
/// 4 and RFC 4443, 3.2. Old routers leave it zero.
fn fits(v6: bool, kind: u8, code: u8, icmp: &[u8]) -> Option<u32> {
    let mtu = match (v6, kind, code) {
        (true, 2, _) => number(icmp, 4)?,
        (false, 3, 4) => number(icmp, 4)? & 0xffff,
        _ => return None,
    };
    (mtu >= SMALLEST).then_some(mtu)
}

fn ours(run: u32, icmp: &[u8]) -> Option<&[u8]> {
    let payload = icmp.get(HEADER..)?.strip_prefix(MAGIC)?;
    payload.strip_prefix(&run.to_be_bytes())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn ipv4_header(bytes: &[u8]) -> Option<usize> {
    Some(usize::from(bytes.first()? & 0x0f) * 4)
}

/// RFC 792 and RFC 1812, 5.2.7.1.
fn error4(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (3, 0 | 6 | 11) => "network unreachable",
        (3, 1 | 7 | 12) => "host unreachable: nobody answers to this address there",
        (3, 2 | 3) => "port or protocol unreachable",
        (3, 4) => "the packet is too large for a link on the way",
        (3, 9 | 10 | 13) => "forbidden by a filter",
        (3, _) => "unreachable",
        (11, _) => "the hops ran out: the routes go in a circle",
        _ => return None,
    })
}

/// RFC 4443, 3.
fn error6(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (1, 0) => "no route to the destination",
        (1, 1 | 5 | 6) => "forbidden by a filter",
        (1, 3) => "host unreachable: nobody answers to this address there",
        (1, 4) => "port unreachable",
        (1, _) => "unreachable",
        (2, _) => "the packet is too large for a link on the way",
        (3, _) => "the hops ran out: the routes go in a circle",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ip(icmp: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45; 20];
        packet.extend(icmp);
        packet
    }

    #[test]
    fn a_reply_is_known_by_its_identifier_and_payload() {
        let mut echo = request(false, 7, (70_000, 2), SMALLEST);
        assert_eq!(
            checksum(&echo),
            0,
            "a packet with its checksum sums to zero"
        );
        echo[0] = 0;
        let heard = Some(Heard::Reply {
            probe: 70_000,
            attempt: 2,
        });
        assert_eq!(parse(false, 7, &with_ip(&echo)), heard);
        assert_eq!(parse(false, 8, &with_ip(&echo)), None, "another program's");
        let mut echo = request(true, 7, (1, 0), SMALLEST);
        echo[0] = 129;
        assert_eq!(
            parse(true, 7, &echo),
            Some(Heard::Reply {
                probe: 1,
                attempt: 0
            })
        );
    }

    #[test]
    fn an_error_is_known_by_the_packet_it_quotes() {
        let mut error = vec![3, 1, 0, 0, 0, 0, 0, 0];
        error.extend(with_ip(&request(false, 7, (5, 0), SMALLEST)));
        let heard = parse(false, 7, &with_ip(&error));
        assert!(
            matches!(heard, Some(Heard::Error { probe: 5, .. })),
            "{heard:?}"
        );
        assert_eq!(parse(false, 9, &with_ip(&error)), None);
        let other = 7 | 1 << 24;
        assert_eq!(
            parse(false, other, &with_ip(&error)),
            None,
            "another part's"
        );
        let short = &with_ip(&error)[..20 + 8 + 20 + 8];
        assert_eq!(parse(false, 7, short), heard, "no more than must be quoted");
    }

    #[test]
    fn a_packet_is_as_large_as_asked() {
        assert_eq!(request(false, 7, (1, 0), 1500).len() + 20, 1500);
        assert_eq!(request(true, 7, (1, 0), 1500).len() + 40, 1500);
        assert_eq!(request(true, 7, (1, 0), SMALLEST).len() + 40, 64);
    }

    #[test]
    fn an_error_tells_which_size_fits() {
        let mut error = vec![3, 4, 0, 0, 0, 0, 5, 120];
        error.extend(with_ip(&request(false, 7, (70_000, 0), 1500)));
        let heard = parse(false, 7, &with_ip(&error));
        let why = "the packet is too large for a link on the way";
        let fits = Some(1400);
        let probe = 70_000;
        assert_eq!(heard, Some(Heard::Error { probe, why, fits }));
    }

    #[test]
    fn short_packets_are_nothing() {
        for length in 0..40 {
            assert_eq!(parse(false, 7, &vec![0x45; length]), None);
            assert_eq!(parse(true, 7, &vec![1; length]), None);
        }
    }
}

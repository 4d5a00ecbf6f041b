//! TCP, with numbers that count from the beginning of a stream, where that was seen.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use etherparse::TcpSlice;

/// Streams by their ends, and the number of each one's SYN.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<[SocketAddr; 2], u32>);

/// So many are remembered; then all are forgotten, and numbers are the packets' own.
const MOST: usize = 65_536;

impl Streams {
    /// A segment of this length, with its header.
    pub(super) fn told(&mut self, ends: [IpAddr; 2], tcp: &TcpSlice<'_>, length: usize) -> String {
        let [from, to] = ends;
        let from = SocketAddr::new(from, tcp.source_port());
        let to = SocketAddr::new(to, tcp.destination_port());
        let seq = tcp.sequence_number();
        if tcp.syn() {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert([from, to], seq);
        }
        let since = |stream| self.0.get(&stream).copied().unwrap_or(0);
        // That of a SYN itself is told in full, as tcpdump does.
        let seq = match tcp.syn() {
            true => seq,
            false => seq.wrapping_sub(since([from, to])),
        };
        let ack = tcp.acknowledgment_number();
        let ack = ack.wrapping_sub(since([to, from]));
        text(tcp, seq, ack, length)
    }
}

fn text(tcp: &TcpSlice<'_>, seq: u32, ack: u32, length: usize) -> String {
    let flags = flags(tcp);
    let length = length.saturating_sub(tcp.header_slice().len());
    let mut text = format!("Flags [{flags}]");
    if length > 0 {
        text += &format!(", seq {seq}:{}", seq.wrapping_add(length as u32));
    } else if tcp.syn() || tcp.fin() || tcp.rst() {
        text += &format!(", seq {seq}");
    }
    if tcp.ack() {
        text += &format!(", ack {ack}");
    }
    text + &format!(", win {}, length {length}", tcp.window_size())
}

fn flags(tcp: &TcpSlice<'_>) -> String {
    let all = [
        (tcp.fin(), 'F'),
        (tcp.syn(), 'S'),
        (tcp.rst(), 'R'),
        (tcp.psh(), 'P'),
        (tcp.ack(), '.'),
        (tcp.urg(), 'U'),
        (tcp.ece(), 'E'),
        (tcp.cwr(), 'W'),
    ];
    let set: String = all.iter().filter(|(set, _)| *set).map(|(_, c)| c).collect();
    if set.is_empty() {
        "none".to_owned()
    } else {
        set
    }
}

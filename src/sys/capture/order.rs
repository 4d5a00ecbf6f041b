//! Packets of several rings in the order of their times: each ring hands over its packets
//! when a block is full or old enough, not when its neighbours do.

use std::ops::ControlFlow;
use std::time::Duration;

use super::ring::Frame;
use super::{Packet, Seen};

/// Packets that wait for those before them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    heads: Vec<Head>,
    /// Their bytes, one after the other in the order in which they came.
    bytes: Vec<u8>,
    /// How many of them belong to packets that were handed on.
    spent: usize,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    time: Duration,
    interface: usize,
    seen: Seen,
    length: u32,
    start: usize,
    end: usize,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(super) fn add(&mut self, interface: usize, frame: &Frame<'_>) {
        let start = self.bytes.len();
        let tag = (frame.append_to(&mut self.bytes) - frame.bytes.len()) as u32;
        let end = self.bytes.len();
        self.heads.push(Head {
            time: frame.time,
            interface,
            seen: frame.seen,
            length: frame.length + tag,
            start,
            end,
        });
    }

    /// Hands on all that are as old as this, or older.
    pub(super) fn hand_on(
        &mut self,
        until: Duration,
        each: &mut dyn FnMut(&Packet<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // Those of one time stay in the order in which they came.
        self.heads.sort_by_key(|head| head.time);
        let ready = self.heads.partition_point(|head| head.time <= until);
        for head in self.heads.drain(..ready) {
            self.spent += head.end - head.start;
            each(&Packet {
                interface: head.interface,
                time: head.time,
                seen: head.seen,
                length: head.length,
                bytes: &self.bytes[head.start..head.end],
            })?;
        }
        self.close_up();
        ControlFlow::Continue(())
    }

    /// Forgets the bytes of those that were handed on, once they are most of them.
    fn close_up(&mut self) {
        if self.spent * 2 < self.bytes.len() {
            return;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.spent);
        for head in &mut self.heads {
            let start = bytes.len();
            bytes.extend_from_slice(&self.bytes[head.start..head.end]);
            (head.start, head.end) = (start, bytes.len());
        }
        (self.bytes, self.spent) = (bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(time: u64, bytes: &[u8]) -> Frame<'_> {
        Frame {
            time: Duration::from_nanos(time),
            seen: Seen::Here,
            length: bytes.len() as u32,
            bytes,
            most: usize::MAX,
            tag: None,
        }
    }

    fn handed_on(waiting: &mut Waiting, until: u64) -> Vec<(u64, usize, Vec<u8>)> {
        let mut all = Vec::new();
        let _ = waiting.hand_on(Duration::from_nanos(until), &mut |packet| {
            let time = packet.time.as_nanos() as u64;
            all.push((time, packet.interface, packet.bytes.to_vec()));
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn the_older_comes_first_whoever_told_it() {
        let mut waiting = Waiting::default();
        waiting.add(0, &frame(30, b"third"));
        waiting.add(0, &frame(50, b"fourth"));
        waiting.add(1, &frame(10, b"first"));
        waiting.add(1, &frame(20, b"second"));
        let early = handed_on(&mut waiting, 30);
        let texts: Vec<&[u8]> = early.iter().map(|(_, _, bytes)| bytes.as_slice()).collect();
        assert_eq!(texts, [b"first".as_slice(), b"second", b"third"]);
        waiting.add(1, &frame(40, b"late"));
        let rest = handed_on(&mut waiting, u64::MAX);
        assert_eq!(
            rest,
            [(40, 1, b"late".to_vec()), (50, 0, b"fourth".to_vec())]
        );
        assert!(waiting.is_empty() && waiting.bytes.is_empty());
    }

    #[test]
    fn a_tag_goes_back_to_its_place() {
        let bytes = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0, 0x45];
        let tagged = Frame {
            tag: Some([0x8100, 10]),
            ..frame(1, &bytes)
        };
        let mut waiting = Waiting::default();
        waiting.add(0, &tagged);
        let _ = waiting.hand_on(Duration::MAX, &mut |packet| {
            assert_eq!(packet.bytes[10..], [2, 2, 0x81, 0, 0, 10, 8, 0, 0x45]);
            assert_eq!(packet.length, 19);
            ControlFlow::Continue(())
        });
    }
}

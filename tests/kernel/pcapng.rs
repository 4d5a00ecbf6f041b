//! pcapng files, as another would read them who has only the format's text
//! (draft-ietf-opsawg-pcapng), and as tcpdump reads them.

use std::fs;

use crate::sandbox::sh;

/// A file.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Name and comment of each interface.
    pub(crate) interfaces: Vec<(String, String)>,
    pub(crate) packets: Vec<Packet>,
    /// By interface: received, dropped, handed on.
    pub(crate) statistics: Vec<[u64; 3]>,
}

#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) interface: usize,
    pub(crate) time: u64,
    pub(crate) length: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) flags: u32,
}

impl File {
    /// Reads a file that must be whole.
    #[track_caller]
    pub(crate) fn read(path: &str) -> Self {
        let bytes = fs::read(path).expect("a file");
        let (mut file, mut rest) = (File::default(), bytes.as_slice());
        while !rest.is_empty() {
            let length = u32_at(rest, 4) as usize;
            let (block, after) = rest.split_at_checked(length).expect("a whole block");
            assert_eq!(u32_at(block, length - 4) as usize, length, "at both ends");
            file.block(u32_at(block, 0), &block[8..length - 4]);
            rest = after;
        }
        file
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        match kind {
            0x0a0d_0d0a => assert_eq!(u32_at(body, 0), 0x1a2b_3c4d),
            1 => {
                let told = options(&body[8..]);
                let text = |code| String::from_utf8(one(&told, code)).expect("a text");
                assert_eq!(one(&told, 9), [9], "nanoseconds");
                self.interfaces.push((text(2), text(1)));
            }
            5 => {
                assert_eq!(u32_at(body, 0) as usize, self.statistics.len());
                let told = options(&body[12..]);
                let number =
                    |code| u64::from_ne_bytes(one(&told, code).try_into().expect("eight bytes"));
                self.statistics.push([4, 5, 8].map(number));
            }
            6 => {
                let captured = u32_at(body, 12) as usize;
                let told = options(&body[20 + captured.next_multiple_of(4)..]);
                let time = (u64::from(u32_at(body, 4)) << 32) + u64::from(u32_at(body, 8));
                self.packets.push(Packet {
                    interface: u32_at(body, 0) as usize,
                    time,
                    length: u32_at(body, 16),
                    bytes: body[20..20 + captured].to_vec(),
                    flags: u32_at(&one(&told, 2), 0),
                });
            }
            _ => panic!("a block of type {kind}"),
        }
    }

    /// The names of the interfaces that these packets were seen at, with the direction, in
    /// the order of the file.
    pub(crate) fn way(&self, is: impl Fn(&[u8]) -> bool) -> Vec<String> {
        let packets = self.packets.iter().filter(|packet| is(&packet.bytes));
        let place = |packet: &Packet| {
            let way = if packet.flags & 3 == 2 { "out" } else { "in" };
            format!("{} {way}", self.interfaces[packet.interface].0)
        };
        packets.map(place).collect()
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let short = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        let (code, length) = (short(0), usize::from(short(2)));
        if code == 0 {
            assert_eq!(bytes.len(), 4, "nothing after the last");
            return all;
        }
        all.push((code, bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
}

#[track_caller]
fn one(options: &[(u16, Vec<u8>)], code: u16) -> Vec<u8> {
    let found = options.iter().find(|(known, _)| *known == code);
    found.expect("an option").1.clone()
}

/// The lines of the real tcpdump. As root it becomes a user that is none in here: so it is
/// started as one who has no rights.
pub(crate) fn tcpdump(path: &str) -> Vec<String> {
    sh(&format!("chmod 644 {path}"));
    let said = sh(&format!("unshare -U tcpdump -t -nr {path} 2>/dev/null"));
    said.lines().map(str::to_owned).collect()
}

/// The same of the real tshark, where there is one: the interfaces' names by packet.
pub(crate) fn tshark(path: &str) -> Option<Vec<String>> {
    let there = sh("command -v tshark || true");
    (!there.is_empty()).then(|| {
        let said = sh(&format!(
            "tshark -r {path} -T fields -e frame.interface_name 2>/dev/null"
        ));
        said.lines().map(str::to_owned).collect()
    })
}

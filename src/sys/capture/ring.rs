//! A packet socket on one device, with the ring that the kernel writes packets into
//! (Documentation/networking/packet_mmap.rst, TPACKET_V3). It holds four times what a receive
//! buffer of that size holds, and needs no call for each packet (docs/kernel-notes.md).
#![allow(unsafe_code)]

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::filter::Program;
use super::{Medium, Programs, Seen};
use crate::state::IfName;
use crate::sys::netlink::attr::u32_at;
use crate::sys::sockopt;

/// Blocks are handed over one by one; one holds the longest packet that there is without
/// jumbograms, which a device with segmentation offload sends in one piece.
const BLOCK: usize = 128 * 1024;
/// Blocks of one ring; with one alone nothing could be written while it is read.
const FEWEST: usize = 2;
/// Only a divisor of a block: packets take what they need in this version.
const FRAME: usize = 2048;

/// A socket that captures.
#[derive(Debug)]
pub(super) struct Tap {
    socket: OwnedFd,
    ring: NonNull<u8>,
    blocks: usize,
    next: usize,
    program: Program,
    counted: Counted,
}

// SAFETY: the ring is mapped for the whole process, and belongs to this value alone.
unsafe impl Send for Tap {}

/// What the kernel counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// Packets that the filter let pass, with those dropped.
    pub(super) received: u64,
    /// Those for which the ring had no room.
    pub(super) dropped: u64,
}

/// A packet in the ring.
#[derive(Debug)]
pub(super) struct Frame<'r> {
    /// Since 1970.
    pub(super) time: Duration,
    pub(super) seen: Seen,
    pub(super) length: u32,
    pub(super) bytes: &'r [u8],
    /// A tag that the kernel keeps beside it: type and contents.
    pub(super) tag: Option<[u16; 2]>,
    /// No more of it is wanted. The kernel has cut it already, if it was asked to filter, but
    /// for the tag.
    pub(super) most: usize,
}

/// What the packets of a device in the socket's namespace begin with. Not a packet socket:
/// one that is closed waits for the kernel.
pub(super) fn medium(socket: BorrowedFd<'_>, dev: &IfName) -> io::Result<Medium> {
    // SAFETY: all zeros are a request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(dev.as_str().bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the request is live, and its name ends with a zero: it is shorter than the field.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFHWADDR, &raw mut request) };
    checked(done)?;
    // SAFETY: the call has written an address.
    let kind = unsafe { request.ifr_ifru.ifru_hwaddr }.sa_family;
    Ok(match kind {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Medium::Ethernet,
        _ => Medium::Ip,
    })
}

/// Frames with their headers; of what has none, or one of its own kind, what is in them.
fn packet_socket(medium: Medium) -> io::Result<OwnedFd> {
    let kind = match medium {
        Medium::Ethernet => libc::SOCK_RAW,
        Medium::Ip => libc::SOCK_DGRAM,
    };
    // Of protocol 0: it hears nothing until it is bound.
    // SAFETY: no memory is passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) };
    checked(fd)?;
    // SAFETY: the descriptor was just opened, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn checked(result: i32) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// What a socket is to be opened with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Bytes of the ring.
    pub(super) size: usize,
    /// A block that is not full is handed over after this.
    pub(super) patience: Duration,
}

impl Tap {
    /// Opens a socket in the namespace that the thread is in. The filter stands, and the ring,
    /// before the first packet comes.
    pub(super) fn open(medium: Medium, mut programs: Programs, room: Room) -> io::Result<Self> {
        let program = programs.remove(&medium);
        let unfit = || io::Error::other("the filter cannot be about its packets");
        let program = program.ok_or_else(unfit)?;
        let socket = packet_socket(medium)?;
        if let Some(code) = program.for_kernel() {
            attach(socket.as_fd(), code)?;
        }
        let option = |option, value: &[u8]| {
            sockopt::set_bytes(socket.as_fd(), libc::SOL_PACKET, option, value)
        };
        let version = libc::tpacket_versions::TPACKET_V3 as i32;
        option(libc::PACKET_VERSION, &version.to_ne_bytes())?;
        let blocks = (room.size / BLOCK).max(FEWEST);
        let numbers = [
            BLOCK as u32,
            blocks as u32,
            FRAME as u32,
            (blocks * (BLOCK / FRAME)) as u32,
            room.patience.as_millis() as u32,
            0,
            0,
        ];
        let request: Vec<u8> = numbers.into_iter().flat_map(u32::to_ne_bytes).collect();
        option(libc::PACKET_RX_RING, &request)?;
        let ring = mapped(socket.as_fd(), blocks * BLOCK)?;
        Ok(Tap {
            socket,
            ring,
            blocks,
            next: 0,
            program,
            counted: Counted::default(),
        })
    }

    /// Bytes of the ring.
    pub(super) fn size(&self) -> usize {
        self.blocks * BLOCK
    }

    /// Hears a device of its namespace, from now on.
    pub(super) fn bind(&self, index: u32) -> io::Result<()> {
        // On the loopback device each packet goes out and comes in: once is enough, as in
        // tcpdump. Kernels before 4.20 have no such option.
        if index == LOOPBACK {
            let _ = sockopt::set_bytes(
                self.socket.as_fd(),
                libc::SOL_PACKET,
                libc::PACKET_IGNORE_OUTGOING,
                &1i32.to_ne_bytes(),
            );
        }
        // SAFETY: all zeros are an address.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index as i32;
        let length = size_of_val(&address) as libc::socklen_t;
        let fd = self.socket.as_raw_fd();
        // SAFETY: the address is live and of this length.
        checked(unsafe { libc::bind(fd, (&raw const address).cast(), length) })
    }

    /// Whether the device has gone, or has left the namespace: the kernel then binds the
    /// socket to none (`packet_notifier`, net/packet/af_packet.c). One that is only down has not.
    pub(super) fn is_gone(&self) -> io::Result<bool> {
        // SAFETY: all zeros are an address.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&address) as libc::socklen_t;
        let fd = self.socket.as_raw_fd();
        // SAFETY: the kernel writes at most `length` bytes to the live address.
        let done = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut length) };
        checked(done)?;
        Ok(address.sll_ifindex <= 0)
    }

    /// What the kernel has counted since the socket was opened.
    pub(super) fn counted(&mut self) -> io::Result<Counted> {
        // To read them sets them to zero.
        let mut new = [0u32; 3];
        let mut length = size_of_val(&new) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to the live numbers.
        let done = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                new.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        checked(done)?;
        self.counted.received += u64::from(new[0]);
        self.counted.dropped += u64::from(new[1]);
        Ok(self.counted)
    }

    /// Gives the packets of all blocks that are full, or are as old as the patience. No more
    /// than the ring holds: others wait, too.
    pub(super) fn take(&mut self, mut each: impl FnMut(Frame<'_>)) {
        for _ in 0..self.blocks {
            // SAFETY: the ring has so many blocks, and is mapped as long as this value lives.
            let block = unsafe { self.ring.as_ptr().add(self.next * BLOCK) };
            // SAFETY: the status is an aligned number inside of the block, which the kernel
            // and this program change in turns.
            let status = unsafe { AtomicU32::from_ptr(block.add(STATUS).cast()) };
            if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                return;
            }
            // SAFETY: a block with this status is not written to by the kernel until it is
            // given back, which is after the last use of these bytes.
            let bytes = unsafe { std::slice::from_raw_parts(block, BLOCK) };
            let passes = |frame: &Frame<'_>| match frame.tag {
                None => self.program.passes(frame.bytes, frame.length),
                Some(_) => self.program.passes(&frame.whole(), frame.length + 4),
            };
            let most = self.program.snaplen as usize;
            let cut = frames(bytes).filter(passes);
            cut.map(|frame| Frame { most, ..frame }).for_each(&mut each);
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.next = (self.next + 1) % self.blocks;
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.ring.as_ptr().cast(), self.blocks * BLOCK) };
    }
}

/// LOOPBACK_IFINDEX of include/net/flow.h: the first device of each namespace.
const LOOPBACK: u32 = 1;

fn attach(socket: BorrowedFd<'_>, code: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: code.len() as u16,
        filter: code.as_ptr().cast_mut(),
    };
    // SAFETY: the program has so many instructions, which the kernel copies; the option's
    // value is the live program.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    })
}

fn mapped(socket: BorrowedFd<'_>, size: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping, which the kernel places where nothing is.
    let ring = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    match NonNull::new(ring.cast::<u8>()) {
        Some(mapped) if ring != libc::MAP_FAILED => Ok(mapped),
        _ => Err(io::Error::last_os_error()),
    }
}

const HEADER: usize = offset_of!(libc::tpacket_block_desc, hdr);
const STATUS: usize = HEADER + offset_of!(libc::tpacket_hdr_v1, block_status);
/// The sender's address stands behind the header (TPACKET_ALIGN of its size).
const ADDRESS: usize = size_of::<libc::tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);

/// The packets of a block.
fn frames(block: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let of_block = |offset| u32_at(block, HEADER + offset).unwrap_or(0);
    let count = of_block(offset_of!(libc::tpacket_hdr_v1, num_pkts));
    let mut at = of_block(offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt)) as usize;
    (0..count).map_while(move |_| {
        let header = block.get(at..)?;
        at += u32_at(header, offset_of!(libc::tpacket3_hdr, tp_next_offset))? as usize;
        frame(header)
    })
}

fn frame(header: &[u8]) -> Option<Frame<'_>> {
    let number = |offset| u32_at(header, offset);
    let short = |offset: usize| {
        let bytes = header.get(offset..offset + 2)?;
        Some(u16::from_ne_bytes(bytes.try_into().ok()?))
    };
    let status = number(offset_of!(libc::tpacket3_hdr, tp_status))?;
    let captured = number(offset_of!(libc::tpacket3_hdr, tp_snaplen))? as usize;
    let start = usize::from(short(offset_of!(libc::tpacket3_hdr, tp_mac))?);
    let beside = offset_of!(libc::tpacket3_hdr, hv1);
    let tci = number(beside + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci))?;
    let tpid = short(beside + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid))?;
    let tpid = match status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => libc::ETH_P_8021Q as u16,
        _ => tpid,
    };
    let tagged = status & libc::TP_STATUS_VLAN_VALID != 0;
    Some(Frame {
        time: Duration::new(
            number(offset_of!(libc::tpacket3_hdr, tp_sec))?.into(),
            number(offset_of!(libc::tpacket3_hdr, tp_nsec))?.min(999_999_999),
        ),
        seen: Seen::of(*header.get(ADDRESS + offset_of!(libc::sockaddr_ll, sll_pkttype))?),
        length: number(offset_of!(libc::tpacket3_hdr, tp_len))?,
        bytes: header.get(start..start + captured)?,
        tag: tagged.then_some([tpid, tci as u16]),
        most: usize::MAX,
    })
}

/// The addresses of a frame, which a tag follows.
const MACS: usize = 12;

impl Frame<'_> {
    /// Its bytes, with the tag in its place; how many that was before it was cut.
    pub(super) fn append_to(&self, all: &mut Vec<u8>) -> usize {
        let start = all.len();
        match self.tag {
            Some(tag) if self.bytes.len() >= MACS => {
                all.extend_from_slice(&self.bytes[..MACS]);
                all.extend(tag.into_iter().flat_map(u16::to_be_bytes));
                all.extend_from_slice(&self.bytes[MACS..]);
            }
            _ => all.extend_from_slice(self.bytes),
        }
        let length = all.len() - start;
        all.truncate(start.saturating_add(self.most));
        length
    }

    fn whole(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.bytes.len() + 4);
        self.append_to(&mut all);
        all
    }
}

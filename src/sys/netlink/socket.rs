//! The one netlink socket: blocking, bound to the namespace it was opened in,
//! many requests in one send. No policy: what the kernel refuses comes back as
//! it said it.

mod message;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

pub(crate) use super::attr::{u16_at, u32_at};
use super::{KernelError, trace};
use crate::sys::sockopt;
pub(crate) use crate::sys::uapi::{
    HEADER, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_EXCL,
    NLM_F_REPLACE, NLMSG_DONE, NLMSG_ERROR,
};
use message::{Message, decode, encode, error};

/// What one send may hold. The kernel works through a send in one go, deaf to
/// signals; this keeps it to some tens of milliseconds.
const SEND: usize = 32 * 1024;
/// How many requests one send may hold: were all refused, so many answers still fit
/// into the socket's receive queue. Some 200 of the usual size would overflow it
/// (ENOBUFS), and with it would go who was refused.
const REQUESTS: usize = 100;
/// The kernel sizes the pieces of a dump by the reader's buffer, up to 32 KiB.
const RECEIVE: usize = 64 * 1024;
/// How often a dump is read again when the kernel says that it changed meanwhile.
const DUMP_TRIES: usize = 8;

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A request without its header.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The message type.
    pub(crate) kind: u16,
    /// Flags beside `NLM_F_REQUEST` and `NLM_F_ACK`, which the socket sets.
    pub(crate) flags: u16,
    /// The family's header and attributes.
    pub(crate) body: Vec<u8>,
}

/// A message from the kernel: its type and what follows the header.
pub(crate) type Reply = (u16, Vec<u8>);

#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
    /// Not filled with zeros: of most only the first page is ever touched.
    received: Vec<u8>,
    /// What it is used for is no log's: there are keys in it.
    silent: bool,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace, where it stays.
    /// It hears the multicast groups whose bits are set.
    fn open(protocol: Option<rustix::net::Protocol>, groups: u32) -> io::Result<Self> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        rustix::net::bind(&fd, &netlink::SocketAddrNetlink::new(0, groups))?;
        sockopt::netlink_options(fd.as_fd())?;
        Ok(Socket {
            fd,
            sequence: 0,
            received: Vec::with_capacity(RECEIVE),
            silent: false,
        })
    }

    /// A socket for links, addresses and routes.
    pub(crate) fn route() -> io::Result<Self> {
        // NETLINK_ROUTE is 0, the default protocol.
        Self::open(None, 0)
    }

    /// A socket that hears these groups of route netlink, a bit for each.
    pub(super) fn listening(groups: u32) -> io::Result<Self> {
        Self::open(None, groups)
    }

    /// What was heard, once there is something.
    pub(super) fn heard(&mut self) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::new();
        self.receive(|message| replies.push((message.kind, message.body.to_vec())))?;
        Ok(replies)
    }

    /// A socket for the firewall table.
    pub(crate) fn netfilter() -> io::Result<Self> {
        Self::open(Some(netlink::NETFILTER), 0)
    }

    /// A socket that tells of other sockets.
    pub(crate) fn diag() -> io::Result<Self> {
        Self::open(Some(netlink::SOCK_DIAG), 0)
    }

    /// A socket for the families that have numbers only while the kernel runs.
    pub(crate) fn generic() -> io::Result<Self> {
        let socket = Self::open(Some(netlink::GENERIC), 0)?;
        Ok(Socket {
            silent: true,
            ..socket
        })
    }

    /// The cookie of the namespace that the socket is in.
    pub(crate) fn netns_cookie(&self) -> io::Result<u64> {
        sockopt::netns_cookie(self.fd.as_fd())
    }

    /// Sends the requests, as many at once as fit, and waits until the kernel has
    /// worked through all of them. The answer has one entry a request: what the
    /// kernel refused, or `None`. A refused request does not stop those after it.
    pub(crate) fn transact(
        &mut self,
        requests: &[Request],
    ) -> io::Result<Vec<Option<KernelError>>> {
        let mut results = Vec::with_capacity(requests.len());
        let mut rest = requests;
        while !rest.is_empty() {
            let mut size = 0;
            let fitting = rest.iter().take_while(|r| {
                size += HEADER + r.body.len();
                size <= SEND
            });
            let (now, later) = rest.split_at(fitting.count().clamp(1, REQUESTS));
            results.extend(self.transact_once(now)?);
            rest = later;
        }
        Ok(results)
    }

    fn transact_once(&mut self, requests: &[Request]) -> io::Result<Vec<Option<KernelError>>> {
        let acked = requests.len().saturating_sub(1);
        let (first, bytes) = self.encode_all(requests, acked);
        rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, &bytes, SendFlags::empty()))?;
        let mut results = vec![None; requests.len()];
        let last = first.wrapping_add(acked as u32);
        // Errors come in order before the answer that ends the send.
        loop {
            let mut done = false;
            self.receive(|message| {
                if message.kind != NLMSG_ERROR {
                    return;
                }
                let at = message.sequence.wrapping_sub(first) as usize;
                if let (Some(result), Some(answer)) = (results.get_mut(at), error(&message)) {
                    *result = answer;
                    done |= message.sequence == last;
                }
            })?;
            if done {
                let told = requests.iter().filter(|_| !self.silent);
                for (request, refused) in told.zip(&results) {
                    trace::done(request, refused.as_ref());
                }
                return Ok(results);
            }
        }
    }

    /// The requests as one send, and the number of the first. The answers to all
    /// would overflow the receive buffer: only the one at `acked` is asked for one.
    fn encode_all(&mut self, requests: &[Request], acked: usize) -> (u32, Vec<u8>) {
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(SEND);
        for (i, request) in requests.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let ack = if i == acked { NLM_F_ACK } else { 0 };
            encode(&mut bytes, request, ack, self.sequence);
        }
        (first, bytes)
    }

    /// Sends a netfilter batch, which the kernel takes as a whole or not at all,
    /// and says which request it refused first. `acked` is the last operation.
    pub(crate) fn batch(
        &mut self,
        requests: &[Request],
        acked: usize,
    ) -> io::Result<Option<(usize, KernelError)>> {
        let (first, bytes) = self.encode_all(requests, acked);
        sockopt::send_at_once(self.fd.as_fd(), bytes.len())?;
        let sent = || rustix::net::send(&self.fd, &bytes, SendFlags::empty());
        match rustix::io::retry_on_intr(sent) {
            Err(Errno::MSGSIZE) => {
                return Err(io::Error::other(format!(
                    "a batch of {} bytes does not fit one send: raise net.core.wmem_max",
                    bytes.len()
                )));
            }
            sent => sent?,
        };
        let (mut refused, mut answered) = (None, false);
        // All answers are in the queue when the send returns. What refuses the
        // batch itself (no right, no nf_tables, a failing commit) answers its begin,
        // and may be the only answer (nfnetlink_rcv_batch in
        // net/netfilter/nfnetlink.c).
        while self.receive_flags(RecvFlags::DONTWAIT, |message| {
            let at = message.sequence.wrapping_sub(first) as usize;
            let verdict = error(&message).filter(|_| at < requests.len());
            answered |= verdict.is_some();
            if let (None, Some(Some(failed))) = (&refused, verdict) {
                refused = Some((at, failed));
            }
        })? {}
        if !answered {
            return Err(io::Error::other("the kernel did not answer a batch"));
        }
        trace::batch(requests, refused.as_ref());
        Ok(refused)
    }

    /// Asks for a list. Reads it again when the kernel says that it changed while
    /// it was read (`NLM_F_DUMP_INTR`).
    pub(crate) fn dump(
        &mut self,
        request: &Request,
    ) -> io::Result<Result<Vec<Reply>, KernelError>> {
        self.dump_some(request, |_| true)
    }

    /// The same, of which only some entries are kept: the list may be very long.
    pub(crate) fn dump_some(
        &mut self,
        request: &Request,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Result<Vec<Reply>, KernelError>> {
        for _ in 0..DUMP_TRIES {
            self.sequence = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            encode(&mut bytes, request, NLM_F_DUMP, self.sequence);
            rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, &bytes, SendFlags::empty()))?;
            let (replies, interrupted, refused) = self.collect(&wanted)?;
            if !self.silent {
                trace::listed(request, replies.len(), refused.as_ref());
            }
            if let Some(refused) = refused {
                return Ok(Err(refused));
            }
            if !interrupted {
                return Ok(Ok(replies));
            }
        }
        Err(io::Error::other(
            "the kernel's list changed each of the 8 times it was read",
        ))
    }

    /// Asks one question that has one answer.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Result<Reply, KernelError>> {
        let mut answers = self.ask_each(std::slice::from_ref(request))?;
        let none = || io::Error::other("the kernel gave no answer");
        answers.pop().ok_or_else(none)
    }

    /// Asks questions that have one answer each, many in one send.
    pub(crate) fn ask_each(
        &mut self,
        requests: &[Request],
    ) -> io::Result<Vec<Result<Reply, KernelError>>> {
        let mut answers = Vec::with_capacity(requests.len());
        for requests in requests.chunks(REQUESTS) {
            let (first, bytes) = self.encode_all(requests, requests.len());
            rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, &bytes, SendFlags::empty()))?;
            // They come in the order of the questions.
            let until = answers.len() + requests.len();
            let mut next = first;
            while answers.len() < until {
                self.receive(|message| {
                    let answer = match error(&message) {
                        _ if message.sequence != next => return,
                        Some(None) => return,
                        Some(Some(refused)) => Err(refused),
                        None => Ok((message.kind, message.body.to_vec())),
                    };
                    answers.push(answer);
                    next = next.wrapping_add(1);
                })?;
            }
            let told = requests.iter().filter(|_| !self.silent);
            for (request, answer) in told.zip(&answers[until - requests.len()..]) {
                trace::done(request, answer.as_ref().err());
            }
        }
        Ok(answers)
    }

    /// Reads the pieces of a list up to its end.
    fn collect(
        &mut self,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> io::Result<(Vec<Reply>, bool, Option<KernelError>)> {
        let sequence = self.sequence;
        let (mut replies, mut interrupted, mut refused, mut done) =
            (Vec::new(), false, None, false);
        while !done {
            self.receive(|message| {
                if message.sequence != sequence {
                    return;
                }
                interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR => {
                        done = true;
                        refused = error(&message).flatten();
                    }
                    kind if wanted(message.body) => replies.push((kind, message.body.to_vec())),
                    _ => {}
                }
            })?;
        }
        Ok((replies, interrupted, refused))
    }

    /// Waits for one datagram and hands out the messages in it.
    fn receive(&mut self, each: impl FnMut(Message<'_>)) -> io::Result<()> {
        self.receive_flags(RecvFlags::empty(), each).map(|_| ())
    }

    /// The same; says whether there may be more. With `DONTWAIT` an empty queue is
    /// the end, and a queue that overflowed is no error: refusals come in order, so
    /// that the first are there (netlink_overrun in net/netlink/af_netlink.c).
    fn receive_flags(
        &mut self,
        flags: RecvFlags,
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<bool> {
        let received = rustix::io::retry_on_intr(|| {
            self.received.clear();
            let room = spare_capacity(&mut self.received);
            rustix::net::recv(&self.fd, room, flags | RecvFlags::TRUNC)
        });
        let (got, length) = match received {
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::NOBUFS) if flags.contains(RecvFlags::DONTWAIT) => return Ok(true),
            received => received?,
        };
        if length > got {
            return Err(io::Error::other("a netlink answer is larger than 64 KiB"));
        }
        let mut bytes = &self.received[..];
        while let Some((message, rest)) = decode(bytes) {
            each(message);
            bytes = rest;
        }
        Ok(true)
    }
}

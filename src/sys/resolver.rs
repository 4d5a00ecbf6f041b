//! Serves names in namespaces: a socket for UDP and one for TCP in each (RFC 1035, section 4.2).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(feature = "testing")]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(feature = "testing")]
use std::thread::JoinHandle;
use std::time::Duration;

use super::netns;
use super::wait::readable;
use crate::names::{Name, RESOLVER, answer};
use crate::state::Netns;

/// What a namespace's resolver answers.
pub(crate) type Served = (Netns, Vec<Name>);

/// A resolver of one namespace.
#[derive(Debug)]
pub(crate) struct Resolver {
    udp: UdpSocket,
    tcp: TcpListener,
    names: Arc<Vec<Name>>,
    /// How many ask by TCP: those of one namespace take nothing from others.
    askers: Arc<AtomicUsize>,
}

/// The most that an answer by UDP may be, unless the asker says that he takes more (RFC 6891),
/// which nobody needs here.
const UDP: usize = 512;
/// How long somebody may take to ask by TCP, and how many at once.
const TCP: Duration = Duration::from_secs(5);
const ASKERS: usize = 64;
/// How long is waited for files to be had again.
const PAUSE: Duration = Duration::from_millis(10);

impl Resolver {
    /// In the namespace, seen from here.
    pub(crate) fn open((place, names): Served) -> io::Result<Self> {
        let place = netns::open(&place)?;
        netns::enter(place.as_ref().map(AsFd::as_fd), || Resolver::here(names))
    }

    /// In the namespace of the caller.
    pub(crate) fn here(names: Vec<Name>) -> io::Result<Self> {
        let udp = UdpSocket::bind((RESOLVER, 53))?;
        let tcp = TcpListener::bind((RESOLVER, 53))?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        Ok(Resolver {
            udp,
            tcp,
            names: Arc::new(names),
            askers: Arc::default(),
        })
    }

    /// All that has come by UDP.
    fn datagrams(&self) {
        let mut query = [0; UDP];
        while let Ok((length, from)) = self.udp.recv_from(&mut query) {
            if let Some(reply) = answer(&query[..length], &self.names, UDP) {
                // Who does not listen any more asks again, if at all.
                let _ = self.udp.send_to(&reply, from);
            }
        }
    }

    /// Those who ask by TCP, each on a thread: one may be slow.
    fn connections(&self) {
        loop {
            let stream = match self.tcp.accept() {
                Ok((stream, _)) => stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                // No file to be had (EMFILE): he still waits, and would be told of again at once.
                Err(_) => return std::thread::sleep(PAUSE),
            };
            let mine = Asker::new(&self.askers);
            if self.askers.load(Ordering::Relaxed) > ASKERS {
                continue;
            }
            let names = Arc::clone(&self.names);
            let thread = std::thread::Builder::new().spawn(move || {
                // He went, or was silent for too long.
                let _ = converse(stream, &names);
                drop(mine);
            });
            // Without a thread he is let go.
            drop(thread);
        }
    }
}

/// One who asks by TCP, counted as long as this lives.
struct Asker(Arc<AtomicUsize>);

impl Asker {
    fn new(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Asker(Arc::clone(all))
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Queries and answers, each behind its length.
fn converse(mut stream: TcpStream, names: &[Name]) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(TCP))?;
    stream.set_write_timeout(Some(TCP))?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query)?;
        let Some(reply) = answer(&query, names, usize::from(u16::MAX)) else {
            return Ok(());
        };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &reply].concat())?;
    }
}

/// Answers until `stop` can be read, or has no other end any more; without it, for ever.
pub(crate) fn serve(all: &[Resolver], stop: Option<BorrowedFd<'_>>) -> io::Result<()> {
    loop {
        let sockets = all
            .iter()
            .flat_map(|one| [one.udp.as_fd(), one.tcp.as_fd()]);
        for (at, _) in readable(sockets.chain(stop), None)? {
            match all.get(at / 2) {
                Some(one) if at % 2 == 0 => one.datagrams(),
                Some(one) => one.connections(),
                None => return Ok(()),
            }
        }
    }
}

/// A thread that serves names until this is dropped.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub(crate) struct Serving {
    /// The thread ends when it has no other end.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

#[cfg(feature = "testing")]
impl Serving {
    pub(crate) fn start(all: Vec<Resolver>) -> io::Result<Self> {
        let (stop, end) = UnixStream::pair()?;
        let thread = std::thread::spawn(move || {
            // Who asks sees that nobody answers.
            let _ = serve(&all, Some(end.as_fd()));
        });
        Ok(Serving {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

#[cfg(feature = "testing")]
impl Drop for Serving {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

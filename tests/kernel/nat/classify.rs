//! What kind of NAT a router is, found out with UDP sockets as RFC 5780 does: by what a server
//! with two addresses and two ports sees, and which of its answers come in.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use crate::matrix::within;
use crate::sandbox::until;

/// The server's addresses and ports.
pub(super) const SERVERS: [Ipv4Addr; 2] =
    [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2)];
const PORTS: [u16; 2] = [3478, 3479];

/// How long a packet is waited for that has to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// RFC 4787, 4.1 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depends {
    /// Nothing is mapped.
    NotThere,
    /// Endpoint-independent.
    OnNothing,
    /// Address-dependent.
    OnAddress,
    /// Address and port-dependent.
    OnBoth,
}

impl Depends {
    pub(super) fn words(self) -> &'static str {
        match self {
            Depends::NotThere => "none",
            Depends::OnNothing => "endpoint-independent",
            Depends::OnAddress => "address-dependent",
            Depends::OnBoth => "address and port-dependent",
        }
    }
}

/// What was found out about a router.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) mapping: Depends,
    pub(super) filtering: Depends,
    /// Whether a packet to a mapped endpoint comes back inside; then with which source.
    pub(super) hairpin: Option<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The sender's own mapped endpoint.
    External,
    /// The endpoint that it has inside.
    Internal,
}

/// The four sockets of the server: by address, then by port.
pub(super) struct Server([[UdpSocket; 2]; 2]);

/// A socket inside, with a way to be told what has come to it.
pub(super) struct Client(pub(super) UdpSocket);

/// A socket that was closed is still there in a child of this process, until that has become
/// another program.
fn bound(netns: &'static str, at: SocketAddr) -> UdpSocket {
    let mut bound = None;
    until("the port is free", || {
        bound = within(netns, move || UdpSocket::bind(at)).ok();
        bound.is_some()
    });
    let socket = bound.expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    socket
}

impl Server {
    pub(super) fn start() -> Self {
        let at = |address, port| bound("net", SocketAddr::from((address, port)));
        Server(SERVERS.map(|address| PORTS.map(|port| at(address, port))))
    }

    pub(super) fn address(address: usize, port: usize) -> SocketAddr {
        (SERVERS[address], PORTS[port]).into()
    }

    pub(super) fn socket(&self, address: usize, port: usize) -> &UdpSocket {
        &self.0[address][port]
    }

    /// Who a client is to it, at one of its addresses and ports: a Binding Request's answer.
    pub(super) fn sees(&self, client: &Client, address: usize, port: usize) -> SocketAddr {
        let to = Self::address(address, port);
        client.0.send_to(b"who am I", to).expect("it is sent");
        let (_, from) = self
            .socket(address, port)
            .recv_from(&mut [0; 64])
            .expect("it has come");
        from
    }

    /// Sends from one socket after another to where a client is mapped; the last must get
    /// through. Which of them did?
    pub(super) fn get_through(
        &self,
        client: &Client,
        mapped: SocketAddr,
        from: &[(usize, usize)],
    ) -> Vec<SocketAddr> {
        for (address, port) in from {
            let socket = self.socket(*address, *port);
            socket.send_to(b"you", mapped).expect("it is sent");
        }
        let (address, port) = from.last().expect("one");
        client.until(Self::address(*address, *port))
    }
}

impl Client {
    pub(super) fn at(netns: &'static str, address: Ipv4Addr, port: u16) -> Self {
        Client(bound(netns, SocketAddrV4::new(address, port).into()))
    }

    /// From whom something has come, up to what this one has sent.
    pub(super) fn until(&self, last: SocketAddr) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        loop {
            let (_, from) = self.0.recv_from(&mut [0; 64]).expect("the last one comes");
            all.push(from);
            if from == last {
                return all;
            }
        }
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }
}

/// Mapping behaviour, tests I to III of RFC 5780, 4.3.
pub(super) fn mapping(server: &Server, client: &Client) -> Depends {
    let first = server.sees(client, 0, 0);
    if first == client.local() {
        return Depends::NotThere;
    }
    let second = server.sees(client, 1, 0);
    if first == second {
        return Depends::OnNothing;
    }
    match server.sees(client, 1, 1) == second {
        true => Depends::OnAddress,
        false => Depends::OnBoth,
    }
}

/// Filtering behaviour, tests I to III of RFC 5780, 4.4, with a client that has sent nothing
/// yet: it speaks with one address and port, and the others answer.
pub(super) fn filtering(server: &Server, client: &Client) -> Depends {
    let mapped = server.sees(client, 0, 0);
    let came = server.get_through(client, mapped, &[(1, 1), (0, 1), (0, 0)]);
    let has = |address, port| came.contains(&Server::address(address, port));
    match (has(1, 1), has(0, 1)) {
        (true, _) => Depends::OnNothing,
        (false, true) => Depends::OnAddress,
        (false, false) => Depends::OnBoth,
    }
}

/// Hairpinning (RFC 5780, 4.5): another socket inside sends to where this one is mapped. What
/// comes back has come when an answer to a later packet has.
pub(super) fn hairpin(server: &Server, client: &Client, other: &Client) -> Option<Source> {
    let mapped = server.sees(client, 0, 0);
    let others = server.sees(other, 0, 0);
    other.0.send_to(b"around", mapped).expect("it is sent");
    server.sees(other, 0, 0);
    let came = server.get_through(client, mapped, &[(0, 0)]);
    let own = other.local();
    match came[..] {
        [_] => None,
        [from, _] if from == own => Some(Source::Internal),
        [from, _] if from == others => Some(Source::External),
        _ => panic!("{came:?} came: neither {others} nor {own} alone"),
    }
}

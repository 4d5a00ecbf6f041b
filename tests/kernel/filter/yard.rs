//! A host between a client and a server, and real packets through it.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::thread::LinkNameSpaceType;

use crate::sandbox::{sh, try_sh};

/// Ports that the server and the host listen on.
pub(crate) const PORTS: [u16; 6] = [53, 80, 443, 5000, 8080, 9005];
/// How long is waited for what should come, and for what should not.
const LONG: Duration = Duration::from_secs(4);
const SHORT: Duration = Duration::from_millis(60);

/// Client `c`, host, server `s`.
pub(crate) fn build() {
    sh("ip netns add c; ip netns add s
        for n in c s; do
          ip link add v$n type veth peer name eth0 netns $n; ip link set v$n up
          ip -n $n link set lo up; ip -n $n link set eth0 up
        done
        ip addr add 10.1.0.1/24 dev vc; ip addr add fd00:1::1/64 dev vc nodad
        ip addr add 10.2.0.1/24 dev vs; ip addr add fd00:2::1/64 dev vs nodad
        ip -n c addr add 10.1.0.2/24 dev eth0; ip -n c addr add fd00:1::2/64 dev eth0 nodad
        ip -n s addr add 10.2.0.2/24 dev eth0; ip -n s addr add fd00:2::2/64 dev eth0 nodad
        ip -n c route add default via 10.1.0.1; ip -n c route add default via fd00:1::1
        ip -n s route add default via 10.2.0.1; ip -n s route add default via fd00:2::1
        sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}

/// Does something in a namespace; `h` is the host.
pub(crate) fn within<T: Send>(name: &str, f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            if name != "h" {
                let file = std::fs::File::open(format!("/run/netns/{name}")).expect("a namespace");
                let kind = Some(LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind)
                    .expect("it can be entered");
            }
            f()
        });
        there.join().expect("no panic")
    })
}

/// Servers in a namespace that say who came.
pub(crate) struct Servers {
    at: &'static str,
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
}

impl Servers {
    pub(crate) fn open(at: &'static str) -> Self {
        within(at, || {
            let any = |port| SocketAddr::from(([0u16; 8], port));
            let udp = PORTS.map(|port| UdpSocket::bind(any(port)).expect("a port"));
            let tcp = PORTS.map(|port| TcpListener::bind(any(port)).expect("a port"));
            udp.iter()
                .for_each(|s| s.set_nonblocking(true).expect("it can"));
            tcp.iter()
                .for_each(|s| s.set_nonblocking(true).expect("it can"));
            Servers {
                at,
                udp: udp.into(),
                tcp: tcp.into(),
            }
        })
    }

    fn came(&self) -> Option<Came> {
        let udp = self.udp.iter().zip(PORTS).find_map(|(socket, port)| {
            let (_, from) = socket.recv_from(&mut [0; 64]).ok()?;
            Some((port, from))
        });
        let tcp = self.tcp.iter().zip(PORTS);
        let mut tcp = tcp.filter_map(|(socket, port)| Some((port, socket.accept().ok()?.1)));
        let (port, from) = udp.or_else(|| tcp.next())?;
        Some(Came {
            at: self.at.to_owned(),
            port,
            from: from.ip().to_canonical(),
        })
    }
}

/// What came where, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) at: String,
    pub(crate) port: u16,
    pub(crate) from: IpAddr,
}

/// A packet to be sent: from where, by what, to where.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) from: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) to: IpAddr,
    pub(crate) port: u16,
}

impl Probe {
    /// `c udp 10.2.0.2 53`
    pub(crate) fn of(text: &'static str) -> Self {
        let words: Vec<&'static str> = text.split(' ').collect();
        Probe {
            from: words[0],
            protocol: words[1],
            to: words[2].parse().expect("an address"),
            port: words.get(3).map_or(0, |port| port.parse().expect("a port")),
        }
    }

    /// Sends it for real, and says where it came. Whether something is awaited says only how
    /// long.
    pub(crate) fn send(&self, servers: &[Servers], awaited: bool) -> Option<Came> {
        let wait = if awaited { LONG } else { SHORT };
        while servers.iter().any(|one| one.came().is_some()) {}
        if self.protocol == "icmp" {
            let seconds = wait.as_secs_f32();
            let enter = match self.from {
                "h" => String::new(),
                name => format!("ip netns exec {name} "),
            };
            let ping = format!("{enter}ping -n -c 1 -W {seconds} {}", self.to);
            let arrived = try_sh(&ping).code == Some(0);
            return arrived.then(|| Came {
                at: "?".to_owned(),
                port: 0,
                from: self.to,
            });
        }
        let to = SocketAddr::new(self.to, self.port);
        let kept = within(self.from, || match self.protocol {
            "udp" => {
                let any = if self.to.is_ipv4() {
                    "0.0.0.0:0"
                } else {
                    "[::]:0"
                };
                let socket = UdpSocket::bind(any).expect("a socket");
                // What is refused at once, is refused.
                let _ = socket.send_to(b"x", to);
                None
            }
            _ => TcpStream::connect_timeout(&to, wait).ok(),
        });
        let began = Instant::now();
        loop {
            let came = servers.iter().find_map(|servers| servers.came());
            let awaited = self.protocol == "udp" && began.elapsed() < wait;
            if came.is_some() || !awaited {
                drop(kept);
                return came;
            }
            std::thread::yield_now();
        }
    }
}

/// The source that a probe leaves with.
pub(crate) fn source(probe: &Probe) -> IpAddr {
    let enter = match probe.from {
        "h" => String::new(),
        name => format!("-n {name} "),
    };
    let answer = sh(&format!("ip {enter}-o route get {}", probe.to));
    let words: Vec<&str> = answer.split_whitespace().collect();
    let at = words
        .iter()
        .position(|word| *word == "src")
        .expect("a source");
    words[at + 1].parse().expect("an address")
}

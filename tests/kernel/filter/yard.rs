//! A host between a client and a server, real packets through it, and what is foretold of
//! them by its rules.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use netyard::explain::Rules;
use netyard::explain::filter::{
    AddressType, Ask, Fate, Hook, Layer, Packet, Passage, Question, pass,
};
use netyard::state::ruleset::{NatKind, SetElement};
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

/// What is foretold.
#[derive(Debug, Clone)]
pub(crate) struct Foretold {
    pub(crate) came: Option<Came>,
    pub(crate) unknown: Option<String>,
    pub(crate) passages: Vec<(Hook, Passage)>,
}

/// The rules, and what the kernel is asked: `ip` asks it.
pub(crate) struct Host {
    pub(crate) rules: Rules,
    indices: BTreeMap<String, u32>,
}

/// A route: its kind and its device.
struct Route {
    kind: AddressType,
    dev: String,
}

impl Host {
    pub(crate) fn read() -> Self {
        let links = sh("ip -o link");
        let indices = links.lines().filter_map(|line| {
            let mut words = line.split(": ");
            let index = words.next()?.parse().ok()?;
            let name = words.next()?.split('@').next()?;
            Some((name.to_owned(), index))
        });
        Host {
            rules: Rules::read(None).expect("the rules"),
            indices: indices.collect(),
        }
    }

    fn device(&self, name: &str) -> Option<(String, u32)> {
        Some((name.to_owned(), *self.indices.get(name)?))
    }

    fn route(&self, to: IpAddr) -> Option<Route> {
        let answer = try_sh(&format!("ip -o route get {to}"));
        let words: Vec<&str> = answer.out.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|w| *w == word)?;
            words.get(at + 1).copied()
        };
        Some(Route {
            kind: match *words.first()? {
                "local" => AddressType::Local,
                "broadcast" => AddressType::Broadcast,
                "multicast" => AddressType::Multicast,
                _ => AddressType::Unicast,
            },
            dev: after("dev")?.to_owned(),
        })
    }

    /// Which namespace has an address, among those of the test.
    fn holder(to: IpAddr) -> String {
        if sh("ip -o addr").contains(&format!(" {to}/")) {
            return "h".to_owned();
        }
        let names = sh("ip netns list");
        let mut names = names.lines().filter_map(|line| line.split(' ').next());
        let has = |name: &&str| sh(&format!("ip -n {name} -o addr")).contains(&format!(" {to}/"));
        names.find(has).unwrap_or("h").to_owned()
    }

    /// The packet's whole way through the host.
    pub(crate) fn foretell(&self, probe: &Probe, source: IpAddr) -> Foretold {
        let mut way = Way {
            host: self,
            passages: Vec::new(),
            stopped: None,
        };
        let protocol = match (probe.protocol, probe.to.is_ipv4()) {
            ("udp", _) => 17,
            ("tcp", _) => 6,
            (_, true) => 1,
            (_, false) => 58,
        };
        let mut packet = Packet::new(source, probe.to, protocol);
        packet.destination_port = probe.port;
        packet.source_port = if probe.port == 0 { 0 } else { 40000 };
        packet.icmp = match protocol {
            1 => Some((8, 0)),
            58 => Some((128, 0)),
            _ => None,
        };
        if protocol == 17 {
            packet.size = if probe.to.is_ipv4() { 29 } else { 49 };
        }
        let done = match probe.from {
            "h" => way.sent(packet),
            _ => {
                packet.iif = self.route(source).and_then(|way| self.device(&way.dev));
                way.received(packet)
            }
        };
        Foretold {
            came: done.map(|packet| Came {
                at: Self::holder(packet.destination),
                port: packet.destination_port,
                from: packet.source,
            }),
            unknown: way.stopped,
            passages: way.passages,
        }
    }
}

impl Ask for Host {
    fn address_type(&self, address: IpAddr, dev: Option<&str>) -> Option<AddressType> {
        let route = self.route(address)?;
        match (route.kind, dev) {
            (AddressType::Local, Some(dev)) => {
                let here = sh(&format!("ip -o addr show dev {dev}"));
                match here.contains(&format!(" {address}/")) {
                    true => Some(AddressType::Local),
                    false => Some(AddressType::Unicast),
                }
            }
            (kind, _) => Some(kind),
        }
    }

    fn way(
        &self,
        address: IpAddr,
        _mark: Option<u32>,
        dev: Option<&str>,
    ) -> Option<Option<(String, u32)>> {
        let route = self.route(address);
        let route = route.filter(|route| dev.is_none_or(|dev| dev == route.dev));
        Some(route.and_then(|route| self.device(&route.dev)))
    }

    fn kind(&self, dev: &str) -> Option<String> {
        let known = ["veth", "bridge"];
        let about = sh(&format!("ip -d -o link show dev {dev}"));
        let kind = known
            .iter()
            .find(|kind| about.contains(&format!(" {kind} ")));
        Some(kind.map_or_else(String::new, |kind| (*kind).to_owned()))
    }

    fn group(&self, _dev: &str) -> Option<u32> {
        Some(0)
    }

    fn element(&self, question: &Question<'_>) -> Option<Option<SetElement>> {
        self.rules.element(question).ok()
    }
}

/// A packet's way, hook after hook.
struct Way<'a> {
    host: &'a Host,
    passages: Vec<(Hook, Passage)>,
    stopped: Option<String>,
}

impl Way<'_> {
    fn through(&mut self, hook: Hook, packet: Packet) -> Option<Packet> {
        let ruleset = &self.host.rules.ruleset;
        let passage = pass(ruleset, Layer::Ip, hook, &packet, self.host);
        self.passages.push((hook, passage.clone()));
        let mut packet = match passage.fate {
            Fate::Accept => passage.packet,
            Fate::Unknown(what) => {
                self.stopped = Some(what);
                return None;
            }
            _ => return None,
        };
        let on = |device: &Option<(String, u32)>| {
            let (name, _) = device.as_ref()?;
            let family = if packet.is_ipv6() { "-6" } else { "-4" };
            let addresses = sh(&format!("ip {family} -o addr show dev {name} scope global"));
            let address = addresses.split_whitespace().nth(3)?;
            address.split('/').next()?.parse().ok()
        };
        match passage.rewrite.map(|rewrite| rewrite.kind) {
            Some(NatKind::Masquerade) => packet.source = on(&packet.oif)?,
            Some(NatKind::Redirect) => {
                packet.destination = match (hook, packet.is_ipv6()) {
                    (Hook::Output, false) => [127, 0, 0, 1].into(),
                    (Hook::Output, true) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
                    _ => on(&packet.iif)?,
                };
            }
            _ => {}
        }
        Some(packet)
    }

    fn received(&mut self, packet: Packet) -> Option<Packet> {
        let mut packet = self.through(Hook::Ingress, packet)?;
        packet = self.through(Hook::Prerouting, packet)?;
        let route = self.host.route(packet.destination)?;
        if route.kind == AddressType::Local {
            return self.through(Hook::Input, packet);
        }
        packet.oif = self.host.device(&route.dev);
        packet.ttl -= 1;
        packet = self.through(Hook::Forward, packet)?;
        self.through(Hook::Postrouting, packet)
    }

    fn sent(&mut self, mut packet: Packet) -> Option<Packet> {
        let route = self.host.route(packet.destination)?;
        packet.oif = self.host.device(&route.dev);
        packet = self.through(Hook::Output, packet)?;
        let route = self.host.route(packet.destination)?;
        packet.oif = self.host.device(&route.dev);
        packet = self.through(Hook::Postrouting, packet)?;
        if route.kind != AddressType::Local {
            return Some(packet);
        }
        packet.iif = packet.oif.take();
        packet = self.through(Hook::Prerouting, packet)?;
        self.through(Hook::Input, packet)
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

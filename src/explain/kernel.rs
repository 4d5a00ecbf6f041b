//! What the kernel answers while a packet is followed.

use std::cell::{Ref, RefCell};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use super::filter::{AddressType, Ask, Question};
use super::ground::{
    Ground, Hook, Judgement, Layer, Listening, Load, Packet, RouteMtu, Routed, Unrouted,
};
use super::judge::judge;
use super::rules::Rules;
use crate::state::ruleset::SetElement;
use crate::state::survey::{Device, Survey};
use crate::state::{PortRange, Transport, echo};
use crate::sys::netlink::fib::{self, Found, Kind};
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::{KernelError, diag, neigh};
use crate::sys::survey::Open;
use crate::sys::{netns, sysctl};

/// The rules of a namespace, once they were asked for, or why they cannot be read.
pub(super) type Read = Option<Result<Rules, String>>;

/// The namespaces of a survey, open.
pub(crate) struct Kernel<'s> {
    pub(super) survey: &'s Survey,
    open: Vec<Option<RefCell<Open>>>,
    pub(super) rules: Vec<RefCell<Read>>,
}

impl<'s> Kernel<'s> {
    /// With the namespaces at the same places as in the survey.
    pub(crate) fn new(survey: &'s Survey, open: Vec<Option<Open>>) -> Self {
        Kernel {
            rules: open.iter().map(|_| RefCell::new(None)).collect(),
            open: open
                .into_iter()
                .map(|open| open.map(RefCell::new))
                .collect(),
            survey,
        }
    }

    pub(super) fn open(&self, space: usize) -> io::Result<&RefCell<Open>> {
        let open = self.open[space].as_ref();
        open.ok_or_else(|| io::Error::from_raw_os_error(libc::EPERM))
    }

    fn way(
        &self,
        space: usize,
        question: &fib::Question,
    ) -> io::Result<Result<Found, KernelError>> {
        fib::look_up(&mut self.open(space)?.borrow_mut().1, question)
    }

    /// The ways of the route, where there are several.
    fn ways(&self, space: usize, question: &fib::Question) -> Vec<fib::Way> {
        let mut routes = self.survey.namespaces[space].routes.iter();
        // One that tells its nexthop's number alone names no device.
        let several = routes.any(|route| {
            let many = route.hops.len() > 1 || route.hops.iter().any(|hop| hop.dev.is_none());
            many && route.to.contains(&question.to)
        });
        if !several {
            return Vec::new();
        }
        let asked = self.open(space);
        let ways = asked.and_then(|open| fib::ways(&mut open.borrow_mut().1, question));
        ways.unwrap_or_default()
    }

    fn routed(&self, space: usize, packet: &Packet, found: &Found) -> Routed {
        let mut text = packet.destination.to_string();
        if let Some(via) = found.via {
            text += &format!(" via {via}");
        }
        text += &format!(" dev {}", self.name(space, found.dev).unwrap_or("?"));
        if let Some(source) = found.source.filter(|_| packet.source.is_none()) {
            text += &format!(" src {source}");
        }
        Routed {
            local: found.kind == Kind::Local,
            via: found.via,
            dev: found.dev,
            source: found.source,
            text,
            mtu: found.mtu.map(|bytes| RouteMtu {
                bytes,
                learnt: found.learnt,
                locked: found.locked,
            }),
            ttl: found.ttl.and_then(|ttl| ttl.try_into().ok()),
            others: Vec::new(),
        }
    }

    pub(super) fn rules_of(&self, space: usize) -> Ref<'_, Read> {
        if self.rules[space].borrow().is_none() {
            let open = self.open(space);
            let read = open.and_then(|open| Rules::inside(Some(open.borrow().0.as_fd())));
            *self.rules[space].borrow_mut() = Some(read.map_err(|e| e.to_string()));
        }
        self.rules[space].borrow()
    }

    pub(super) fn name(&self, space: usize, index: u32) -> Option<&'s str> {
        let devices = &self.survey.namespaces[space].devices;
        let device = devices.iter().find(|device| device.index == index)?;
        Some(&device.name)
    }
}

impl Ground for Kernel<'_> {
    fn route(&self, space: usize, packet: &Packet) -> Result<Routed, Unrouted> {
        if packet.destination.is_multicast() {
            return Err(Unrouted::Group);
        }
        let question = question(packet);
        let found = match self.way(space, &question) {
            Ok(Ok(found)) => found,
            Ok(Err(refused)) => return Err(unrouted(refused.errno)),
            Err(e) => return Err(Unrouted::Other(e.raw_os_error().unwrap_or_default())),
        };
        match found.kind {
            Kind::Broadcast | Kind::Multicast => return Err(Unrouted::Group),
            Kind::Blackhole => return Err(Unrouted::Invalid),
            Kind::Unreachable => return Err(Unrouted::Unreachable),
            Kind::Prohibit => return Err(Unrouted::Prohibited),
            _ => {}
        }
        let mut routed = self.routed(space, packet, &found);
        let ways = self.ways(space, &question).into_iter();
        let ways = ways.filter(|way| (way.via, way.dev) != (found.via, found.dev));
        let others = ways.map(|way| {
            // The source that it would have by that device.
            let by = fib::Question {
                oif: Some(way.dev).filter(|_| question.iif.is_none()),
                ..question.clone()
            };
            let there = self.way(space, &by).ok().and_then(Result::ok);
            let other = Found {
                via: way.via,
                dev: way.dev,
                mtu: found.mtu.filter(|_| !found.learnt),
                source: there.map_or(found.source, |there| there.source),
                ..found.clone()
            };
            self.routed(space, packet, &other)
        });
        routed.others = others.collect();
        Ok(routed)
    }

    fn judge(&self, space: usize, layer: Layer, hook: Hook, packet: &Packet) -> Judgement {
        match &*self.rules_of(space) {
            Some(Ok(rules)) => {
                let asked = Asked {
                    kernel: self,
                    space,
                    rules,
                };
                judge(&rules.ruleset, layer, hook, packet, &asked)
            }
            Some(Err(why)) => Judgement::Unknown {
                table: String::new(),
                line: format!("they cannot be read: {why}"),
            },
            None => Judgement::Passes(None, packet.unchanged()),
        }
    }

    fn listeners(&self, space: usize, transport: Transport, port: u16) -> Option<Vec<Listening>> {
        let range = PortRange::only(port);
        let open = self.open(space).ok()?.borrow();
        let entered = (!self.survey.namespaces[space].host).then(|| open.0.as_fd());
        let mut socket = netns::enter(entered, Socket::diag).ok()?;
        let found = diag::listening(&mut socket, transport, &[range]).ok()?;
        let told = found.into_iter().map(|one| Listening {
            at: one.listener.at.ip(),
            both: one.listener.both,
            dev: one.dev,
        });
        Some(told.collect())
    }

    fn stands_in(&self, space: usize, address: IpAddr, dev: u32) -> bool {
        let open = self.open(space);
        let all = open.and_then(|open| neigh::proxies(&mut open.borrow_mut().1));
        all.is_ok_and(|all| all.contains(&(dev, address)))
    }

    fn setting(&self, space: usize, path: &str) -> Option<String> {
        let open = self.open(space).ok()?.borrow();
        sysctl::net(open.0.as_fd(), path).ok()
    }
}

/// What is asked of the kernel for a packet.
fn question(packet: &Packet) -> fib::Question {
    let (protocol, ports) = match packet.load {
        _ if packet.seek.is_some() => (None, None),
        Load::To(transport, port) => (Some(transport.number()), Some((packet.source_port, port))),
        Load::Echo => (Some(echo(packet.v6()).0), None),
    };
    fib::Question {
        source: packet.source,
        iif: packet.iif.as_ref().map(|(_, index)| *index),
        mark: packet.marks.0.value,
        protocol,
        ports,
        ..fib::Question::to(packet.destination)
    }
}

fn unrouted(errno: i32) -> Unrouted {
    match errno {
        libc::ENETUNREACH => Unrouted::None,
        libc::EHOSTUNREACH => Unrouted::Unreachable,
        libc::EACCES => Unrouted::Prohibited,
        libc::EINVAL => Unrouted::Invalid,
        libc::EXDEV => Unrouted::ReversePath,
        errno => Unrouted::Other(errno),
    }
}

/// What rules ask about the namespace that they are in.
struct Asked<'a, 's> {
    kernel: &'a Kernel<'s>,
    space: usize,
    rules: &'a Rules,
}

impl Asked<'_, '_> {
    fn devices(&self) -> &[Device] {
        &self.kernel.survey.namespaces[self.space].devices
    }

    fn found(&self, address: IpAddr) -> Option<Result<Found, KernelError>> {
        let question = fib::Question::to(address);
        self.kernel.way(self.space, &question).ok()
    }
}

impl Ask for Asked<'_, '_> {
    fn address_type(&self, address: IpAddr, dev: Option<&str>) -> Option<AddressType> {
        if address.is_multicast() {
            return Some(AddressType::Multicast);
        }
        let Some(dev) = dev else {
            return Some(match self.found(address)? {
                Err(_) => AddressType::Unspec,
                Ok(found) => match found.kind {
                    Kind::Local => AddressType::Local,
                    Kind::Broadcast => AddressType::Broadcast,
                    Kind::Multicast => AddressType::Multicast,
                    Kind::Anycast => AddressType::Anycast,
                    Kind::Blackhole => AddressType::Blackhole,
                    Kind::Unreachable => AddressType::Unreachable,
                    Kind::Prohibit => AddressType::Prohibit,
                    Kind::Unicast => AddressType::Unicast,
                },
            });
        };
        let device = self.devices().iter().find(|device| device.name == dev)?;
        let mut own = device.addresses.iter();
        Some(match own.any(|one| one.net.addr() == address) {
            true => AddressType::Local,
            false => AddressType::Unicast,
        })
    }

    fn way(
        &self,
        address: IpAddr,
        mark: Option<u32>,
        dev: Option<&str>,
    ) -> Option<Option<(String, u32)>> {
        // The kernel asks with the other address as the source, which may be nobody's here.
        let mut rules = self.kernel.survey.namespaces[self.space].rules.iter();
        if rules.any(|rule| rule.v6 == address.is_ipv6() && !rule.words.starts_with("from all")) {
            return None;
        }
        let question = fib::Question {
            mark: mark.unwrap_or_default(),
            ..fib::Question::to(address)
        };
        let Ok(found) = self.kernel.way(self.space, &question).ok()? else {
            return Some(None);
        };
        // Of several ways any device is right (`fib_info_nh_uses_dev`, net/ipv4/fib_semantics.c).
        let ways = self.kernel.ways(self.space, &question).into_iter();
        let all = ways.map(|way| way.dev).chain([found.dev]);
        let named = |index| Some((self.kernel.name(self.space, index)?.to_owned(), index));
        let mut all = all.filter_map(named);
        match dev {
            Some(dev) => Some(all.find(|(name, _)| name == dev)),
            None => all.next_back().map(Some),
        }
    }

    fn kind(&self, dev: &str) -> Option<String> {
        let device = self.devices().iter().find(|device| device.name == dev)?;
        Some(match device.kind.as_str() {
            "device" | "loopback" => String::new(),
            kind => kind.to_owned(),
        })
    }

    fn element(&self, question: &Question<'_>) -> Option<Option<SetElement>> {
        self.rules.element(question).ok()
    }
}

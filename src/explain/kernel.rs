//! What the kernel answers while a packet is followed.

use std::cell::{Ref, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use super::filter::{AddressType, Ask, Question};
use super::ground::{Ground, Hook, Judgement, Layer, Load, Packet, Routed, Unrouted};
use super::judge::judge;
use super::rules::Rules;
use crate::state::ruleset::SetElement;
use crate::state::survey::{Device, Survey};
use crate::state::{PortRange, Transport};
use crate::sys::netlink::fib::{self, Found, Kind};
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::{KernelError, diag};
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
        let question = fib::Question {
            to: packet.destination,
            source: packet.source,
            iif: packet.iif.as_ref().map(|(_, index)| *index),
            mark: packet.marks.0.value,
            ports: match packet.load {
                Load::To(transport, port) => Some((transport.number(), packet.source_port, port)),
                Load::Echo => None,
            },
        };
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
        let mut text = packet.destination.to_string();
        if let Some(via) = found.via {
            text += &format!(" via {via}");
        }
        text += &format!(" dev {}", self.name(space, found.dev).unwrap_or("?"));
        if let Some(source) = found.source.filter(|_| packet.source.is_none()) {
            text += &format!(" src {source}");
        }
        Ok(Routed {
            local: found.kind == Kind::Local,
            via: found.via,
            dev: found.dev,
            source: found.source,
            text,
        })
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
                table: "of any name".to_owned(),
                line: format!("its rules cannot be read: {why}"),
            },
            None => Judgement::Passes(None, packet.marks, packet.known),
        }
    }

    fn listeners(&self, space: usize, transport: Transport, port: u16) -> Option<Vec<SocketAddr>> {
        let range = PortRange::only(port);
        let open = self.open(space).ok()?.borrow();
        let entered = (!self.survey.namespaces[space].host).then(|| open.0.as_fd());
        let mut socket = netns::enter(entered, Socket::diag).ok()?;
        let found = diag::listening(&mut socket, transport, &[range]).ok()?;
        Some(found.into_iter().map(|one| one.listener.at).collect())
    }

    fn setting(&self, space: usize, path: &str) -> Option<String> {
        let open = self.open(space).ok()?.borrow();
        sysctl::net(open.0.as_fd(), path).ok()
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
        _mark: Option<u32>,
        dev: Option<&str>,
    ) -> Option<Option<(String, u32)>> {
        let Ok(found) = self.found(address)? else {
            return Some(None);
        };
        let name = self.kernel.name(self.space, found.dev)?;
        let right = dev.is_none_or(|dev| dev == name);
        Some(right.then(|| (name.to_owned(), found.dev)))
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

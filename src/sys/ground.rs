//! What the kernel answers while a packet is followed.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::netlink::socket::Socket;
use super::netlink::{KernelError, decoded, diag, request};
use super::netns;
use super::survey::Open;
use crate::explain::filter::{AddressType, Ask, Question};
use crate::explain::{
    Ground, Hook, Judgement, Layer, Load, Packet, Routed, Rules, Unrouted, judge,
};
use crate::state::ruleset::SetElement;
use crate::state::survey::Survey;
use crate::state::{PortRange, Transport};

/// The namespaces of a survey, open.
pub(crate) struct Kernel<'s> {
    survey: &'s Survey,
    open: Vec<Option<RefCell<Open>>>,
    rules: Vec<RefCell<Option<Result<Rules, String>>>>,
}

impl<'s> Kernel<'s> {
    /// With the namespaces at the same places as in the survey.
    pub(crate) fn new(survey: &'s Survey, open: Vec<Option<Open>>) -> Self {
        Kernel {
            rules: open.iter().map(|_| RefCell::new(None)).collect(),
            open: open.into_iter().map(|open| open.map(RefCell::new)).collect(),
            survey,
        }
    }

    /// Something in a namespace, where it may be entered.
    fn inside<T: Send>(
        &self,
        space: usize,
        f: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        let open = self.open[space].as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
        let open = open.borrow();
        netns::enter(Some(open.0.as_fd()), f)
    }

    fn ask(&self, space: usize, message: RouteMessage) -> io::Result<Result<RouteMessage, KernelError>> {
        let open = self.open[space].as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
        let reply = open.borrow_mut().1.ask(&request(&Rtnl::GetRoute(message), 0))?;
        Ok(match reply {
            Ok(reply) => match decoded(&reply)? {
                Rtnl::NewRoute(message) => Ok(message),
                _ => return Err(io::Error::other("no route in the answer")),
            },
            Err(refused) => Err(refused),
        })
    }

    fn rules_of(&self, space: usize) -> std::cell::Ref<'_, Option<Result<Rules, String>>> {
        if self.rules[space].borrow().is_none() {
            let read = || -> io::Result<Rules> {
                let open = self.open[space].as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
                let open = open.borrow();
                let fd: BorrowedFd<'_> = open.0.as_fd();
                Rules::inside(Some(fd))
            };
            *self.rules[space].borrow_mut() = Some(read().map_err(|e| e.to_string()));
        }
        self.rules[space].borrow()
    }
}

/// A question about the way to an address.
fn question(to: IpAddr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match to {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = if to.is_ipv4() { 32 } else { 128 };
    message.attributes.push(RouteAttribute::Destination(to.into()));
    message
}

impl Ground for Kernel<'_> {
    fn route(&self, space: usize, packet: &Packet) -> Result<Routed, Unrouted> {
        let mut message = question(packet.destination);
        if let Some(source) = packet.source {
            message.header.source_prefix_length = if source.is_ipv4() { 32 } else { 128 };
            message.attributes.push(RouteAttribute::Source(source.into()));
        }
        if let Some((_, index)) = &packet.iif {
            message.attributes.push(RouteAttribute::Iif(*index));
        }
        if let Load::To(transport, port) = packet.load {
            message.attributes.push(RouteAttribute::IpProto(transport.number()));
            message.attributes.push(RouteAttribute::Sport(packet.source_port));
            message.attributes.push(RouteAttribute::Dport(port));
        }
        match self.ask(space, message) {
            Ok(Ok(reply)) => routed(&reply, packet, self.survey, space),
            Ok(Err(refused)) => Err(unrouted(refused.errno)),
            Err(e) => Err(Unrouted::Other(e.raw_os_error().unwrap_or_default())),
        }
    }

    fn judge(&self, space: usize, layer: Layer, hook: Hook, packet: &Packet) -> Judgement {
        match &*self.rules_of(space) {
            Some(Ok(rules)) => {
                let asked = Asked { kernel: self, space, rules };
                judge(&rules.ruleset, layer, hook, packet, &asked)
            }
            Some(Err(why)) => Judgement::Unknown {
                table: "of any name".to_owned(),
                line: format!("its rules cannot be read: {why}"),
            },
            None => Judgement::Passes(None),
        }
    }

    fn listeners(&self, space: usize, transport: Transport, port: u16) -> Vec<SocketAddr> {
        let range = PortRange::only(port);
        let found = self.inside(space, || {
            let mut socket = Socket::diag()?;
            diag::listening(&mut socket, transport, &[range])
        });
        let found = found.unwrap_or_default().into_iter();
        found.map(|one| one.listener.at).collect()
    }

    fn setting(&self, space: usize, path: &str) -> Option<String> {
        let path = Path::new("/proc/sys/net").join(path);
        let text = self.inside(space, || fs::read_to_string(path)).ok()?;
        Some(text.trim_end().to_owned())
    }
}

fn routed(
    reply: &RouteMessage,
    packet: &Packet,
    survey: &Survey,
    space: usize,
) -> Result<Routed, Unrouted> {
    let (mut via, mut dev, mut source) = (None, 0, None);
    for attribute in &reply.attributes {
        match attribute {
            RouteAttribute::Gateway(address) => via = ip(address),
            RouteAttribute::Oif(index) => dev = *index,
            RouteAttribute::PrefSource(address) => source = ip(address),
            _ => {}
        }
    }
    match reply.header.kind {
        RouteType::BlackHole => return Err(Unrouted::Invalid),
        RouteType::Unreachable => return Err(Unrouted::Unreachable),
        RouteType::Prohibit => return Err(Unrouted::Prohibited),
        _ => {}
    }
    let local = reply.header.kind == RouteType::Local;
    let mut text = format!("{} ", packet.destination);
    if let Some(via) = via {
        text += &format!("via {via} ");
    }
    let devices = &survey.namespaces[space].devices;
    let name = devices.iter().find(|device| device.index == dev);
    text += &format!("dev {}", name.map_or("?", |device| device.name.as_str()));
    if let Some(source) = source.filter(|_| packet.source.is_none()) {
        text += &format!(" src {source}");
    }
    Ok(Routed {
        local,
        via,
        dev,
        source,
        text,
    })
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

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

/// What rules ask about the namespace that they are in.
struct Asked<'a, 's> {
    kernel: &'a Kernel<'s>,
    space: usize,
    rules: &'a Rules,
}

impl Ask for Asked<'_, '_> {
    fn address_type(&self, address: IpAddr, dev: Option<&str>) -> Option<AddressType> {
        if address.is_multicast() {
            return Some(AddressType::Multicast);
        }
        let own = self.kernel.survey.namespaces[self.space].devices.iter();
        let has = |device: &crate::state::survey::Device| {
            device.addresses.iter().any(|one| one.net.addr() == address)
        };
        if let Some(dev) = dev {
            let local = own.into_iter().any(|device| device.name == dev && has(device));
            return Some(if local { AddressType::Local } else { AddressType::Unicast });
        }
        match self.kernel.ask(self.space, question(address)).ok()? {
            Ok(reply) => Some(match reply.header.kind {
                RouteType::Local => AddressType::Local,
                RouteType::Broadcast => AddressType::Broadcast,
                RouteType::Multicast => AddressType::Multicast,
                RouteType::Anycast => AddressType::Anycast,
                _ => AddressType::Unicast,
            }),
            Err(_) => Some(AddressType::Unspec),
        }
    }

    fn way(
        &self,
        address: IpAddr,
        _mark: Option<u32>,
        dev: Option<&str>,
    ) -> Option<Option<(String, u32)>> {
        let found = match self.kernel.ask(self.space, question(address)).ok()? {
            Ok(reply) => reply,
            Err(_) => return Some(None),
        };
        let index = found.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })?;
        let devices = &self.kernel.survey.namespaces[self.space].devices;
        let device = devices.iter().find(|device| device.index == index)?;
        let right = dev.is_none_or(|dev| dev == device.name);
        Some(right.then(|| (device.name.clone(), index)))
    }

    fn kind(&self, dev: &str) -> Option<String> {
        let devices = &self.kernel.survey.namespaces[self.space].devices;
        let device = devices.iter().find(|device| device.name == dev)?;
        Some(match device.kind.as_str() {
            "device" | "loopback" => String::new(),
            kind => kind.to_owned(),
        })
    }

    fn element(&self, question: &Question<'_>) -> Option<Option<SetElement>> {
        self.rules.element(question).ok()
    }
}

//! A published port, as elements of our table.

use std::net::IpAddr;

use ipnet::IpNet;

use super::element::{Element, Family, Part};
use super::publish::of;
use super::set::SetName;
use crate::state::port::{PortRange, Published, Visible};

/// An element, and the set that it is in.
type At = (SetName, Element);

impl Published {
    /// Where its ports lead: a range whose ports lead each to the same port is one element,
    /// as a port with a map's element may be any other.
    pub fn leads(&self) -> Vec<At> {
        let each = self.to.iter().flat_map(|to| self.leads_to(*to));
        each.collect()
    }

    fn leads_to(&self, to: IpAddr) -> Vec<At> {
        let net = IpNet::from(to);
        let family = Family::of(&net);
        if self.host.count() > 1 && self.host == self.port {
            let mut element = Element::of(self.key(self.among(family), self.host));
            element.data = vec![Part::Net(net)];
            let set = of(family, [SetName::Ranges4, SetName::Ranges6]);
            return vec![(set, element)];
        }
        let sets = match self.bound() {
            None => [SetName::Ports4, SetName::Ports6],
            Some(_) => [SetName::Bound4, SetName::Bound6],
        };
        let pairs = self.host.each().zip(self.port.each());
        let lead = |(host, port): (u16, u16)| {
            let own = self.bound().map(IpNet::from);
            let mut element = Element::of(self.key(own, PortRange::only(host)));
            element.data = vec![Part::Net(net), Part::Ports(port, port)];
            (of(family, sets), element)
        };
        pairs.map(lead).collect()
    }

    /// Who may use them, beside this host itself.
    pub fn gates(&self) -> Vec<At> {
        match &self.visible {
            Visible::Loopback => Vec::new(),
            Visible::Lan => self.open([SetName::Lan, SetName::Lan4, SetName::Lan6]),
            Visible::Public => self.open([SetName::Public, SetName::Public4, SetName::Public6]),
            Visible::From(sources) => {
                let wider = |net: &IpNet| {
                    let mut others = sources.iter().filter(|other| *other != net);
                    others.any(|other| other.contains(net))
                };
                let widest = sources.iter().filter(|net| !wider(net));
                let there = widest.filter(|net| self.families().any(|f| f == Family::of(net)));
                there.map(|net| self.seen_by(*net)).collect()
            }
        }
    }

    /// One port of every address is found by its number, and not in a set of ranges, where
    /// the kernel takes longer for each the more there are.
    fn open(&self, [every, four, six]: [SetName; 3]) -> Vec<At> {
        let one = self.bound().is_none() && self.host.count() == 1;
        let each = self.families().map(|family| match one {
            true => {
                let key = [Part::Family(family)].into_iter();
                (every, Element::of(key.chain(self.key(None, self.host))))
            }
            false => {
                let key = self.key(self.among(family), self.host);
                (of(family, [four, six]), Element::of(key))
            }
        });
        each.collect()
    }

    fn seen_by(&self, source: IpNet) -> At {
        let family = Family::of(&source);
        let key = self.key(self.among(family), self.host);
        let key = [Part::Net(source)].into_iter().chain(key);
        let set = of(family, [SetName::Seen4, SetName::Seen6]);
        (set, Element::of(key))
    }

    /// The ways by which a namespace with these addresses reaches itself through the host.
    pub fn hairpins(&self, addresses: &[IpNet]) -> Vec<At> {
        let to = self.to.iter().map(|to| IpNet::from(*to));
        let ways = to.flat_map(|to| {
            let family = Family::of(&to);
            let set = of(family, [SetName::Hairpin4, SetName::Hairpin6]);
            let own = addresses.iter().map(|net| IpNet::from(net.addr()));
            let own = own.filter(move |own| Family::of(own) == family);
            own.map(move |own| (set, Element::of([Part::Net(own), Part::Net(to)])))
        });
        ways.collect()
    }

    /// The families that it is published over.
    pub fn families(&self) -> impl Iterator<Item = Family> {
        self.to.iter().map(|to| Family::of(&IpNet::from(*to)))
    }

    /// The one address that has the ports.
    fn bound(&self) -> Option<IpAddr> {
        self.address.filter(|own| !own.is_unspecified())
    }

    /// The addresses that have the ports.
    fn among(&self, family: Family) -> Option<IpNet> {
        Some(self.bound().map_or(family.every(), IpNet::from))
    }

    fn key(&self, own: Option<IpNet>, ports: PortRange) -> impl Iterator<Item = Part> + use<> {
        let ports = Part::Ports(ports.first(), ports.last());
        let rest = [Part::Protocol(self.protocol.into()), ports];
        own.map(Part::Net).into_iter().chain(rest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::state::port::Transport;

    fn published(address: Option<&str>, ports: [&str; 2], to: &[&str]) -> Published {
        Published {
            protocol: Transport::Udp,
            host: ports[0].parse().unwrap(),
            address: address.map(|address| address.parse().unwrap()),
            netns: "one".parse().unwrap(),
            port: ports[1].parse().unwrap(),
            to: to.iter().map(|to| to.parse().unwrap()).collect(),
            visible: Visible::Public,
        }
    }

    fn texts(all: Vec<At>) -> Vec<String> {
        let all = all.into_iter();
        all.map(|(set, element)| format!("{} {element}", set.as_str()))
            .collect()
    }

    const BOTH: [&str; 2] = ["10.0.0.2", "fd00::2"];

    #[test]
    fn one_port_is_one_element_of_each_family() {
        let every = published(None, ["53", "5353"], &BOTH);
        let leads = [
            "ports4 udp . 53 : 10.0.0.2 . 5353",
            "ports6 udp . 53 : fd00::2 . 5353",
        ];
        assert_eq!(texts(every.leads()), leads);
        let gates = ["public ipv4 . udp . 53", "public ipv6 . udp . 53"];
        assert_eq!(texts(every.gates()), gates);
        let own = published(Some("192.0.2.1"), ["53", "53"], &BOTH[..1]);
        assert_eq!(
            texts(own.leads()),
            ["bound4 192.0.2.1 . udp . 53 : 10.0.0.2 . 53"]
        );
        assert_eq!(texts(own.gates()), ["public4 192.0.2.1 . udp . 53"]);
    }

    #[test]
    fn a_port_of_one_family_opens_nothing_of_the_other() {
        for address in [None, Some("0.0.0.0")] {
            let four = published(address, ["53", "53"], &BOTH[..1]);
            assert_eq!(texts(four.leads()), ["ports4 udp . 53 : 10.0.0.2 . 53"]);
            assert_eq!(texts(four.gates()), ["public ipv4 . udp . 53"]);
        }
    }

    #[test]
    fn a_range_is_one_element_unless_it_is_moved() {
        let same = published(None, ["8000-8999", "8000-8999"], &BOTH[..1]);
        assert_eq!(
            texts(same.leads()),
            ["ranges4 0.0.0.0/0 . udp . 8000-8999 : 10.0.0.2"]
        );
        let moved = published(None, ["8000-8001", "9000-9001"], &BOTH[..1]);
        let leads = [
            "ports4 udp . 8000 : 10.0.0.2 . 9000",
            "ports4 udp . 8001 : 10.0.0.2 . 9001",
        ];
        assert_eq!(texts(moved.leads()), leads);
        let gates = ["public4 0.0.0.0/0 . udp . 8000-8001"];
        assert_eq!(texts(moved.gates()), gates);
    }

    #[test]
    fn sources_within_others_are_said_once() {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"];
        let listed = Published {
            visible: Visible::From(nets.map(|net| net.parse().unwrap()).into()),
            ..published(None, ["53", "53"], &BOTH[..1])
        };
        let gates = ["seen4 10.0.0.0/8 . 0.0.0.0/0 . udp . 53"];
        assert_eq!(
            texts(listed.gates()),
            gates,
            "and no IPv6 without an address"
        );
    }
}

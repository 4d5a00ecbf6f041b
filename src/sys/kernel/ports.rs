//! What of the host matters to the ports that a lab publishes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Kernel;
use crate::state::{
    Element, Family, Namespace, Netns, Part, PortRange, Published, SetName, SysctlKey, Transport,
    Walls,
};
use crate::sys::Failure;
use crate::sys::netlink::diag::{self, Found};
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::walls;
use crate::sys::survey::named;
use crate::sys::sysctl;

impl Kernel {
    /// The ports of other labs that may be the lab's as well: what is read of the firewall by
    /// the lab's own keys does not tell them.
    pub(super) fn look_at_rivals(&self, host: &mut Namespace) -> Result<(), Failure> {
        let all = self.published.iter().flat_map(Published::leads);
        let begins: BTreeSet<String> = all.flat_map(|(set, e)| rivals(set, &e)).collect();
        let ours = (self.lab.host, &self.lab.name);
        for begins in begins {
            for (lab, set, element) in self.store.elements_of_others(ours, &begins, u32::MAX)? {
                host.rivals.entry(set).or_default().insert(element, lab);
            }
        }
        Ok(())
    }

    /// The families in which bridges pass no rules.
    fn direct(&mut self) -> io::Result<BTreeSet<Family>> {
        let families = [Family::Ipv4, Family::Ipv6];
        let values = sysctl::read(
            self.entry(&Netns::Host)?,
            &families.map(SysctlKey::bridge_rules),
        )?;
        let passes = |value: Option<String>| value.is_some_and(|value| value != "0");
        let each = families.into_iter().zip(values);
        Ok(each
            .filter(|(_, value)| !passes(value.clone()))
            .map(|(family, _)| family)
            .collect())
    }

    /// Who would lose what comes to the lab's ports. Only these sockets are asked for, and
    /// only of them the processes are looked for.
    pub(super) fn look_at_ports(&mut self, host: &mut Namespace) -> io::Result<()> {
        let mut ports: BTreeMap<Transport, Vec<PortRange>> = BTreeMap::new();
        for one in &self.published {
            ports.entry(one.protocol).or_default().push(one.host);
        }
        if ports.is_empty() {
            return Ok(());
        }
        let mut socket = Socket::diag()?;
        let mut found = Vec::new();
        for (protocol, ports) in ports {
            found.extend(diag::listening(&mut socket, protocol, &ports)?);
        }
        let loses = |one: &Found| self.published.iter().any(|p| one.listener.loses(p));
        found.retain(loses);
        host.listeners = named(found)?.into_iter().collect();
        host.direct = Some(self.direct()?);
        if self.tells {
            host.walls = Walls {
                tables: walls::read(self.netfilter(&Netns::Host)?)?,
                legacy: walls::has_legacy_rules(),
            };
        }
        Ok(())
    }
}

/// How the elements begin that lead on the same port of the host, and have another key.
fn rivals(set: SetName, element: &Element) -> Vec<String> {
    use SetName::{Bound4, Bound6, Ports4, Ports6, Ranges4, Ranges6};
    let port = |all: SetName| {
        let port: Vec<String> = element.key.iter().skip(1).map(Part::to_string).collect();
        format!("{} {} :", all.as_str(), port.join(" . "))
    };
    let each = |sets: &[SetName]| -> Vec<String> {
        sets.iter()
            .map(|set| format!("{} ", set.as_str()))
            .collect()
    };
    match set {
        Ports4 => each(&[Bound4]),
        Ports6 => each(&[Bound6]),
        Bound4 => vec![port(Ports4)],
        Bound6 => vec![port(Ports6)],
        Ranges4 => each(&[Ports4, Bound4]),
        Ranges6 => each(&[Ports6, Bound6]),
        // Ranges are read whole.
        _ => Vec::new(),
    }
}

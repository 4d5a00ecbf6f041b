//! What of forwarding is not as it is of the whole namespace, or not as netyard made it.

use std::io;

use super::Kernel;
use crate::state::{End, IfName, Link, Namespace, Netns, Sysctl, SysctlKey};
use crate::sys::netlink::netconf::{Switches, forwarding};

impl Kernel {
    /// Adds to the settings: of a namespace of the lab's, that it forwards, and each device
    /// that differs from it; of another that forwards for the lab, the lab's devices that
    /// do not.
    pub(super) fn look_at_forwarding(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
    ) -> io::Result<()> {
        if netns.made().is_none() && !self.routes(netns) {
            return Ok(());
        }
        for (family, switches) in forwarding(self.socket(netns)?)? {
            let drifted = match netns {
                Netns::Host | Netns::At(_) => self.shut(netns, namespace, &switches),
                Netns::Named(_) => self.different(netns, namespace, &switches),
            };
            if netns.made().is_some() && switches.all {
                let on = || Sysctl::new("1");
                let whole = SysctlKey::whole_forward(family);
                namespace.sysctls.entry(whole).or_insert_with(on);
            }
            for dev in drifted {
                let value = if switches.all { "0" } else { "1" };
                let key = SysctlKey::device_forward(family, &dev);
                let apart = || Sysctl::new(value);
                namespace.sysctls.entry(key).or_insert_with(apart);
            }
        }
        Ok(())
    }

    fn is_on(&self, netns: &Netns, dev: &IfName, switches: &Switches) -> Option<bool> {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let index = self.indexes.get(&end)?;
        switches.devices.get(index).copied()
    }

    fn different(&self, netns: &Netns, inside: &Namespace, switches: &Switches) -> Vec<String> {
        let differs = |dev: &&IfName| {
            let on = self.is_on(netns, dev, switches);
            on.is_some_and(|on| on != switches.all)
        };
        let devices = inside.links.keys().filter(differs);
        let mut all: Vec<String> = devices.map(IfName::to_string).collect();
        all.extend((switches.default != switches.all).then(|| "default".to_owned()));
        all
    }

    /// Whether a namespace that others are in forwards for the lab.
    pub(super) fn routes(&self, netns: &Netns) -> bool {
        match netns {
            Netns::Host => self.routed,
            _ => self.forwards.contains(netns),
        }
    }

    /// The lab's own devices that do not forward. Of a cable into a namespace that others
    /// made the mark is on the other end: which are the lab's is for the planner to say.
    fn shut(&self, netns: &Netns, here: &Namespace, switches: &Switches) -> Vec<String> {
        let marked = |link: &Link| link.owner.as_ref() == Some(&self.lab.name);
        let ours = here
            .links
            .iter()
            .filter(|(_, link)| netns.joined().is_some() || marked(link));
        let shut = |dev: &IfName| self.is_on(netns, dev, switches) == Some(false);
        let shut = ours.filter(|(dev, _)| switches.all && shut(dev));
        shut.map(|(dev, _)| dev.to_string()).collect()
    }
}

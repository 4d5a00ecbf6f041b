//! What of forwarding is not as it is of the whole namespace, or not as netyard made it.

use std::io;

use super::Kernel;
use crate::state::{End, IfName, Namespace, Netns, Sysctl, SysctlKey};
use crate::sys::netlink::netconf::{Switches, forwarding};

impl Kernel {
    /// Adds to the settings: of a namespace of the lab's, that it forwards, and each device
    /// that differs from it; of a host that forwards for the lab, the lab's devices that
    /// do not.
    pub(super) fn look_at_forwarding(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
    ) -> io::Result<()> {
        if *netns == Netns::Host && !self.routed {
            return Ok(());
        }
        for (family, switches) in forwarding(self.socket(netns)?)? {
            let drifted = match netns {
                Netns::Host => self.shut(namespace, &switches),
                Netns::Named(_) => self.different(netns, namespace, &switches),
            };
            if *netns != Netns::Host && switches.all {
                let on = || Sysctl::new("1");
                let whole = SysctlKey::whole_forward(family);
                namespace.sysctls.entry(whole).or_insert_with(on);
            }
            for dev in drifted {
                let value = if switches.all { "0" } else { "1" };
                let key = SysctlKey::device_forward(family, &dev);
                namespace.sysctls.insert(key, Sysctl::new(value));
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

    fn shut(&self, host: &Namespace, switches: &Switches) -> Vec<String> {
        let ours = host.links.iter().filter(|(_, link)| {
            link.owner.as_ref() == Some(&self.lab.name) && link.master.is_none()
        });
        let shut = |dev: &IfName| self.is_on(&Netns::Host, dev, switches) == Some(false);
        let shut = ours.filter(|(dev, _)| switches.all && shut(dev));
        shut.map(|(dev, _)| dev.to_string()).collect()
    }
}

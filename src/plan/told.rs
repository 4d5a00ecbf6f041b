//! What is said of a conflict beside its one line: its code, and what to do about it.

use super::{Conflict, Conflicts, Holder};
use crate::report::{Code, Detail, Report, codes};
use crate::state::Netns;

impl Conflicts {
    /// All of them, each with its own code.
    pub fn report(&self) -> Report {
        let message = match self.0.len() {
            1 => "something is in the way".to_owned(),
            many => format!("{many} things are in the way"),
        };
        Report {
            problems: self.0.iter().map(Conflict::detail).collect(),
            ..Report::new(codes::CONFLICT, message)
        }
    }
}

impl Conflict {
    /// What kind of conflict it is.
    pub fn code(&self) -> &'static Code {
        match self {
            Conflict::Netns { .. } => codes::NAMESPACE_TAKEN,
            Conflict::Link { .. } => codes::DEVICE_TAKEN,
            Conflict::Address { .. } => codes::ADDRESS_TAKEN,
            Conflict::Route { .. } | Conflict::OtherRoute { .. } => codes::ROUTE_TAKEN,
            Conflict::Diverted { .. } => codes::SUBNET_DIVERTED,
            Conflict::Table => codes::TABLE_TAKEN,
            Conflict::Element { .. } => codes::ELEMENT_TAKEN,
            Conflict::Ports { .. } => codes::TOO_MANY_PORTS,
        }
    }

    fn detail(&self) -> Detail {
        let (object, netns) = match self {
            Conflict::Netns { name, .. } => (format!("namespace {name}"), None),
            Conflict::Link { end, .. } => (format!("device {}", end.dev), Some(&end.netns)),
            Conflict::Address { want, .. } => (format!("address {want}"), Some(&Netns::Host)),
            Conflict::Route { have, .. } => (format!("route {have}"), Some(&Netns::Host)),
            Conflict::OtherRoute { to } | Conflict::Diverted { to, .. } => {
                (format!("route {to}"), Some(&Netns::Host))
            }
            Conflict::Table => ("nft table inet netyard".to_owned(), Some(&Netns::Host)),
            Conflict::Element { element, .. } => (element.to_string(), Some(&Netns::Host)),
            Conflict::Ports { bridge, .. } => (format!("bridge {bridge}"), Some(&Netns::Host)),
        };
        Detail {
            object: Some(object),
            namespace: netns.cloned(),
            hint: Some(self.hint()),
            ..Detail::new(self.code(), self.to_string())
        }
    }

    /// What to do: another lab can be taken down; what is foreign is only looked at.
    fn hint(&self) -> String {
        if let Some(Holder::Lab(lab)) = self.holder() {
            return format!(
                "`netyard down {lab}` frees it; or use other names and subnets in one of the two files"
            );
        }
        match self {
            Conflict::Netns { name, .. } => format!(
                "give the namespace another name, or look at what is there: `ip netns exec {name} ip address`"
            ),
            Conflict::Link { end, .. } => {
                let inside = end
                    .netns
                    .name()
                    .map_or(String::new(), |name| format!(" -n {name}"));
                format!(
                    "choose another name in the file, or look at the device: `ip{inside} -d link show dev {}`",
                    end.dev
                )
            }
            Conflict::Address { on, .. } => format!(
                "choose another subnet in the file; `ip address show dev {on}` shows what is there"
            ),
            Conflict::Route { .. } => {
                "take the route out of the file or give it another `metric`; `ip route` shows what is there".to_owned()
            }
            Conflict::OtherRoute { to } => {
                format!("take the route out of the file; `ip route show {to}` shows what is there")
            }
            Conflict::Diverted { to, .. } => format!(
                "choose another subnet in the file, or, if nobody needs the route, `ip route del {to}`"
            ),
            Conflict::Table | Conflict::Element { .. } | Conflict::Ports { .. } => {
                self.code().fix.to_owned()
            }
        }
    }

    fn holder(&self) -> Option<&Holder> {
        match self {
            Conflict::Netns { holder, .. }
            | Conflict::Link { holder, .. }
            | Conflict::Address { holder, .. }
            | Conflict::Element { holder, .. } => Some(holder),
            Conflict::Route { .. }
            | Conflict::OtherRoute { .. }
            | Conflict::Diverted { .. }
            | Conflict::Table
            | Conflict::Ports { .. } => None,
        }
    }
}

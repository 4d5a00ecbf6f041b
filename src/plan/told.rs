//! What is said of a conflict beside its one line: its code, and what to do about it.

use std::collections::BTreeSet;

use super::conflict::subject;
use super::print::ip;
use super::{Conflict, Conflicts, Holder, Taker, Unfit};
use crate::report::{Code, Detail, Report, codes};
use crate::state::{Feature, IfName, LabName, Listener, Netns, Published, Transport};

impl Conflicts {
    /// All of them, each with its own code.
    pub fn report(&self) -> Report {
        let message = match self.0.len() {
            1 => "something is in the way".to_owned(),
            many => format!("{many} things are in the way"),
        };
        let (held, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|one| self.is_many(one));
        let labs: BTreeSet<&LabName> = held.iter().filter_map(|one| one.lab()).collect();
        let labs = labs.into_iter().map(|lab| {
            let of = held.iter().filter(|one| one.lab() == Some(lab));
            together(lab, &of.copied().collect::<Vec<_>>())
        });
        Report {
            problems: labs
                .chain(others.into_iter().map(Conflict::detail))
                .collect(),
            ..Report::new(codes::CONFLICT, message)
        }
    }

    /// Whether something in a namespace of others, of which no holder is known, may be another
    /// lab's all the same: its mark is at the other end of the cable, which may not have been
    /// looked at.
    pub(crate) fn may_be_of_labs(&self) -> bool {
        self.0.iter().any(|one| match one {
            Conflict::Address { netns, holder, .. } | Conflict::Route { netns, holder, .. } => {
                netns.joined().is_some() && *holder == Holder::Foreign
            }
            Conflict::Link { end, holder } => {
                end.netns.joined().is_some() && *holder == Holder::Foreign
            }
            _ => false,
        })
    }

    /// Whether it is one of many things of the same lab.
    fn is_many(&self, one: &Conflict) -> bool {
        let same = |other: &&Conflict| other.lab() == one.lab();
        one.lab().is_some() && self.0.iter().filter(same).count() > FEW
    }
}

/// So many things of one lab are told each on its own.
const FEW: usize = 3;
/// So many of its things are named.
const NAMED: usize = 6;

/// What another lab holds, in one message.
fn together(lab: &LabName, held: &[&Conflict]) -> Detail {
    let count = held.len();
    let things = held.iter().map(|one| one.thing().0);
    let names: Vec<String> = things.take(NAMED).collect();
    let more = match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names.join(", ");
    let message = format!("lab {lab} holds {count} things that this lab needs: {names}{more}");
    let hint = format!(
        "`netyard down {lab}` frees them, also if it is this lab under an older name; or use other names and subnets"
    );
    Detail {
        hint: Some(hint),
        ..Detail::new(codes::CONFLICT, message)
    }
}

impl Conflict {
    /// What kind of conflict it is.
    pub fn code(&self) -> &'static Code {
        match self {
            Conflict::Netns { .. } => codes::NAMESPACE_TAKEN,
            Conflict::Unjoinable { .. } => codes::NOT_JOINABLE,
            Conflict::Gone { .. } => codes::JOINED_GONE,
            Conflict::Link { .. } | Conflict::AltName { .. } => codes::DEVICE_TAKEN,
            Conflict::Address { .. } => codes::ADDRESS_TAKEN,
            Conflict::Route { .. } | Conflict::OtherRoute { .. } => codes::ROUTE_TAKEN,
            Conflict::Diverted { .. } => codes::SUBNET_DIVERTED,
            Conflict::Table { .. } => codes::TABLE_TAKEN,
            Conflict::Element { .. } => codes::ELEMENT_TAKEN,
            Conflict::External { .. } => codes::EXTERNAL_BRIDGE,
            Conflict::Parent { .. } => codes::PARENT_DEVICE,
            Conflict::UnknownKind { .. } => codes::KERNEL_LACKS,
            Conflict::Ports { .. } => codes::TOO_MANY_PORTS,
            Conflict::Port { .. } => codes::PORT_TAKEN,
            Conflict::Lacks(_) => codes::KERNEL_LACKS,
        }
    }

    /// What is held, and where.
    fn thing(&self) -> (String, Option<&Netns>) {
        match self {
            Conflict::Netns { name, .. } => (format!("namespace {name}"), None),
            Conflict::Link { end, .. } => (format!("device {}", end.dev), Some(&end.netns)),
            Conflict::AltName { end, of } => (format!("device {of}"), Some(&end.netns)),
            Conflict::Unjoinable { path, .. } | Conflict::Gone { path, .. } => {
                (format!("namespace {path}"), None)
            }
            Conflict::Address { netns, want, .. } => (format!("address {want}"), Some(netns)),
            Conflict::Route { netns, have, .. } => (format!("route {have}"), Some(netns)),
            Conflict::OtherRoute { netns, to } => (format!("route {to}"), Some(netns)),
            Conflict::Diverted { to, .. } => (format!("route {to}"), Some(&Netns::Host)),
            Conflict::Table { netns, table } => (format!("nft table {table}"), Some(netns)),
            Conflict::Element { set, element, .. } => (subject(*set, element), Some(&Netns::Host)),
            Conflict::External { bridge, .. } | Conflict::Ports { bridge, .. } => {
                (format!("bridge {bridge}"), Some(&Netns::Host))
            }
            Conflict::Parent { parent, .. } => (format!("device {parent}"), Some(&Netns::Host)),
            Conflict::UnknownKind { end, kind } => {
                (format!("{kind} {}", end.dev), Some(&end.netns))
            }
            Conflict::Port { want, .. } => (format!("{want}"), Some(&Netns::Host)),
            Conflict::Lacks(feature) => (feature.words().0.to_owned(), None),
        }
    }

    fn detail(&self) -> Detail {
        let (object, netns) = self.thing();
        Detail {
            object: Some(object),
            namespace: netns.cloned(),
            hint: Some(self.hint()),
            ..Detail::new(self.code(), self.to_string())
        }
    }

    /// What to do: another lab can be taken down; what is foreign is only looked at.
    fn hint(&self) -> String {
        if let Some(lab) = self.lab() {
            let other = match self {
                Conflict::Port { .. } => "publish another port of the host",
                _ => "use other names and subnets",
            };
            return format!("`netyard down {lab}` frees it; or {other} in one of the two files");
        }
        match self {
            Conflict::Netns { name, .. } => format!(
                "give the namespace another name, or look at what is there: `ip netns exec {name} ip address`"
            ),
            Conflict::Link { end, .. } => {
                let ip = ip(&end.netns);
                format!(
                    "choose another name in the file, or look at the device: `{ip} -d link show dev {}`",
                    end.dev
                )
            }
            Conflict::AltName { end, of } => format!(
                "choose another name in the file, or take it from that device: `{} link property del dev {of} altname {}`",
                ip(&end.netns),
                end.dev
            ),
            Conflict::Address { netns, on, .. } => format!(
                "choose another subnet in the file; `{} address show dev {on}` shows what is there",
                ip(netns)
            ),
            Conflict::Route { netns, .. } => format!(
                "take the route out of the file or give it another `metric`; `{} route` shows what is there",
                ip(netns)
            ),
            Conflict::OtherRoute { netns, to } => format!(
                "take the route out of the file; `{} route show {to}` shows what is there",
                ip(netns)
            ),
            Conflict::Diverted { to, .. } => format!(
                "choose another subnet in the file, or, if nobody needs the route, `ip route del {to}`"
            ),
            Conflict::Port {
                want,
                holder: Taker::Process(listener),
            } => elsewhere(want, listener),
            Conflict::Lacks(feature) => lacking(*feature),
            Conflict::UnknownKind { kind, .. } => module(kind),
            Conflict::Parent { parent, why, .. } => unfit(parent, why, self.code()),
            Conflict::External { lab, .. } => format!("`netyard repair {lab}` makes it again"),
            Conflict::Table { .. }
            | Conflict::Unjoinable { .. }
            | Conflict::Gone { .. }
            | Conflict::Element { .. }
            | Conflict::Ports { .. }
            | Conflict::Port { .. } => self.code().fix.to_owned(),
        }
    }

    /// The lab that holds it.
    pub fn lab(&self) -> Option<&LabName> {
        let holder = match self {
            Conflict::Netns { holder, .. }
            | Conflict::Link { holder, .. }
            | Conflict::Address { holder, .. }
            | Conflict::Route { holder, .. }
            | Conflict::Element { holder, .. } => holder,
            Conflict::OtherRoute { .. }
            | Conflict::AltName { .. }
            | Conflict::Unjoinable { .. }
            | Conflict::Gone { .. }
            | Conflict::Diverted { .. }
            | Conflict::Table { .. }
            | Conflict::External { .. }
            | Conflict::Lacks(_)
            | Conflict::Parent { .. }
            | Conflict::UnknownKind { .. }
            | Conflict::Ports { .. } => return None,
            Conflict::Port { holder, .. } => return holder.lab(),
        };
        match holder {
            Holder::Lab(lab) => Some(lab),
            Holder::Foreign => None,
        }
    }
}

/// Where to publish a port instead of where somebody listens.
fn elsewhere(want: &Published, listener: &Listener) -> String {
    let flag = match want.protocol {
        Transport::Tcp => "-ltnp",
        Transport::Udp => "-lunp",
        Transport::Sctp => "-lSnp",
    };
    let (address, port) = (listener.at.ip(), listener.at.port());
    let other = match address.is_unspecified() {
        true => String::new(),
        false => format!(", or one of its other addresses than {address}"),
    };
    format!(
        "publish another port of the host{other}; `ss {flag} sport = :{port}` shows who listens"
    )
}

/// How a kernel gets what it lacks.
fn lacking(feature: Feature) -> String {
    let (module, option) = feature.from();
    // Distributions leave it out of what every machine gets.
    let package = match feature {
        Feature::Netem => {
            " (Debian has it with the kernel, Ubuntu in linux-modules-extra, Fedora in kernel-modules-extra; then `modprobe sch_netem`)"
        }
        _ => "",
    };
    let module = module.map_or(String::new(), |name| {
        format!("install the module `{name}`{package}, or ")
    });
    format!("{module}use a kernel with {option}; or do without what needs it")
}

fn module(kind: &str) -> String {
    let module = match kind {
        "vlan" => "8021q",
        kind => kind,
    };
    format!(
        "load its module (`modprobe {module}`), or use a kernel that has it; `netyard doctor` shows what this one has"
    )
}

fn unfit(parent: &IfName, why: &Unfit, code: &Code) -> String {
    match why {
        Unfit::Missing => "write a `parent` that the host has; `ip link` shows its devices".into(),
        Unfit::Mtu(mtu) => format!("write an `mtu` of at most {mtu}, or leave it out"),
        Unfit::Down => format!("`ip link set dev {parent} up`"),
        _ => code.fix.to_owned(),
    }
}

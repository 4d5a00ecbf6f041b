//! Who feels a step of a plan, and how. It is told from the whole plan, because what
//! one step removes another may make again.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::impact::{Harm, Impact, Place};
use super::thing::Thing;
use super::{Op, Setting, Step, flow, wireguard};
use crate::state::{
    Element, End, IfName, LabName, Link, NetState, Netns, Route, SetName, SysctlKey, is_link_local,
};

/// Tells of each step of a plan what it does to what is there.
pub(super) fn tell(steps: &mut [Step], observed: &NetState) {
    let whole = Whole::new(steps.iter().map(|step| &step.op), observed);
    let impacts: Vec<_> = steps.iter().map(|step| whole.impacts(&step.op)).collect();
    for (step, impacts) in steps.iter_mut().zip(impacts) {
        step.impacts = impacts;
    }
}

/// What the whole plan makes and removes, and what there is before it.
struct Whole<'a> {
    made: BTreeSet<Thing<'a>>,
    gone: BTreeSet<Thing<'a>>,
    observed: &'a NetState,
}

impl<'a> Whole<'a> {
    fn new(ops: impl Iterator<Item = &'a Op> + Clone, observed: &'a NetState) -> Self {
        Whole {
            made: ops.clone().flat_map(Op::makes).collect(),
            gone: ops.flat_map(Op::removes).collect(),
            observed,
        }
    }

    /// The impacts of an operation: one for each thing that it removes, or one for
    /// what it changes.
    fn impacts(&self, op: &Op) -> Vec<Impact> {
        let impact = match op {
            Op::DelLinks { netns, devs, .. } => {
                let end = |dev: &IfName| End {
                    netns: netns.clone(),
                    dev: dev.clone(),
                };
                return devs.iter().map(|dev| self.device(&end(dev))).collect();
            }
            Op::DelTable { netns, table }
                if !self.made.contains(&Thing::Table(netns, table.name)) =>
            {
                let elements = table.elements();
                return elements
                    .filter_map(|(set, element, _)| self.element(set, element))
                    .collect();
            }
            Op::DelNetns { name, .. } => Some(Impact {
                harm: Harm::Removed,
                on: vec![Place::Namespace(Netns::Named(name.clone()))],
                what: "with all that is in it".to_owned(),
            }),
            Op::DelFlows { netns, flows } => return flow::impacts(netns, flows, self.observed),
            Op::SetLink { end, set, was } => self.setting(end, set, was),
            Op::DelAddress { end, address } => self.address(end, address),
            Op::DelRoute { netns, route } => Some(self.route(netns, route)),
            Op::DelRule { netns, .. } => Some(Impact {
                harm: Harm::Cut,
                on: vec![Place::Namespace(netns.clone())],
                what: "what finds its way by this rule".to_owned(),
            }),
            Op::ReplaceRoute { netns, route, .. } => self.detour(netns, route),
            Op::SetSysctl {
                netns, key, value, ..
            } => forwarding(netns, key, value),
            Op::DelElement { set, element, .. } => self.element(*set, element),
            _ => None,
        };
        impact.into_iter().collect()
    }

    /// A device that goes, and its cable's other end with it.
    fn device(&self, end: &End) -> Impact {
        let (harm, what) = match self.made.contains(&Thing::device(end)) {
            true => (Harm::Recreated, "what others set on it is lost"),
            false => (Harm::Removed, "with what goes over it"),
        };
        Impact {
            on: self.cable(end),
            ..Impact::new(harm, end, what)
        }
    }

    /// The ends of a cable, as far as someone is there to feel it: behind a port of a
    /// bridge is only the bridge.
    fn cable(&self, end: &End) -> Vec<Place> {
        let peer = self.observed.link(end).and_then(Link::peer);
        let port = |end: &&End| self.observed.link(end).is_some_and(|l| l.master.is_some());
        let ends = [Some(end), peer].into_iter().flatten();
        let felt = ends.filter(|end| !(port(end) && peer.is_some()));
        felt.cloned().map(Place::Device).collect()
    }

    fn setting(&self, end: &End, set: &Setting, was: &Setting) -> Option<Impact> {
        if self.made.contains(&Thing::device(end)) {
            return None;
        }
        let (harm, what) = match (set, was) {
            (Setting::Mtu(new), Setting::Mtu(old)) => {
                let what = format!("packets over {} bytes, until all have it", new.min(old));
                (Harm::Blip, what)
            }
            // An entry is believed for up to 45 s, then the old address is asked for 5 s
            // (`neigh_rand_reach_time`, `NEIGH_VAR_DELAY_PROBE_TIME`; net/core/neighbour.c).
            (Setting::Mac(_), _) => {
                let what = "neighbours that hold the old address, up to a minute";
                (Harm::Blip, what.to_owned())
            }
            (Setting::Master(_), Setting::Master(Some(old))) => {
                let what = format!("what it reaches by bridge {old}");
                match self.gone.contains(&Thing::Device(&end.netns, old)) {
                    true => (Harm::Blip, what),
                    false => (Harm::Cut, what),
                }
            }
            // Another kind takes nothing over, one of the same kind all (`qdisc_graft`,
            // net/sched/sch_api.c).
            (Setting::Qdisc(new), Setting::Qdisc(Some(old))) => {
                let stays = new.as_ref().is_some_and(|new| new.kind() == old.kind());
                let what = "what waits to be sent".to_owned();
                (!stays).then_some((Harm::Blip, what))?
            }
            (Setting::Filtering(new), Setting::Filtering(old)) => {
                let what = "what it switches, until its ports have their VLANs".to_owned();
                let felt = self.guests(end).map(|guests| (Harm::Cut, guests));
                (new.on && !old.on).then_some(felt.unwrap_or((Harm::Blip, what)))?
            }
            (
                Setting::Vlans(new) | Setting::OwnVlans(new),
                Setting::Vlans(old) | Setting::OwnVlans(old),
            ) => {
                let lost = old.lost_in(new);
                let mut what = format!("what it reaches in VLAN {}", lost.numbers());
                // Where its switch tells none apart any more, it reaches all.
                let harm = match new.is_empty() {
                    true => Harm::Blip,
                    false => Harm::Cut,
                };
                if new.is_empty() {
                    what += ", until its switch tells no VLANs apart";
                } else if let Some(guests) = self.guests(end) {
                    what += &format!(", and {guests}");
                }
                (!lost.is_empty()).then_some((harm, what))?
            }
            (Setting::Wireguard(new), Setting::Wireguard(old)) => wireguard::felt(new, old)?,
            (Setting::Up(false), _) => (Harm::Cut, "what goes over it".to_owned()),
            _ => return None,
        };
        Some(Impact {
            on: self.cable(end),
            ..Impact::new(harm, end, what)
        })
    }

    /// What other labs have on a bridge, whose ports they are to change.
    fn guests(&self, end: &End) -> Option<String> {
        let labs = self.observed.namespaces.get(&end.netns)?;
        let labs = labs.guests.get(&end.dev)?.iter().map(LabName::as_str);
        let labs: Vec<&str> = labs.collect();
        Some(match &labs[..] {
            [lab] => format!("what lab {lab} has on it, until its next `up`"),
            _ => format!(
                "what labs {} have on it, until their next `up`",
                labs.join(", ")
            ),
        })
    }

    /// An address that goes. With another prefix length it stays the same address: a
    /// new IPv4 one is added before the old goes, an IPv6 one only after it.
    fn address(&self, end: &End, address: &IpNet) -> Option<Impact> {
        let addr = address.addr();
        let again = self.made.contains(&Thing::Address(end, address));
        let same = |thing: &Thing<'_>| match thing {
            Thing::Address(at, new) => *at == end && new.addr() == addr,
            _ => false,
        };
        match self.made.iter().any(same) {
            _ if is_link_local(address) => None,
            true if addr.is_ipv4() && !again => None,
            true => {
                let what = format!("what talks with {addr}, for a moment");
                Some(Impact::new(Harm::Blip, end, what))
            }
            false => Some(Impact::new(
                Harm::Cut,
                end,
                format!("what talks with {addr}"),
            )),
        }
    }

    fn route(&self, netns: &Netns, route: &Route) -> Impact {
        let to = destination(route);
        let (harm, what) = match self.made.contains(&Thing::route(netns, route)) {
            true => (Harm::Blip, format!("what goes {to}, for a moment")),
            false => (Harm::Cut, format!("what goes {to} by this route")),
        };
        Impact::new(harm, &leaving(netns, route), what)
    }

    /// A route is replaced at once, but its next hop may get its address only later.
    fn detour(&self, netns: &Netns, route: &Route) -> Option<Impact> {
        let via = route.via?;
        let comes = |thing: &Thing<'_>| matches!(thing, Thing::Address(_, a) if a.addr() == via);
        let what = format!("what goes {}, until {via} is there", destination(route));
        let on = leaving(netns, route);
        (self.made.iter().any(comes)).then(|| Impact::new(Harm::Blip, &on, what))
    }

    /// A subnet that is masqueraded no more, unless one that overlaps takes its place
    /// in the same transaction. It lies behind the bridge that has an address in it.
    fn element(&self, set: SetName, element: &Element) -> Option<Impact> {
        let is_masquerade = matches!(set, SetName::Masquerade4 | SetName::Masquerade6);
        let subnet = element.only_subnet().filter(|_| is_masquerade)?;
        let takes = |thing: &Thing<'_>| match thing {
            Thing::Element(_, of, new) => *of == set && element.bars(new),
            _ => false,
        };
        let links = &self.observed.namespaces.get(&Netns::Host)?.links;
        let behind = |link: &Link| link.addresses.iter().any(|a| subnet.contains(&a.addr()));
        let on = links.iter().find(|(_, link)| behind(link));
        let on = on.map(|(dev, _)| {
            Place::Device(End {
                netns: Netns::Host,
                dev: dev.clone(),
            })
        });
        (!self.made.iter().any(takes)).then(|| Impact {
            harm: Harm::Cut,
            on: vec![on.unwrap_or(Place::Namespace(Netns::Host))],
            what: format!("what leaves {subnet} through the host"),
        })
    }
}

fn destination(route: &Route) -> String {
    match route.is_default() {
        true => "elsewhere".to_owned(),
        false => format!("to {}", route.to),
    }
}

fn leaving(netns: &Netns, route: &Route) -> End {
    End {
        netns: netns.clone(),
        dev: route.dev.clone(),
    }
}

/// Forwarding of a whole namespace that ends.
fn forwarding(netns: &Netns, key: &SysctlKey, value: &str) -> Option<Impact> {
    let family = if *key == SysctlKey::forward4() {
        "IPv4"
    } else {
        "IPv6"
    };
    (key.overwrites() && value == "0").then(|| Impact {
        harm: Harm::Cut,
        on: vec![Place::Namespace(netns.clone())],
        what: format!("{family} that it forwards"),
    })
}

//! Sends the packet that was asked about, and has the kernel trace it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;

use super::filter;
use super::judge::told;
use super::kernel::Kernel;
use super::sent::{Met, Sent, Traced, agreement};
use super::{Explanation, Load, Question};
use crate::probe::Probe;
use crate::state::Transport;
use crate::sys::follow::{Followed, Stop, follow};
use crate::sys::netlink::nft::nftrace::{At, Event, Way};
use crate::sys::probe::once::Once;

impl Kernel<'_> {
    /// Sends it from where it was asked, and hears the trace in all namespaces of its way.
    pub(crate) fn send(&self, question: &Question, explanation: &Explanation) -> io::Result<Sent> {
        let once = Once {
            to: question.to,
            probe: probe(question.load)?,
            size: question.size,
        };
        let way = self.way_of(question, explanation);
        let open = way.iter().map(|space| Ok(self.open(*space)?.borrow()));
        let open = open.collect::<io::Result<Vec<_>>>()?;
        let stops = way.iter().zip(&open).map(|(space, open)| {
            let space = &self.survey.namespaces[*space];
            Stop {
                netns: (!space.host).then(|| open.0.as_fd()),
                bridges: space.devices.iter().any(|device| device.kind == "bridge"),
            }
        });
        let Followed {
            seen,
            after,
            events,
        } = follow(once, &stops.collect::<Vec<_>>())?;
        let trace = self.in_order(&way, events);
        let legacy = |table: &str| !self.is_traced(table);
        let agreement = agreement(explanation, question.load, (&seen, after, &trace), legacy);
        Ok(Sent {
            seen,
            after,
            trace,
            agreement,
        })
    }

    /// Each namespace has told its own; the answer comes through them the other way round.
    fn in_order(&self, way: &[usize], mut events: Vec<(usize, Event)>) -> Vec<Traced> {
        events.sort_by_key(|(at, event)| match event.way {
            Way::There => (Way::There, *at),
            Way::Back => (Way::Back, way.len() - at),
        });
        let mut trace: Vec<Traced> = Vec::new();
        for (at, event) in &events {
            let traced = self.traced(way[*at], event);
            // With br_netfilter a packet comes to the rules twice.
            if traced.rule.is_some() || !trace.contains(&traced) {
                trace.push(traced);
            }
        }
        trace
    }

    /// The namespaces of its way, the first is the sender's; and who has the address.
    fn way_of(&self, question: &Question, explanation: &Explanation) -> Vec<usize> {
        let namespaces = &self.survey.namespaces;
        let steps = explanation.there.iter().chain(&explanation.back);
        let named =
            steps.filter_map(|step| namespaces.iter().position(|space| space.name == step.netns));
        let has = |space: &crate::state::survey::Space| {
            let own = space.devices.iter().flat_map(|device| &device.addresses);
            !question.to.is_loopback() && own.into_iter().any(|one| one.net.addr() == question.to)
        };
        let owner = namespaces.iter().position(has);
        let all = [question.from].into_iter().chain(named).chain(owner);
        let mut known = BTreeSet::new();
        all.filter(|space| known.insert(*space)).collect()
    }

    fn traced(&self, space: usize, event: &Event) -> Traced {
        let device = |index: Option<u32>| Some(self.name(space, index?)?.to_owned());
        let rule = match &event.at {
            At::Begin => None,
            At::Line {
                family,
                table,
                chain,
                handle,
                drops,
            } => {
                let rules = self.rules_of(space);
                let ruleset = rules.as_ref().and_then(|read| read.as_ref().ok());
                let line = ruleset.and_then(|rules| {
                    filter::line_at(&rules.ruleset, *family, table, chain, *handle)
                });
                let line = line.as_ref().map(|line| told(Some(line)));
                let (table, line) = match line {
                    Some((table, line, _)) => (table, line),
                    // Somebody has made it since.
                    None => (format!("{family} {table}"), format!("chain {chain}")),
                };
                let drops = *drops;
                Some(Met { table, line, drops })
            }
        };
        Traced {
            netns: self.survey.namespaces[space].name.clone(),
            answer: event.way == Way::Back,
            rule,
            iif: device(event.devices.0),
            oif: device(event.devices.1),
        }
    }

    /// Whether the kernel would tell of a rule of this table: it does not of the old kind, a
    /// packet is not yet known where a device takes it in, and one of ARP is another.
    fn is_traced(&self, table: &str) -> bool {
        let legacy = self.rules.iter().any(|rules| {
            let rules = rules.borrow();
            let ruleset = rules.as_ref().and_then(|read| read.as_ref().ok());
            ruleset.is_some_and(|rules| {
                let mut tables = rules.ruleset.tables.iter();
                tables.any(|one| one.legacy && format!("{} {}", one.family, one.name) == table)
            })
        });
        let families = ["ip ", "ip6 ", "inet ", "bridge "];
        !legacy && families.iter().any(|family| table.starts_with(family))
    }
}

fn probe(load: Load) -> io::Result<Probe> {
    Ok(match load {
        Load::Echo => Probe::Ping,
        Load::To(Transport::Tcp, port) => Probe::Tcp(port),
        Load::To(Transport::Udp, port) => Probe::Udp(port),
        Load::To(Transport::Sctp, _) => Err(io::Error::from(io::ErrorKind::Unsupported))?,
    })
}

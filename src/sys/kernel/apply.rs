//! Executes operations: those of one namespace that follow one another go to the
//! kernel in one send.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::{FIRST_INDEX, FIRST_INSIDE, Kernel, LAST_INDEX};
use crate::plan::{Op, Setting};
use crate::reconcile::{Applied, Progress};
use crate::state::{End, IfName, Link, Netns, NetnsName, SysctlKey};
use crate::sys::netlink::link::CableEnd;
use crate::sys::netlink::socket::Request;
use crate::sys::netlink::{address, link, route, rule};
use crate::sys::{Failure, netns, sysctl};

/// How an operation reaches the kernel. Neighbours of the same way go together.
#[derive(Debug, PartialEq, Eq)]
enum Way<'a> {
    Make,
    Remove,
    /// In this namespace; what is removed goes only when all before it succeeded.
    Route(&'a Netns, Removes),
    /// In the namespace of the devices that carry them.
    Child,
    Sysctl,
    Firewall(&'a Netns),
    Flows(&'a Netns),
    /// Keys and peers of WireGuard interfaces, by a socket of their own.
    Tunnel(&'a Netns),
}

/// Within one send the kernel goes on after a refusal. If an address is refused and
/// the old one then removed, routes go with it that no operation names.
#[derive(Debug, PartialEq, Eq)]
enum Removes {
    Yes,
    No,
}

fn way(op: &Op) -> Way<'_> {
    match op {
        Op::AddNetns { .. } => Way::Make,
        Op::DelNetns { .. } => Way::Remove,
        Op::AddChild { .. } => Way::Child,
        Op::SetSysctl { .. } => Way::Sysctl,
        Op::AddTable { .. }
        | Op::DelTable { .. }
        | Op::AddElement { .. }
        | Op::DelElement { .. } => Way::Firewall(op.netns()),
        Op::DelFlows { netns, .. } => Way::Flows(netns),
        Op::SetLink {
            end,
            set: Setting::Wireguard(_),
            ..
        } => Way::Tunnel(&end.netns),
        Op::DelLinks { .. } | Op::DelAddress { .. } | Op::DelRoute { .. } | Op::DelRule { .. } => {
            Way::Route(op.netns(), Removes::Yes)
        }
        _ => Way::Route(op.netns(), Removes::No),
    }
}

/// What became of operations whose answers were lost: each may be done.
pub(super) fn unanswered(ops: &[&Op], why: io::Error) -> Applied {
    Applied {
        done: (0..ops.len()).collect(),
        failed: Some((0, why.into())),
        ..Applied::default()
    }
}

impl Kernel {
    pub(super) fn execute(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        let mut all = Applied::default();
        let mut at = 0;
        for group in ops.chunk_by(|a, b| way(a) == way(b)) {
            all.interrupted = progress.interrupted();
            if all.interrupted {
                break;
            }
            let applied = match way(group[0]) {
                Way::Make => self.make(group),
                Way::Remove => one_by_one(group, |op| self.unname(op)),
                Way::Child => self.carry(group),
                Way::Sysctl => one_by_one(group, |op| write(self, op)),
                Way::Firewall(netns) => self.firewall(netns, group),
                Way::Flows(netns) => self.forget_flows(netns, group),
                Way::Tunnel(_) => one_by_one(group, |op| self.tell_peers(op)),
                Way::Route(netns, _) => self.send(netns, group),
            };
            for done in applied.done {
                progress.done(ops[at + done]);
                all.done.push(at + done);
            }
            if let Some((failed, failure)) = applied.failed {
                all.failed = Some((at + failed, failure));
                break;
            }
            at += group.len();
        }
        all
    }

    /// Namespaces: made nameless, noted in the journal, then named, so that each
    /// name that exists is known to be ours.
    fn make(&mut self, ops: &[&Op]) -> Applied {
        let names: Vec<&NetnsName> = ops
            .iter()
            .filter_map(|op| match op {
                Op::AddNetns { name } => Some(name),
                _ => None,
            })
            .collect();
        let made = match self.prepare(&names) {
            Ok(made) => made,
            Err(failure) => {
                return Applied {
                    failed: Some((0, failure)),
                    ..Applied::default()
                };
            }
        };
        let mut made = made.into_iter();
        one_by_one(ops, |op| {
            let (Op::AddNetns { name }, Some(place)) = (op, made.next()) else {
                return Ok(());
            };
            netns::name(name, place.fd.as_fd())?;
            let netns = Netns::Named(name.clone());
            self.forget(&netns);
            self.inside.insert(netns, place);
            Ok(())
        })
    }

    fn prepare(&mut self, names: &[&NetnsName]) -> Result<Vec<netns::Place>, Failure> {
        let found = netns::directory()?;
        let known = match found {
            netns::Directory::Ready => None,
            netns::Directory::Private | netns::Directory::Following => Some("private"),
            netns::Directory::Plain => Some("plain"),
            netns::Directory::Missing => Some("missing"),
        };
        if let Some(known) = known {
            self.store.set_fact("directory", known)?;
        }
        netns::prepare(found)?;
        let made = netns::create(names.len())?;
        let identities = made.iter().map(|place| place.identity);
        self.store
            .note_made(&self.lab.name, names.iter().copied().zip(identities))?;
        Ok(made)
    }

    fn unname(&mut self, op: &Op) -> Result<(), Failure> {
        let Op::DelNetns { name, .. } = op else {
            return Ok(());
        };
        self.forget(&Netns::Named(name.clone()));
        Ok(netns::unname(name)?)
    }

    /// Requests of one namespace in one send. An operation of which the kernel took
    /// any request counts as done, so that it is undone; when its answers were lost,
    /// all do.
    pub(super) fn send(&mut self, netns: &Netns, ops: &[&Op]) -> Applied {
        let mut all = Applied::default();
        let (mut requests, mut owners) = (Vec::new(), Vec::new());
        for (at, op) in ops.iter().enumerate() {
            match self.requests(op) {
                Ok(more) => {
                    owners.extend(more.iter().map(|_| at));
                    requests.extend(more);
                }
                Err(e) => {
                    all.failed = Some((at, e.into()));
                    break;
                }
            }
        }
        let sent = self
            .socket(netns)
            .and_then(|socket| socket.transact(&requests));
        let answers = match sent {
            Ok(answers) => answers,
            Err(e) => {
                return unanswered(ops, e);
            }
        };
        let mut not_made = None;
        for (at, answer) in owners.into_iter().zip(answers) {
            match answer.filter(|refused| !is_silent_anyway(ops[at], refused)) {
                // What follows a refused making reached nothing of ours.
                None if not_made == Some(at) || all.done.last() == Some(&at) => {}
                None => all.done.push(at),
                Some(refused) => {
                    if makes(ops[at]) && all.done.last() != Some(&at) {
                        not_made = Some(at);
                    }
                    if all.failed.as_ref().is_none_or(|(failed, _)| at < *failed) {
                        all.failed = Some((at, refused));
                    }
                }
            }
        }
        all
    }

    fn requests(&mut self, op: &Op) -> io::Result<Vec<Request>> {
        Ok(match op {
            Op::AddBridge { end, link } => self.add_bridge(end, link)?,
            Op::AddVeth {
                near,
                near_link,
                far,
                far_link,
            } => self.add_veth((near, near_link), (far, far_link))?,
            Op::AddWireguard { end, link } => self.add_wireguard(end, link)?,
            Op::SetLink { end, set, was } => {
                let index = self.index(&end.netns, &end.dev)?;
                let master = match set {
                    Setting::Master(Some(bridge)) => Some(self.index(&end.netns, bridge)?),
                    _ => None,
                };
                link::change(index, (set, was), master)
            }
            Op::RenameLink { netns, from, to } => {
                let index = self.index(netns, from)?;
                let end = |dev: &IfName| End {
                    netns: netns.clone(),
                    dev: dev.clone(),
                };
                self.indexes.remove(&end(from));
                self.indexes.insert(end(to), index);
                vec![link::rename(index, to)]
            }
            Op::DelLinks { netns, devs, group } => {
                let indexes: io::Result<Vec<u32>> =
                    devs.iter().map(|dev| self.index(netns, dev)).collect();
                link::delete(&indexes?, *group)
            }
            Op::AddAddress { end, address } => {
                vec![address::add(self.index(&end.netns, &end.dev)?, address)]
            }
            Op::SetLifetime {
                end,
                address,
                lifetime,
                ..
            } => {
                let index = self.index(&end.netns, &end.dev)?;
                vec![address::set_lifetime(index, address, lifetime)]
            }
            Op::DelAddress { end, address } => {
                vec![address::delete(self.index(&end.netns, &end.dev)?, address)]
            }
            Op::AddRoute { netns, route } => {
                vec![route::add(self.index(netns, &route.dev)?, route)]
            }
            Op::ReplaceRoute { netns, route, .. } => {
                vec![route::replace(self.index(netns, &route.dev)?, route)]
            }
            Op::DelRoute { netns, route } => {
                vec![route::delete(self.index(netns, &route.dev)?, route)]
            }
            Op::AddRule { rule, .. } => vec![rule::add(rule)],
            Op::DelRule { rule, .. } => vec![rule::delete(rule)],
            _ => Vec::new(),
        })
    }

    /// An index that no device has in any namespace that was looked into. Where not every
    /// device was, the kernel is asked for one that follows from the device's name: beside a
    /// thousand small labs it is free at once, where one of a row would have to be searched.
    pub(super) fn choose_index(&mut self, end: &End) -> io::Result<u32> {
        let within = match end.netns {
            Netns::Host | Netns::At(_) => (FIRST_INDEX, LAST_INDEX),
            Netns::Named(_) => (FIRST_INSIDE, FIRST_INDEX - 1),
        };
        self.choose_within(within, end)
    }

    /// What the host carries is made from there, where nobody may get its index meanwhile.
    pub(super) fn choose_for_child(&mut self, end: &End) -> io::Result<u32> {
        self.choose_within((FIRST_INDEX, LAST_INDEX), end)
    }

    fn choose_within(&mut self, (first, last): (u32, u32), end: &End) -> io::Result<u32> {
        let highest = self.taken.range(first..=last).next_back();
        let mut after = highest.map_or(first, |index| index + 1);
        if self.partial && end.netns == Netns::Host {
            after = first + scattered(end);
            while self.taken.contains(&after) || !link::is_free(&mut self.host.socket, after)? {
                after += 1;
            }
        }
        let index = match after <= last {
            true => after,
            // Somebody took the very last one: there are gaps below.
            false => (first..=last)
                .find(|index| !self.taken.contains(index))
                .unwrap_or(last),
        };
        self.taken.insert(index);
        self.indexes.insert(end.clone(), index);
        Ok(index)
    }

    fn add_bridge(&mut self, end: &End, link: &Link) -> io::Result<Vec<Request>> {
        let index = self.choose_index(end)?;
        Ok(link::add_bridge(&end.dev, link, index))
    }

    fn add_veth(
        &mut self,
        (near, near_link): (&End, &Link),
        (far, far_link): (&End, &Link),
    ) -> io::Result<Vec<Request>> {
        let master = near_link
            .master
            .as_ref()
            .map(|dev| self.index(&near.netns, dev))
            .transpose()?;
        let by_host = near.netns == Netns::Host;
        let netns = self.netns(&far.netns)?.as_raw_fd();
        let near = CableEnd {
            dev: &near.dev,
            link: near_link,
            index: self.choose_index(near)?,
        };
        let far = CableEnd {
            dev: &far.dev,
            link: far_link,
            index: self.choose_index(far)?,
        };
        let mut requests = link::add_veth(near, master, far, netns);
        if by_host && master.is_none() {
            // A new device has what the host's `default` says.
            requests.push(link::set(near.index, &Setting::Localnet(false), None));
        }
        Ok(requests)
    }
}

/// A number below 2^30 for a device: above are as many for indexes in a row.
fn scattered(end: &End) -> u32 {
    let mut hasher = DefaultHasher::new();
    end.hash(&mut hasher);
    (hasher.finish() >> 34) as u32
}

/// A device that has no IPv6 (a kernel without it, an MTU below 1280) cannot be told
/// to make no link-local address, and makes none.
fn is_silent_anyway(op: &Op, refused: &Failure) -> bool {
    makes(op) && refused.errno == libc::EAFNOSUPPORT
}

/// Whether the first request of the operation makes a device.
fn makes(op: &Op) -> bool {
    matches!(
        op,
        Op::AddBridge { .. } | Op::AddVeth { .. } | Op::AddWireguard { .. }
    )
}

fn one_by_one(ops: &[&Op], mut each: impl FnMut(&Op) -> Result<(), Failure>) -> Applied {
    let mut applied = Applied::default();
    for (at, op) in ops.iter().enumerate() {
        if let Err(failure) = each(op) {
            applied.failed = Some((at, failure));
            break;
        }
        applied.done.push(at);
    }
    applied
}

fn write(kernel: &mut Kernel, op: &Op) -> Result<(), Failure> {
    let Op::SetSysctl {
        netns, key, value, ..
    } = op
    else {
        return Ok(());
    };
    let key: &SysctlKey = key;
    Ok(sysctl::write(kernel.entry(netns)?, key, value)?)
}

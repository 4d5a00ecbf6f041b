//! Executes operations: those of one namespace that follow one another go to the
//! kernel in one send.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::Kernel;
use crate::plan::{Op, Setting};
use crate::reconcile::Applied;
use crate::state::{End, IfName, Link, Netns, NetnsName, SysctlKey};
use crate::sys::netlink::link::Far;
use crate::sys::netlink::nft::{self, Change};
use crate::sys::netlink::socket::Request;
use crate::sys::netlink::{address, link, route};
use crate::sys::{Failure, netns, sysctl};

/// How an operation reaches the kernel. Neighbours of the same way go together.
#[derive(Debug, PartialEq, Eq)]
enum Way<'a> {
    Make,
    Remove,
    Route(&'a Netns),
    Sysctl,
    Firewall,
}

fn way(op: &Op) -> Way<'_> {
    match op {
        Op::AddNetns { .. } => Way::Make,
        Op::DelNetns { .. } => Way::Remove,
        Op::SetSysctl { .. } => Way::Sysctl,
        Op::AddTable { .. }
        | Op::DelTable { .. }
        | Op::AddElement { .. }
        | Op::DelElement { .. } => Way::Firewall,
        _ => Way::Route(op.netns()),
    }
}

impl Kernel {
    pub(super) fn execute(&mut self, ops: &[&Op]) -> Applied {
        let mut all = Applied::default();
        let mut at = 0;
        for group in ops.chunk_by(|a, b| way(a) == way(b)) {
            let applied = match way(group[0]) {
                Way::Make => self.make(group),
                Way::Remove => one_by_one(group, |op| self.unname(op)),
                Way::Sysctl => one_by_one(group, |op| write(self, op)),
                Way::Firewall => self.firewall(group),
                Way::Route(netns) => self.send(netns, group),
            };
            all.done
                .extend(applied.done.into_iter().map(|done| at + done));
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
                    done: Vec::new(),
                    failed: Some((0, failure)),
                };
            }
        };
        let mut made = made.into_iter();
        one_by_one(ops, |op| {
            let (Op::AddNetns { name }, Some(place)) = (op, made.next()) else {
                return Ok(());
            };
            netns::name(name, place.fd.as_fd())?;
            self.forget(name);
            self.inside.insert(name.clone(), place);
            Ok(())
        })
    }

    fn prepare(&mut self, names: &[&NetnsName]) -> Result<Vec<netns::Place>, Failure> {
        let found = netns::directory()?;
        let known = match found {
            netns::Directory::Ready => None,
            netns::Directory::Plain => Some("plain"),
            netns::Directory::Missing => Some("missing"),
        };
        if known.is_some() {
            self.store.set_fact("directory", known)?;
        }
        netns::prepare(found)?;
        let made = netns::create(names.len())?;
        let inodes = made.iter().map(|place| place.inode);
        self.store.note_inodes(names.iter().copied().zip(inodes))?;
        Ok(made)
    }

    fn unname(&mut self, op: &Op) -> Result<(), Failure> {
        let Op::DelNetns { name, .. } = op else {
            return Ok(());
        };
        self.forget(name);
        Ok(netns::unname(name)?)
    }

    fn firewall(&mut self, ops: &[&Op]) -> Applied {
        let changes: Vec<Change> = ops.iter().filter_map(|op| change(op)).collect();
        let answer = self
            .netfilter()
            .and_then(|socket| nft::apply(socket, &changes));
        match answer {
            Ok(Ok(())) => Applied {
                done: (0..ops.len()).collect(),
                failed: None,
            },
            Ok(Err(refused)) => Applied {
                done: Vec::new(),
                failed: Some(refused),
            },
            Err(e) => Applied {
                done: Vec::new(),
                failed: Some((0, e.into())),
            },
        }
    }

    /// Requests of one namespace in one send. An operation whose first request the
    /// kernel took counts as done, so that it is undone.
    fn send(&mut self, netns: &Netns, ops: &[&Op]) -> Applied {
        let mut all = Applied::default();
        let mut at = 0;
        while at < ops.len() && all.failed.is_none() {
            let (mut requests, mut owners) = (Vec::new(), Vec::new());
            let mut upto = at;
            while upto < ops.len() {
                match self.requests(ops[upto], upto > at) {
                    Ok(Some(more)) => {
                        owners.extend(more.iter().enumerate().map(|(i, _)| (upto, i == 0)));
                        requests.extend(more);
                    }
                    // It needs to know what those before it make.
                    Ok(None) => break,
                    Err(e) => {
                        all.failed = Some((upto, e.into()));
                        break;
                    }
                }
                upto += 1;
            }
            let answers = match self
                .socket(netns)
                .and_then(|socket| socket.transact(&requests))
            {
                Ok(answers) => answers,
                Err(e) => {
                    all.failed = Some((at, e.into()));
                    return all;
                }
            };
            for ((op, first), answer) in owners.into_iter().zip(answers) {
                match answer {
                    None if first => all.done.push(op),
                    None => {}
                    Some(refused) => {
                        if all.failed.as_ref().is_none_or(|(failed, _)| op < *failed) {
                            all.failed = Some((op, refused));
                        }
                    }
                }
            }
            at = upto;
        }
        all
    }

    /// The requests of an operation; `None` when it names a device whose index is
    /// not known yet and others before it (`pending`) may still make that device.
    fn requests(&mut self, op: &Op, pending: bool) -> io::Result<Option<Vec<Request>>> {
        let unknown = |kernel: &Self, netns: &Netns, dev: &IfName| {
            let end = End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            pending && !kernel.indexes.contains_key(&end)
        };
        let needed = match op {
            Op::AddVeth {
                near,
                near_link: Link {
                    master: Some(dev), ..
                },
                ..
            }
            | Op::SetLink {
                end: near,
                set: Setting::Master(Some(dev)),
                ..
            } => Some((&near.netns, dev)),
            Op::AddAddress { end, .. } | Op::DelAddress { end, .. } => Some((&end.netns, &end.dev)),
            Op::AddRoute { netns, route }
            | Op::ReplaceRoute { netns, route, .. }
            | Op::DelRoute { netns, route } => Some((netns, &route.dev)),
            _ => None,
        };
        if needed.is_some_and(|(netns, dev)| unknown(self, netns, dev)) {
            return Ok(None);
        }
        let index = needed
            .map(|(netns, dev)| self.index(netns, dev))
            .transpose()?;
        let index_of = || index.unwrap_or(0);
        Ok(Some(match op {
            Op::AddBridge { end, link } => {
                self.indexes.remove(end);
                link::add_bridge(&end.dev, link)
            }
            Op::AddVeth {
                near,
                near_link,
                far,
                far_link,
            } => self.add_veth((near, near_link), (far, far_link), index)?,
            Op::SetLink { end, set, .. } => vec![link::set(&end.dev, set, index)],
            Op::DelLinks { netns, devs, group } => {
                self.indexes
                    .retain(|end, _| end.netns != *netns || !devs.contains(&end.dev));
                link::delete(devs, *group)
            }
            Op::AddAddress { address, .. } => vec![address::add(index_of(), address)],
            Op::DelAddress { address, .. } => vec![address::delete(index_of(), address)],
            Op::AddRoute { route, .. } => vec![route::add(index_of(), route)],
            Op::ReplaceRoute { route, .. } => vec![route::replace(index_of(), route)],
            Op::DelRoute { route, .. } => vec![route::delete(index_of(), route)],
            _ => Vec::new(),
        }))
    }

    fn add_veth(
        &mut self,
        (near, near_link): (&End, &Link),
        (far, far_link): (&End, &Link),
        master: Option<u32>,
    ) -> io::Result<Vec<Request>> {
        let netns = self.netns(&far.netns)?.as_raw_fd();
        let index = self.next_index;
        self.next_index += 1;
        self.indexes.remove(near);
        self.indexes.insert(far.clone(), index);
        let far = Far {
            dev: &far.dev,
            link: far_link,
            index,
            netns,
        };
        Ok(link::add_veth(&near.dev, near_link, master, &far))
    }
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

fn change(op: &Op) -> Option<Change> {
    Some(match (*op).clone() {
        Op::AddTable { table } => Change::AddTable(table),
        Op::DelTable { .. } => Change::DelTable,
        Op::AddElement {
            set,
            element,
            owner,
        } => Change::AddElement {
            set,
            element,
            owner,
        },
        Op::DelElement { set, element, .. } => Change::DelElement { set, element },
        _ => return None,
    })
}

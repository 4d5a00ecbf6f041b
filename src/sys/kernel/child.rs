//! Devices that devices of the host carry for the lab.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd;

use super::Kernel;
use super::apply::unanswered;
use crate::plan::Op;
use crate::reconcile::Applied;
use crate::state::{End, Link, WIREGUARD};
use crate::sys::Failure;
use crate::sys::netlink::link;
use crate::sys::netlink::socket::Request;

impl Kernel {
    /// The kinds that this kernel lacks of those that the lab needs.
    pub(super) fn lacked(&mut self) -> io::Result<BTreeSet<String>> {
        if let Some(lacks) = &self.lacks {
            return Ok(lacks.clone());
        }
        let mut lacks = BTreeSet::new();
        for kind in &self.kinds {
            if !link::knows(&mut self.host.socket, *kind)? {
                lacks.insert(kind.word().to_owned());
            }
        }
        if self.tunneled && self.lacks_wireguard()? {
            lacks.insert(WIREGUARD.to_owned());
        }
        self.lacks = Some(lacks.clone());
        Ok(lacks)
    }

    /// Makes devices, all in one send to the namespace of their parents, and marks each in
    /// its own. One that was made counts as done, so that it is undone.
    pub(super) fn carry(&mut self, ops: &[&Op]) -> Applied {
        let mut all = Applied::default();
        let (mut requests, mut indexes) = (Vec::new(), Vec::new());
        for (at, op) in ops.iter().enumerate() {
            match self.child(op) {
                Ok((request, index)) => {
                    requests.push(request);
                    indexes.push(index);
                }
                Err(e) => {
                    all.failed = Some((at, e.into()));
                    break;
                }
            }
        }
        let answers = match self.host.socket.transact(&requests) {
            Ok(answers) => answers,
            Err(e) => {
                return unanswered(ops, e);
            }
        };
        for (at, (answer, index)) in answers.into_iter().zip(indexes).enumerate() {
            let refused = match answer {
                None => {
                    all.done.push(at);
                    self.mark(ops[at], index).err()
                }
                refused => refused,
            };
            if let Some(refused) = refused
                && all.failed.as_ref().is_none_or(|(failed, _)| at < *failed)
            {
                all.failed = Some((at, refused));
            }
        }
        all
    }

    fn child(&mut self, op: &Op) -> io::Result<(Request, u32)> {
        let nothing = || io::Error::from_raw_os_error(libc::EINVAL);
        let (end, link) = made(op).ok_or_else(nothing)?;
        let child = link.child().ok_or_else(nothing)?;
        let parent = child.parent.as_ref().ok_or_else(nothing)?;
        let parent = self.index(&parent.netns, &parent.dev)?;
        let index = self.choose_for_child(end)?;
        let netns = self.netns(&end.netns)?.as_raw_fd();
        let request = link::add_child((&end.dev, link, index), child.kind, parent, netns);
        Ok((request, index))
    }

    fn mark(&mut self, op: &Op, index: u32) -> Result<(), Failure> {
        let Some((end, link)) = made(op) else {
            return Ok(());
        };
        let requests = link::mark_child(index, link.owner.as_ref());
        let answers = self.socket(&end.netns)?.transact(&requests)?;
        answers.into_iter().flatten().next().map_or(Ok(()), Err)
    }
}

fn made(op: &Op) -> Option<(&End, &Link)> {
    match op {
        Op::AddChild { end, link } => Some((end, link)),
        _ => None,
    }
}
